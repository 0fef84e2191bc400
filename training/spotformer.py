"""The backbone ``spotformer``: a multi-scale spatio-temporal graph transformer over short windows (method.md 1.3).

Same interface as ``models.network.SpotterNetwork``: (batch, time, 12, 2) displacements in; intensity and apex logits,
f_t and g_t out. Each frame is described by the window of 17 frames round it: 17 steps x 10 regions (the nose is left
out) x (x, y), the displacement since the window's first frame, so that a drifting baseline does not matter.

Four stages halve the steps (17, 9, 5, 3, 1) and pool the regions (10, 3, 1): attention over regions, attention over
steps, maximum over the groups left brow, right brow, mouth. What is left is one vector f_t a frame.

Where the track ends the edge frame is repeated. At full width a batch of some 250 frames wants a gigabyte of memory and
more in training, so [batch] is to be small there. This is the method for reproduction; no accuracy is claimed for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from models.network import FACE, NetworkOutput, mean_scores, usual_range

WINDOW = 17
"""Frames of a window; the stages bring 17 to 9, 5, 3 and 1."""
CHUNK = 256
"""Frames that are scored at a time."""
GROUPS = ((0, 1, 2), (3, 4, 5), (6, 7, 8, 9))
"""Left brow, right brow and mouth, as places in ``FACE``."""


@dataclass(frozen=True, slots=True)
class SpotformerSettings:
    """Shape of the network. The published one has width 256, 4 heads, dropout 0.1 and head dropout 0.7."""

    width: int = 256
    heads: int = 4
    dropout: float = 0.1
    head_dropout: float = 0.7

    @property
    def look_ahead_frames(self) -> int:
        """Frames of future that a final score depends on."""
        return WINDOW // 2

    @property
    def look_back_frames(self) -> int:
        """Frames of past that a score depends on."""
        return WINDOW // 2

    @property
    def trunk_frames(self) -> int:
        """Tokens of other frames that a score depends on: each frame's tokens are its whole window."""
        return 0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class _Attention(nn.Module):
    """Pre-normalised multi-head self-attention with a residual: (N, tokens, C) -> the same."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.BatchNorm1d(width)
        self.enter = nn.Linear(width, 3 * width, bias=False)
        self.leave = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        y = self.enter(_normed(self.norm, x)).reshape(count, tokens, 3, self.heads, width // self.heads)
        query, key, value = (y[:, :, i].transpose(1, 2) for i in range(3))
        weight = torch.softmax(query @ key.transpose(-1, -2) * (width // self.heads) ** -0.5, dim=-1)
        mixed = (weight @ value).transpose(1, 2).reshape(count, tokens, width)
        moved: Tensor = self.dropout(self.leave(mixed))
        return x + moved


class _FeedForward(nn.Module):
    """Pre-normalised two-layer network with a residual."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.inner = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        moved: Tensor = self.inner(_normed(self.norm, x))
        return x + moved


class _Mixer(nn.Module):
    """Attention and feed-forward along one axis of (N, steps, regions, C)."""

    def __init__(self, settings: SpotformerSettings, over_steps: bool) -> None:
        super().__init__()
        self.over_steps = over_steps
        self.attention = _Attention(settings.width, settings.heads, settings.dropout)
        self.feed = _FeedForward(settings.width, settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2) if self.over_steps else x
        shape = y.shape
        z: Tensor = self.feed(self.attention(y.reshape(-1, shape[2], shape[3])))
        return z.reshape(shape).transpose(1, 2) if self.over_steps else z.reshape(shape)


