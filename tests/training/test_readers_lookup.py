"""Which video a table's cell means, whatever system and hand spelled it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from training.readers.lookup import OwnVideos

MUELLER = "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    names = ("monday.mp4", "sub/Tuesday.MP4", "a/one.mp4", "b/one.mp4", "two.avi", "two.mov", "camera.MTS", "notes.txt")
    for name in (*names, "._monday.mp4", ".old/monday.mp4", unicodedata.normalize("NFD", f"{MUELLER}.mp4")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def meant(root: Path, words: str) -> list[str]:
    return [unicodedata.normalize("NFC", path.as_posix()) for path in OwnVideos(root).meant(words)]


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ("monday.mp4", "monday.mp4"),
        ("Monday", "monday.mp4"),
        ("sub/tuesday", "sub/Tuesday.MP4"),
        ("sub\\Tuesday.mp4", "sub/Tuesday.MP4"),
        ("Tuesday", "sub/Tuesday.MP4"),
        ("camera.mts", "camera.MTS"),
        (f"{MUELLER}.mp4", f"{MUELLER}.mp4"),
        (unicodedata.normalize("NFD", MUELLER.lower()), f"{MUELLER}.mp4"),
        ("notes.txt", "notes.txt"),
    ],
)
def test_a_name_is_found_however_it_is_spelled(root: Path, words: str, file: str) -> None:
    assert meant(root, words) == [file]
    assert meant(root, str(root / words.replace("\\", "/"))) == [file]


def test_a_whole_path_is_that_file_wherever_one_stands(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert meant(Path(root.name), str(root / "b" / "one.mp4")) == ["b/one.mp4"]
    assert meant(root, "/elsewhere/monday.mp4") == ["monday.mp4"], "on the computer on which the table was written"


def test_what_may_be_several_files_is_not_guessed(root: Path) -> None:
    assert meant(root, "one") == meant(root, "one.mp4") == ["a/one.mp4", "b/one.mp4"]
    assert meant(root, "two") == ["two.avi", "two.mov"]
    assert meant(root, "a/one") == ["a/one.mp4"] and meant(root, "two.mov") == ["two.mov"]
    for nothing in ("", "three", "../monday.mp4", "a", "bad\0name", "x" * 300):
        assert meant(root, nothing) == []


def test_a_spelling_that_is_there_goes_before_one_that_is_alike(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    if (tmp_path / "A.MP4").exists():
        pytest.skip("this file system does not tell capitals from small letters")
    (tmp_path / "A.mp4").touch()
    assert meant(tmp_path, "a.mp4") == ["a.mp4"] and meant(tmp_path, "A.mp4") == ["A.mp4"]
    assert meant(tmp_path, "A.MP4") == ["A.mp4", "a.mp4"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in this file system")
def test_what_is_no_file_is_no_video(tmp_path: Path) -> None:
    """A pipe would be waited for without end."""
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "dead.mp4").symlink_to("nowhere")
    assert OwnVideos(tmp_path).videos == [] and meant(tmp_path, "pipe.mp4") == meant(tmp_path, "dead") == []


def test_links_in_a_ring_are_followed_once(root: Path) -> None:
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    assert [path.as_posix() for path in OwnVideos(root).videos].count("monday.mp4") == 1
    assert len(OwnVideos(root).videos) == 8
    assert meant(root, "a/up/monday.mp4") == ["a/up/monday.mp4"]
