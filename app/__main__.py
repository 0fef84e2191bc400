"""``python -m app`` is the command ``apexspot``."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The command; Ctrl+C while its parts are still being loaded ends it without a traceback."""
    try:
        from app.cli import run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
