"""The two-branch spotting network (torch). Imported by ``training`` alone; the application runs its ONNX export.

Input: displacement of the 12 regions from the running baseline, (batch, time, 12, 2), inter-ocular distances, 30 Hz.
Output: class-agnostic intensity (batch, time) and class-aware apex scores (batch, time, 2: macro, micro), all 0..1.

First a fixed, differentiable description of the motion round each frame at several time scales (how far the face has
come from k frames ago and how far it goes in the next k: an apex is where both are large and opposite, and far from the
baseline), then a small dilated temporal convolution network with strong dropout, then the two heads of P-FES/GIM
(arXiv 2511.16952; method.md 1.4): intensity from an embedding g_t of the frame's features f_t, apexes from f_t itself.

Of these small networks there may be several, *members*, that read the same description; the score is their mean.
Members that learned from other material err in other places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.types import REGION_COUNT

BROWS = (0, 1, 2, 3, 4, 5)
MOUTH = (8, 9, 10, 11)
FACE = BROWS + MOUTH
COMBINATIONS = 15
MIRROR = (5, 4, 3, 2, 1, 0, 6, 7, 10, 9, 8, 11)
"""Region that takes each region's place when the picture is mirrored (x changes its sign too)."""

_CENTRED_FRAMES = 15
"""Longer of the two windows about a frame in which its speed is averaged."""

_PIECE_FRAMES = 256
"""Frames that are normalised at a time."""

