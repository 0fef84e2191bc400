"""Makes the network for laboratory recordings, which ships beside the usual one.

    apexspot evaluate --data DATA/casme2 --data DATA/samm_lv --folds 3 --out RUN
    python -m training.ship_lab --data DATA --run RUN --out assets/spotter_lab.onnx

The default recipe, trained on all recordings. Its thresholds let through as many detections for each point as the
honest protocol does (``training.protocols.RATE``), counted on both data sets at once, in recordings of people that the
networks of the evaluation had not seen. No interval has a part in it.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from models.decode import DecodeSettings
from models.errors import ApexspotError
from models.types import ExpressionType
from training.calibrate import with_thresholds
from training.datasets import load_flow12
from training.detectors import trusted
from training.evaluate import detections, detector_of
from training.held_out import Judged, reopen
from training.matching import SpottingResult
from training.protocols import RATE, by_count, fold_thresholds, judged_with
from training.ship import DATA_SETS, DRAWN_TRACKS, SETTINGS, calm_stretches, keep, report
from training.tracks import People, make_tracks
from training.trainer import train
from training.workers import one_thread

log = logging.getLogger(__name__)

DATA_TEXT = "CAS(ME)^2 and SAMM Long Videos (optical-flow features, point labels), drawn region tracks"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.ship_lab", description="Make the laboratory network.")
    parser.add_argument("--data", type=Path, required=True, help="folder with casme2 and samm_lv (flow12 archives)")
    parser.add_argument("--run", type=Path, required=True, help="folder of apexspot evaluate on these two")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with one_thread():
            make(options.data, options.run, options.out)
    except ApexspotError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def make(data: Path, run: Path, out: Path) -> None:
    """Train, choose thresholds, export.

    Raises:
        LabelError, UsageError: the archives or the evaluation cannot be used.
        OutputError: the file cannot be written.
    """
    archives = [data / name for name in DATA_SETS]
    thresholds, results = choose(reopen(archives, run))
    for data_set, result in results.items():
        f1 = (*(result.by_type[kind].f1 for kind in ExpressionType), result.overall.f1)
        log.info("%s, as the application decides: F1 %s", data_set, " / ".join(f"{value:.3f}" for value in f1))
    log.info("thresholds: %s", ", ".join(f"{kind.value} {value:.2f}" for kind, value in thresholds.items()))
    recordings = [r for folder in archives for r in load_flow12(folder)]
    tracks = make_tracks(DRAWN_TRACKS, SETTINGS.seed, calm_stretches(recordings), People.RESERVED.tracks)
    log.info("%d recordings, %d synthetic tracks", len(recordings), len(tracks))
    decode = with_thresholds(DecodeSettings(), {kind: round(value, 2) for kind, value in thresholds.items()})
    keep(train(recordings, tracks, SETTINGS, report), SETTINGS, out, decode, DATA_TEXT)


def choose(judged: Judged) -> tuple[dict[ExpressionType, float], dict[str, SpottingResult]]:
    """Thresholds from everybody's points; by data set, what this rule gives people whose points had no part in it."""
    recordings, folds = judged.recordings, judged.folds
    every = detections(judged.last(0), recordings, detector_of(judged.study))
    found = {r.name: trusted(every[r.name], r) for r in recordings}
    # of all recordings at once, not of a data set's as in the honest protocol
    each = fold_thresholds(found, recordings, folds)
    results = {
        data_set: judged_with(found, [r for r in recordings if r.data_set == data_set], folds, each, single=True)
        for data_set in sorted({r.data_set for r in recordings})
    }
    return by_count(found, recordings, RATE), results


if __name__ == "__main__":
    raise SystemExit(main())
