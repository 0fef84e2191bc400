"""Sessions for the tests of reviewing: a face that smiles and raises its brows, without a camera."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from app.review.review import Review
from app.session import read_session
from app.session.schema import Clock, Counts, SessionInfo, SessionState, SourceInfo, model_info, thresholds, write_info
from app.session.tables import SessionTables
from models.analyzer import Analyzer
from models.spotter import Spotter
from models.types import ExpressionType, FrameMotion

SECONDS = 24.0


@pytest.fixture(scope="session")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


def smiles(time_s: np.ndarray, seed: int = 3) -> np.ndarray:
    """Positions (T, 12, 2) of a face that smiles every five seconds, some smiles weaker."""
    phase = np.clip((time_s % 5.0 - 2.0) / 1.2, 0.0, 1.0)
    size_iod = np.array([0.12, 0.05, 0.14, 0.0095, 0.1])[(time_s // 5.0).astype(int) % 5]
    profile = np.sin(np.pi * phase) ** 2 * size_iod
    position = np.random.default_rng(seed).normal(0.0, 0.0002, (len(time_s), 12, 2)).astype(np.float32)
    for region, out in ((8, -0.8), (10, 0.8)):
        position[:, region, 0] += out * profile
        position[:, region, 1] -= 0.6 * profile
    return position


def write_session(
    folder: Path, spotter: Spotter, time_s: np.ndarray, *, lost: Sequence[int] = (), faceless: Sequence[int] = ()
) -> Path:
    """A session of ``smiles`` at the given times, as the recorder writes it. lost: frames that were never analysed."""
    folder.mkdir(parents=True)
    tables = SessionTables(folder)
    analyzer = Analyzer(spotter)
    position = smiles(time_s)
    position[list(faceless)] = np.nan
    for k, at_s in enumerate(time_s.tolist()):
        tables.offered(k, at_s)
        if k not in lost:
            # the head turns while one smile in five lasts
            axis = np.array([0.25 * (at_s % 25.0 > 21.0) * np.sin(at_s), 0.0], np.float32)
            motion = FrameMotion(k, at_s, k not in faceless, position[k], 1.0, None, axis)
            tables.motion(motion)
            analyzer.push(motion)
        if k % 40 == 39:
            tables.update(analyzer.update())
    tables.update(analyzer.finish())
    tables.point(4.2, int(np.argmin(np.abs(time_s - 4.2))), ExpressionType.MICRO)
    tables.close()
    info = SessionInfo(
        state=SessionState.COMPLETE,
        participant="P3",
        scores_only=True,
        source=SourceInfo(kind="camera", name="Desk camera"),
        created_utc=datetime.now(UTC),
        clock=Clock(first_frame_s=float(time_s[0]), first_frame_utc=datetime.now(UTC)),
        model=model_info(spotter),
        thresholds=thresholds(spotter),
        counts=Counts(offered=len(time_s), analysed=tables.analysed_count, intervals=tables.interval_count),
    )
    write_info(folder, info)
    return folder


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, spotter: Spotter) -> Path:
    """A session that no test changes: uneven times, some frames lost, a second without a face."""
    steps = np.random.default_rng(5).uniform(0.02, 0.05, int(SECONDS / 0.035))
    time_s = np.round(100.0 + np.cumsum(steps), 6) - 100.0 + 0.5
    folder = tmp_path_factory.mktemp("recorded") / "2026-11-22_14-03-07_P3"
    write_session(folder, spotter, np.round(time_s, 6), lost=(50, 51, 200), faceless=range(430, 460))
    assert len(read_session(folder).intervals) >= 3
    return folder


class OpenReview(Protocol):
    def __call__(self, folder: Path | None = None) -> Review: ...


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """A copy of the session, to be edited."""
    return Path(shutil.copytree(recorded, tmp_path / "2026-11-22_14-03-07_P3"))


@pytest.fixture
def review(folder: Path) -> Review:
    return Review.open(folder)
