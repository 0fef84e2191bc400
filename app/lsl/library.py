"""pylsl and the library under it, loaded when they are first asked for."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.errors import UsageError

_QUIET = "[log]\nlevel = -3\n"
"""LSL tells on stderr whenever it starts and whenever a sender ends; what goes wrong is raised as an error too."""


def load() -> Any:
    """The module ``pylsl``.

    Raises:
        UsageError: the extra is not installed, or LSL's own library is missing or does not fit this machine.
    """
    try:
        import pylsl
    except ImportError as error:
        raise UsageError("LSL needs one more package; please run: pip install 'apexspot[lsl]'.") from error
    except (RuntimeError, OSError) as error:  # what pylsl raises without a liblsl that it can load
        raise UsageError(
            "LSL's own library (liblsl) is missing or cannot be loaded on this machine; docs/lsl.md says how to get it."
        ) from error
    if not _configured():
        # counts only before LSL's first use; later it does nothing, and then it has been said already
        with suppress(NotImplementedError):  # of a liblsl before 1.17.7
            pylsl.set_config_content(_QUIET)
    return pylsl


def check_lsl(streams: tuple[str, ...] = ()) -> None:
    """Make sure that LSL is there and can look for ``streams``, before anything is begun.

    Raises:
        UsageError: pylsl or liblsl is missing, or a name is empty or has quotation marks.
    """
    for name in streams:
        if not name.strip() or "'" in name or '"' in name:
            raise UsageError(f"{name!r} is not the name of an LSL stream; LSL looks for names without quotation marks.")
    load()


def _configured() -> bool:
    """Whether the user has a configuration of LSL, which then counts alone; the places are liblsl's."""
    places = [Path("lsl_api.cfg"), Path("/etc/lsl_api/lsl_api.cfg")]
    for variable in ("HOME", "USERPROFILE"):
        if os.environ.get(variable):
            places.append(Path(os.environ[variable]) / "lsl_api" / "lsl_api.cfg")
    if os.environ.get("LSLAPICFG"):
        places.append(Path(os.environ["LSLAPICFG"]))
    return any(place.is_file() for place in places)
