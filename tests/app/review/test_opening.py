"""A video is analysed once, beside itself; what a person did there outlives new models, moves and other contents."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from app.review.opening import AnalysisJob, AnalysisState, session_for
from app.review.pictures import Pictures
from app.review.review import Review
from app.review.state import Status
from app.session import read_session
from app.session.schema import FEATURES_FILE, read_info, write_info
from app.spot import SpotFiles, spot_video
from models.errors import UsageError
from models.spotter import Spotter
from models.types import ExpressionType
from training.actions import Side
from training.synth_script import Event, Script
from training.synthetic import write


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    smile = Event(("smile",), 0.8, 1.3, 2.2, 1.0, Side.BOTH, ExpressionType.MACRO)
    path = tmp_path_factory.mktemp("clip") / "Interview 1.mp4"
    write(Script(7, 3.2, 20.0, (240, 180), iod_px=42.0, events=(smile,), sway_iod=0.004), path)
    return path


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """The clip in a folder, analysed."""
    folder = tmp_path_factory.mktemp("analysed")
    shutil.copy2(clip, folder)
    assert finish(AnalysisJob(folder / clip.name)) is AnalysisState.DONE
    return folder


@pytest.fixture
def place(analysed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder: the video and its review, moved together."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Path(shutil.copytree(analysed, tmp_path / "place"))


def finish(job: AnalysisJob) -> AnalysisState:
    job.start()
    assert job.join(100.0)
    assert job.progress().state is not AnalysisState.RUNNING
    return job.progress().state


def test_the_review_of_a_video_holds_what_spot_finds(analysed: Path, clip: Path, tmp_path: Path) -> None:
    folder = analysed / f"{clip.name}.apexspot"
    assert {path.name for path in analysed.iterdir()} == {clip.name, folder.name}
    assert session_for(analysed / clip.name) == session_for(folder) == session_for(folder / "frames.csv") == folder
    session = read_session(folder)
    result = spot_video(analysed / clip.name, SpotFiles.of(tmp_path, "clip"), Spotter())
    assert result.intervals and session.finished
    assert [(s.interval.type, s.interval.onset_frame, s.interval.offset_frame) for s in session.intervals] == [
        (i.type, i.onset_frame, i.offset_frame) for i in result.intervals
    ]
    assert session.video == analysed / clip.name and session.info.scores_only
    assert session.info.source.name == clip.name and len(session.info.source.sha256 or "") == 64
    assert len(session.frames) == result.frames and session.frames.analysed.all()
    pictures = Pictures.open(session.video, session.info.clock.first_frame_s or 0.0, session.frames)
    assert pictures.picture(30) is not None
    pictures.close()


def test_it_opens_again_without_computing(place: Path, clip: Path) -> None:
    folder = place / f"{clip.name}.apexspot"
    before = (folder / FEATURES_FILE).stat().st_mtime_ns
    assert session_for(place / clip.name) == folder, "the content counts, not the place"
    job = AnalysisJob(place / clip.name)
    assert finish(job) is AnalysisState.DONE and job.folder == folder and not job.scored_again
    assert (folder / FEATURES_FILE).stat().st_mtime_ns == before
    assert read_session(folder).video == place / clip.name, "moved together, the video is found"
    (place / clip.name).rename(place / "Another name.mp4")
    assert session_for(place / "Another name.mp4") is None, "a review lies beside a video under its name"


def test_another_model_scores_again_and_keeps_what_a_person_did(place: Path, clip: Path) -> None:
    folder = place / f"{clip.name}.apexspot"
    review = Review.open(folder)
    (row,) = review.state.intervals
    review.reject(row.id)
    made = review.add_interval(ExpressionType.MICRO, 2.6, 2.7, 2.8)
    review.close()
    info = read_info(folder)
    older = info.model.model_copy(update={"sha256": "0" * 64, "version": "0.0"})
    write_info(folder, info.model_copy(update={"model": older}))
    features = (folder / FEATURES_FILE).read_bytes()
    assert session_for(place / clip.name) is None
    job = AnalysisJob(place / clip.name)
    assert finish(job) is AnalysisState.DONE and job.scored_again
    assert session_for(place / clip.name) == folder
    again = Review.open(folder)
    assert {(r.id, r.source, r.status) for r in again.state.intervals} == {
        (row.id, "model", Status.REJECTED),
        (made, "person", Status.ACCEPTED),
    }
    assert again.undo() is None, "what was before another model is not undone"
    assert (folder / FEATURES_FILE).read_bytes() == features
    assert "Analysed again" in read_info(folder).remarks[-1]
    assert {path.name for path in place.iterdir()} == {clip.name, folder.name}
    again.close()


def test_another_network_scores_again_and_leaves_what_a_person_did(place: Path, clip: Path) -> None:
    video, folder = place / clip.name, place / f"{clip.name}.apexspot"
    usual, lab = Path("lively"), Path("lab")
    review = Review.open(folder)
    made = review.add_interval(ExpressionType.MICRO, 2.6, 2.7, 2.8)
    review.close()
    assert session_for(video, usual) == folder and session_for(video, lab) is None
    features = (folder / FEATURES_FILE).read_bytes()
    assert finish(AnalysisJob(video, lab)) is AnalysisState.DONE
    assert session_for(video, lab) == session_for(video) == folder and session_for(video, usual) is None
    assert read_info(folder).model.file == "spotter_lab.onnx"
    assert (folder / FEATURES_FILE).read_bytes() == features, "the video was not looked at again"
    again = Review.open(folder)
    assert made in {row.id for row in again.state.intervals}
    again.prepare()
    again.preview(again.state.thresholds)
    again.close()


def test_a_correction_is_taken_back_after_another_model(place: Path, clip: Path) -> None:
    folder = place / f"{clip.name}.apexspot"
    review = Review.open(folder)
    (row,) = review.state.intervals
    made = review.retype(row.id, ExpressionType.MICRO)
    review.close()
    info = read_info(folder)
    older = info.model.model_copy(update={"sha256": "0" * 64})
    write_info(folder, info.model_copy(update={"model": older}))
    assert finish(AnalysisJob(place / clip.name)) is AnalysisState.DONE

    again = Review.open(folder)
    assert [(r.id, r.status) for r in again.state.intervals] == [(row.id, "replaced"), (made, "accepted")]
    again.reset(made)
    assert [(r.id, r.status) for r in again.state.intervals] == [(row.id, "found")]
    again.undo()
    again.remove_interval(made)
    assert [(r.id, r.status) for r in again.state.intervals] == [(row.id, "rejected")]
    again.close()


def test_changed_perception_looks_at_the_video_again(place: Path, clip: Path) -> None:
    folder = place / f"{clip.name}.apexspot"
    info = read_info(folder)
    write_info(folder, info.model_copy(update={"model": info.model.model_copy(update={"perception": "older"})}))
    before = (folder / FEATURES_FILE).stat().st_ino
    ids = [row.id for row in read_session(folder).intervals]
    assert finish(AnalysisJob(place / clip.name)) is AnalysisState.DONE
    assert (folder / FEATURES_FILE).stat().st_ino != before
    assert [row.id for row in read_session(folder).intervals] == ids, "what is found again keeps its id"


def test_it_is_not_renewed_while_somebody_edits_it(place: Path, clip: Path) -> None:
    folder = place / f"{clip.name}.apexspot"
    info = read_info(folder)
    write_info(folder, info.model_copy(update={"model": info.model.model_copy(update={"sha256": "0" * 64})}))
    review = Review.open(folder)
    job = AnalysisJob(place / clip.name)
    assert finish(job) is AnalysisState.FAILED
    assert "another window" in (job.progress().error or "")
    assert {path.name for path in place.iterdir()} == {clip.name, folder.name}
    review.close()


def test_other_content_under_the_same_name_gets_a_folder_of_its_own(place: Path, clip: Path, face_video: Path) -> None:
    shutil.copy(face_video, place / clip.name)
    assert session_for(place / clip.name) is None
    job = AnalysisJob(place / clip.name)
    assert finish(job) is AnalysisState.DONE
    assert job.folder == place / f"{clip.name}.apexspot-2" == session_for(place / clip.name)


def test_what_a_killed_analysis_left_is_cleared_and_nothing_else(tmp_path: Path, face_video: Path) -> None:
    video = Path(shutil.copy(face_video, tmp_path / "a.mp4"))
    stale = tmp_path / ".a.mp4.apexspot.0123456789ab"
    stale.mkdir()
    (stale / FEATURES_FILE).write_bytes(b"half")
    other = tmp_path / ".a.mp4.apexspot.of-somebody"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    assert session_for(video) is None
    assert finish(AnalysisJob(video)) is AnalysisState.DONE
    assert not stale.exists() and (other / "notes.txt").is_file()


def test_cancelling_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    video = Path(shutil.copy(clip, tmp_path / "a.mp4"))
    job = AnalysisJob(video)
    job.start()
    end_s = time.monotonic() + 90.0
    while job.progress().share == 0.0 and time.monotonic() < end_s:
        time.sleep(0.01)
    job.cancel()
    assert job.join(90.0) and job.folder is None
    assert job.progress().state is AnalysisState.CANCELLED
    assert list(tmp_path.iterdir()) == [video]
    assert "apexspot-analysis" not in {thread.name for thread in threading.enumerate()}


def test_a_file_that_is_no_video_is_said(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no video at all")
    assert session_for(text) is None
    job = AnalysisJob(text)
    assert finish(job) is AnalysisState.FAILED
    assert "not a video" in (job.progress().error or "")
    assert list(tmp_path.iterdir()) == [text]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        session_for(tmp_path / "missing.mp4")
    with pytest.raises(UsageError, match="no session"):
        session_for(tmp_path)
