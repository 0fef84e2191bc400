"""The motion description as a few loops in C++, which PyTorch writes and a compiler on this machine translates.

Two fifths of a training step on a CPU go into the description, most of it on the way to memory and back between some
200 small operations. Compiled it takes half the time; its numbers are the same but for rounding.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from models.errors import UsageError
from models.network import MotionDescription, NetworkSettings, SpotterNetwork, arcsinh, pad_edges
from models.types import REGION_COUNT
from training.backbones import Network

log = logging.getLogger(__name__)


class _Description(MotionDescription):
    """The same, smoothed by sums, which become part of a loop; a convolution would stand between two."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        self._weights: list[float] = self.kernel.flatten().tolist()

    def _smooth(self, x: Tensor) -> Tensor:
        radius, time = len(self._weights) // 2, x.shape[-1]
        padded = pad_edges(x, radius, radius)
        smoothed = self._weights[0] * padded[..., :time]
        for i, weight in enumerate(self._weights[1:], 1):
            smoothed = smoothed + weight * padded[..., i : i + time]
        return smoothed


@functools.cache
def _compiled(settings: NetworkSettings) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Features, centre and spread -> normalised description, for every network of a shape.

    To compile it takes a minute the first time on a machine, and seconds later.

    Raises:
        UsageError: there is no compiler that works.
    """
    describe = _Description(settings)

    def scaled(features: Tensor, centre: Tensor, spread: Tensor) -> Tensor:
        return arcsinh(((describe(features) - centre) / spread).contiguous())

    def twice(x: Tensor) -> Tensor:
        return 2 * x

    # no processes of the compiler's own, which would outlive an interrupted run
    options: dict[str, Any] = {"compile_threads": 1}
    whole = torch.compile(scaled, dynamic=True, options=options)
    # no two sizes alike: what is compiled for this batch is for others, too
    example = torch.zeros(5, 3 * max(settings.scales), REGION_COUNT, 2)
    try:
        # of little, to learn at once whether there is a compiler
        torch.compile(twice, options=options)(example)
        with torch.no_grad():
            whole(example, torch.zeros(describe.size), torch.ones(describe.size))
    except torch._dynamo.exc.TorchDynamoException as error:
        log.info("PyTorch could not compile: %s", error)
        raise UsageError(
            "--compile (compiled = true) needs a C++ compiler that PyTorch can use (g++ or clang++ and the headers of "
            "Python; on Windows Visual C++), and none works here. Install one, or leave it out."
        ) from error
    return whole


def normaliser(network: Network) -> Callable[[Tensor], Tensor]:
    """What ``network.normalised`` is, compiled for batches of several tracks.

    Raises:
        UsageError: there is no compiler that works, or the network is not on the CPU or describes no motion.
    """
    if not isinstance(network, SpotterNetwork) or network.centre.device.type != "cpu":
        raise UsageError('--compile (compiled = true) is for the backbone "tcn" on the CPU alone; leave it out.')
    scaled = _compiled(network.settings)

    @torch.no_grad()
    def normalised(features: Tensor) -> Tensor:
        return scaled(features, network.centre, network.spread)

    return normalised
