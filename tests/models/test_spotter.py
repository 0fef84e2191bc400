"""Scoring with the shipped model on ONNX Runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from models.assets import LAB_NETWORK, LAB_SPOTTER, SPOTTER, USUAL_NETWORK, asset_path
from models.decode import decode
from models.errors import ModelFileError
from models.spotter import Spotter, shipped_with
from models.types import GRID_HZ, REGION_COUNT


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


def walk(frames: int, seed: int = 0) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0, 0.003, (frames, REGION_COUNT, 2))
    return np.cumsum(steps, axis=0).astype(np.float32)


def brow_raise(seconds: float = 10.0, apex_s: float = 5.0, rise_iod: float = 0.08) -> np.ndarray:
    """Both brows go up by ``rise_iod`` and come down again within a second; the rest is calm with a little noise."""
    time_s = np.arange(round(seconds * GRID_HZ)) / GRID_HZ
    features = np.random.default_rng(1).normal(0, 0.0004, (len(time_s), REGION_COUNT, 2))
    profile = np.where(np.abs(time_s - apex_s) < 0.5, np.cos(np.pi * (time_s - apex_s)) ** 2, 0.0)
    features[:, :6, 1] -= rise_iod * profile[:, None]
    return features.astype(np.float32)


@pytest.mark.parametrize("frames", [1, 2, 3, 31, 300, 301, 2000])
def test_any_length_gives_a_score_for_every_frame(spotter: Spotter, frames: int) -> None:
    intensity, apex = spotter.score(walk(frames))
    assert intensity.shape == (frames,) and apex.shape == (frames, 2)
    assert intensity.dtype == apex.dtype == np.float32
    for scores in (intensity, apex):
        assert np.isfinite(scores).all() and scores.min() >= 0.0 and scores.max() <= 1.0


def test_a_raised_brow_stands_out_from_a_calm_face(spotter: Spotter) -> None:
    intensity, apex = spotter.score(brow_raise())
    at = round(5.0 * GRID_HZ)
    calm = intensity[: at - 60]
    assert intensity[at - 5 : at + 6].max() > calm.max() + 0.2
    assert abs(int(apex[:, 0].argmax()) - at) <= 6, "the apex is where the brows are highest"


def test_a_face_that_does_not_move_at_all(spotter: Spotter) -> None:
    intensity, apex = spotter.score(np.zeros((300, REGION_COUNT, 2), np.float32))
    assert np.isfinite(intensity).all() and np.isfinite(apex).all()
    assert decode(intensity, apex, spotter.spec.decode) == [], "nothing is found in perfect stillness"


def test_enormous_motion_gives_numbers_all_the_same(spotter: Spotter) -> None:
    intensity, apex = spotter.score(walk(200) * 1e4)
    assert np.isfinite(intensity).all() and np.isfinite(apex).all()


def test_the_receptive_field_is_as_stated(spotter: Spotter) -> None:
    """What lies outside look-back and look-ahead does not matter: 1e-5; what lies inside does."""
    back, ahead = spotter.spec.look_back_frames, spotter.spec.look_ahead_frames
    frame = back + 40
    features = walk(frame + ahead + 60)
    whole = np.concatenate([spotter.score(features)[0][:, None], spotter.score(features)[1]], axis=1)[frame]
    window = features[frame - back : frame + ahead + 1]
    alone = np.concatenate([spotter.score(window)[0][:, None], spotter.score(window)[1]], axis=1)[back]
    np.testing.assert_allclose(alone, whole, atol=1e-5)
    near = features[frame - 20 : frame + 21]
    short = np.concatenate([spotter.score(near)[0][:, None], spotter.score(near)[1]], axis=1)[20]
    assert np.abs(short - whole).max() > 1e-4


@pytest.mark.parametrize("first", [0, 1, 40, 61, 62, 63, 405, 539])
def test_the_end_of_a_window_is_scored_as_in_the_whole(spotter: Spotter, first: int) -> None:
    features = walk(540)
    for end, whole in zip(spotter.score(features, first), spotter.score(features), strict=True):
        assert len(end) == 540 - first
        np.testing.assert_allclose(end, whole[first:], atol=1e-6)


def test_other_memory_layouts_and_types_are_taken(spotter: Spotter) -> None:
    features = walk(64)
    wanted = spotter.score(features)
    for same in (np.asfortranarray(features), features.astype(np.float64), np.repeat(features, 2, axis=0)[::2]):
        got = spotter.score(same)  # type: ignore[arg-type]
        np.testing.assert_array_equal(got[0], wanted[0])
        np.testing.assert_array_equal(got[1], wanted[1])


def test_scores_are_the_same_from_another_thread_and_on_repeat(spotter: Spotter) -> None:
    features = walk(120)
    wanted = spotter.score(features)
    results: list[tuple[np.ndarray, np.ndarray]] = []
    thread = threading.Thread(target=lambda: results.append(spotter.score(features)))
    thread.start()
    thread.join()
    for got in (results[0], spotter.score(features)):
        np.testing.assert_array_equal(got[0], wanted[0])
        np.testing.assert_array_equal(got[1], wanted[1])


def test_it_says_where_it_scores(spotter: Spotter) -> None:
    assert spotter.provider == "CPU"
    assert Spotter().provider in ("CPU", "CUDA")


@pytest.mark.gpu
def test_gpu_and_cpu_agree(spotter: Spotter) -> None:
    on_gpu = Spotter()
    if on_gpu.provider != "CUDA":
        pytest.skip("no CUDA device answers, or its libraries are not installed")
    features = walk(600)
    for a, b in zip(on_gpu.score(features), spotter.score(features), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)


# -- the networks that ship -------------------------------------------------------------------------------------------


def test_a_network_that_ships_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spotter: Spotter) -> None:
    lab = Spotter(LAB_NETWORK, use_gpu=False)
    assert lab.path == asset_path(LAB_SPOTTER) and lab.spec.sha256 != spotter.spec.sha256
    assert Spotter(USUAL_NETWORK, use_gpu=False).path == spotter.path == asset_path(SPOTTER)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab").mkdir()
    assert Spotter(str(LAB_NETWORK), use_gpu=False).path == lab.path
    (tmp_path / "lab").rmdir()
    (tmp_path / "lab").write_bytes(b"a file of the user's")
    with pytest.raises(ModelFileError):
        Spotter(LAB_NETWORK, use_gpu=False)


def test_a_network_that_ships_is_known_by_its_content(spotter: Spotter) -> None:
    lab = Spotter(LAB_NETWORK, use_gpu=False)
    for known in (spotter, lab):
        again = shipped_with(known.spec.sha256, use_gpu=False)
        assert again is not None and again.path == known.path
    assert shipped_with("0" * 64, use_gpu=False) is None


def test_the_laboratory_network_sees_a_raised_brow_and_asks_no_more_in_speech() -> None:
    lab = Spotter(LAB_NETWORK, use_gpu=False)
    intensity, apex = lab.score(brow_raise())
    at = round(5.0 * GRID_HZ)
    assert intensity[at - 5 : at + 6].max() > intensity[: at - 60].max() + 0.2
    assert abs(int(apex[:, 0].argmax()) - at) <= 6
    assert lab.spec.decode.least_motion_in_speech_iod == 0.0, "nobody speaks in what it has learned from"
