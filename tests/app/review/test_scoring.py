"""Decoding a recording again: with its own thresholds the intervals of live, with others those that live would find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.review.review import Review
from app.review.state import Status, Thresholds
from app.review.track import grid_track
from app.session import read_session
from app.session.schema import SCORES_FILE, read_info, write_info
from app.session.scores import SCORE_ROW, kept_scores
from models.departure import USUAL_BEFORE_FRAMES
from models.errors import UsageError
from models.grid import GridResampler
from models.islands import farthest_iod
from models.spotter import Spotter

from .conftest import write_session

RATES = {
    "25 fps": np.arange(300) / 25.0,
    "30 fps": np.arange(360) / 30.0,
    "60 fps": np.arange(720) / 60.0,
    "irregular": 3.0 + np.cumsum(np.random.default_rng(8).uniform(0.012, 0.07, 300)),
}


@pytest.mark.parametrize("name", RATES)
def test_the_grid_is_that_of_the_live_analysis(name: str, tmp_path: Path, spotter: Spotter) -> None:
    time_s = RATES[name].copy()
    time_s[120:] += 0.4  # a gap that is not bridged
    session = read_session(write_session(tmp_path / "s", spotter, time_s, lost=(30, 31), faceless=(200, 201)))
    track = grid_track(session.features)
    resampler = GridResampler()
    frames = [frame for motion in session.motions() for frame in resampler.push(motion)] + resampler.finish()
    assert len(track) == len(frames)
    for at, live in enumerate(frames):
        mine = track[at]
        assert (live.time_s, live.valid, live.quality) == (mine.time_s, mine.valid, mine.quality)
        assert live.source_frame == mine.source_frame
        np.testing.assert_array_equal(live.position_iod, mine.position_iod)
        np.testing.assert_array_equal(live.axis, mine.axis)


def test_frames_out_of_order_are_passed_over_as_live(spotter: Spotter, tmp_path: Path) -> None:
    features = read_session(write_session(tmp_path / "s", spotter, np.arange(30) / 30.0)).features.copy()
    features["time_s"][10] = 0.1
    features["time_s"][11] = 0.2
    resampler = GridResampler()
    times = features["time_s"].tolist()
    kept = [k for k in range(30) if k == 0 or times[k] > max(times[:k])]
    np.testing.assert_array_equal(grid_track(features).time_s, grid_track(features[kept]).time_s)
    assert resampler.finish() == []


@pytest.mark.parametrize("name", RATES)
def test_decoded_again_a_session_holds_what_live_found(name: str, tmp_path: Path, spotter: Spotter) -> None:
    review = Review.open(write_session(tmp_path / "s", spotter, RATES[name], faceless=range(100, 104)))
    again = review.preview(review.state.thresholds)
    live = [row.interval for row in review.state.intervals]
    assert live, "there should be something to compare"
    assert [(i.type, i.onset_frame, i.apex_frame, i.offset_frame) for i in again] == [
        (i.type, i.onset_frame, i.apex_frame, i.offset_frame) for i in live
    ]
    np.testing.assert_allclose([i.score for i in again], [i.score for i in live], atol=1e-4)


def test_decoded_again_a_face_that_was_lost_for_a_moment_is_known(
    tmp_path: Path, spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here nothing is believed of a face of which is known where it usually is."""
    monkeypatch.setattr("models.islands.SPEAKING_IOD", 0.0)
    monkeypatch.setattr("models.islands.departs", lambda *_: False)
    review = Review.open(write_session(tmp_path / "s", spotter, np.arange(1200) / 30.0, faceless=range(720, 730)))
    live = [row.interval for row in review.state.intervals]
    assert live and all(i.apex_frame < USUAL_BEFORE_FRAMES for i in live)
    again = review.preview(review.state.thresholds)
    assert [i.onset_frame for i in again] == [i.onset_frame for i in live]


def test_thresholds_find_more_or_fewer(review: Review, tmp_path: Path) -> None:
    """In a session that was recorded with thresholds which the weakest of its movements does not reach."""
    weakest, next_one = sorted(row.interval.score for row in review.state.intervals)[:2]
    strict = Spotter(use_gpu=False)
    limit = (weakest + next_one) / 2
    decode = strict.spec.decode
    strict.spec = replace(
        strict.spec,
        decode=replace(
            decode, macro=replace(decode.macro, threshold=limit), micro=replace(decode.micro, threshold=limit)
        ),
    )
    folder = write_session(tmp_path / "s", strict, review.session.features["time_s"].copy())
    recorded = Review.open(folder)
    scores = sorted(row.interval.score for row in recorded.state.intervals)
    now = recorded.state.thresholds
    least = (scores[1] + scores[2]) / 2
    few = recorded.preview(replace(now, macro=least, micro=least))
    many = recorded.preview(replace(now, macro=0.02, micro=0.02))
    assert len(few) == len(scores) - 2 < len(scores) < len(many)
    assert all(i.score >= least for i in few)


