"""Makes the shipped model: ``python -m training.ship --data ../shared/data/flow12 --out assets/spotter.onnx``.

Recorded points of both data sets, drawn tracks, rendered video; export; thresholds from the calibration videos. The
folder given as ``--cache`` keeps the rendered videos and what perception saw in them. ``--thresholds-only``
trains nothing and chooses the thresholds of the file at ``--out`` anew, as after a change of perception or of decoding.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import cv2
import torch

from models.baseline import BaselineSettings
from models.decode import DecodeSettings
from models.errors import ApexspotError, UsageError
from models.network import NetworkSettings
from models.spotter import Spotter
from models.types import ExpressionType, FloatArray, Interval
from training import calibrate, checkpoint, export
from training.backbones import Network
from training.datasets import Recording, load_flow12
from training.ict_face import FaceModel
from training.rendered import Order, calibration_orders, see_all, track, training_orders, unsettled_orders
from training.tracks import People, Track, make_tracks
from training.trainer import TrainSettings, train

log = logging.getLogger(__name__)

DATA_SETS = ("casme2", "samm_lv")
NETWORK = NetworkSettings(members=4)
SETTINGS = TrainSettings(steps=450, recorded_crops=14, synthetic_crops=6, lab_members=2, network=NETWORK)
"""What is best on laboratory recordings of people that were held out: the default of training and evaluation."""
LIVE = replace(
    SETTINGS,
    steps=1400,
    recorded_crops=4,
    synthetic_crops=16,
    synthetic_weight=4.0,
    scale_low=0.7,
    scale_high=1.4,
    lab_members=0,
    network=NetworkSettings(),
)
PEOPLE = People.LIVELY
"""What is best on the calibration videos, and ships: a lively face asks for much material that is lively too."""
DECODING = DecodeSettings(nms_iou=0.1)
"""Two intervals of one type hardly overlap: on the calibration videos any limit from 0 to 0.2 gives the same F1, and
more than 0.3 does. In laboratory recordings, for which the default is made, the larger limit is better."""
DRAWN_TRACKS = 400
RENDERED_SHARE = 0.4
"""Share of the synthetic crops that come from rendered video."""
TALKING = ("speech", "talk", "lively_conversation", "unsettled_conversation")
"""Kinds of calibration video that show people who talk."""
VERSION = "0.1.0"
DATA_TEXT = (
    "CAS(ME)^2 and SAMM Long Videos (optical-flow features, point labels), drawn region tracks, rendered video of a "
    "public-domain portrait"
)
LICENCE = "research use: trained on features of data sets given out for academic, non-commercial use"

CALM_MARGIN_FRAMES = 60
CALM_LEAST_FRAMES = 150


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        _one_thread()
        # what is no face and what is no model is refused before anything is rendered
        if options.people is not None:
            FaceModel(options.people)
        if options.thresholds_only:
            Spotter(options.out, use_gpu=False)
        else:
            _make(options.data, options.cache, options.out, options.jobs, replace(LIVE, seed=options.seed))
        calibrate_file(options.out, options.cache, options.people, options.jobs)
    except ApexspotError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def calm_stretches(recordings: Sequence[Recording]) -> list[FloatArray]:
    """Recorded stretches far from every point label: the noise of a real, calm face."""
    stretches = []
    for recording in recordings:
        end = len(recording.position_iod)
        edges = [-CALM_MARGIN_FRAMES, *sorted(p.frame for p in recording.points), end + CALM_MARGIN_FRAMES]
        for before, after in pairwise(edges):
            first, last = max(before + CALM_MARGIN_FRAMES, 0), min(after - CALM_MARGIN_FRAMES, end)
            if last - first >= CALM_LEAST_FRAMES:
                stretches.append(recording.position_iod[first:last] - recording.position_iod[first])
    return stretches


def _make(data: Path | None, cache: Path, out: Path, jobs: int, settings: TrainSettings) -> None:
    if data is None:
        raise UsageError("--data is missing; name the folder that holds casme2 and samm_lv.")
    if not data.is_dir():
        raise UsageError(f"{data} is not a folder; name the one that holds casme2 and samm_lv.")
    recordings = [r for name in DATA_SETS for r in load_flow12(data / name)]
    see_all(training_orders(), cache, jobs)
    tracks: list[Track] = make_tracks(DRAWN_TRACKS, settings.seed, calm_stretches(recordings), PEOPLE.tracks)
    rendered = [track(order, cache) for order in training_orders()]
    share = RENDERED_SHARE / (1.0 - RENDERED_SHARE) * len(tracks) / len(rendered)
    tracks += [replace(t, weight=share) for t in rendered]
    log.info("%d recordings, %d synthetic tracks", len(recordings), len(tracks))
    network = train(recordings, tracks, settings, report)
    keep(network, settings, out, DECODING, DATA_TEXT)


def keep(network: Network, settings: TrainSettings, out: Path, decode: DecodeSettings, training_data: str) -> None:
    """Write a network as a model file, and its checkpoint beside it.

    Raises:
        ModelFileError: the file's scores differ from the network's.
    """
    saved = out.with_suffix(".safetensors")
    checkpoint.save(network, settings, saved)
    kept, config_sha256 = checkpoint.load(saved)
    difference = export.export(
        kept,
        out,
        decode=decode,
        baseline=BaselineSettings(),
        training_data=training_data,
        licence=LICENCE,
        version=VERSION,
        config_sha256=config_sha256,
    )
    log.info("exported %s (%.1e from torch)", out, difference)


def calibrate_file(out: Path, cache: Path, people: Path | None, jobs: int) -> None:
    """Choose the file's thresholds on the calibration videos and say what they give there.

    people: see :func:`training.rendered.calibration_orders`.
    """
    orders = calibration_orders(people)
    see_all([*orders, *unsettled_orders(people)], cache, jobs)
    spotter = Spotter(out, use_gpu=False)
    plain = replace(spotter.spec.decode, least_departure_in_speech=0.0, narrow_in_speech_iod=0.0)
    sizes = {size: replace(plain, least_motion_in_speech_iod=size) for size in (0.0, *calibrate.IN_SPEECH_IOD)}
    found = calibrate.candidates(orders, spotter, cache, sizes)
    thresholds = calibrate.choose(found[0.0], calibrate.Limits())
    in_speech_iod = calibrate.best_value(found, thresholds)
    log.info("thresholds: %s", ", ".join(f"{kind.value} {value:.2f}" for kind, value in thresholds.items()))
    log.info("smallest movement in speech: %.2f IOD", in_speech_iod)
    decode = calibrate.with_thresholds(sizes[in_speech_iod], thresholds)
    _report(found[in_speech_iod], thresholds)
    calibrate.write_decode(out, for_talk(decode, spotter, cache, people))


def for_talk(decode: DecodeSettings, spotter: Spotter, cache: Path, people: Path | None) -> DecodeSettings:
    """The settings with the departure and the narrow mouth that together are best where somebody talks.

    The calibration videos with mouths that rest elsewhere are among those with talk: what the departure is for hardly
    occurs in the others.
    """
    orders = [order for order in (*calibration_orders(people), *unsettled_orders(people)) if order.kind in TALKING]
    tried = {
        (least, narrow): replace(decode, least_departure_in_speech=least, narrow_in_speech_iod=narrow)
        for least, narrow in product((0.0, *calibrate.DEPARTURES), (0.0, *calibrate.NARROW_IOD))
    }
    found = calibrate.candidates(orders, spotter, cache, tried)
    thresholds = {kind: decode.of(i).threshold for i, kind in enumerate(ExpressionType)}
    for (least, narrow), here in found.items():
        every = calibrate.pooled(calibrate.evaluate(here, thresholds).values())
        log.info(
            "departure %.2f, narrow %.2f IOD: F1 %.3f (%.3f with every action alike)",
            *(least, narrow, every.f1_coded, every.f1),
        )
    best = calibrate.best_value(found, thresholds)
    log.info("in talk: departure %.2f, narrow %.2f IOD", *best)
    _report(found[best], thresholds)
    return tried[best]


def _report(found: dict[Order, list[Interval]], thresholds: dict[ExpressionType, float]) -> None:
    for kind, result in calibrate.evaluate(found, thresholds).items():
        log.info(
            "%s: %s, F1 %.3f (%.3f with every action alike), %.2f found a minute",
            kind,
            result,
            result.f1_coded,
            result.f1,
            result.found / result.minutes,
        )


def _one_thread() -> None:
    """The order of sums, and with it the weights, depends on how many threads share them."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def report(step: int, parts: dict[str, float]) -> None:
    """Log the parts of the loss, every 100 steps."""
    if step % 100 == 99:
        log.info("step %d: %s", step + 1, ", ".join(f"{name} {value:.3f}" for name, value in parts.items()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.ship", description="Make the shipped model.")
    parser.add_argument("--data", type=Path, help="folder with casme2 and samm_lv (flow12 archives)")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--thresholds-only", action="store_true", help="choose the thresholds of the file --out anew")
    parser.add_argument("--people", type=Path, help="the ICT face: choose them on its heads, too")
    parser.add_argument("--cache", type=Path, default=Path("runs/rendered"), help="where rendered video is kept")
    parser.add_argument("--jobs", type=int, default=2, help="processes for rendering and perception")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
