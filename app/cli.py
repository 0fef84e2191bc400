"""The command ``apexspot``. Heavy parts are imported by the commands that need them, so that ``--help`` is quick."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from app.cli_exchange import add_exchange_commands
from app.cli_learn import add_learning_commands
from app.cli_record import MODEL_HELP, SmallestInSpeech, SmallestMovement, add_record_commands
from app.cli_review import add_review_commands
from app.cli_train import add_training_commands
from app.cli_window import add_window_commands
from app.logs import log_path, start_logging
from app.signals import heard
from app.versions import program_version
from models.errors import ApexspotError, UsageError

log = logging.getLogger(__name__)

INTERRUPTED = 130

# click's ClickException; newer releases of typer carry their own copy of click, so it is taken from what typer shows
_CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"apexspot {program_version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def window(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="Play the demo clip, no camera needed.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the demo in a terminal writes its CSV [current folder].")
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Spot macro- and micro-expressions, live from a camera or in a recording.

    Without a command the window opens.
    """
    if context.invoked_subcommand is not None:
        if demo or out is not None:
            raise UsageError("--demo goes without a command, and --out stands behind the command that it is for.")
        return
    if out is not None and not demo:
        raise UsageError("--out here belongs to --demo; for recordings it is: apexspot spot VIDEO --out DIR.")
    from app.display import probe_display

    display = probe_display()
    if display.usable:
        open_window(demo)
    if not demo:
        raise UsageError(
            f"{display.problem} Without a window there are: apexspot --demo (plays in the terminal) and "
            "apexspot spot VIDEO (a recording)."
        )
    from app.terminal_demo import run_terminal_demo

    typer.echo(f"{display.problem} The demo plays in the terminal instead.", err=True)
    run_terminal_demo(out or Path())


@app.command()
def spot(
    paths: Annotated[list[Path], typer.Argument(metavar="VIDEO", help="Video files, and folders with videos in them.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")] = Path(),
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace results that are there already.")] = False,
    model: Annotated[Path | None, typer.Option(metavar="FILE|lab", help=MODEL_HELP)] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Videos at a time [one a processor, less one; 8 at most].")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Hand the videos to a Dask cluster: its scheduler.")
    ] = None,
    smallest_movement: SmallestMovement = None,
    smallest_movement_in_speech: SmallestInSpeech = None,
) -> None:
    """Find the expressions in recordings.

    For each video three files are written: NAME.intervals.csv, NAME.frames.csv and NAME.json.
    Several videos of one NAME become NAME, NAME-2, NAME-3 in the order given; in a folder they keep their sub-folders.
    For several videos there is one summary.csv.

    It may be interrupted and run again: a video that is done is not done again.
    A video that cannot be read is named and passed over, and the exit code is then 1.
    """
    from app.cli_spot import spot_all

    done = spot_all(
        paths,
        out,
        force=force,
        model=model,
        jobs=jobs,
        dask=dask,
        smallest_movement_iod=smallest_movement,
        smallest_in_speech_iod=smallest_movement_in_speech,
    )
    if not done:
        raise typer.Exit(1)


@app.command()
def cameras() -> None:
    """List the cameras that are plugged in."""
    from app.cameras import camera_lines

    for line in camera_lines():
        typer.echo(line)


@app.command()
def doctor() -> None:
    """Show what is installed, where scoring runs, and what is missing."""
    from app.doctor import examine

    report = examine()
    for line in report.lines:
        typer.echo(line)
    if not report.healthy:
        raise typer.Exit(1)


add_record_commands(app)
add_review_commands(app)
add_exchange_commands(app)
add_training_commands(app)
add_learning_commands(app)
add_window_commands(app, lambda path: open_window(recording=path))


def open_window(demo: bool = False, recording: Path | None = None) -> NoReturn:
    """Open the window and leave the program with its exit code."""
    from app.gui.main import run_window
    from app.sources import DemoChoice
    from app.sources.opencv import drop_qt_variables

    drop_qt_variables()
    raise typer.Exit(run_window(DemoChoice() if demo else None, autoplay=demo, recording=recording))


def run() -> NoReturn:
    """Entry of the console command: every error becomes one sentence on stderr and an exit code."""
    start_logging()
    asked: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    for number in heard():
        # all as Ctrl+C: what is under way is tidied up, and the same command goes on where it was
        signal.signal(number, end)
    for stream in (sys.stdout, sys.stderr):
        # a character that the terminal does not have must not end the program
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(_run(sys.argv[1:], asked))


def _run(arguments: list[str], asked: Sequence[int] = ()) -> int:
    """asked: signals to end that came; native code that is being loaded makes an error of its own of them."""
    try:
        code = app(arguments, prog_name="apexspot", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # newer releases of typer turn Ctrl+C into this code, older ones into Abort
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except ApexspotError as error:
        typer.echo(f"apexspot: {error}", err=True)
        return error.exit_code
    except _CommandLineError as error:
        error.show()  # type: ignore[attr-defined]
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:
        # whoever read our output has left; keep Python from complaining once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _stopped() if asked else _unexpected(error)


def _stopped() -> int:
    typer.echo("apexspot: stopped, nothing half-written is left behind.", err=True)
    return INTERRUPTED


def _unexpected(error: Exception) -> int:
    log.error("unexpected error", exc_info=error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        # a folder that one may not enter, a name that is too long: wherever that comes to light
        what = f"{error.filename} cannot be used ({error.strerror})."
    else:
        what = f"something unexpected went wrong ({type(error).__name__}); see {log_path()}"
    typer.echo(f"apexspot: {what}", err=True)
    return 1
