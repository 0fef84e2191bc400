"""``apexspot open``: a recording in the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from models.errors import DataError, UsageError


def add_window_commands(app: typer.Typer, show: Callable[[Path], NoReturn]) -> None:
    """Register the commands. show: opens the window with a recording and leaves the program when it is closed."""

    @app.command("open")
    def open_recording(
        path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder of a session, or a video file.")],
    ) -> None:
        """Open a recording in the window, to replay and correct it.

        A video that was not opened before is analysed first.
        """
        check_recording(path)
        from app.display import probe_display

        display = probe_display()
        if not display.usable:
            raise UsageError(f"{display.problem} Without a window there is: apexspot spot VIDEO, which writes files.")
        show(path)


def check_recording(path: Path) -> None:
    """Make sure that there is something to open, before a window appears.

    Raises:
        UsageError: there is nothing, or it is neither a session nor a video.
    """
    # imported only now: OpenCV, FFmpeg and NumPy take their time
    if path.is_dir():
        from app.session.schema import read_info

        try:
            read_info(path)
        except DataError as error:
            raise UsageError(str(error)) from error
        return
    from models.video import VideoFile

    try:
        VideoFile(path).close()
    except DataError as error:
        raise UsageError(str(error)) from error
