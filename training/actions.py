"""Facial movements as displacement fields on MediaPipe's 478-point mesh.

An :class:`Action` names the displacement of a few landmarks at full strength, in inter-ocular distances (IOD), x to the
right of the picture and y down. The rest of the mesh follows by radial-basis interpolation with Wendland's compactly
supported C2 function (H. Wendland, 1995), so neighbours move along smoothly and the far face stays still. Names and
landmarks follow the action units of the Facial Action Coding System; amplitudes are rounded from typical webcam
measurements (smile 0.12-0.20 IOD at the corners of the mouth, brow raise 0.05-0.08, jaw drop above 0.2).

"Left" and "right" are those of the picture, as everywhere in apexspot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.types import REGION_LANDMARKS, FloatArray

MESH_POINTS = 478

UPPER_LIP = (
    *(191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(183, 42, 41, 38, 12, 268, 271, 272, 407),
    *(184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(185, 40, 39, 37, 0, 267, 269, 270, 409),
)
"""Landmarks of the upper lip, from its inner to its outer edge, each row from left to right."""

LOWER_LIP = (
    *(95, 88, 178, 87, 14, 317, 402, 318, 324),
    *(96, 89, 179, 86, 15, 316, 403, 319, 325),
    *(77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
)
"""Landmarks of the lower lip, from its inner to its outer edge, each row from left to right."""

UPPER_LIDS = (246, 161, 160, 159, 158, 157, 173, 398, 384, 385, 386, 387, 388, 466)
LOWER_LIDS = (7, 163, 144, 145, 153, 154, 155, 382, 381, 380, 374, 373, 390, 249)
"""Edges of the lids, left eye then right eye, upper and lower landmark of one column at the same place."""

_LID_CREASES = (247, 30, 29, 27, 28, 56, 190, 414, 286, 258, 257, 259, 260, 467)

# right landmark -> its mirror image, for every landmark off the midline that an action names
_MIRROR = {
    291: 61, 296: 66, 334: 105, 293: 63, 336: 107, 285: 55, 337: 108, 299: 69, 333: 104, 386: 159, 374: 145, 425: 205,
    280: 50, 270: 40, 321: 91, 318: 88, 310: 80, 397: 172, 365: 136, 361: 132, 378: 149, 443: 223, 450: 230,
}  # fmt: skip

Vector = tuple[float, float]


class Side(StrEnum):
    """Which half of the face (of the picture) moves."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"


class ActionKind(StrEnum):
    """Whether a movement is an expression that a spotter should find, or one that it must leave alone."""

    EXPRESSION = "expression"
    BLINK = "blink"
    SPEECH = "speech"


