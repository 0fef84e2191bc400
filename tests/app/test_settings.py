"""The settings file: what is remembered, and that a damaged file stops nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.settings import Settings, SettingsFile


def test_what_was_changed_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "config" / "settings.json"
    file = SettingsFile(path)
    assert file.values == Settings() and not path.exists()
    file.change(recordings=tmp_path / "lab", consent="Video and scores, 2026")
    file.change(scores_only=True)
    again = SettingsFile(path).values
    assert again == file.values
    assert (again.recordings, again.consent, again.scores_only) == (tmp_path / "lab", "Video and scores, 2026", True)
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"], "nothing half-written is left"


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b'{"recordings": {"a": 1}, "scores_only": "perhaps"}']
)
def test_a_damaged_file_counts_as_none(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(damage)
    file = SettingsFile(path)
    assert file.values == Settings()
    file.change(consent="yes")
    assert SettingsFile(path).values.consent == "yes"


def test_what_is_sound_in_a_damaged_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"consent": "kept", "recordings": 7, "from_a_later_version": True}), encoding="utf-8")
    values = SettingsFile(path).values
    assert values.consent == "kept" and values.recordings == Settings().recordings


def test_settings_that_cannot_be_saved_hold_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    file = SettingsFile(tmp_path / "file" / "settings.json")
    file.change(consent="for now")
    assert file.values.consent == "for now"
