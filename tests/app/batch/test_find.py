from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest

from app.batch.find import Found, Place, find_videos
from models.errors import UsageError


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with videos in sub-folders, and what is none."""
    for name in ("b/x.mp4", "a/x.MP4", "a/x.avi", "a/deep/x.mkv", "notes.txt", ".hidden/x.mp4", "a/._x.mp4", "top.mov"):
        path = tmp_path / "study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    return Path("study")


def found(*paths: str | Path) -> list[tuple[str, str]]:
    places = find_videos([Path(path) for path in paths]).places
    return [(place.video.as_posix(), place.results) for place in places]


def test_folders_are_searched_and_results_keep_them(study: Path) -> None:
    assert found(study) == [
        ("study/top.mov", "top"),
        ("study/a/x.MP4", "a/x"),
        ("study/a/x.avi", "a/x-2"),
        ("study/a/deep/x.mkv", "a/deep/x"),
        ("study/b/x.mp4", "b/x"),
    ]


def test_a_video_comes_once_where_it_was_named_first(study: Path) -> None:
    assert found(study / "b" / "x.mp4", study)[0] == ("study/b/x.mp4", "x")
    assert len(found(study / "b" / "x.mp4", study, "study/../study/b")) == 5
    assert found(study / "a" / "deep", study / "b") == [("study/a/deep/x.mkv", "x"), ("study/b/x.mp4", "x-2")]


def test_a_file_that_is_named_may_have_any_ending(study: Path) -> None:
    assert find_videos([study / "notes.txt"]) == Found((Place(study / "notes.txt", PurePath(), "notes"),), False, ())


def test_links_to_folders_are_not_followed(study: Path) -> None:
    try:
        (study / "b" / "round").symlink_to(study.resolve(), target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    assert len(found(study)) == 5


def test_what_makes_no_sense_is_said(study: Path) -> None:
    (study / "none").mkdir()
    with pytest.raises(UsageError, match="a folder without a video"):
        find_videos([study / "none"])
    with pytest.raises(UsageError, match="There is no file"):
        find_videos([study, Path("gone")])
    with pytest.raises(UsageError, match="is an address"):
        find_videos([Path("rtsp://host/camera")])


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of folders that may not be read; who runs the tests may be allowed everything."""
    names: set[str] = set()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name in names:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return names


def test_a_sub_folder_that_cannot_be_read_is_named_and_passed_over(study: Path, closed: set[str]) -> None:
    closed.add("a")
    found = find_videos([study])
    assert [place.results for place in found.places] == ["top", "b/x"]
    assert found.unread == (f"The folder {study / 'a'} cannot be read (Permission denied).",)


def test_a_folder_that_cannot_be_read_is_refused(study: Path, closed: set[str]) -> None:
    closed.add("study")
    with pytest.raises(UsageError, match="The folder study cannot be read"):
        find_videos([study])
    closed.add("deep")
    closed.remove("study")
    (study / "a" / "x.MP4").unlink()
    (study / "a" / "x.avi").unlink()
    with pytest.raises(UsageError, match=r"The folder .*deep cannot be read"):
        find_videos([study / "a"])


def test_a_link_to_itself_is_taken_along_to_be_named_in_its_turn(study: Path) -> None:
    try:
        (study / "loop.mp4").symlink_to("loop.mp4")
    except OSError:
        pytest.skip("links cannot be made here")
    assert ("study/loop.mp4", "loop") in found(study)
    assert found(study / "loop.mp4") == [("study/loop.mp4", "loop")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(study: Path) -> None:
    os.mkfifo(study / "pipe.mp4")
    assert len(found(study)) == 5
    with pytest.raises(UsageError, match=r"pipe\.mp4 is a pipe"):
        find_videos([study / "pipe.mp4"])
