"""The parts of the Review workspace that need no recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.review.envelope import Envelope, Runs
from app.gui.review.icons import icon
from app.gui.review.pages import left_words
from app.gui.review.rows import Column, Row, RowTable
from app.gui.review.where import row_of
from app.gui.theme import LIGHT
from app.session.reader import FrameTable
from models.errors import UsageError


def table(count: int, rate_hz: float = 30.0, first: int = 0) -> FrameTable:
    time_s, yes, zero = np.arange(count) / rate_hz, np.ones(count, np.bool_), np.zeros(count)
    return FrameTable(np.arange(count) + first, time_s, yes, yes, zero, zero, zero, zero)


def test_thinning_keeps_every_peak_and_every_gap() -> None:
    count = 200_000
    time_s = np.arange(count) / 30.0
    values = np.full(count, 0.1)
    values[123_456] = 0.9  # one frame long
    values[50_000:90_000] = np.nan
    yes = np.ones(count, np.bool_)
    envelope = Envelope(FrameTable(np.arange(count), time_s, yes, yes, values, values, values, values))
    whole = envelope.part(0.0, time_s[-1], 2000)
    assert len(whole) <= 2000 and (np.diff(whole.time_s) >= 0).all()
    assert np.nanmax(whole.intensity) == np.float32(0.9) and np.nanmin(whole.intensity) == np.float32(0.1)
    peak_s = whole.time_s[int(np.nanargmax(whole.intensity))]
    assert peak_s == pytest.approx(123_456 / 30.0, abs=time_s[-1] / 1000)
    inside = (whole.time_s > 50_200 / 30.0) & (whole.time_s < 89_800 / 30.0)
    assert inside.any() and np.isnan(whole.intensity[inside]).all()
    close = envelope.part(100.0, 110.0, 2000)
    assert len(close) == 303 and close.time_s[0] < 100.0 and close.time_s[-1] > 110.0, "close up, every frame"
    peaks = envelope.peaks(500)
    assert np.nanmax(peaks) == np.float32(0.9) and int(np.nanargmax(peaks)) == int(123_456 / count * 500)
    assert np.isnan(peaks[130:220]).all()


def test_a_recording_without_frames_has_empty_curves() -> None:
    envelope = Envelope(table(0))
    assert len(envelope.part(0.0, 10.0, 100)) == 0 and np.isnan(envelope.peaks(10)).all()


def test_frames_that_were_lost_make_a_gap_only_where_they_are_many() -> None:
    frames = table(90)
    intensity = np.full(90, 0.4)
    lost = np.isin(np.arange(90), (10, 11, 20, *range(40, 60), 89))
    intensity[lost] = np.nan
    face = ~lost & (np.arange(90) != 70)
    part = Envelope(replace(frames, analysed=~lost, face=face, intensity=intensity)).part(0.0, 3.0, 1000)
    assert not np.isin(np.round(part.time_s * 30), (10, 11, 20)).any()
    assert np.isnan(part.intensity).sum() == 21
    gaps = Envelope(replace(frames, analysed=~lost, face=face, intensity=intensity)).gaps.between(0.0, 3.0)
    assert np.round(np.array(gaps) * 30).tolist() == [[40, 60], [70, 71], [89, 89]]


def test_stretches_end_where_the_next_frame_begins() -> None:
    chosen = np.array([True, False, True, True, False, True])
    runs = Runs(np.arange(6.0), chosen)
    assert runs.between(-1.0, 9.0) == ((0.0, 1.0), (2.0, 4.0), (5.0, 5.0))
    assert runs.between(3.5, 4.5) == ((2.0, 4.0),)
    assert Runs(np.empty(0), np.zeros(0, np.bool_)).between(0.0, 1.0) == ()


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("75.5", 2265),
        ("1:15.5", 2265),
        ("1:15,5", 2265),
        ("0:01:15.5", 2265),
        (" 2 s ", 60),
        ("#1200", 200),
        ("frame 1200", 200),
        ("1:40", 2999),  # as the end is shown, rounded
        ("0", 0),
        ("#1", 0),
    ],
)
def test_where_to_go(text: str, row: int) -> None:
    assert row_of(text, table(3000, first=1000)) == row


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("noon", "neither a time nor a frame"),
        ("1:2:3:4", "neither a time nor a frame"),
        ("-5", "neither a time nor a frame"),
        ("", "neither a time nor a frame"),
        ("99:59:59", "beyond the end, which is 1:39.97, frame 3999"),
        ("1:41", "beyond the end"),
        ("#99999", "beyond the end"),
        ("0:99", "less than 60"),
        ("0:75:00", "less than 60"),
    ],
)
def test_where_nobody_can_go(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        row_of(text, table(3000, first=1000))


def test_time_left_in_words() -> None:
    assert [left_words(s) for s in (5, 61, 150, 7200)] == [
        *("less than a minute left", "about 1 minute left", "about 2 minutes left", "about 2.0 hours left")
    ]


def test_where_room_is_short_a_table_drops_what_can_be_done_without(qtbot: QtBot, qapp: QApplication) -> None:
    columns = (Column("Type", "Macro"), Column("Apex", "00:00.00", drop=1), Column("Score", "0.00", drop=2))
    view = RowTable(LIGHT, columns, "Things", "Nothing here")
    qtbot.addWidget(view)
    view.show()
    hidden = []
    for width in (400, 190, 130):
        view.resize(width, 200)
        qapp.processEvents()
        hidden.append([view.isColumnHidden(c) for c in range(3)])
    assert hidden == [[False, False, False], [False, False, True], [False, True, True]]
    picked: list[int] = []
    view.picked.connect(picked.append)
    rows = tuple(Row(id, ("Macro", "0:01.00", "0.50")) for id in (7, 9))
    view.set_rows(rows)
    view.show_picked(9)
    assert not picked and view.selectionModel().selectedRows()[0].row() == 1, "showing is not choosing"
    view.selectRow(0)
    assert picked == [7]


def test_every_icon_draws_something(qapp: QApplication) -> None:
    names = ("play", "pause", "back", "forward", "previous", "next", "undo", "redo", "closer", "further", "all")
    drawn = [icon(name, "#000000").pixmap(20, 20).toImage() for name in names]
    assert all(a != b for n, a in enumerate(drawn) for b in drawn[n + 1 :])
    assert all(any(image.pixelColor(x, y).alpha() for x in range(20) for y in range(20)) for image in drawn)
