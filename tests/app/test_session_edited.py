"""Tables of a session that a person or a spreadsheet changed: read where they are clear, refused in a sentence else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.review.state import Status
from app.session import Recorder, read_session
from app.session.schema import INFO_FILE, SourceInfo
from models.errors import DataError
from models.spotter import Spotter
from models.types import ExpressionType, Frame, FrameMotion, Interval, Scores, Update

Edit = Callable[[str], str]
HEAD = "id,type,onset_s,apex_s,offset_s,duration_s,onset_frame,apex_frame,offset_frame,score,source,status\n"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Path]:
    recorder = Recorder(tmp_path, SourceInfo(kind="camera", name="Desk"), Spotter(use_gpu=False), scores_only=True)
    for k in range(60):
        recorder.frame(Frame(k, k / 30, np.zeros((4, 4, 3), np.uint8)))
        recorder.motion(FrameMotion(k, k / 30, True, np.zeros((12, 2), np.float32), 1.0))
    found = Interval(ExpressionType.MACRO, 0.5, 0.8, 1.2, 15, 24, 36, 0.9)
    recorder.update(Update(Scores.empty(), Scores.empty(), (found,), ()))
    recorder.point(1.0, 30, ExpressionType.MICRO)
    recorder.close()
    yield recorder.folder


def rewrite(path: Path, edit: Edit) -> None:
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


ROW = "2,micro,1.300000,1.400000,1.500000,0.200000,39,42,45,1.00000,person,accepted"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_row_that_a_person_added_counts(session: Path, mark: str, end: str) -> None:
    rewrite(session / "intervals.csv", lambda text: mark + text + ROW + end)
    rows = read_session(session).intervals
    assert [(row.id, row.status) for row in rows] == [(1, "found"), (2, "accepted")]


@pytest.mark.parametrize(("said", "status"), [("", "found"), ("Accepted", "accepted"), (" rejected ", "rejected")])
def test_a_status_is_read_as_it_was_meant(session: Path, said: str, status: str) -> None:
    rewrite(session / "intervals.csv", lambda text: text + ROW.replace("accepted", said) + "\n")
    assert read_session(session).intervals[-1].status == status


@pytest.mark.parametrize(
    "row",
    [
        ROW.replace("accepted", "perhaps"),
        ROW.rpartition(",")[0],
        ROW + ",more",
        ROW.replace("1.300000", "nan"),
        ROW.replace("1.300000", "1e300"),
        ROW.replace("1.300000", "1.450000"),
        ROW.replace("39,42", "43,42"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(session: Path, row: str) -> None:
    rewrite(session / "intervals.csv", lambda text: text + row + "\n")
    with pytest.raises(DataError, match=r"intervals\.csv is damaged in line 3"):
        read_session(session)


@pytest.mark.parametrize("status", Status)
def test_every_status_of_a_review_is_known_to_the_table(session: Path, status: Status) -> None:
    rewrite(session / "intervals.csv", lambda text: text + ROW.replace("accepted", status) + "\n")
    assert read_session(session).intervals[-1].status == status


def test_other_separators_are_called_that(session: Path) -> None:
    for name in ("frames.csv", "points.csv"):
        before = (session / name).read_text()
        rewrite(session / name, lambda text: text.replace(",", ";"))
        with pytest.raises(DataError, match=f"{name} was saved with other separators than commas"):
            read_session(session)
        (session / name).write_text(before)


def test_an_exclusion_ends_after_its_start(session: Path) -> None:
    (session / "exclusions.csv").write_text("id,start_s,end_s,start_frame,end_frame,reason\n1,nan,1.0,0,30,\n")
    with pytest.raises(DataError, match=r"exclusions\.csv is damaged in line 2"):
        read_session(session)


def test_a_name_that_is_no_text_is_recorded(tmp_path: Path) -> None:
    name = b"b\xff.mp4".decode("utf-8", "surrogateescape")
    recorder = Recorder(tmp_path, SourceInfo(kind="file", name=name), Spotter(use_gpu=False), scores_only=True)
    recorder.frame(Frame(0, 0.0, np.zeros((4, 4, 3), np.uint8)))
    recorder.close()
    assert read_session(recorder.folder).info.source.name == "b?.mp4"
    assert (recorder.folder / INFO_FILE).read_bytes().isascii()
