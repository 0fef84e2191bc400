"""The HTML report: everything is in one file, nothing from outside is taken for markup, and nothing is loaded."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.exchange import export_session
from app.exchange.recording import read_recording
from app.exchange.report_curves import clock_text, strips
from app.review.edit_log import EditLog
from app.review.rows import Edit, LogLine
from app.review.state import Thresholds
from tests.app.exchange.conftest import KEPT, REASON, make_session, table, time_s

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser sees of a page: tags in order, text, attributes; complains of tags that are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data) -> None:
        self.text.append(data)


def report(source: Path, out: Path) -> tuple[str, Page]:
    (file,) = export_session(source, ["html"], out).files
    html = file.read_text(encoding="utf-8")
    return html, Page(html)


def test_the_page_loads_nothing_and_runs_nothing(filmed: Path, tmp_path: Path) -> None:
    html, page = report(filmed, tmp_path / "out")
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "a"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert all(attributes.get(name, "data:image/jpeg").startswith("data:image/jpeg") for name in ("src", "href"))
    (policy,) = (a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'") and "script" not in policy
    assert not re.findall(r"url\((?!#)|@import|https?:", html)


def test_what_comes_from_outside_is_text(session: Path, tmp_path: Path) -> None:
    html, page = report(session, tmp_path / "out")
    text = " ".join(page.text)
    assert REASON in text and "camera: Desk <camera> & co" in text and "The camera stopped <i>delivering</i>." in text
    for raw in ("<b>chewing", "<camera>", "<i>delivering"):
        assert raw not in html


def test_it_tells_counts_quality_parameters_and_limits(session: Path, tmp_path: Path) -> None:
    _, page = report(session, tmp_path / "out")
    text = re.sub(r"\s+", " ", " ".join(page.text))
    assert "Macro-expressions 3" in text and "Micro-expressions 3" in text
    assert "Checked 4 of 8 2 left out" in text and "Left out: 2 that a person rejected" in text
    assert "Frames with a face 98%" in text and "longest gap 0.2 s" in text
    assert "Low quality 2%" in text and "Frames dropped 1 of 250" in text
    assert "Least macro score 0.62" in text and "Lowest intensity 0.1" in text and "mediapipe" in text
    assert "ab" * 32 in text and "not a lie detector" in text
    assert "0.800 1.200 2.200 1.400 s 20–55 0.91 not checked" in text
    assert "accepted · person" in text


def test_rates_are_those_of_what_is_not_excluded(session: Path, tmp_path: Path) -> None:
    def rates(name: str) -> list[str]:
        _, page = report(session, tmp_path / name)
        return re.findall(r"-expressions 3 (\S+) a minute", re.sub(r"\s+", " ", " ".join(page.text)))

    # 250 frames at 25 a second, without 21 and 6 of them
    assert rates("apart") == [f"{3 / (223 / 25 / 60):.1f}"] * 2
    with (session / "exclusions.csv").open("a", encoding="utf-8") as file:
        file.write(f"3,{time_s(210):.6f},{time_s(249):.6f},210,249,over both others\n")
    assert rates("overlapping") == [f"{3 / (200 / 25 / 60):.1f}"] * 2


def test_a_recording_of_which_all_is_excluded_has_no_rate(session: Path, tmp_path: Path) -> None:
    with (session / "exclusions.csv").open("a", encoding="utf-8") as file:
        file.write(f"3,{time_s(0):.6f},{time_s(249):.6f},0,249,all\n")
    _, page = report(session, tmp_path / "out")
    assert "a minute" not in " ".join(page.text)


def test_thresholds_that_a_person_chose_are_those_that_are_told(session: Path, tmp_path: Path) -> None:
    first, chosen = Thresholds(0.1, 0.62, 0.38), Thresholds(0.15, 0.7, 0.5)
    line = LogLine(
        datetime(2026, 11, 22, tzinfo=UTC), "edit", Edit(1, "set the thresholds", thresholds=(first, chosen))
    )
    log = EditLog(session)
    log.append(line)
    log.append(LogLine(datetime(2026, 11, 22, tzinfo=UTC), "undo", of=7))  # fits nothing, and has no effect
    _, page = report(session, tmp_path / "out")
    text = re.sub(r"\s+", " ", " ".join(page.text))
    assert "Lowest intensity 0.15 Least macro score 0.7 Least micro score 0.5" in text


def test_a_picture_shows_the_face_at_the_apex(filmed: Path, tmp_path: Path) -> None:
    _, page = report(filmed, tmp_path / "out")
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert [a["alt"] for a in pictures] == [f"Apex of interval {number}" for number in KEPT]
    brightness = []
    for attributes in pictures:
        data = base64.b64decode(attributes["src"].split(",", 1)[1])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert max(picture.shape[:2]) < 160, "the face is cut out of the picture"
        brightness.append(float(picture.mean()))
    # apexes at frames 30, 43, 112, 150, 175, 180: odd ones are bright
    bright = [b > np.mean(brightness) for b in brightness]
    assert bright == [False, True, False, False, True, False]


def test_a_session_of_scores_alone_shows_no_pictures(session: Path, tmp_path: Path) -> None:
    _, page = report(session, tmp_path / "out")
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "pictures of the person" not in " ".join(page.text)


def test_a_video_that_does_not_open_costs_the_pictures_alone(session: Path, tmp_path: Path) -> None:
    (session / "video.mp4").write_bytes(b"no video at all")
    _, page = report(session, tmp_path / "out")
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_the_curve_breaks_where_no_face_was_seen(session: Path) -> None:
    (strip,) = strips(read_recording(session))
    (line,) = re.findall(r'class="intensity" d="([^"]+)"', strip)
    assert line.count("M") == 3, "one piece before the gap, one between gap and lost frame, one behind"
    assert strip.count('class="gap"') == 2 and strip.count('class="out"') == 2


def test_a_long_recording_is_drawn_in_strips_of_bounded_size(tmp_path: Path) -> None:
    session = make_session(tmp_path / "long")
    frames = 45_000  # half an hour at 25 fps
    rows = [[k, f"{time_s(k):.6f}", 1, f"{(k % 250) / 250:.3f}", "0.1", "0.1", "1.0"] for k in range(frames)]
    columns = ("frame", "time_s", "face", "intensity", "macro", "micro", "quality")
    table(session / "frames.csv", columns, rows)
    drawn = list(strips(read_recording(session)))
    assert len(drawn) == 6 and sum(map(len, drawn)) < 2_000_000
    for strip in drawn:
        heights = [
            float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", re.findall(r'class="intensity" d="([^"]+)"', strip)[0])
        ]
        assert max(heights) - min(heights) > 100, "thinning keeps peaks and valleys"


@pytest.mark.parametrize(
    ("time_s", "decimals", "text"),
    [(0.0, 0, "0:00"), (59.9996, 3, "1:00.000"), (61.5, 1, "1:01.5"), (3725.25, 2, "1:02:05.25")],
)
def test_times_are_written_as_a_clock_shows_them(time_s: float, decimals: int, text: str) -> None:
    assert clock_text(time_s, decimals) == text
