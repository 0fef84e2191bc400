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
        ("axis", "<f4", (2,)),
    ]
)
"""One ``FrameMotion`` without its face."""

_FIRST_FIELDS = ("frame", "time_s", "valid", "quality", "position_iod")
_WITHOUT_AXIS = np.dtype([(name, FEATURE_ROW[name]) for name in _FIRST_FIELDS])
"""A row of the first recordings, which do not tell where the face looks."""


def _header(rows: int, layout: np.dtype[np.void] = FEATURE_ROW) -> bytes:
    buffer = io.BytesIO()
    # NumPy leaves room for the first axis to grow, so that every header has the same length
    description = {"descr": np.lib.format.dtype_to_descr(layout), "fortran_order": False, "shape": (rows,)}
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
        row = (motion.index, motion.time_s, motion.valid, motion.quality, motion.position_iod, motion.axis)
        self._rows.append(row)

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

    Where the file does not tell where the face looked, ``axis`` is NaN.

    Raises:
        DataError: it cannot be read or is no feature file of this layout.
    """
    stored = _stored_rows(path)
    if stored.dtype == FEATURE_ROW:
        return stored
    rows = np.empty(len(stored), FEATURE_ROW)
    for name in _FIRST_FIELDS:
        rows[name] = stored[name]
    rows["axis"] = np.nan
    return rows


def _stored_rows(path: Path) -> NDArray[np.void]:
    """All whole rows, in the layout that the file has."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    found = _layout(data)
    if found is None:
        raise DataError(f"{path} does not hold a session's features, or its beginning is damaged.")
    layout, begin = found
    return np.frombuffer(data, layout, (len(data) - begin) // layout.itemsize, begin)


def close_features(path: Path, file: BinaryIO) -> int:
    """Cut off a torn last row and state the rows in the header; ``file`` is open for reading and writing.

    Returns:
        The rows.

    Raises:
        DataError: no feature file. OSError: it cannot be written.
    """
    rows = _stored_rows(path)
    header = _header(len(rows), rows.dtype)
    file.truncate(len(header) + rows.nbytes)
    file.seek(0)
    _write_all(file, header)
    file.flush()
    return len(rows)


def motion_of(row: np.void) -> FrameMotion:
    """The ``FrameMotion`` of a row; its face was not kept."""
    return FrameMotion(
        index=int(row["frame"]),
        time_s=float(row["time_s"]),
        valid=bool(row["valid"]),
        position_iod=np.array(row["position_iod"], np.float32),
        quality=float(row["quality"]),
        axis=np.array(row["axis"], np.float32),
    )


def _layout(data: bytes) -> tuple[np.dtype[np.void], int] | None:
    """How rows are laid out and where they begin; ``None`` where the header is not one of ours."""
    buffer = io.BytesIO(data[: 4 * _HEADER_BYTES])
    try:
        if np.lib.format.read_magic(buffer) != (1, 0):
            return None
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(buffer)
    except ValueError:
        return None
    begin = buffer.tell()
    mine = dtype in (FEATURE_ROW, _WITHOUT_AXIS) and len(shape) == 1 and not fortran_order
    return (dtype, begin) if mine and begin == len(_header(0, dtype)) else None


def _write_all(file: BinaryIO, data: bytes) -> None:
    # an unbuffered file may take less than it was given
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
