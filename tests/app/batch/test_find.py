from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest

from app.batch.find import Place, find_videos
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
    return [(place.video.as_posix(), place.results) for place in find_videos([Path(path) for path in paths])]


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
    assert find_videos([study / "notes.txt"]) == [Place(study / "notes.txt", PurePath(), "notes")]


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


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(study: Path) -> None:
    (study / "a").chmod(0)
    try:
        with pytest.raises(UsageError, match="cannot be read"):
            find_videos([study])
    finally:
        (study / "a").chmod(0o700)
