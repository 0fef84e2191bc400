"""Readers of data sets as their owners hand them out: a folder and a label table in, recordings with labels out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from training.readers import casme2, casme3, plain, samm_lv, sessions
from training.readers.labels import CodedInterval, CodedPoint, Finding, Reading, RecordingLabels
from training.readers.points import PointDraw, draw_points

__all__ = [
    "CodedInterval",
    "CodedPoint",
    "DataSet",
    "Finding",
    "PointDraw",
    "Reading",
    "RecordingLabels",
    "draw_points",
    "read",
]


class DataSet(StrEnum):
    """What can be read."""

    CASME2 = casme2.DATA_SET
    SAMM_LV = samm_lv.DATA_SET
    CASME3 = casme3.DATA_SET
    PLAIN = plain.DATA_SET
    SESSIONS = sessions.DATA_SET

    @property
    def is_own(self) -> bool:
        """Whether its labels are the user's own, who can correct them; an owner's table is taken as it is."""
        return self in (DataSet.PLAIN, DataSet.SESSIONS)


_READERS = {
    DataSet.CASME2: casme2.ORIGINAL.read,
    DataSet.SAMM_LV: samm_lv.ORIGINAL.read,
    DataSet.CASME3: casme3.ORIGINAL.read,
    DataSet.PLAIN: plain.read,
    DataSet.SESSIONS: sessions.read,
}


def read(data_set: DataSet, root: Path, labels: Path | None = None, *, unlabelled: bool = False) -> Reading:
    """Read a data set; see its module for how the folder is to look.

    Args:
        labels: the label table, where it is not below ``root``.
        unlabelled: take in recordings without any label, as free of expressions.

    Raises:
        UsageError: the folder or the table is missing.
        LabelError: the table cannot be used, or nothing that it labels is there.
    """
    return _READERS[data_set](root, labels, unlabelled=unlabelled)
