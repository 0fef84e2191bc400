"""What all tests share: small videos with a real face, made on the fly, and the way to the shared data."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_configure() -> None:
    """Hear Ctrl+C: who starts the tests in the background of a shell script passes on that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED_DATA.is_dir():
        return
    skip = pytest.mark.skip(reason="there is no ../shared/data beside the checkout")
    for item in items:
        if item.get_closest_marker("shared_data"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the recordings that are not part of the repository; use it with the mark of the same name."""
    return SHARED_DATA


class WriteVideo(Protocol):
    def __call__(
        self,
        path: Path,
        pictures: Sequence[Picture],
        times_ms: Sequence[int] | None = None,
        codec: str = "libx264",
        options: dict[str, str] | None = None,
        rotation_deg: float | None = None,
    ) -> Path: ...


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    """Encodes pictures (BGR) with the given times, 30 Hz where none are given; ``rotation_deg`` goes in as metadata."""

    def write(
        path: Path,
        pictures: Sequence[Picture],
        times_ms: Sequence[int] | None = None,
        codec: str = "libx264",
        options: dict[str, str] | None = None,
        rotation_deg: float | None = None,
    ) -> Path:
        times_ms = times_ms or [round(k * 1000 / 30) for k in range(len(pictures))]
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=30, options=options or {"preset": "ultrafast", "crf": "18"})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.time_base = Fraction(1, 1000)
            if rotation_deg is not None:
                stream.set_display_rotation(rotation_deg)
            for picture, time_ms in zip(pictures, times_ms, strict=True):
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture(scope="session")
def portrait() -> Picture:
    """The face that ships with apexspot, 256 x 256 BGR."""
    image = cv2.imread(str(ROOT / "assets" / "portrait.png"))
    assert image is not None
    return np.asarray(cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="session")
def face_video(tmp_path_factory: pytest.TempPathFactory, portrait: Picture, write_video: WriteVideo) -> Path:
    """A face for two seconds at 30 Hz, a little brighter with every frame."""
    pictures = [cv2.convertScaleAbs(portrait, beta=k / 8) for k in range(60)]
    return write_video(tmp_path_factory.mktemp("video") / "face.mp4", [np.asarray(p, np.uint8) for p in pictures])


@pytest.fixture(scope="session")
def faceless_video(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> Path:
    """A second of a grey slope without a face."""
    slope = np.broadcast_to(np.linspace(40, 200, 160, dtype=np.uint8)[None, :, None], (120, 160, 3))
    return write_video(tmp_path_factory.mktemp("video") / "empty_room.mp4", [np.ascontiguousarray(slope)] * 30)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flow12 archive of three people with one expression of either kind each."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    folder.mkdir()
    rng = np.random.default_rng(0)
    flows, points, intervals = {}, ["video,frame,type"], ["video,subject,onset_frame,apex_frame,offset_frame,type"]
    for name in ("s1_a", "s2_a", "s3_a"):
        flow = rng.normal(0, 0.002, (150, 12, 2))
        flow[40:48, 8:11, 1] -= 0.05
        flow[48:60, 8:11, 1] += 0.033
        flows[name] = flow.astype(np.float32)
        points += [f"{name},47,macro", f"{name},110,micro"]
        intervals += [f"{name},{name[:2]},40,47,60,macro", f"{name},{name[:2]},104,109,116,micro"]
    np.savez(folder / "features.npz", **flows)
    (folder / "meta.json").write_text(json.dumps({"fps": 30.0, "px_per_unit": 20}))
    (folder / "points.csv").write_text("\n".join(points) + "\n")
    (folder / "intervals.csv").write_text("\n".join(intervals) + "\n")
    return folder
