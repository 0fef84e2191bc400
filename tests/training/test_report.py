"""The tables of an evaluation and the drawings of its report."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.errors import OutputError
from models.types import ExpressionType
from training.datasets import LabelledInterval, Point, Recording
from training.matching import Counts, SpottedSpan, SpottingResult
from training.report import Row, text_table, write_tables
from training.report_html import page
from training.report_videos import Viewed, best, thinned, video_svg, worst

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def result(macro: tuple[int, int, int], micro: tuple[int, int, int]) -> SpottingResult:
    return SpottingResult(MappingProxyType({MACRO: Counts(*macro), MICRO: Counts(*micro)}))


ROWS = [
    Row("honest", "honest", "one", (result((6, 2, 4), (1, 3, 1)), result((8, 2, 2), (0, 0, 2)))),
    Row("baseline: picker", "honest", "one", (result((1, 9, 9), (0, 0, 2)), result((1, 9, 9), (0, 0, 2)))),
    Row("honest", "honest", "two", (result((0, 0, 3), (0, 0, 0)), result((0, 0, 3), (0, 0, 0)))),
]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "points.csv").write_text("video,time_s,type\n")
    return folder


def test_a_row_is_the_mean_over_its_seeds() -> None:
    row = ROWS[0]
    assert row.values("macro", "precision") == [0.75, 0.8] and row.mean("macro", "recall") == pytest.approx(0.7)
    assert row.mean("overall", "tp") == 7.5 and row.values("overall", "f1") == pytest.approx([14 / 24, 16 / 22])
    assert row.spread("overall") == pytest.approx(float(np.std([14 / 24, 16 / 22], ddof=1)))
    assert Row("m", "honest", "one", row.results[:1]).spread("overall") == 0.0


def test_every_file_says_what_it_was_made_from(tmp_path: Path, archive: Path) -> None:
    text = write_tables(tmp_path, "evaluation", ROWS, "A note.", {"configuration": {"steps": 3}}, [archive], 2)
    document = json.loads((tmp_path / "evaluation.json").read_text())
    assert document["configuration"] == {"steps": 3} and document["seeds"] == [0, 1] and "torch" in document["versions"]
    assert document["rows"][0]["mean"]["macro"]["recall"] == pytest.approx(0.7)
    data = document["data_sha256"][0][:16]
    for ending in ("txt", "md", "csv"):
        content = (tmp_path / f"evaluation.{ending}").read_text()
        assert data in content and document["code"] in content, ending
    assert text == (tmp_path / "evaluation.txt").read_text() and "A note." in text
    lines = list(csv.DictReader(io.StringIO((tmp_path / "evaluation.csv").read_text())))
    assert len(lines) == 3 * 3 * 4
    one = next(
        x for x in lines if (x["method"], x["data_set"], x["type"], x["seed"]) == ("honest", "one", "macro", "1")
    )
    assert (one["precision"], one["tp"], one["fp"], one["fn"]) == ("0.8", "8", "2", "2")
    assert {x["seed"] for x in lines} == {"0", "1", "mean", "spread"}
    with pytest.raises(OutputError, match="cannot be written"):
        write_tables(archive / "points.csv", "evaluation", ROWS, "", {}, [archive], 2)


def test_the_text_has_a_line_for_each_type() -> None:
    lines = text_table(ROWS, "A note.").splitlines()
    assert [line.split()[0] for line in lines if line.endswith("FN")] == ["one", "two"]
    assert lines[1].split() == ["honest", "macro", "0.775", "0.700", "0.733", "0.094", "7.0", "2.0", "3.0"]
    assert sum("overall" in line for line in lines) == 3


def viewed(name: str = "v<1>", predicted: tuple[tuple[int, int], ...] = ((95, 131), (200, 230))) -> Viewed:
    interval = LabelledInterval(95, 108, 131, MACRO)
    video = Recording(name, "s", "one", 30.0, np.zeros((300, 12, 2), np.float32), (Point(108, MACRO),), (interval,))
    scores = np.full((300, 3), 0.05, np.float32)
    scores[95:131] = 0.9
    spans = [SpottedSpan(MACRO, a, b, 0.8) for a, b in predicted]
    return Viewed.of(video, scores, spans, [SpottedSpan(MACRO, 95, 131)], {MACRO: 0.5, MICRO: float("inf")})


def test_the_picture_of_a_recording() -> None:
    video = viewed()
    assert [d.matched for d in video.predicted] == [True, False] and video.true[0].matched and video.wrong == 1
    assert video.true[0].onset_s == pytest.approx(95 / 30) and video.true[0].offset_s == pytest.approx(132 / 30)
    root = ElementTree.fromstring(video_svg(video))
    kinds = [e.get("class") for e in root.iter() if (e.get("class") or "").startswith(("bar", "point", "limit"))]
    assert kinds == ["limit macro", "bar macro hit", "bar macro hit", "bar macro miss", "point macro"]


def test_curves_keep_their_peaks() -> None:
    curves = np.zeros((5000, 3), np.float32)
    curves[1234] = 0.9
    at, values = thinned(curves)
    assert len(at) == len(values) <= 900 and values.max() == np.float32(0.9)
    assert abs(at[int(values[:, 0].argmax())] - 1234 / 5000) < 2 / 900
    assert len(thinned(curves[:7])[0]) == 7


def test_the_best_and_the_worst() -> None:
    good, poor, none = viewed("good", ((95, 131),)), viewed("poor", ((200, 230),)), viewed("none", ())
    chosen = best([none, poor, good], 2)
    assert chosen == [good], "where nothing was found nothing is good"
    assert worst([none, poor, good], 2, chosen) == [poor, none]


def test_the_page_needs_no_other_file_and_escapes_names(archive: Path) -> None:
    text = page(ROWS, [viewed()], "A note.", {"configuration": {"steps": 3}}, [archive], 2)
    assert "v&lt;1&gt;" in text and "v<1>" not in text
    assert "http" not in text and "src=" not in text and "<script" not in text
    assert text.count('<svg viewBox="0 0 1000') == 1 and "&quot;steps&quot;: 3" in text
    assert '<tr class="baseline">' in text
    assert "<td>7.5/3.5/4.5</td>" in text, "means of counts as in the other tables"
