"""The two backbones behind one interface: ``tcn`` for live use, ``spotformer`` for reproduction."""

from __future__ import annotations

from enum import StrEnum

from models.network import NetworkSettings, SpotterNetwork
from training.spotformer import SpotformerNetwork, SpotformerSettings

Network = SpotterNetwork | SpotformerNetwork
Shape = NetworkSettings | SpotformerSettings


class Backbone(StrEnum):
    TCN = "tcn"
    SPOTFORMER = "spotformer"


def backbone_of(shape: Shape) -> Backbone:
    return Backbone.SPOTFORMER if isinstance(shape, SpotformerSettings) else Backbone.TCN


def build(shape: Shape) -> Network:
    """A network of this shape with random weights."""
    return SpotformerNetwork(shape) if isinstance(shape, SpotformerSettings) else SpotterNetwork(shape)
