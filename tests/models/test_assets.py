"""The shipped files are there and are the shipped ones."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from models import assets, errors
from models.assets import FACE_LANDMARKER, FACE_LANDMARKER_SHA256, asset_path, read_verified


@pytest.mark.parametrize("name", [FACE_LANDMARKER, assets.SPOTTER, assets.LAB_SPOTTER, assets.DEMO_CLIP])
def test_shipped_files_are_found(name: str) -> None:
    assert asset_path(name).is_file() and asset_path(name).stat().st_size > 1000


def test_the_face_model_is_the_known_one() -> None:
    data = read_verified(FACE_LANDMARKER, FACE_LANDMARKER_SHA256)
    assert hashlib.sha256(data).hexdigest() == FACE_LANDMARKER_SHA256


def test_a_changed_file_is_refused() -> None:
    with pytest.raises(errors.AssetError, match="install apexspot again") as caught:
        read_verified(assets.SPOTTER, FACE_LANDMARKER_SHA256)
    assert caught.value.exit_code == 1


def test_a_missing_file_is_named() -> None:
    with pytest.raises(errors.AssetError, match=re.escape("none.onnx")):
        asset_path("none.onnx")


def test_installed_copies_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel carries the files in ``models/_assets``; a checkout has them in ``assets``."""
    package = tmp_path / "models"
    (package / "_assets").mkdir(parents=True)
    (tmp_path / "assets").mkdir()
    for folder in (package / "_assets", tmp_path / "assets"):
        (folder / "both.bin").write_bytes(b"x")
    (tmp_path / "assets" / "checkout.bin").write_bytes(b"x")
    monkeypatch.setattr(assets, "__file__", str(package / "assets.py"))
    assert asset_path("both.bin") == package / "_assets" / "both.bin"
    assert asset_path("checkout.bin") == tmp_path / "assets" / "checkout.bin"


def test_every_error_says_its_exit_code() -> None:
    """2 where the request is wrong, 1 where the data are."""
    tree = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.ApexspotError)]
    assert len(tree) > 5
    assert {e for e in tree if e.exit_code == 2} == {errors.UsageError}
    assert all(e.exit_code == 1 for e in tree if e is not errors.UsageError)
