"""Spot ten minutes of rendered video with known truth, and stretches in which nothing may be found.

    python -m benchmarks.synthetic [--people FILE.npz] [--only KIND ...] [--model FILE.onnx] [--cache FOLDER] [--jobs N]

The seeds (9000-9999) are used here alone; thresholds are chosen on seeds 1000-1999, training uses 2000-2999. The
videos animate one portrait (with varied shape, light and camera), or, with the file of the ICT face, a head of its own
in each, none of them seen before, that moves by shapes which others modelled (``training.ict_face``). An event whose
largest region displacement lies below the visible limit (macro 0.035, micro 0.02 IOD) is neither asked for nor
an alarm; the strict row asks for every event.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.errors import ApexspotError
from models.spotter import Spotter
from models.types import ExpressionType, Interval
from training.calibrate import Truth, count, evaluate, iou_s, spot, truths
from training.rendered import Order, motions, see_all


def _orders(random: int, still: int, blinks: int, turns: int, speech: int) -> tuple[Order, ...]:
    """Ten minutes of expressions and of turns, two of each other kind without, from the first seed of each kind on."""
    return (
        *(Order("random", random + i, fps=(30.0, 25.0)[i == 3], irregular=i == 7) for i in range(10)),
        *(Order("still", still + i) for i in range(2)),
        *(Order("blinks", blinks + i) for i in range(2)),
        *(Order("turns", turns + i) for i in range(10)),
        *(Order("speech", speech + i) for i in range(2)),
    )


ORDERS = _orders(random=9001, still=9101, blinks=9111, turns=9121, speech=9131)
OTHERS = _orders(random=9501, still=9541, blinks=9546, turns=9551, speech=9561)
"""What heads of the ICT face show."""
KINDS = tuple(dict.fromkeys(order.kind for order in ORDERS))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic")
    parser.add_argument("--people", type=Path, help="the ICT face (ict_facekit_compact.npz): film its heads instead")
    parser.add_argument("--only", choices=KINDS, action="append", help="only videos of this kind; may be repeated")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("runs/rendered"))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    orders = [replace(o, people=options.people) for o in OTHERS] if options.people else list(ORDERS)
    orders = [o for o in orders if not options.only or o.kind in options.only]
    try:
        spotter = Spotter(options.model, use_gpu=False)
        see_all(orders, options.cache, options.jobs)
    except ApexspotError as error:
        print(error)
        return error.exit_code
    found = {order: spot(motions(order, options.cache), spotter) for order in orders}
    if expressive := {o: i for o, i in found.items() if o.kind == "random"}:
        _print_random(expressive)
        print()
    if quiet := {o: i for o, i in found.items() if o.kind != "random"}:
        print(f"{'nothing may be found':24} {'minutes':>8} {'found':>6} {'a minute':>9}")
        for kind, result in evaluate(quiet).items():
            print(f"{kind:24} {result.minutes:8.1f} {result.found:6d} {result.found / result.minutes:9.2f}")
    return 0


def _print_random(found: dict[Order, list[Interval]]) -> None:
    minutes = sum(o.duration_s for o in found) / 60.0
    print(f"{minutes:.0f} minutes, {len(found)} videos")
    print(f"{'':24} {'true':>5} {'found':>6} {'hits':>5} {'recall':>7} {'precision':>9} {'F1':>6} {'touched':>8}")
    for label, kinds, strict in (
        ("macro", [ExpressionType.MACRO], False),
        ("micro", [ExpressionType.MICRO], False),
        ("overall", list(ExpressionType), False),
        ("overall, every event", list(ExpressionType), True),
    ):
        hits = spotted = asked = touched = 0
        for order, intervals in found.items():
            true = [replace(t, asked=t.asked or strict) for t in truths(order)]
            mine = [t for t in true if t.type in kinds]
            chosen = [i for i in intervals if i.type in kinds]
            h, n, m = count(chosen, mine)
            hits, spotted, asked = hits + h, spotted + n, asked + m
            touched += sum(_touched(t, intervals) for t in mine if t.asked)
        f1 = 2 * hits / max(spotted + asked, 1)
        print(
            f"{label:24} {asked:5d} {spotted:6d} {hits:5d} {hits / max(asked, 1):7.2f} {hits / max(spotted, 1):9.2f} "
            f"{f1:6.3f} {touched / max(asked, 1):8.2f}"
        )
    alarms = sum(_alarm(i, truths(order)) for order, intervals in found.items() for i in intervals)
    print(f"false alarms (touching no expression at all): {alarms}, {alarms / minutes:.2f} a minute")
    print("hit: IoU >= 0.5 with a true interval of the same type, one to one; touched: overlaps a found interval")


def _touched(truth: Truth, intervals: Sequence[Interval]) -> bool:
    return any(iou_s((truth.onset_s, truth.offset_s), (i.onset_s, i.offset_s)) > 0 for i in intervals)


def _alarm(interval: Interval, true: Sequence[Truth]) -> bool:
    return all(iou_s((interval.onset_s, interval.offset_s), (t.onset_s, t.offset_s)) == 0 for t in true)


if __name__ == "__main__":
    raise SystemExit(main())
