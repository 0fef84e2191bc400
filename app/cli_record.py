"""``apexspot record`` and ``apexspot recover``: sessions without a window."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.signals import on_end_signals
from models.errors import ApexspotError, DataError, OutputError, UsageError

if TYPE_CHECKING:
    from app.live import LiveSession
    from app.live_sinks import LiveSink
    from app.lsl import MarkerSink, MarkerStatus
    from app.session import Recorder, RecorderStatus
    from app.session.schema import SessionInfo
    from app.sources import SourceChoice
    from models.types import Interval

_POLL_S = 0.1
_STALL_S = 1.0
"""Longer than a picture takes from its moment to here."""
_MARKERS_AFTER_S = 5.0
"""From here on a stream of event markers that is not there is spoken of."""

MODEL_HELP = 'A model of your own, or "lab": the network for laboratory recordings, of people who hold back.'
SmallestMovement = Annotated[
    float | None,
    typer.Option(
        metavar="SIZE", help="Leave out what moves less than this, where 1 is the distance between the eyes [0.008]."
    ),
]
SmallestInSpeech = Annotated[
    float | None,
    typer.Option(metavar="SIZE", help="The same while the face is talking [0.05]; 0 treats talk like anything else."),
]
"""Options of the commands that look for expressions."""


def add_record_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(record)
    app.command()(recover)


def record(
    source: Annotated[str, typer.Option(metavar="SOURCE", help="demo, a video file, an address, or a camera.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the session's folder is made.")] = Path(),
    name: Annotated[str, typer.Option(metavar="CODE", help="The participant's code; part of the folder's name.")] = "",
    consent: Annotated[
        str, typer.Option(metavar="TEXT", help="What the participant agreed to; kept in session.json.")
    ] = "",
    seconds: Annotated[
        float | None, typer.Option(metavar="N", min=0.1, help="End after so long [when the source ends, or Ctrl+C].")
    ] = None,
    scores_only: Annotated[bool, typer.Option("--scores-only", help="Keep no picture.")] = False,
    model: Annotated[Path | None, typer.Option(metavar="FILE|lab", help=MODEL_HELP)] = None,
    smallest_movement: SmallestMovement = None,
    smallest_movement_in_speech: SmallestInSpeech = None,
    lsl: Annotated[
        bool, typer.Option("--lsl", help="Send scores and intervals to the network (Lab Streaming Layer).")
    ] = False,
    lsl_markers: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Keep the event markers of this LSL stream; may be given several times."),
    ] = None,
) -> None:
    """Record a session without a window.

    A file plays at its own pace. The session ends with its source, after --seconds, or with Ctrl+C, and everything is
    kept. A camera is named as "apexspot cameras" lists it.

    --lsl and --lsl-markers need the extra [lsl].
    """
    from app.session.folder import check_participant

    check_participant(name)
    wanted = tuple(lsl_markers or ())
    if lsl or wanted:
        from app.lsl import check_lsl

        check_lsl(wanted)
    choice = find_source(source)
    # imported only now: a slip of the pen is answered at once
    from app.live import PATIENCE_S, LiveSession
    from app.session import Recorder
    from app.session.schema import SourceInfo
    from app.sources import open_source
    from models.spotter import Spotter

    spotter = Spotter(model).with_least_motion(smallest_movement, smallest_movement_in_speech)
    kind = type(choice).__name__.removesuffix("Choice").lower()
    where = SourceInfo(kind=kind, name=choice.label)
    with _stop_signals() as asked, ExitStack() as ends:
        sinks: list[LiveSink] = []
        if lsl:
            from app.lsl import LslSink

            sender = LslSink(choice.label, spotter.spec.version)
            ends.callback(sender.close)
            sinks.append(sender)
        recorder = Recorder(out, where, spotter, participant=name, consent=consent, scores_only=scores_only)
        sinks.append(recorder)
        markers: MarkerSink | None = None
        if wanted:
            from app.lsl import MarkerSink

            markers = MarkerSink(recorder.folder, wanted)
            sinks.append(markers)
        typer.echo(f"Recording {choice.label} to {recorder.folder}; Ctrl+C ends it.")
        if lsl:
            typer.echo(f"On LSL, for everybody in this network who asks: {', '.join(LslSink.names)}.")
        live = LiveSession(lambda: open_source(choice, paced=True), spotter=spotter, sinks=tuple(sinks))
        try:
            live.start()
            remark = _watch(live, recorder, asked, seconds, partial(_markers_trouble, markers, wanted))
        finally:
            live.stop()
            live.wait(PATIENCE_S)
            failed = live.snapshot().error
            if markers is not None:
                markers.close()
            problem = failed or (markers.status().error if markers else None) or ""
            info = recorder.close(problem, whole=live.all_scored)
    if markers is not None and info is not None:
        for line in _about_markers(markers, wanted):
            typer.echo(line)
    _report(recorder.status(), info, live.snapshot().analysis.intervals, failed, remark)


def recover(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A session, or a folder of sessions.")] = Path(),
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model that recorded, if it is none of those that ship.")
    ] = None,
) -> None:
    """Put sessions in order that broke off.

    The video is closed, and what was not scored yet is scored from the recorded features.
    """
    from app.session import find_unfinished
    from app.session import recover as recover_session
    from models.spotter import Spotter

    unfinished = find_unfinished(folder)
    if not unfinished:
        typer.echo(f"There is nothing to recover in {folder}.")
        return
    spotter = None if model is None else Spotter(model)
    bad = 0
    for path in unfinished:
        try:
            result = recover_session(path, spotter)
        except ApexspotError as error:
            bad += 1
            typer.echo(f"apexspot: {error}", err=True)
            continue
        session = result.session
        counts = session.info.counts
        typer.echo(
            f"{path}: {counts.analysed} frames, {counts.video_written} pictures, {counts.intervals} intervals; "
            f"scored now: {result.rows_added} frames, {result.intervals_added} intervals. {result.remark}"
        )
    if bad:
        raise typer.Exit(1)


def find_source(text: str) -> SourceChoice:
    """What a person means by ``text``: the demo, an address, a file, or a camera by name, identity, device or number.

    Raises:
        UsageError: none of these.
    """
    from app.sources import CameraChoice, DemoChoice, FileChoice, StreamChoice

    if text == "demo":
        return DemoChoice()
    if "://" in text:
        return StreamChoice(text)
    from app.sources.devices import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        if text in (camera.id, camera.name, str(camera.node)):
            return CameraChoice(camera.id, camera.name)
    if text.isdecimal() and int(text) < len(cameras):
        camera = cameras[int(text)]
        return CameraChoice(camera.id, camera.name)
    path = Path(text)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; --source wants demo, a video file, an address or a camera.")
    if path.exists():
        return FileChoice(path)
    raise UsageError(f"{text} is neither a file nor a camera; cameras are listed by: apexspot cameras.")


def _watch(
    live: LiveSession,
    recorder: Recorder,
    asked: threading.Event,
    seconds: float | None,
    trouble: Callable[[float], list[str]],
) -> str:
    """Wait until the session is over or is to end; returns the problem that ended it, empty where there was none.

    trouble: sentences on what else goes wrong so many seconds after the first picture; each is said once. A source that
    gives no more pictures does not keep the clock on the wall from telling when ``seconds`` are over.
    """
    said: set[str] = set()
    first_s: float | None = None
    warned = False
    while not live.wait(_POLL_S):
        status = recorder.status()
        if status.error is not None:
            return status.error
        if status.warning is not None and not warned:
            warned = True
            typer.echo(f"apexspot: {status.warning}", err=True)
        for sentence in trouble(status.elapsed_s):
            if sentence not in said:
                said.add(sentence)
                typer.echo(f"apexspot: {sentence}", err=True)
        if asked.is_set():
            return ""
        if first_s is None and status.counts.offered:
            first_s = time.monotonic()
        waited_s = time.monotonic() - first_s - _STALL_S if first_s is not None else 0.0
        if seconds is not None and max(status.elapsed_s, waited_s) >= seconds:
            return ""
    return ""


def _markers_trouble(markers: MarkerSink | None, wanted: tuple[str, ...], elapsed_s: float) -> list[str]:
    """What a person should know of the event markers while there is still time to do something about it."""
    if markers is None or elapsed_s < _MARKERS_AFTER_S:
        return []
    status = markers.status()
    missing = [_not_found(name) for name in wanted if name not in status.found]
    gone = [f"The LSL stream {name} has ended; it is looked for again." for name in status.gone]
    return [*missing, *gone, *_about_clocks(status), *([status.error] if status.error else [])]


def _not_found(name: str) -> str:
    return f"The LSL stream {name} was not found; is it on, and in this network?"


def _about_markers(markers: MarkerSink, wanted: tuple[str, ...]) -> Iterator[str]:
    status = markers.status()
    yield f"{status.events} events of other programs kept."
    if status.outside:
        yield f"{status.outside} events were stamped before the first picture and are left out."
    for name in wanted:
        if name not in status.found:
            yield _not_found(name)
    yield from _about_clocks(status)
    if status.error:
        yield status.error


def _about_clocks(status: MarkerStatus) -> Iterator[str]:
    for name in status.unsynchronised:
        yield f"The clock of {name} could not be compared with this machine's; its events have the time of arrival."
    for name in status.foreign:
        yield f"{name} stamps events by another clock than LSL's; those that cannot be right have the time of arrival."


def _report(
    status: RecorderStatus, info: SessionInfo | None, intervals: tuple[Interval, ...], failed: str | None, remark: str
) -> None:
    from app.session.schema import SessionState

    if info is None:
        if failed:
            raise DataError(f"{failed} Nothing was recorded.")
        typer.echo("Nothing was recorded: no picture came.")
        return
    counts = info.counts
    found = Counter(interval.type.value for interval in intervals)
    typer.echo(f"{status.folder}")
    typer.echo(
        f"{found['macro']} macro, {found['micro']} micro in {status.elapsed_s:.1f} s; {counts.analysed} of "
        f"{counts.offered} frames analysed"
        + ("." if info.scores_only else f", {counts.video_written} of {counts.offered} in the video.")
    )
    if info.state is SessionState.RECORDING and status.folder.is_dir():
        typer.echo(f"It could not be finished; when the cause is gone, run: apexspot recover {status.folder}")
    if failed:
        raise DataError(f"{failed} What was recorded until then is kept.")
    problem = status.error or remark
    if problem:
        raise OutputError(problem)


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that is set when the program is asked to end, so that nothing is interrupted half-way."""
    asked = threading.Event()
    with on_end_signals(asked.set):
        yield asked
