"""Spotting in many videos: what each process or worker does, and the run over all of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from app.batch.find import Place
from app.batch.interrupts import Interrupts
from app.batch.progress import Watch
from app.batch.run import Where, run_tasks
from app.batch.standing import Standing
from app.batch.tasks import Task, Tell
from app.spot import Method, SpotFiles, SpotResult, remove_unfinished, spot_video
from models.errors import DataError
from models.spotter import Spotter, is_shipped


@dataclass(frozen=True, slots=True)
class Wanted:
    """A video of a run, where its results go, and what is there of them."""

    place: Place
    files: SpotFiles
    standing: Standing


@dataclass(frozen=True, slots=True)
class How:
    """model: another one than the shipped one."""

    method: Method
    model: Path | None
    where: Where


@dataclass(frozen=True, slots=True)
class SpotOrder:
    """What a process or a worker is asked to do."""

    video: Path
    files: SpotFiles
    model: Path | None
    method: Method
    use_gpu: bool


def spot_order(order: SpotOrder, tell: Tell) -> SpotResult:
    """Spot in one video.

    Raises:
        DataError: what runs here would not give what the program that asks would find.
    """
    method = order.method
    spotter = Spotter(order.model, use_gpu=order.use_gpu).with_least_motion(
        method.least_motion_iod, method.least_motion_in_speech_iod
    )
    if Method.of(spotter) != method:
        raise DataError(f"{order.video} was not used: another version of apexspot, or of the model, is at work there.")

    def report(done_s: float, total_s: float | None) -> None:
        tell(min(done_s / total_s, 1.0) if total_s else None)

    return spot_video(order.video, order.files, spotter, report)


def spot_wanted(
    wanted: Sequence[Wanted], how: How, watch: Watch, interrupts: Interrupts
) -> Generator[tuple[Wanted, SpotResult | str], None, None]:
    """Spot in all of them; gives each with its result, or with the sentence that says why there is none.

    Leave it by an exception to stop; nothing half-written is then left.

    Raises:
        UsageError, DataError: there is no such cluster, or it is gone.
    """
    tasks = [Task(str(one.place.video), _order(one, how)) for one in wanted]
    with closing(run_tasks(spot_order, tasks, how.where, watch, interrupts, _discard)) as results:
        for number, result in results:
            yield wanted[number], result


def _discard(order: SpotOrder) -> None:
    remove_unfinished(order.files)


def _order(wanted: Wanted, how: How) -> SpotOrder:
    if how.where.dask is None:
        # one process alone may have the GPU; several would fight for its memory
        return SpotOrder(wanted.place.video, wanted.files, how.model, how.method, how.where.jobs == 1)
    # a worker has a current folder of its own, and its own copy of a network that ships
    files = SpotFiles(*(path.absolute() for path in wanted.files.all()))
    model = how.model if how.model is None or is_shipped(how.model) else how.model.absolute()
    return SpotOrder(wanted.place.video.absolute(), files, model, how.method, False)
