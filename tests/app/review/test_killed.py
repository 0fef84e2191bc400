"""A review that is killed in the middle of an edit: every edit that was made before is there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.review.review import Review

ROOT = Path(__file__).resolve().parents[3]

EDITS = """
import sys
from pathlib import Path
from app.review.review import Review
from models.types import ExpressionType
review = Review.open(Path(sys.argv[1]))
row = review.state.intervals[0].id
number = 0
while True:
    number += 1
    point = review.add_point(number % 20 + 0.5, ExpressionType.MICRO)
    row = review.move(row, offset_s=2.9 + 0.1 * (number % 2))
    print(point, row, number % 2, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the locks that tell a living program are not used there")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kill(folder: Path, seed: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", EDITS, str(folder)], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdout is not None
    done = [process.stdout.readline() for _ in range(3)]
    time.sleep(random.Random(seed).uniform(0.0, 0.15))
    process.kill()
    done += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    whole = [line.split() for line in done if line.endswith("\n")]
    review = Review.open(folder)
    assert review.read_only is None, "the lock of a killed program is gone"
    points = {point.id for point in review.state.points}
    assert {int(point) for point, _, _ in whole} <= points and len(points) - 1 <= len(whole) + 1
    made = next(row for row in review.state.intervals if row.id == int(whole[-1][1]))
    if len(points) - 1 == len(whole):  # no further edit had begun
        assert made.interval.offset_s == pytest.approx(2.9 + 0.1 * int(whole[-1][2]), abs=0.04)
    while review.undo() is not None:
        pass
    assert len(review.state.points) == 1 and {row.source for row in review.state.intervals} == {"model"}
    review.close()
    again = Review.open(folder)
    assert again.state == review.state and again.redo_text is not None
    again.close()
