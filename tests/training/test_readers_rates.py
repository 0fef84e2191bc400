"""Frame rates of files that state none, or the one of their clock."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.video import VideoFile
from training.readers import DataSet, read
from training.readers.pictures import open_source
from training.readers.rates import frame_rate_hz

if TYPE_CHECKING:
    from tests.conftest import WriteVideo

GREY = np.full((48, 64, 3), 128, np.uint8)
STATED = bytes.fromhex("23e38384")
"""How Matroska begins to say how long a frame lasts, in four bytes."""


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> Path:
    """A WebM file as browsers record it: uneven time stamps in milliseconds, and no frame rate."""
    steps_ms = np.random.default_rng(1).choice([16, 31, 33, 34, 36, 50], 60)
    times_ms = [0, *np.cumsum(steps_ms).tolist()]
    path = tmp_path_factory.mktemp("browsers") / "interview.webm"
    write_video(path, [GREY] * len(times_ms), times_ms, "libvpx", {"deadline": "realtime"})
    content = path.read_bytes()
    assert content.count(STATED) == 1
    # of the same length, and to be passed over
    path.write_bytes(content.replace(STATED, bytes.fromhex("ec860000")))
    return path


def test_a_browsers_recording_has_the_rate_of_its_pictures(browsers: Path) -> None:
    with VideoFile(browsers) as video:
        assert video.nominal_fps == 1000, "of the clock"
        assert frame_rate_hz(video) == pytest.approx(30, abs=2)


def test_every_picture_of_a_browsers_recording_is_seen(browsers: Path) -> None:
    (browsers.parent / "points.csv").write_text("video,time_s,type\ninterview,1,macro\n")
    (recording,) = read(DataSet.PLAIN, browsers.parent).recordings
    source = open_source(recording.source, recording.fps)
    assert len(list(source)) == 61
    source.close()


def test_a_file_without_a_rate_is_held_against_the_one_of_its_data_set(browsers: Path, tmp_path: Path) -> None:
    shutil.copy(browsers, tmp_path / "006_1.webm")
    table = tmp_path / "samm_long.csv"
    table.write_text("Filename,Onset,Apex,Offset,Type,Action Units\n006_1_1,20,40,60,Macro,AU4\n")
    reading = read(DataSet.SAMM_LV, tmp_path, table)
    (finding,) = reading.findings
    assert not reading.recordings and finding.lost
    assert "(samm_006_1)" in finding.sentence and "at about 30 frames a second" in finding.sentence


def test_a_fast_recording_keeps_the_rate_that_it_states(tmp_path: Path, write_video: WriteVideo) -> None:
    """Which the last picture, that lasts longer, makes a little lower than that of the others."""
    with VideoFile(write_video(tmp_path / "fast.mp4", [GREY] * 60, [5 * k for k in range(60)])) as video:
        assert frame_rate_hz(video) == video.nominal_fps == pytest.approx(183, abs=1)
