"""A live stream's own times are believed, whatever the network does to the arrivals; no picture is lost to them."""

from __future__ import annotations

import numpy as np
import pytest

from app.sources.stream_clock import MOST_DRIFT_S, StreamClock

FPS = 30.0


def times(own_s: np.ndarray, arrival_s: np.ndarray, clock: StreamClock | None = None) -> np.ndarray:
    clock = clock or StreamClock()
    return np.array([clock.time_s(*pair) for pair in zip(own_s.tolist(), arrival_s.tolist(), strict=True)])


@pytest.mark.parametrize("stall_s", [0.4, 0.8, 3.0])
def test_a_network_that_stalls_and_catches_up_moves_nothing(stall_s: float) -> None:
    own_s = 7.0 + np.arange(300) / FPS
    arrival_s = np.arange(300) / FPS
    arrival_s[120:] = np.maximum(arrival_s[120:], arrival_s[120] + stall_s)  # then all at once, as TCP does
    np.testing.assert_allclose(times(own_s, arrival_s), own_s - 7.0, atol=1e-9)


def test_nor_does_a_server_that_first_sends_what_it_has_kept() -> None:
    own_s = np.arange(300) / FPS
    arrival_s = np.maximum(own_s - 2.0, 0.01 * own_s)
    np.testing.assert_allclose(times(own_s, arrival_s), own_s, atol=1e-9)


def test_times_that_begin_anew_go_on_where_the_clock_on_the_wall_is() -> None:
    own_s = np.concatenate([50.0 + np.arange(100) / FPS, np.arange(100) / FPS])  # a camera that starts again
    arrival_s = np.arange(200) / FPS + np.repeat([0.0, 2.0], 100)
    found = times(own_s, arrival_s)
    np.testing.assert_allclose(found, arrival_s, atol=1e-9)


@pytest.mark.parametrize("speed", [0.97, 1.03])
def test_a_clock_that_runs_at_another_speed_is_followed_and_times_only_grow(speed: float) -> None:
    arrival_s = np.arange(round(400 * FPS)) / FPS
    found = times(arrival_s * speed, arrival_s)
    assert (np.diff(found) > 0.0).all(), "no picture is lost"
    assert np.abs(found - arrival_s).max() < MOST_DRIFT_S + 60.0 * abs(1.0 - speed) + 0.1


def test_another_connection_keeps_the_gap_and_never_falls_back() -> None:
    clock = StreamClock()
    first = times(np.arange(90) / FPS, np.maximum(np.arange(90) / FPS - 2.0, 0.0), clock)  # ahead of the arrivals
    clock.restart()
    second = times(5000.0 + np.arange(30) / FPS, 1.5 + np.arange(30) / FPS, clock)
    assert second[0] > first[-1]
    clock.restart()
    third = times(np.arange(30) / FPS, 60.0 + np.arange(30) / FPS, clock)
    np.testing.assert_allclose(third, 60.0 + np.arange(30) / FPS, atol=1e-9)


def test_a_file_is_read_at_its_own_times_however_fast_it_comes() -> None:
    own_s = np.arange(3000) / FPS
    clock = StreamClock()
    found = [clock.time_s(own, own / 50.0, follow=False) for own in own_s.tolist()]
    np.testing.assert_allclose(found, own_s, atol=1e-9)
