"""Every exception that apexspot raises on purpose, in one tree.

The message of each is one sentence for the person at the screen: what, where, and what to do about it. The command
line prints it and exits with ``exit_code``; the window shows it.
"""

from __future__ import annotations


class ApexspotError(Exception):
    """Root of the tree; never raised itself."""

    exit_code = 1


class UsageError(ApexspotError):
    """The request itself is wrong (a missing path, an impossible option)."""

    exit_code = 2


class DataError(ApexspotError):
    """The input exists but cannot be used."""


class VideoError(DataError):
    """A video file cannot be opened or decoded."""


class SourceError(DataError):
    """A camera or network stream cannot be opened, or stopped delivering."""


class AssetError(ApexspotError):
    """A file that ships with apexspot is missing or is not the one that was shipped."""


class ModelFileError(DataError):
    """A model file breaks the contract (see ``models.model_file``)."""


class OutputError(DataError):
    """A result cannot be written where it was asked for."""


class LabelError(DataError):
    """A label table or feature archive cannot be used."""