class Profile(StrEnum):
    """How the strength of a movement runs between onset, apex and offset."""

    COSINE = "cosine"
    """Raised cosine on both flanks."""
    SMOOTH = "smooth"
    """Fifth-order flanks: slow start and arrival, as of a reaching movement of least jerk."""
    SNAP = "snap"
    """A fast start of the rise and a long tail of the fall, as of many spontaneous expressions."""


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One movement at full strength.

    moves: landmark -> (outwards, down) in IOD. Landmarks off the midline are named by their right one and mirrored;
        at the midline "outwards" is "to the right" and is 0 for symmetric movements.
    radius_iod: reach of each landmark's influence on its neighbours.
    lid_closure: share of the eye's opening that the upper lid closes.
    one_sided: whether people also show it on one side alone.
    """

    name: str
    units: str
    kind: ActionKind
    moves: Mapping[int, Vector]
    radius_iod: float = 0.75
    lid_closure: float = 0.0

    @property
    def one_sided(self) -> bool:
        return self.name in _ONE_SIDED


def _action(
    name: str, units: str, moves: dict[int, Vector], radius_iod: float = 0.75, kind: ActionKind = ActionKind.EXPRESSION
) -> Action:
    return Action(name, units, kind, MappingProxyType(moves), radius_iod)


_BROW_RAISE = {
    336: (0.0, -0.055), 285: (0.0, -0.045), 296: (0.0, -0.070), 334: (0.002, -0.070), 293: (0.002, -0.055),
    337: (0.0, -0.050), 299: (0.0, -0.055), 333: (0.0, -0.045), 443: (0.0, -0.045), 386: (0.0, -0.014), 450: (0.0, 0.0),
}  # fmt: skip
_INNER_BROW_RAISE = {
    336: (-0.004, -0.060), 285: (0.0, -0.045), 296: (-0.002, -0.048), 334: (0.0, -0.015), 293: (0.0, 0.0),
    337: (0.0, -0.050), 299: (0.0, -0.036), 443: (0.0, -0.024), 386: (0.0, -0.006), 450: (0.0, 0.0),
}  # fmt: skip
_BROW_LOWER = {
    336: (-0.030, 0.036), 285: (-0.028, 0.028), 296: (-0.022, 0.037), 334: (-0.012, 0.027), 293: (-0.004, 0.012),
    337: (-0.018, 0.026), 299: (-0.014, 0.024), 443: (-0.014, 0.028), 386: (0.0, 0.010), 197: (0.0, 0.004),
    450: (0.0, 0.0),
}  # fmt: skip
_SMILE = {
    291: (0.120, -0.095), 270: (0.070, -0.055), 321: (0.075, -0.050), 0: (0.0, -0.020), 17: (0.0, -0.010),
    13: (0.0, -0.018), 14: (0.0, 0.002), 425: (0.055, -0.060), 280: (0.028, -0.045), 374: (0.0, -0.020),
    450: (0.0, -0.025), 4: (0.0, -0.003), 199: (0.0, -0.004), 152: (0.0, 0.0), 365: (0.010, -0.015),
}  # fmt: skip
_LIP_CORNER_DEPRESS = {
    291: (0.010, 0.055), 270: (0.004, 0.028), 321: (0.004, 0.040), 0: (0.0, 0.004), 17: (0.0, 0.008), 425: (0.0, 0.012),
    13: (0.0, 0.004), 14: (0.0, 0.006), 199: (0.0, 0.0), 152: (0.0, 0.0), 365: (0.0, 0.010), 4: (0.0, 0.0),
}  # fmt: skip
_LIP_PRESS = {
    0: (0.0, 0.026), 13: (0.0, 0.006), 17: (0.0, -0.034), 14: (0.0, -0.006), 270: (0.004, 0.018), 321: (0.004, -0.022),
    291: (0.012, 0.004), 199: (0.0, -0.018), 152: (0.0, -0.004), 4: (0.0, 0.001), 425: (0.004, 0.002),
}  # fmt: skip
_JAW_DROP = {
    17: (0.0, 0.250), 14: (0.0, 0.235), 318: (-0.020, 0.170), 321: (-0.018, 0.195), 199: (0.0, 0.265),
    152: (0.0, 0.270), 378: (-0.010, 0.220), 365: (-0.006, 0.150), 397: (0.0, 0.080), 361: (0.0, 0.010),
    291: (-0.030, 0.065), 425: (-0.006, 0.012), 0: (0.0, -0.004), 13: (0.0, 0.004), 270: (-0.006, 0.012),
    310: (-0.006, 0.012), 4: (0.0, 0.003), 280: (0.0, 0.004),
}  # fmt: skip
_CHIN_RAISE = {
    199: (0.0, -0.045), 17: (0.0, -0.045), 14: (0.0, -0.030), 13: (0.0, -0.030), 0: (0.0, -0.020), 291: (0.004, 0.014),
    270: (0.0, -0.012), 321: (0.0, -0.020), 152: (0.0, -0.022), 365: (0.0, -0.004), 4: (0.0, 0.0), 425: (0.0, 0.0),
}  # fmt: skip
_UPPER_LIP_RAISE = {
    0: (0.0, -0.050), 13: (0.0, -0.046), 270: (0.010, -0.050), 310: (0.008, -0.042), 425: (0.004, -0.035),
    291: (0.010, -0.016), 280: (0.0, -0.012), 17: (0.0, -0.002), 14: (0.0, 0.0), 321: (0.002, -0.004),
    4: (0.0, -0.008), 374: (0.0, -0.008),
}  # fmt: skip
_LIP_PUCKER = {
    291: (-0.100, 0.004), 270: (-0.060, 0.0), 321: (-0.060, 0.0), 0: (0.0, -0.016), 17: (0.0, 0.018), 13: (0.0, 0.0),
    14: (0.0, 0.004), 425: (-0.025, 0.004), 280: (-0.006, 0.0), 199: (0.0, 0.004), 152: (0.0, 0.0), 4: (0.0, 0.002),
}  # fmt: skip
_DIMPLE = {
    291: (0.060, -0.006), 270: (0.032, -0.002), 321: (0.032, -0.002), 0: (0.0, 0.004), 17: (0.0, -0.004),
    13: (0.0, 0.0), 14: (0.0, 0.0), 425: (0.022, -0.004), 280: (0.008, 0.0), 4: (0.0, 0.0), 152: (0.0, 0.0),
}  # fmt: skip
_SPEECH_OPEN = {
    17: (0.0, 0.115), 14: (0.0, 0.110), 318: (-0.010, 0.080), 321: (-0.008, 0.090), 199: (0.0, 0.120),
    152: (0.0, 0.120), 378: (-0.005, 0.095), 365: (-0.003, 0.065), 397: (0.0, 0.035), 361: (0.0, 0.005),
    291: (-0.016, 0.030), 425: (-0.003, 0.006), 0: (0.0, -0.008), 13: (0.0, -0.006), 270: (-0.003, 0.004),
    310: (-0.003, 0.004), 4: (0.0, 0.001), 280: (0.0, 0.002),
}  # fmt: skip
_SPEECH_ROUND = {
    291: (-0.065, 0.006), 270: (-0.040, -0.006), 321: (-0.040, 0.020), 0: (0.0, -0.014), 17: (0.0, 0.045),
    13: (0.0, -0.004), 14: (0.0, 0.040), 318: (-0.025, 0.030), 310: (-0.025, 0.0), 425: (-0.014, 0.004),
    280: (-0.003, 0.0), 199: (0.0, 0.035), 152: (0.0, 0.035), 378: (0.0, 0.025), 365: (0.0, 0.015), 4: (0.0, 0.001),
}  # fmt: skip
_SPEECH_WIDE = {
    291: (0.050, -0.010), 270: (0.028, -0.014), 321: (0.028, 0.022), 0: (0.0, -0.012), 17: (0.0, 0.032),
    13: (0.0, -0.012), 14: (0.0, 0.030), 318: (0.020, 0.022), 310: (0.020, -0.010), 425: (0.018, -0.010),
    280: (0.006, -0.004), 199: (0.0, 0.030), 152: (0.0, 0.030), 378: (0.0, 0.022), 365: (0.0, 0.012), 4: (0.0, 0.0),
}  # fmt: skip
_BLINK = {334: (0.0, 0.004), 296: (0.0, 0.005), 293: (0.0, 0.004), 336: (-0.001, 0.003), 450: (0.0, -0.006)}

_ALL = (
    _action("brow_raise", "AU1+2", _BROW_RAISE),
    _action("inner_brow_raise", "AU1", _INNER_BROW_RAISE),
    _action("brow_lower", "AU4", _BROW_LOWER),
    _action("smile", "AU12", _SMILE),
    _action("lip_corner_depress", "AU15", _LIP_CORNER_DEPRESS, 0.6),
    _action("lip_press", "AU24", _LIP_PRESS, 0.5),
    _action("jaw_drop", "AU26", _JAW_DROP, 0.9),
    _action("chin_raise", "AU17", _CHIN_RAISE, 0.6),
    _action("upper_lip_raise", "AU10", _UPPER_LIP_RAISE, 0.6),
    _action("lip_pucker", "AU18", _LIP_PUCKER, 0.6),
    _action("dimple", "AU14", _DIMPLE, 0.6),
    _action("speech_open", "jaw open", _SPEECH_OPEN, 0.9, ActionKind.SPEECH),
    _action("speech_round", "lips round", _SPEECH_ROUND, 0.7, ActionKind.SPEECH),
    _action("speech_wide", "lips wide", _SPEECH_WIDE, 0.7, ActionKind.SPEECH),
    Action("blink", "AU45", ActionKind.BLINK, MappingProxyType(_BLINK), 0.3, lid_closure=1.0),
)

ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _ALL})
"""Every movement by its name; :attr:`Action.kind` tells expressions from the others."""

EXPRESSIONS = tuple(action for action in _ALL if action.kind is ActionKind.EXPRESSION)
SPEECH_SHAPES = tuple(action for action in _ALL if action.kind is ActionKind.SPEECH)

_ONE_SIDED = frozenset({"brow_raise", "smile", "lip_corner_depress", "upper_lip_raise", "dimple"})

# movement that an expression of one side still shows at the midline; the other side stays still
_MIDLINE_SHARE = 0.5


def control_points(action: Action, side: Side) -> dict[int, Vector]:
    """Landmark -> (x right, y down) in IOD for one side or both; every landmark of a region is among the keys."""
    controls: dict[int, Vector] = dict.fromkeys(REGION_LANDMARKS, (0.0, 0.0))
    for landmark, (outwards, down) in action.moves.items():
        if landmark not in _MIRROR:
            share = 1.0 if side is Side.BOTH else _MIDLINE_SHARE
            controls[landmark] = (outwards * share, down * share)
            continue
        right = 0.0 if side is Side.LEFT else 1.0
        left = 0.0 if side is Side.RIGHT else 1.0
        controls[landmark] = (outwards * right, down * right)
        controls[_MIRROR[landmark]] = (-outwards * left, down * left)
    return controls


def region_displacement(action: Action, side: Side) -> FloatArray:
    """Displacement of the 12 regions at full strength: (12, 2) float32 in IOD, in the order of ``REGION_NAMES``."""
    controls = control_points(action, side)
    return np.array([controls[landmark] for landmark in REGION_LANDMARKS], np.float32)


def field(action: Action, side: Side, mesh_xy_iod: NDArray[np.floating]) -> FloatArray:
    """Displacement of every mesh point at full strength.

    mesh_xy_iod: (478, 2) landmarks of an upright, frontal, calm face in IOD; the origin does not matter.
    Returns (478, 2) float32 in IOD. The upper and the lower lip are interpolated apart, so that the mouth can open.

    Raises:
        ValueError: the mesh does not have 478 points.
    """
    mesh = np.asarray(mesh_xy_iod, np.float64)
    if mesh.shape != (MESH_POINTS, 2):
        raise ValueError(f"The mesh must be ({MESH_POINTS}, 2), not {mesh.shape}.")
    controls = control_points(action, side)
    below = _below_mouth(mesh)
    upper = _interpolate({k: v for k, v in controls.items() if below[k] < 1.0}, mesh, action.radius_iod)
    lower = _interpolate({k: v for k, v in controls.items() if below[k] > 0.0}, mesh, action.radius_iod)
    moved = upper + (lower - upper) * below[:, None]
    if action.lid_closure:
        _close_lids(moved, mesh, action.lid_closure, side)
    return moved.astype(np.float32)


def _interpolate(controls: Mapping[int, Vector], mesh: NDArray[np.float64], radius_iod: float) -> NDArray[np.float64]:
    """Radial-basis interpolation of the control points' displacements; exact at the control points."""
    indices = list(controls)
    centres = mesh[indices]
    weights = np.linalg.solve(
        _wendland(centres, centres, radius_iod) + 1e-9 * np.eye(len(indices)), np.array([controls[i] for i in indices])
    )
    return np.asarray(_wendland(mesh, centres, radius_iod) @ weights)