class _Transformer(nn.Module):
    """Embedding, four stages, intensity head and apex head: windows (B, T, WINDOW, 10, 2) -> ``NetworkOutput``."""

    def __init__(self, settings: SpotformerSettings) -> None:
        super().__init__()
        self.settings = s = settings
        self.enter = nn.Linear(2, s.width)
        self.enter_norm = nn.BatchNorm1d(s.width)
        self.step_place = nn.Parameter(torch.randn(WINDOW, 1, s.width) * 0.02)
        self.group_place = nn.Parameter(torch.randn(len(GROUPS), s.width) * 0.02)
        self.dropout = nn.Dropout(s.dropout)
        self.regions = nn.ModuleList([_Mixer(s, over_steps=False) for _ in range(2)])
        self.steps = nn.ModuleList([_Mixer(s, over_steps=True) for _ in range(4)])
        self.halve = nn.ModuleList(
            [nn.Conv1d(s.width, s.width, 3, stride=2, padding=1) for _ in range(3)] + [nn.Conv1d(s.width, s.width, 3)]
        )
        self.embed = nn.Sequential(nn.Linear(s.width, s.width), nn.LeakyReLU(0.2), nn.Dropout(s.head_dropout))
        self.intensity = nn.Linear(s.width, 1)
        self.apex = nn.Linear(s.width, 2)
        nn.init.constant_(self.apex.bias, -2.0)
        nn.init.constant_(self.intensity.bias, -1.0)

    def forward(self, described: Tensor) -> NetworkOutput:
        batch, time = described.shape[0], described.shape[1]
        x = self.enter(described.reshape(-1, WINDOW * len(FACE), 2))
        place = torch.cat([self.group_place[i : i + 1].expand(len(g), -1) for i, g in enumerate(GROUPS)])
        x = _normed(self.enter_norm, x).reshape(-1, WINDOW, len(FACE), self.settings.width)
        x = self.dropout(x + self.step_place + place)
        x = self._halved(0, _pooled(self.steps[0](self.regions[0](x)), GROUPS))
        x = self._halved(1, self.steps[1](self.regions[1](x)).amax(2, keepdim=True))
        x = self._halved(2, self.steps[2](x))
        x = self._halved(3, self.steps[3](x))
        frame = x.reshape(batch, time, self.settings.width)
        embedding = self.embed(frame)
        return NetworkOutput(self.intensity(embedding).squeeze(-1), self.apex(frame), frame, embedding)

    def _halved(self, stage: int, x: Tensor) -> Tensor:
        """(N, steps, regions, C) with about half the steps."""
        count, steps, regions, width = x.shape
        y: Tensor = self.halve[stage](x.permute(0, 2, 3, 1).reshape(-1, width, steps))
        return y.reshape(count, regions, width, -1).permute(0, 3, 1, 2)


class SpotformerNetwork(nn.Module):
    """The windows, and the one member that scores them."""

    centre: Tensor
    spread: Tensor

    def __init__(self, settings: SpotformerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or SpotformerSettings()
        self.register_buffer("centre", torch.zeros(2))
        self.register_buffer("spread", torch.ones(2))
        self.members = nn.ModuleList([_Transformer(self.settings)])

    @torch.no_grad()
    def fit_normalisation(self, batches: list[Tensor]) -> None:
        """Set centre and spread of the windows: median, and 84th percentile of the distance from it."""
        centre, spread = usual_range(torch.cat([_tokens(b).reshape(-1, 2) for b in batches]))
        self.centre.copy_(centre)
        self.spread.copy_(spread)

    def normalised(self, features: Tensor) -> Tensor:
        """arcsinh((f - centre) / spread) of the tokens, (B, T, WINDOW, 10, 2)."""
        return torch.asinh((_tokens(features) - self.centre) / self.spread)

    def logits(self, features: Tensor, skip: int = 0) -> list[NetworkOutput]:
        """What the member says of the frames from ``skip`` on."""
        described = self.normalised(features)[:, skip:]
        if self.training or torch.compiler.is_exporting():
            return [member(described) for member in self.members]
        # windows do not depend on one another, and those of a whole recording together would fill the memory
        chunks = described.split(CHUNK, dim=1)  # type: ignore[no-untyped-call]
        outputs = []
        for member in self.members:
            pieces = [member(chunk) for chunk in chunks]
            outputs.append(NetworkOutput(*(torch.cat(parts, dim=1) for parts in zip(*pieces, strict=True))))
        return outputs

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return mean_scores(self.logits(features))


def _tokens(features: Tensor) -> Tensor:
    """(B, T, 12, 2) -> (B, T, WINDOW, 10, 2): displacement since the window's first frame."""
    half = WINDOW // 2
    first, last = features[:, :1], features[:, -1:]
    padded = torch.cat([first.expand(-1, half, -1, -1), features, last.expand(-1, half, -1, -1)], dim=1)
    face = torch.cat([padded[:, :, :6], padded[:, :, 8:]], dim=2)
    time = features.shape[1]
    window = torch.stack([face[:, i : i + time] for i in range(WINDOW)], dim=2)
    return window - window[:, :, :1]


def _pooled(x: Tensor, groups: tuple[tuple[int, ...], ...]) -> Tensor:
    """Maximum over the regions of each group: (N, steps, regions, C) -> (N, steps, groups, C)."""
    return torch.stack([x[:, :, g[0] : g[-1] + 1].amax(2) for g in groups], dim=2)


def _normed(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch normalisation of the last axis of (N, tokens, C)."""
    y: Tensor = norm(x.reshape(-1, x.shape[-1]))
    return y.reshape(x.shape)
