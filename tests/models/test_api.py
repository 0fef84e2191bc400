"""The Python interface: one call from a path to data classes and tables."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import app.cli as cli
import models
from models import Analysis, analyze
from models.analyzer import Analyzer
from models.api import frame_length_s
from models.assets import DEMO_CLIP, asset_path
from models.errors import ModelFileError, UsageError, VideoError
from models.spotter import Spotter
from models.types import ExpressionType, Interval, Update

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter()


@pytest.fixture(scope="module")
def smile(spotter: Spotter) -> Analysis:
    """The demo's first expression, a macro-expression at some 3 s."""
    return analyze(asset_path(DEMO_CLIP), model=spotter, until_s=5.0)


def test_a_path_gives_intervals_and_frames(smile: Analysis) -> None:
    assert smile.path.name == DEMO_CLIP and smile.model.version and smile.provider in ("CPU", "CUDA")
    (interval,) = smile.intervals
    assert interval.type is ExpressionType.MACRO and interval.final
    assert 2.0 < interval.onset_s < interval.apex_s < interval.offset_s < 4.2
    assert (smile.count("macro"), smile.count(ExpressionType.MICRO)) == (1, 0)
    assert smile.fps == pytest.approx(30.0, rel=1e-3) and smile.duration_s == pytest.approx(5.0, abs=0.01)
    assert smile.stated_s == pytest.approx(20.0, abs=0.1) and smile.face_share == 1.0 and smile.skipped == 0

    frames = list(smile.frames())
    assert [frame.frame for frame in frames] == list(range(150))
    assert frames[interval.apex_frame].time_s == pytest.approx(interval.apex_s, abs=0.02)
    inside, before = frames[interval.apex_frame].intensity, frames[30].intensity
    assert inside is not None and before is not None and inside > 0.5 > before


def test_a_pause_makes_no_frame_longer(smile: Analysis) -> None:
    time_s = np.where(np.arange(150) < 75, 0.0, 500.0) + np.arange(150) / 30
    paused = replace(smile, rows=replace(smile.rows, time_s=time_s))
    assert paused.duration_s == pytest.approx(500 + 150 / 30) and paused.fps == pytest.approx(149 / time_s[-1])
    assert frame_length_s(np.array([0, 1, 3, 3]), np.array([0.0, 0.1, 0.3, 9.0])) == pytest.approx(0.1)
    assert frame_length_s(np.array([4]), np.array([0.0])) is None


def test_the_tables_hold_what_the_classes_hold(smile: Analysis) -> None:
    table = smile.intervals_table()
    (interval,) = smile.intervals
    assert len(table) == 1 and list(table["type"]) == ["macro"] and list(table["id"]) == [1]
    for name in ("onset_s", "apex_s", "offset_s", "duration_s", "onset_frame", "apex_frame", "offset_frame", "score"):
        assert table[name][0] == getattr(interval, name)
    frames = smile.frames_table()
    assert len(frames) == 150 and frames["face"].dtype == bool and frames["face"].all()
    classes = pd.DataFrame([[f.frame, f.time_s, f.intensity, f.quality] for f in smile.frames()])
    assert np.array_equal(frames[["frame", "time_s", "intensity", "quality"]].to_numpy(float), classes.to_numpy(float))


def test_it_is_what_the_command_writes(tmp_path: Path, face_video: Path, spotter: Spotter) -> None:
    assert cli._run(["spot", str(face_video), "--out", str(tmp_path)]) == 0
    written = pd.read_csv(tmp_path / "face.frames.csv")
    ours = analyze(face_video, model=spotter).frames_table()
    assert list(written.columns) == list(ours.columns)
    assert np.allclose(written.to_numpy(float), ours.to_numpy(float), atol=6e-4)
    with (tmp_path / "face.intervals.csv").open() as file:
        columns = next(csv.reader(file))
    assert list(analyze(face_video, model=spotter).intervals_table().columns) == columns[: columns.index("score") + 1]


def test_without_a_face_there_are_rows_without_scores(faceless_video: Path, spotter: Spotter) -> None:
    empty = analyze(str(faceless_video), model=spotter)
    assert empty.intervals == () and empty.face_share == 0.0
    table = empty.intervals_table()
    assert len(table) == 0 and table["onset_s"].dtype == float and table["onset_frame"].dtype == int
    frames = empty.frames_table()
    assert len(frames) == 30 and frames["intensity"].isna().all() and frames["quality"].isna().all()
    first = next(empty.frames())
    assert (first.face, first.intensity, first.quality) == (False, None, None)


def test_intervals_come_in_order_of_onset(
    faceless_video: Path, spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step may settle an interval that begins before one of the step before."""
    settled = [Interval(ExpressionType.MICRO, at_s, 2.0, 3.0, 30, 60, 90, 0.9) for at_s in (1.0, 0.5)]

    class Settling(Analyzer):
        def update(self, provisional: bool = True) -> Update:
            return replace(super().update(provisional), intervals=(settled.pop(0),))

        def finish(self) -> Update:
            return replace(super().finish(), intervals=(settled.pop(0),))

    monkeypatch.setattr("models.api.Analyzer", Settling)
    monkeypatch.setattr("models.api._STEP_FRAMES", 20)
    assert [interval.onset_s for interval in analyze(faceless_video, model=spotter).intervals] == [0.5, 1.0]


def test_progress_is_told_and_may_end_the_analysis(face_video: Path, spotter: Spotter) -> None:
    told: list[tuple[float, float | None]] = []

    class Enough(Exception):
        pass

    def progress(done_s: float, total_s: float | None) -> None:
        told.append((done_s, total_s))
        if len(told) == 20:
            raise Enough

    with pytest.raises(Enough):
        analyze(face_video, model=spotter, until_s=1.0, progress=progress)
    assert [done_s for done_s, _ in told] == pytest.approx([k / 30 for k in range(20)], abs=1e-3)
    assert {total_s for _, total_s in told} == {1.0}


def test_errors_are_sentences(tmp_path: Path, face_video: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(UsageError, match="missing"):
        analyze(tmp_path / "missing.mp4")
    with pytest.raises(VideoError, match="text"):
        analyze(text)
    with pytest.raises(ModelFileError, match="text"):
        analyze(face_video, model=text)
    with pytest.raises(UsageError, match="until_s"):
        analyze(face_video, until_s=0.0)


def test_importing_the_package_is_light_and_the_command_needs_no_pandas() -> None:
    code = (
        "import sys, models\n"
        "assert {'analyze', 'Analysis'} <= set(dir(models))\n"
        "assert not {'numpy', 'cv2', 'mediapipe', 'onnxruntime', 'pandas'} & set(sys.modules)\n"
        "import app.spot, models.api\n"
        "assert 'pandas' not in sys.modules\n"
        "from models import analyze\n"
        "assert analyze is models.api.analyze"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        getattr(models, "nothing_of_the_kind")  # noqa: B009
