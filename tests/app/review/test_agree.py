"""Two coders compared: numbers that were worked out by hand."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.review.agree import agreement, cohens_kappa, count_hits
from app.review.review import Review
from app.session import read_session
from app.tables import write_intervals
from models.errors import DataError, UsageError
from models.spotter import Spotter
from models.types import ExpressionType, Interval

from .conftest import write_session

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def of(onset: int, offset: int, type_: ExpressionType = MACRO) -> Interval:
    apex = (onset + offset) // 2
    return Interval(type_, onset / 30, apex / 30, offset / 30, onset, apex, offset, 1.0)


def test_kappa_of_a_textbook_table() -> None:
    """Both yes 20, both no 15, first alone 5, second alone 10 of 50: observed 0.7, by chance 0.5, kappa 0.4."""
    a = np.array([1] * 25 + [0] * 25, np.int8)
    b = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15, np.int8)
    assert cohens_kappa(a, b) == pytest.approx(0.4)
    assert cohens_kappa(a, a) == pytest.approx(1.0)
    assert cohens_kappa(a * 0, b * 0) is None and cohens_kappa(a[:0], b[:0]) is None


def test_hits_are_one_to_one_from_half_the_overlap_on() -> None:
    assert count_hits([of(0, 9)], [of(0, 4)]) == 1  # 5 of 10 frames
    assert count_hits([of(0, 9)], [of(0, 3)]) == 0
    assert count_hits([of(0, 9)], [of(0, 8), of(1, 9)]) == 1
    # the best pair goes first: 10-19 belongs to 10-19, so 8-19 is left without
    assert count_hits([of(10, 19)], [of(8, 19), of(10, 19)]) == 1
    assert count_hits([of(0, 9), of(20, 29)], [of(21, 29), of(1, 9)]) == 2


@pytest.fixture
def coders(tmp_path: Path, spotter: Spotter) -> tuple[Path, Path]:
    """Two copies of ten seconds at 30 Hz; nothing that the model found is left."""
    first = write_session(tmp_path / "a", spotter, np.arange(300) / 30.0)
    _reject_all(first)
    return first, Path(shutil.copytree(first, tmp_path / "b"))


def _reject_all(folder: Path) -> None:
    review = Review.open(folder)
    for row in review.state.intervals:
        review.reject(row.id)
    review.close()


def code(folder: Path, *intervals: tuple[ExpressionType, int, int]) -> None:
    review = Review.open(folder)
    for type_, onset, offset in intervals:
        review.add_interval(type_, onset / 30, (onset + offset) / 60, offset / 30)
    review.close()


def test_two_coders(coders: tuple[Path, Path]) -> None:
    a, b = coders
    code(a, (MACRO, 30, 59), (MACRO, 120, 149), (MICRO, 200, 209))
    code(b, (MACRO, 35, 59), (MICRO, 200, 209), (MICRO, 250, 259))
    macro, micro, both = agreement(read_session(a), read_session(b))
    assert (macro.a, macro.b, macro.hits) == (2, 1, 1)
    assert (macro.precision, macro.recall) == (1.0, 0.5) and macro.f1 == pytest.approx(2 / 3)
    # frames: both yes 25, A alone 35, B alone 0, both no 240
    by_chance = (60 * 25 + 240 * 275) / 300**2
    assert macro.kappa == pytest.approx((265 / 300 - by_chance) / (1 - by_chance))
    assert (micro.a, micro.b, micro.hits) == (1, 2, 1)
    assert (both.a, both.b, both.hits, both.frames) == (3, 3, 2, 300)
    by_chance = (60 * 25 + 10 * 20 + 230 * 255) / 300**2
    assert both.kappa == pytest.approx((255 / 300 - by_chance) / (1 - by_chance))


def test_what_one_coder_excludes_counts_for_neither(coders: tuple[Path, Path]) -> None:
    a, b = coders
    code(a, (MACRO, 30, 59), (MACRO, 120, 149))
    code(b, (MACRO, 30, 59))
    review = Review.open(a)
    review.exclude(110 / 30, 159 / 30, "talks")
    macro, _, both = agreement(read_session(b), read_session(a))
    assert (macro.a, macro.b, macro.hits, macro.frames) == (1, 1, 1, 250)
    assert macro.kappa == both.kappa == pytest.approx(1.0)


def test_untouched_intervals_count_unless_only_touched_ones_are_wanted(coders: tuple[Path, Path]) -> None:
    a, b = coders
    review = Review.open(a)
    found = review.state.intervals[0]
    review.reset(found.id)
    review.close()
    code(b, (found.interval.type, found.interval.onset_frame, found.interval.offset_frame))
    assert agreement(read_session(a), read_session(b))[2].hits == 1
    assert agreement(read_session(a), read_session(b), touched_only=True)[2].a == 0


def test_other_recordings_are_refused(coders: tuple[Path, Path], tmp_path: Path, spotter: Spotter) -> None:
    other = write_session(tmp_path / "other", spotter, np.arange(299) / 30.0)
    with pytest.raises(DataError, match="not of the same recording"):
        agreement(read_session(coders[0]), read_session(other))


def test_the_command_prints_and_writes_the_table(coders: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = coders
    code(a, (MACRO, 30, 59))
    code(b, (MACRO, 30, 59))
    out = tmp_path / "agreement.csv"
    result = CliRunner().invoke(app, ["agree", str(a), str(b), "--out", str(out)])
    assert result.exit_code == 0 and "kappa" in result.output
    line = next(line for line in result.output.splitlines() if line.startswith("macro"))
    assert line.split() == ["macro", "1", "1", "1", "1.000", "1.000", "1.000", "1.000"]
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["type"] for row in rows] == ["macro", "micro", "both"]
    assert rows[0]["f1"] == "1.0000" and rows[1]["kappa"] == ""
    again = CliRunner().invoke(app, ["agree", str(a), str(b), "--out", str(out)])
    assert isinstance(again.exception, UsageError)


def test_the_table_never_replaces_what_is_compared(coders: tuple[Path, Path]) -> None:
    first, second = coders
    before = (first / "intervals.csv").read_bytes()
    result = CliRunner().invoke(app, ["agree", str(first), str(second), "--out", str(first / "intervals.csv"), "-f"])
    assert isinstance(result.exception, UsageError) and "choose another place" in str(result.exception)
    assert (first / "intervals.csv").read_bytes() == before


def test_a_coders_table_is_compared_with_its_session(coders: tuple[Path, Path]) -> None:
    a, _ = coders
    code(a, (MACRO, 30, 59), (MICRO, 200, 209))
    table = a / "coders" / "berta.intervals.csv"
    table.parent.mkdir()
    write_intervals(table, [of(30, 59), of(120, 149)])
    result = CliRunner().invoke(app, ["agree", str(a), str(table)])
    line = next(line for line in result.output.splitlines() if line.startswith("both"))
    assert line.split()[1:4] == ["2", "2", "1"]
    elsewhere = Path(shutil.copy(table, a.parent))
    assert "both" in CliRunner().invoke(app, ["agree", str(elsewhere), str(a)]).output
    alone = CliRunner().invoke(app, ["agree", str(elsewhere), str(elsewhere)])
    assert isinstance(alone.exception, UsageError)
