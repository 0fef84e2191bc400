"""``features.npy``: the motion of every analysed frame, one row each, appended while a session runs.

An ordinary NPY file (version 1.0, structured dtype, no pickle) that ``numpy.load`` reads. Its header states the rows
that were there at the newest flush and has a fixed length; after a kill there may be more rows than it states, and the
file's length tells how many.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from models.types import REGION_COUNT, FrameMotion

FEATURE_ROW = np.dtype(
    [
        ("frame", "<i8"),
        ("time_s", "<f8"),
        ("valid", "?"),
        ("quality", "<f8"),
        ("position_iod", "<f4", (REGION_COUNT, 2)),
    ]
)
"""One ``FrameMotion`` without its face."""


def _header(rows: int) -> bytes:
    buffer = io.BytesIO()
    # NumPy leaves room for the first axis to grow, so that every header has the same length
    description = {"descr": np.lib.format.dtype_to_descr(FEATURE_ROW), "fortran_order": False, "shape": (rows,)}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


_HEADER_BYTES = len(_header(0))


class FeatureWriter:
    """Appends rows; ``flush`` hands them to the system and then states them in the header.

    Raises:
        OSError: the file exists already or cannot be written, here and from every method.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._rows: list[tuple[object, ...]] = []
        self.written = 0
        _write_all(self._file, _header(0))

    @property
    def file(self) -> BinaryIO:
        """The open file, to lock it."""
        return self._file

    def append(self, motion: FrameMotion) -> None:
        self._rows.append((motion.index, motion.time_s, motion.valid, motion.quality, motion.position_iod))

    def flush(self) -> None:
        if not self._rows:
            return
        rows = np.array(self._rows, FEATURE_ROW)
        self._file.seek(_HEADER_BYTES + self.written * FEATURE_ROW.itemsize)
        _write_all(self._file, rows.tobytes())
        self.written += len(rows)
        self._rows.clear()
        self._file.seek(0)
        _write_all(self._file, _header(self.written))

    def sync(self) -> None:
        """Wait until what was flushed is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close."""
        try:
            self.flush()
        finally:
            self._file.close()


def read_features(path: Path) -> NDArray[np.void]:
    """All whole rows that are in the file, more than its header states where a session broke off.

    Raises:
        DataError: it cannot be read or is no feature file of this layout.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    begin = _data_begin(data)
    if begin != _HEADER_BYTES:
        raise DataError(f"{path} does not hold a session's features, or its beginning is damaged.")
    rows = (len(data) - begin) // FEATURE_ROW.itemsize
    return np.frombuffer(data, FEATURE_ROW, rows, begin)


def close_features(path: Path, file: BinaryIO) -> int:
    """Cut off a torn last row and state the rows in the header; ``file`` is open for reading and writing.

    Returns:
        The rows.

    Raises:
        DataError: no feature file. OSError: it cannot be written.
    """
    rows = len(read_features(path))
    file.truncate(_HEADER_BYTES + rows * FEATURE_ROW.itemsize)
    file.seek(0)
    _write_all(file, _header(rows))
    file.flush()
    return rows


def motion_of(row: np.void) -> FrameMotion:
    """The ``FrameMotion`` of a row; its face was not kept."""
    return FrameMotion(
        index=int(row["frame"]),
        time_s=float(row["time_s"]),
        valid=bool(row["valid"]),
        position_iod=np.array(row["position_iod"], np.float32),
        quality=float(row["quality"]),
    )


def _data_begin(data: bytes) -> int | None:
    """Where the rows begin; ``None`` where the header is not one of ours."""
    buffer = io.BytesIO(data[: 4 * _HEADER_BYTES])
    try:
        if np.lib.format.read_magic(buffer) != (1, 0):
            return None
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(buffer)
    except ValueError:
        return None
    return buffer.tell() if dtype == FEATURE_ROW and len(shape) == 1 and not fortran_order else None


def _write_all(file: BinaryIO, data: bytes) -> None:
    # an unbuffered file may take less than it was given
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
