"""Finding one face in a stream of pictures, and the transform to its aligned form."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.assets import FACE_LANDMARKER, FACE_LANDMARKER_SHA256, read_verified
from models.errors import AssetError
from models.types import FaceTrack, FloatArray, Image

LANDMARK_COUNT = 478

# outer and inner corner; left and right are those of the picture
EYE_LEFT = (33, 133)
EYE_RIGHT = (263, 362)

# eye corners and nose bridge: points that hold still while the face moves
STABLE_LANDMARKS = (33, 133, 362, 263, 168, 6, 197)
# where they lie in a face seen from the front, in IOD from the middle between the eyes (x right, y down). Measured with
# the face landmarker on a public-domain portrait and its mirror image, averaged
_STABLE_IOD = np.array(
    [(-0.722, -0.023), (-0.278, 0.023), (0.278, 0.023), (0.722, -0.023), (0.0, -0.045), (0.0, 0.087), (0.0, 0.208)]
)

MIN_IMAGE_PX = 16
"""Pictures with a shorter side are not searched for a face."""


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """Geometry of the aligned face: picture size, inter-ocular distance and the point between the eyes, in pixels."""

    width_px: int = 256
    height_px: int = 256
    iod_px: float = 96.0
    eyes_x_px: float = 127.5
    eyes_y_px: float = 80.0

    def scaled(self, factor: float) -> AlignedFace:
        """The same part of the face in another resolution."""
        return AlignedFace(
            round(self.width_px * factor),
            round(self.height_px * factor),
            self.iod_px * factor,
            (self.eyes_x_px + 0.5) * factor - 0.5,
            (self.eyes_y_px + 0.5) * factor - 0.5,
        )


ALIGNED = AlignedFace()
"""The aligned face that ``FaceTrack.to_aligned`` leads to."""


def inter_ocular_px(landmarks_px: FloatArray) -> float:
    """Distance between the centres of the two eyes (middle of inner and outer corner), in picture pixels."""
    left = landmarks_px[list(EYE_LEFT), :2].mean(axis=0)
    right = landmarks_px[list(EYE_RIGHT), :2].mean(axis=0)
    return float(np.hypot(*(right - left)))


def fit_similarity(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Least-squares rotation, uniform scale and shift from ``source`` to ``target``, both (n, 2); returns (2, 3)."""
    from_mean, to_mean = source.mean(axis=0), target.mean(axis=0)
    a = (source - from_mean).astype(np.float64)
    b = (target - to_mean).astype(np.float64)
    spread = max(float((a * a).sum()), 1e-12)
    cos = float((a * b).sum()) / spread
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, to_mean - turn @ from_mean])


def alignment(landmarks_px: FloatArray, aligned: AlignedFace = ALIGNED) -> NDArray[np.float64]:
    """Similarity (2, 3) from picture pixels to the aligned face, fitted to the stable points."""
    target = _STABLE_IOD * aligned.iod_px + (aligned.eyes_x_px, aligned.eyes_y_px)
    return fit_similarity(landmarks_px[list(STABLE_LANDMARKS), :2], target)


# lines that MediaPipe's native libraries write at every start, whatever log level is asked for
_CHATTER = (b"absl::InitializeLog", b"face_landmarker_graph.cc", b"XNNPACK delegate", b"inference_feedback_manager.cc")
_stderr_lock = threading.Lock()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to the process's standard error; pass on all but the known chatter."""
    with _stderr_lock, tempfile.TemporaryFile() as held:
        try:
            saved = os.dup(2)
        except OSError:  # no standard error at all (a windowed program)
            yield
            return
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(held.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            held.seek(0)
            for line in held:
                if not any(known in line for known in _CHATTER):
                    os.write(saved, line)
            os.close(saved)


class FaceTracker:
    """MediaPipe FaceLandmarker in video mode: at most one face, the one found first for as long as it is seen.

    Not for use by two threads at once. Close it, or use it as a context manager: MediaPipe's own destructor
    complains when the interpreter ends first.

    Raises:
        AssetError: the shipped landmark model is missing, damaged, or refused by MediaPipe.
    """

    def __init__(self) -> None:
        self._model = read_verified(FACE_LANDMARKER, FACE_LANDMARKER_SHA256)
        self._landmarker: Any = None
        self._picture: Callable[[Image], Any]
        self._size: tuple[int, int] | None = None
        self._origin_s = self._last_s = 0.0
        self._last_ms = -1
        self._open()

    def track(self, image: Image, time_s: float) -> FaceTrack | None:
        """Look for the face in a BGR picture (H, W, 3) taken at ``time_s``; ``None`` where there is none.

        Frames that share a millisecond, or go back a little, are taken as 1 ms apart. When the picture changes its
        size or the time goes back by more than 0.1 s, tracking starts afresh.
        """
        height, width = image.shape[:2]
        if min(height, width) < MIN_IMAGE_PX:
            return None
        if self._size is not None and (self._size != (width, height) or time_s < self._last_s - 0.1):
            self.restart()
        self._last_s = time_s
        if self._size is None:
            self._size = (width, height)
            self._origin_s = time_s
        # counted from the first frame, so that a clip gives the same numbers wherever its clock starts
        self._last_ms = max(self._last_ms + 1, round((time_s - self._origin_s) * 1000))
        picture = self._picture(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
        faces = self._landmarker.detect_for_video(picture, self._last_ms).face_landmarks
        if not faces:
            return None
        # MediaPipe gives x and y as fractions of width and height, z as a fraction of the width
        points = np.array([(p.x * width, p.y * height, p.z * width) for p in faces[0]], np.float32)
        iod_px = inter_ocular_px(points)
        if len(points) != LANDMARK_COUNT or not np.isfinite(points).all() or iod_px < 1.0:
            return None
        return FaceTrack(points, iod_px, alignment(points))

    def restart(self) -> None:
        """Forget the face that is being followed."""
        self.close()
        self._open()

    def close(self) -> None:
        """Free MediaPipe's threads and memory; harmless when repeated."""
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None

    def _open(self) -> None:
        self._size = None
        self._last_ms = -1
        with _quiet_stderr():
            # imported here: it takes a second and brings up native libraries that talk to the terminal
            from mediapipe import Image as MediaPipeImage
            from mediapipe import ImageFormat
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=self._model),
                running_mode=vision.RunningMode.VIDEO,
                num_faces=1,
            )
            try:
                self._landmarker = vision.FaceLandmarker.create_from_options(options)
            except (RuntimeError, ValueError) as error:
                raise AssetError(f"MediaPipe refused the face landmark model ({error}).") from error
            # the first picture makes the native libraries report once more; show them an empty one while they are quiet
            self._picture = partial(MediaPipeImage, ImageFormat.SRGB)
            self._landmarker.detect_for_video(self._picture(np.zeros((64, 64, 3), np.uint8)), 0)
        self._last_ms = 0

    def __enter__(self) -> FaceTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