TINY = 1e-8
"""Floor under what is divided by. A floor, not an added epsilon: ONNX optimisers drop additions of almost nothing."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Shape of the network. Scales and statistics are in grid frames (30 Hz). width: of each member."""

    scales: tuple[int, ...] = (3, 5, 8, 12, 18, 27, 40)
    width: int = 32
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    input_dropout: float = 0.4
    dropout: float = 0.5
    smooth_frames: float = 1.0
    activity_frames: int = 300
    relative: bool = True
    members: int = 1

    @property
    def trunk_frames(self) -> int:
        """Frames of description on either side that the trunk reads for a score."""
        return sum(self.dilations) * (self.kernel // 2)

    @property
    def look_ahead_frames(self) -> int:
        """Frames of future that a final score depends on."""
        return max(*self.scales, _CENTRED_FRAMES // 2) + self.trunk_frames + 3 * round(self.smooth_frames)

    @property
    def look_back_frames(self) -> int:
        """Frames of past that a score depends on."""
        return self.look_ahead_frames + self.activity_frames

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class NetworkOutput(NamedTuple):
    """Of one member: intensity (B, T) and apex (B, T, 2) as logits, f_t and g_t (B, T, C)."""

    intensity: Tensor
    apex: Tensor
    frame: Tensor
    embedding: Tensor


def _combination_matrix() -> Tensor:
    """(COMBINATIONS, 24) signed sums of coordinates that muscles move together; 24 = 12 regions x (x, y)."""

    def x(region: int) -> int:
        return 2 * region

    def y(region: int) -> int:
        return 2 * region + 1

    rows: list[dict[int, float]] = [
        {y(r): 1 / 6 for r in BROWS},
        {y(2): 0.5, y(3): 0.5},
        {y(0): 0.5, y(5): 0.5},
        {**{x(r): 1 / 3 for r in (0, 1, 2)}, **{x(r): -1 / 3 for r in (3, 4, 5)}},
        {**{y(r): 1 / 3 for r in (0, 1, 2)}, **{y(r): -1 / 3 for r in (3, 4, 5)}},
        {x(r): 1 / 6 for r in BROWS},
        {x(10): 1.0, x(8): -1.0},
        {y(8): 0.5, y(10): 0.5},
        {y(8): 1.0, y(10): -1.0},
        {y(11): 1.0, y(9): -1.0},
        {y(9): 1.0},
        {y(11): 1.0},
        {x(r): 0.25 for r in MOUTH},
        {y(6): 0.5, y(7): 0.5},
        {x(6): 0.5, x(7): 0.5},
    ]
    matrix = torch.zeros(len(rows), 2 * REGION_COUNT)
    for i, row in enumerate(rows):
        for column, value in row.items():
            matrix[i, column] = value
    return matrix


def _top_two(x: Tensor) -> tuple[Tensor, Tensor]:
    """Largest and mean of the two largest values along axis 1, (B, 1, T) each (equal largest values count once)."""
    first = x.amax(1, keepdim=True)
    second = torch.where(x >= first, torch.full_like(x, -1e9), x).amax(1, keepdim=True)
    return first, 0.5 * (first + torch.maximum(second, first - 1.0))


def _pools(length: Tensor) -> list[Tensor]:
    """(B, 10, T) per region of ``FACE`` -> largest, mean of the top two, mean, brow maximum, mouth maximum."""
    first, top = _top_two(length)
    brows, mouth = length[:, : len(BROWS)], length[:, len(BROWS) :]
    return [first, top, length.mean(1, keepdim=True), brows.amax(1, keepdim=True), mouth.amax(1, keepdim=True)]


def pad_edges(x: Tensor, before: int, after: int) -> Tensor:
    """Repeat the first and the last frame, along the last axis."""
    return torch.cat([x[..., :1].expand(-1, -1, before), x, x[..., -1:].expand(-1, -1, after)], dim=-1)


def _shifted(x: Tensor, starts: Sequence[int], frames: int) -> Tensor:
    """The pieces of so many frames that begin at each start, (B, ..., T) -> (B, starts, ..., frames)."""
    return torch.stack([x.narrow(-1, start, frames) for start in starts], dim=1)


def _norm(x: Tensor) -> Tensor:
    """Lengths of the vectors (x, y): (..., 2, T) -> (..., T)."""
    return torch.sqrt((x * x).sum(-2))


def usual_range(values: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C) -> median of each column, and 84th percentile of the distance from it (not 0), (C,) each."""
    columns = values.t().contiguous()
    centre = columns.median(1).values
    deviation = (columns - centre[:, None]).abs()
    return centre, deviation.kthvalue(int(0.84 * deviation.shape[1]), dim=1).values.clamp_min(1e-4)


def arcsinh(x: Tensor) -> Tensor:
    """Several times as fast as ``torch.asinh`` and as ONNX's operator, on a CPU."""
    size = x.abs()
    grown = (size * size).add_(1.0).sqrt_().add_(size).log_()
    # the fastest in either world, and the same: ONNX has no copysign
    return grown * (x / size.clamp_min(TINY)) if torch.compiler.is_exporting() else grown.copysign_(x)


class MotionDescription(nn.Module):
    """Fixed description of the motion round each frame: (B, T, 12, 2) -> (B, T, size). No weights."""

    combinations: Tensor
    kernel: Tensor

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("combinations", _combination_matrix(), persistent=False)
        radius = 3 * round(settings.smooth_frames)
        offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
        weights = torch.exp(-0.5 * (offset / max(settings.smooth_frames, 1e-6)) ** 2)
        self.register_buffer("kernel", (weights / weights.sum()).view(1, 1, -1), persistent=False)
        lengths = len(settings.scales) * (2 * COMBINATIONS + 4 * 5) + 3
        self.size = lengths * (2 if settings.relative else 1) + len(settings.scales) * 2 + COMBINATIONS + 5 + 1

    def forward(self, features: Tensor, skip: int = 0) -> Tensor:
        """skip: frames at the beginning that are not described; they are past for the others: (B, T - skip, size)."""
        s = self.settings
        x = self._smooth(features.flatten(2).transpose(1, 2))
        time = x.shape[-1]

        def kept(values: Tensor) -> Tensor:
            return values.narrow(-1, skip, time - skip)

        speed = self._length(x - pad_edges(x, 1, 0)[..., :time]).mean(1, keepdim=True)
        activity = kept(self._trailing_mean(speed, s.activity_frames))
        parts = [kept(self._centred_mean(speed, 5)), kept(self._centred_mean(speed, _CENTRED_FRAMES)), activity]
        # distance from the calm face is what a held expression still shows when nothing moves; it counts in units of
        # its usual size, since a track that drifts is always far from its baseline
        face = self._regions(x)
        length = _norm(face)
        usual = kept(self._trailing_mean(_top_two(length)[1], s.activity_frames))
        ratios = [torch.cat([self._combine(kept(x)), *_pools(kept(length))], dim=1) / (usual + 0.006), usual]
        # all scales at once: (B, scales, ..., T)
        reach = max(s.scales)
        padded = pad_edges(x, reach, reach)
        padded_face = self._regions(padded)
        left = face.unsqueeze(1) - _shifted(padded_face, [reach - k for k in s.scales], time)
        right = face.unsqueeze(1) - _shifted(padded_face, [reach + k for k in s.scales], time)
        length_left, length_right = _norm(left), _norm(right)
        smaller = torch.minimum(length_left, length_right)
        # > 0 where the face came and goes back the same way (an apex), < 0 where it passes through
        dot = (left * right).sum(3)
        apex = dot / torch.sqrt(dot.abs().clamp_min(TINY))
        measures = torch.stack([length_left, length_right, smaller, apex], dim=2)
        # what the usual size is made from, over all frames
        top = _top_two(measures[:, :, 2:].flatten(0, 2))[1].reshape(-1, 2 * len(s.scales), time)
        coordinates = [
            self._combine(kept(x).unsqueeze(1) - _shifted(padded, [reach + k + skip for k in steps], time - skip))
            for steps in ([-k for k in s.scales], s.scales)
        ]
        pools = torch.cat(_pools(kept(measures).flatten(0, 2)), dim=1)
        pools = pools.reshape(-1, len(s.scales), 4 * pools.shape[1], time - skip)
        parts.append(torch.cat([*coordinates, pools], dim=2).flatten(1, 2))
        ratios.append(kept(top) / (kept(self._trailing_mean(top.abs(), s.activity_frames)) + 0.002))
        lengths = torch.cat(parts, dim=1)
        # the same lengths in units of how much this face has moved of late: noise, and a person who talks
        relative = [lengths / (activity + 0.0005)] if s.relative else []
        return torch.cat([lengths, *relative, *ratios], dim=1).transpose(1, 2)

    def _combine(self, x: Tensor) -> Tensor:
        return torch.matmul(self.combinations, x)

    @staticmethod
    def _regions(x: Tensor) -> Tensor:
        """(B, 24, T) -> (B, 10, 2, T): the regions of ``FACE``, nose left out."""
        face = torch.cat([x[:, :12], x[:, 16:]], dim=1)
        return face.reshape(face.shape[0], len(FACE), 2, face.shape[2])

    def _length(self, x: Tensor) -> Tensor:
        return _norm(self._regions(x))

    def _smooth(self, x: Tensor) -> Tensor:
        radius = self.kernel.shape[-1] // 2
        channels = x.shape[1]
        return functional.conv1d(pad_edges(x, radius, radius), self.kernel.expand(channels, 1, -1), groups=channels)

    @staticmethod
    def _centred_mean(x: Tensor, frames: int) -> Tensor:
        return functional.avg_pool1d(pad_edges(x, frames // 2, frames // 2), frames, 1)

    @staticmethod
    def _trailing_mean(x: Tensor, frames: int) -> Tensor:
        """Mean over the last ``frames`` frames, or over all there are where the track is younger than that."""
        nothing = torch.zeros_like(x[..., :1]).expand(-1, -1, frames)
        total = torch.cumsum(x, -1)
        before = torch.cat([nothing, total], -1)[..., : x.shape[-1]]
        return (total - before) / torch.cumsum(torch.ones_like(x), -1).clamp_max(frames)


class _Dropout(nn.Module):
    """Dropout that draws its mask with 8 bits a value, 8 values at a time: on a CPU the draw is most of the cost.

    The share that is kept is therefore a multiple of 1/256.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.kept = max(round((1.0 - share) * 256), 1)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.kept == 256:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        # as numbers at once: a truth value times a number is three times as slow
        mask = torch.empty_like(x)
        torch.lt(words.view(torch.uint8)[: x.numel()].view(x.shape), self.kept, out=mask)
        mask.mul_(256.0 / self.kept)
        # a gradient needs the mask as it is
        return mask.mul(x) if x.requires_grad else mask.mul_(x)


class _Block(nn.Module):
    """Residual dilated convolution: x + dropout(gelu(norm(conv x)))."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.norm = nn.LayerNorm(width)
        self.dropout = _Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self._convolved(x))
        moved: Tensor = self.dropout(functional.gelu(y))
        return x + moved

    def _convolved(self, x: Tensor) -> Tensor:
        """(B, T, C) -> the same."""
        conv, along = self.conv, x.transpose(1, 2)
        if torch.compiler.is_exporting() or x.device.type != "cpu":
            convolved: Tensor = conv(along)
            return convolved.transpose(1, 2)
        # as pictures one pixel high, whose channels lie side by side in memory: nearly twice as fast on a CPU
        flat = functional.conv2d(
            along.unsqueeze(2),
            conv.weight.unsqueeze(2),
            conv.bias,
            padding=(0, int(conv.padding[0])),
            dilation=(1, conv.dilation[0]),
        )
        return flat.squeeze(2).transpose(1, 2)


class _Member(nn.Module):
    """Dilated trunk, intensity head and apex head: (B, T, size) -> ``NetworkOutput``."""

    def __init__(self, size: int, settings: NetworkSettings) -> None:
        super().__init__()
        s = settings
        self.enter = nn.Sequential(
            _Dropout(s.input_dropout),
            nn.Linear(size, s.width),
            nn.LayerNorm(s.width),
            nn.GELU(),
            _Dropout(s.dropout),
        )
        self.blocks = nn.Sequential(*[_Block(s.width, s.kernel, d, s.dropout) for d in s.dilations])
        self.embed = nn.Sequential(nn.Linear(s.width, s.width), nn.LeakyReLU(0.2), _Dropout(s.dropout))
        self.intensity = nn.Linear(s.width, 1)
        self.apex = nn.Linear(s.width, 2)
        nn.init.constant_(self.apex.bias, -2.0)
        nn.init.constant_(self.intensity.bias, -1.0)

    def forward(self, described: Tensor) -> NetworkOutput:
        frame = self.blocks(self.enter(described))
        embedding = self.embed(frame)
        return NetworkOutput(self.intensity(embedding).squeeze(-1), self.apex(frame), frame, embedding)


class SpotterNetwork(nn.Module):
    """Motion description, and the members that score it."""

    centre: Tensor
    spread: Tensor

    def __init__(self, settings: NetworkSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or NetworkSettings()
        self.describe = MotionDescription(self.settings)
        self.register_buffer("centre", torch.zeros(self.describe.size))
        self.register_buffer("spread", torch.ones(self.describe.size))
        self.members = nn.ModuleList([_Member(self.describe.size, self.settings) for _ in range(self.settings.members)])

    @torch.no_grad()
    def fit_normalisation(self, batches: list[Tensor]) -> None:
        """Set centre and spread of the description: median, and 84th percentile of the distance from it."""
        centre, spread = usual_range(torch.cat([self.describe(b).reshape(-1, self.describe.size) for b in batches]))
        self.centre.copy_(centre)
        self.spread.copy_(spread)

    def normalised(self, features: Tensor, skip: int = 0) -> Tensor:
        """arcsinh((f - centre) / spread) of the motion description, (B, T - skip, size)."""
        # described channel by channel, read frame by frame
        described = self.describe(features, skip)
        if torch.compiler.is_exporting():
            return self._scaled(described)
        # a piece stays in a processor's cache, which a batch or a long track does not
        pieces = [self._scaled(piece) for track in described for piece in track.split(_PIECE_FRAMES)]
        return torch.cat(pieces).view(described.shape)

    def _scaled(self, described: Tensor) -> Tensor:
        return arcsinh(described.contiguous().sub_(self.centre).div_(self.spread))

    def logits(self, features: Tensor, skip: int = 0) -> list[NetworkOutput]:
        """What each member says of the frames from ``skip`` on."""
        described = self.normalised(features, skip)
        return [member(described) for member in self.members]

    def forward(self, features: Tensor, first: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """first: whole number, the first frame whose scores are wanted; those before it are only past (all frames)."""
        if first is None:
            return mean_scores(self.logits(features))
        time = features.shape[1]
        # not int(...): the exporter follows these numbers, and is told what it cannot know of them
        wanted: int = first.item()  # type: ignore[assignment]
        skip: int = (first - self.settings.trunk_frames).clamp_min(0).item()  # type: ignore[assignment]
        for certain in (skip >= 0, skip <= wanted, wanted < time):
            torch._check(certain)  # type: ignore[no-untyped-call]
        intensity, apex = mean_scores(self.logits(features, skip))
        return intensity.narrow(1, wanted - skip, time - wanted), apex.narrow(1, wanted - skip, time - wanted)


def mean_scores(outputs: list[NetworkOutput]) -> tuple[Tensor, Tensor]:
    """Intensity (B, T) and apex scores (B, T, 2), 0..1: mean over the members."""
    intensity = torch.stack([torch.sigmoid(out.intensity) for out in outputs]).mean(0)
    return intensity, torch.stack([torch.sigmoid(out.apex) for out in outputs]).mean(0)