def test_the_smallest_movement_leaves_out_the_small_ones(review: Review) -> None:
    now = review.state.thresholds
    found = [row.interval for row in review.state.intervals]
    features = review.session.features
    sizes = []
    for i in found:
        rows = (features["frame"] >= i.onset_frame - 5) & (features["frame"] <= i.offset_frame)
        sizes.append(farthest_iod(features["position_iod"][rows])[0])
    # as far from any of them as can be: sizes on the grid and on the recording's own frames differ a little
    ordered = np.sort(sizes)
    widest = int(np.argmax(np.diff(ordered)))
    limit = float(ordered[widest : widest + 2].mean())
    large = [i for i, size in zip(found, sizes, strict=True) if size >= limit]
    assert 0 < len(large) < len(found)
    for movement, wanted in ((limit, large), (1.0, []), (now.movement, found)):
        assert [i.onset_frame for i in review.preview(replace(now, movement=movement))] == [
            i.onset_frame for i in wanted
        ]


def test_more_may_be_asked_of_a_face_that_speaks(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    now = review.state.thresholds
    assert now.in_speech == Spotter(use_gpu=False).spec.decode.least_motion_in_speech_iod > 0.0
    found = [row.interval.onset_frame for row in review.state.intervals]
    assert [i.onset_frame for i in review.preview(replace(now, in_speech=1.0))] == found, "nobody speaks in it"
    monkeypatch.setattr("models.islands.SPEAKING_IOD", 0.0)
    assert review.preview(replace(now, in_speech=1.0)) == ()
    assert [i.onset_frame for i in review.preview(replace(now, in_speech=0.0))] == found


def test_other_thresholds_leave_what_a_person_touched(review: Review) -> None:
    accepted, rejected, moved = (row.id for row in review.state.intervals[:3])
    review.accept(accepted)
    review.reject(rejected)
    made = review.move(moved, offset_s=12.9)
    touched = {row.id: row for row in review.state.intervals if row.id in (accepted, rejected, moved, made)}
    now = review.state.thresholds
    review.set_thresholds(replace(now, macro=0.05, micro=0.05))
    wide = review.state
    assert {row.id: row for row in wide.intervals if row.id in touched} == touched
    # what a person touched is not found a second time
    for row in touched.values():
        same = [i for i in wide.intervals if i.status == Status.FOUND and i.interval == row.interval]
        assert same == []
    review.set_thresholds(replace(now, macro=0.99, micro=0.99))
    assert {row.id for row in review.state.intervals} == set(touched)
    review.set_thresholds(replace(now, macro=0.05, micro=0.05))
    assert review.state.intervals == wide.intervals, "what is found again has the id that it had"


def test_scores_that_were_not_kept_are_computed_once(folder: Path, spotter: Spotter) -> None:
    kept = kept_scores(folder)
    assert kept is not None
    (folder / SCORES_FILE).unlink()
    review = Review.open(folder)
    found = review.preview(review.state.thresholds)
    assert len(found) == len(review.state.intervals)
    again = kept_scores(folder)
    assert again is not None
    for name in SCORE_ROW.names or ():
        np.testing.assert_allclose(getattr(again, name), getattr(kept, name), atol=1e-4)


def test_scores_of_another_recording_are_not_used(folder: Path) -> None:
    rows = np.load(folder / SCORES_FILE)
    rows["time_s"] += 0.5
    np.save(folder / SCORES_FILE, rows)
    review = Review.open(folder)
    assert len(review.preview(review.state.thresholds)) == len(review.state.intervals)


def test_without_scores_and_model_there_is_a_sentence(folder: Path) -> None:
    info = read_info(folder)
    write_info(folder, info.model_copy(update={"model": info.model.model_copy(update={"sha256": "0" * 64})}))
    review = Review.open(folder)
    assert review.preview(Thresholds(0.1, 0.1, 0.1)), "kept scores need no model"
    (folder / SCORES_FILE).unlink()
    with pytest.raises(UsageError, match="not the one at hand"):
        Review.open(folder).preview(Thresholds(0.1, 0.1, 0.1))
