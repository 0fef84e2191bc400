"""The look-ahead table over what evaluate has kept, and the time of a step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from benchmarks import look_ahead, model_step  # noqa: E402
from models.errors import UsageError  # noqa: E402
from models.network import NetworkSettings  # noqa: E402
from training.evaluate import evaluate  # noqa: E402
from training.held_out import Study, in_processes, reopen  # noqa: E402
from training.trainer import TrainSettings  # noqa: E402

SMALL = NetworkSettings(scales=(3, 8), width=8, dilations=(1,), activity_frames=20)
STUDY = Study(TrainSettings(steps=24, recorded_crops=2, crop_frames=64, network=SMALL), drawn=0)


@pytest.fixture(scope="module")
def run(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judged")
    evaluate([archive], out, STUDY, folds=0, seeds=1, spread=in_processes(1))
    return out


def test_what_evaluate_kept_can_be_opened_again(run: Path, archive: Path, tmp_path: Path) -> None:
    judged = reopen([archive], run)
    assert judged.study.settings.network == SMALL and judged.study.settings.steps == 24
    assert judged.folds.count == 3 and len(judged.seeds) == 1 and judged.network(0, 2).is_file()
    with pytest.raises(UsageError, match="not a folder of apexspot evaluate"):
        reopen([archive], tmp_path)
    (tmp_path / "begun.json").write_text((run / "begun.json").read_text())
    with pytest.raises(UsageError, match="not done"):
        reopen([archive], tmp_path)
    with pytest.raises(UsageError, match="other data"):
        reopen([archive, archive], run)


def test_the_full_look_ahead_is_what_evaluate_reports(run: Path, archive: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(archive), "--run", str(run), "--out", str(tmp_path), "--jobs", "1"]
    assert look_ahead.main(arguments) == 0
    table = (tmp_path / "look_ahead.txt").read_text()
    assert [line.split()[1] for line in table.splitlines()[1:6]] == ["0.3", "0.5", "1", "2", "full"]
    found = json.loads((tmp_path / "look_ahead.json").read_text())
    rows = json.loads((run / "evaluation.json").read_text())["rows"]
    honest = next(row["mean"] for row in rows if row["method"] == "honest")
    full = found["look_ahead"][-1]
    for kind in ("macro", "micro", "overall"):
        assert full["thresholds_of_full"][kind] == full["own_thresholds"][kind]
        assert full["own_thresholds"][kind] == {name: honest[kind][name] for name in ("f1", "tp", "fp", "fn")}
    assert found["difference"] < 1e-4
    # this network looks 13 frames ahead: with half a second every score is final
    assert found["look_ahead"][1]["own_thresholds"] == full["own_thresholds"]


def test_a_folder_without_folds_is_one_sentence(
    archive: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert look_ahead.main(["--data", str(archive), "--run", str(tmp_path)]) == 2
    assert "not a folder of apexspot evaluate" in caplog.text


def test_the_time_of_a_step_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert model_step.main(["--runs", "2", "--operators"]) == 0
    lines = capsys.readouterr().out.splitlines()
    frames = [int(line[50:].split()[0]) for line in lines[3:7]]
    assert frames[0] == 30 < frames[1] < frames[2] == frames[3]
    assert " %" in lines[7]