def _wendland(points: NDArray[np.float64], centres: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    r = np.linalg.norm(points[:, None] - centres[None], axis=2) / radius
    return np.asarray(np.clip(1.0 - r, 0.0, None) ** 4 * (4.0 * r + 1.0))


def _below_mouth(mesh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the lower sheet at every point: 0 above the mouth, 1 below, mixed beside it and at its corners."""
    left, right = mesh[61], mesh[291]
    middle = (mesh[13] + mesh[14]) / 2.0
    half_width = (right[0] - left[0]) / 2.0
    across = (mesh[:, 0] - (left[0] + right[0]) / 2.0) / half_width
    line = np.interp(np.abs(across), [0.0, 1.0], [middle[1], (left[1] + right[1]) / 2.0])
    softness = 0.03 + 0.15 * np.clip(np.abs(across) - 1.0, 0.0, 1.0)
    below = np.clip(0.5 + (mesh[:, 1] - line) / (2.0 * softness), 0.0, 1.0)
    below[list(UPPER_LIP)] = 0.0
    below[list(LOWER_LIP)] = 1.0
    below[[61, 291, 76, 306, 62, 292, 78, 308]] = 0.5
    return np.asarray(below)


def _close_lids(moved: NDArray[np.float64], mesh: NDArray[np.float64], closure: float, side: Side) -> None:
    """Bring the upper lids down to the lower ones; the skin above them follows two thirds of the way."""
    half = len(UPPER_LIDS) // 2
    columns = {Side.LEFT: slice(0, half), Side.RIGHT: slice(half, None), Side.BOTH: slice(None)}[side]
    for u, low, c in list(zip(UPPER_LIDS, LOWER_LIDS, _LID_CREASES, strict=True))[columns]:
        gap = mesh[low] - mesh[u]
        moved[u] = gap * (0.92 * closure)
        moved[low] = -gap * (0.08 * closure)
        moved[c] = gap * (0.65 * closure)


def intensity_profile(
    time_s: ArrayLike,
    onset_s: float,
    apex_s: float,
    offset_s: float,
    shape: Profile = Profile.COSINE,
    hold_s: float = 0.0,
) -> NDArray[np.float64]:
    """Strength of a movement over time: 0 at and before the onset, 1 at the apex, 0 at and after the offset.

    Motion begins at ``onset_s`` and ends at ``offset_s``. In a recording the onset frame is the one nearest to
    ``onset_s`` (the first frame with motion towards the next) and the offset frame the one nearest to ``offset_s`` (the
    last frame with motion since the one before). The rise and the fall have their own durations.

    hold_s: the apex is held from ``apex_s`` to ``apex_s + hold_s``; the label's apex is its beginning.

    Raises:
        ValueError: the instants are out of order or the hold does not end before the offset.
    """
    if not (onset_s < apex_s and hold_s >= 0.0 and apex_s + hold_s < offset_s):
        raise ValueError(f"Out of order: onset {onset_s}, apex {apex_s} (+{hold_s} held), offset {offset_s}.")
    time = np.asarray(time_s, np.float64)
    rise = np.clip((time - onset_s) / (apex_s - onset_s), 0.0, 1.0)
    fall = np.clip((offset_s - time) / (offset_s - apex_s - hold_s), 0.0, 1.0)
    if shape is Profile.COSINE:
        rise, fall = (1.0 - np.cos(np.pi * rise)) / 2.0, (1.0 - np.cos(np.pi * fall)) / 2.0
    elif shape is Profile.SMOOTH:
        rise, fall = _least_jerk(rise), _least_jerk(fall)
    else:
        rise, fall = _least_jerk(rise**0.7), _least_jerk(fall**1.3)
    return np.asarray(np.minimum(rise, fall))


def _least_jerk(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(x**3 * (10.0 - 15.0 * x + 6.0 * x**2))
