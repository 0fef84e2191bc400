"""Synthetic region tracks: their truth describes what is in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.network import BROWS, MOUTH
from models.types import GRID_HZ, REGION_COUNT, ExpressionType
from training.tracks import LIVELY, People, Track, TrackSettings, make_tracks

SETTINGS = TrackSettings(duration_s=20.0)
PLAIN = replace(SETTINGS, speech_share=0.0, turns_share=0.0, empty_share=0.0, recorded_noise_share=0.0)


@pytest.fixture(scope="module")
def tracks() -> list[Track]:
    return make_tracks(12, seed=3, settings=SETTINGS)


@pytest.fixture(scope="module")
def plain() -> list[Track]:
    return make_tracks(12, seed=4, settings=PLAIN)


def test_shapes_and_finiteness(tracks: list[Track]) -> None:
    frames = round(SETTINGS.duration_s * GRID_HZ)
    assert len(tracks) == 12
    for t in tracks:
        assert t.position_iod.shape == (frames, REGION_COUNT, 2) and t.position_iod.dtype == np.float32
        assert t.strength.shape == (frames, 2)
        assert np.isfinite(t.position_iod).all()
        assert t.strength.min() >= 0.0 and t.strength.max() <= 1.0
        assert np.abs(t.position_iod).max() < 2.0, "a face, not an earthquake"


def test_a_seed_gives_the_same_tracks_and_another_one_others(tracks: list[Track]) -> None:
    again, other = make_tracks(3, seed=3, settings=SETTINGS), make_tracks(3, seed=5, settings=SETTINGS)
    for a, b, c in zip(tracks, again, other, strict=False):
        np.testing.assert_array_equal(a.position_iod, b.position_iod)
        assert a.events == b.events
        assert not np.array_equal(a.position_iod, c.position_iod)


def test_one_track_does_not_depend_on_how_many_are_made(tracks: list[Track]) -> None:
    np.testing.assert_array_equal(make_tracks(1, seed=3, settings=SETTINGS)[0].position_iod, tracks[0].position_iod)


def test_events_lie_inside_in_order(tracks: list[Track], plain: list[Track]) -> None:
    for t in tracks + plain:
        for e in t.events:
            assert 0 <= e.onset <= e.apex <= e.offset < len(t.position_iod)
    assert sum(len(t.events) for t in plain) >= 24


def test_micro_expressions_last_half_a_second_at_most(plain: list[Track]) -> None:
    lengths = {kind: [] for kind in ExpressionType}
    for t in plain:
        for e in t.events:
            lengths[e.type].append((e.offset - e.onset) / GRID_HZ)
    assert lengths[ExpressionType.MICRO] and lengths[ExpressionType.MACRO]
    # half a grid step of rounding at either end
    assert max(lengths[ExpressionType.MICRO]) <= 0.5 + 1 / GRID_HZ
    assert min(lengths[ExpressionType.MACRO]) >= 0.5


def test_strength_is_there_during_an_event_and_only_then(plain: list[Track]) -> None:
    for t in plain:
        covered = np.zeros_like(t.strength, bool)
        for e in t.events:
            column = list(ExpressionType).index(e.type)
            assert t.strength[e.apex, column] > 0.9, "highest at the apex"
            covered[max(e.onset - 1, 0) : e.offset + 2, column] = True
        assert not (t.strength[~covered] > 0).any()


def test_visible_events_move_the_face_and_calm_ones_do_not(plain: list[Track]) -> None:
    moved = []
    for t in plain:
        for e in t.events:
            if e.visible:
                change = np.linalg.norm(t.position_iod[e.apex] - t.position_iod[e.onset], axis=1).max()
                moved.append(change)
    assert len(moved) > 15 and np.median(moved) > 0.03


def test_shares_switch_kinds_on_and_off() -> None:
    empty = make_tracks(4, seed=1, settings=replace(PLAIN, empty_share=1.0))
    assert all(not t.events and not t.strength.any() for t in empty)
    still = np.median([np.abs(np.diff(t.position_iod, axis=0)).mean() for t in empty])
    talk = make_tracks(4, seed=1, settings=replace(PLAIN, empty_share=1.0, speech_share=1.0))
    speaking = np.median([np.abs(np.diff(t.position_iod[:, 8:], axis=0)).mean() for t in talk])
    assert speaking > 1.4 * still
    assert all(not t.events for t in talk), "talking is no expression"


def test_recorded_noise_is_used() -> None:
    calm = [np.random.default_rng(0).normal(0, 0.02, (90, REGION_COUNT, 2)).astype(np.float32)]
    quiet = replace(PLAIN, empty_share=1.0)
    without = make_tracks(3, 2, settings=quiet)
    given = make_tracks(3, 2, calm, replace(quiet, recorded_noise_share=1.0))
    for a, b in zip(without, given, strict=True):
        assert np.diff(b.position_iod, axis=0).std() > 2 * np.diff(a.position_iod, axis=0).std()


def _ways_iod(settings: TrackSettings, count: int) -> dict[ExpressionType, list[np.ndarray]]:
    """Way of every region at the apex of every expression, (12,) each; the track without expressions is taken off."""
    full, empty = (make_tracks(count, 6, settings=replace(settings, empty_share=share)) for share in (0.0, 1.0))
    ways: dict[ExpressionType, list[np.ndarray]] = {kind: [] for kind in ExpressionType}
    for t, still in zip(full, empty, strict=True):
        for e in t.events:
            ways[e.type].append(np.linalg.norm(t.position_iod[e.apex] - still.position_iod[e.apex], axis=1))
    return ways


def test_lively_people_move_more_and_more_unlike_one_another_within_limits() -> None:
    quiet = replace(PLAIN, duration_s=60.0)
    reserved = _ways_iod(quiet, 40)
    lively = _ways_iod(replace(quiet, size=replace(LIVELY, unnamed_share=0.0)), 40)
    for kind in ExpressionType:
        small, large = (np.array([way.max() for way in ways[kind]]) for ways in (reserved, lively))
        assert np.median(large) > np.median(small)
        assert np.percentile(large, 90) > 1.25 * np.percentile(small, 90)
    capped = _ways_iod(replace(quiet, size=replace(LIVELY, largest_iod=0.05)), 10)
    assert max(way.max() for ways in capped.values() for way in ways) < 0.05 * 1.09, "the limit and the wobble"


def test_movements_without_a_name_are_of_the_mouth_or_the_brows_and_beside_talk_of_the_brows() -> None:
    for speech_share, groups in ((0.0, {"brows", "mouth"}), (1.0, {"brows"})):
        settings = replace(PLAIN, speech_share=speech_share, size=replace(LIVELY, unnamed_share=1.0))
        ways = _ways_iod(settings, 20)[ExpressionType.MACRO]
        assert len(ways) > 40
        assert {"brows" if way[list(BROWS)].max() > way[list(MOUTH)].max() else "mouth" for way in ways} == groups


def test_a_mouth_at_rest_moves_a_little_and_that_is_no_expression() -> None:
    quiet = replace(PLAIN, empty_share=1.0)
    # blinks and noise are drawn first, so the two differ in what the mouth does at rest alone
    for still, idle in zip(
        make_tracks(6, 9, settings=quiet), make_tracks(6, 9, settings=replace(quiet, idle_share=1.0)), strict=True
    ):
        way = np.linalg.norm(idle.position_iod - still.position_iod, axis=2)
        assert not idle.strength.any() and not idle.events
        assert way[:, list(MOUTH)].max() > way[:, list(BROWS)].max() * 2
        assert 0.005 < way.max() < 0.15


def test_whom_tracks_show_is_a_choice() -> None:
    assert People.RESERVED.tracks == TrackSettings()
    lively = People("lively").tracks
    assert lively.size == LIVELY and lively.idle_share > 0
