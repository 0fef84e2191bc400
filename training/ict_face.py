"""Other people's heads for synthetic video: a parametric 3D face that can be posed and moved as the portrait can.

The face is the one of the USC Institute for Creative Technologies (ICT-FaceKit; Li et al., CVPR 2020; MIT licence),
read from a file that is no part of the program: a mean head, a hundred ways in which heads differ, and the movements of
ARKit's blend shapes, which were modelled on scans and not on the actions of ``training.actions``. It comes without a
picture of skin, so one is drawn: tone, spots, brows, lips, eyes, hair, light. Lengths are in inter-ocular distances
(IOD) in the face's own frame, as in ``training.portrait``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from models.types import FloatArray, Image
from training.actions import Action, ActionKind, Side, region_displacement
from training.portrait import Pose, perspective, turned
from training.portrait_mesh import Points

_FINER = 2
"""Pixels, in each direction, that a pixel is the mean of."""

_TO_PICTURE = np.array([1.0, -1.0, -1.0], np.float32)
"""The model has y up and z towards the viewer."""

_EYE_CORNERS = ((1507, 1528), (3742, 3721))
_REGIONS = (493, 1914, 2044, 4240, 4114, 2734, 4527, 4857, 5708, 0, 6213, 5518)
_LIPS = (5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841)
_BROWS = ((268, 493, 1914, 2044, 1401), (3615, 4240, 4114, 2734, 2509))
"""Vertices at dlib's landmarks: corners of the eyes, the regions in the order of ``REGION_NAMES``, outlines."""

_VERTICES = 26719
_FACE, _NECK, _SOCKETS, _GUMS, _TEETH = (0, 9409), (9409, 11248), (11248, 14062), (14062, 17039), (17039, 21451)
_EYEBALLS = ((21451, 23021), (23021, 24591))
"""The model's parts, first vertex and the one after the last. What follows them (tears, lashes) is left out."""

_SHAPES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "brow_raise": {"browInnerUp": 0.8, "browOuterUp": 1.0, "eyeWide": 0.2},
        "inner_brow_raise": {"browInnerUp": 1.0},
        "brow_lower": {"browDown": 1.0, "eyeSquint": 0.2},
        "smile": {"mouthSmile": 1.0, "cheekSquint": 0.5, "eyeSquint": 0.2},
        "lip_corner_depress": {"mouthFrown": 1.0},
        "lip_press": {"mouthPress": 1.0, "mouthRollLower": 0.3, "mouthRollUpper": 0.3},
        "jaw_drop": {"jawOpen": 1.0},
        "chin_raise": {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.5},
        "upper_lip_raise": {"mouthUpperUp": 1.0, "noseSneer": 0.5},
        "lip_pucker": {"mouthPucker": 1.0},
        "dimple": {"mouthDimple": 1.0, "mouthStretch": 0.2},
        "speech_open": {"jawOpen": 1.0, "mouthLowerDown": 0.2},
        "speech_round": {"mouthFunnel": 1.0, "jawOpen": 0.2},
        "speech_wide": {"mouthStretch": 0.6, "mouthLowerDown": 0.6, "mouthUpperUp": 0.3, "jawOpen": 0.15},
        "blink": {"eyeBlink": 1.0},
    }
)
"""Action -> the model's movements that make it, and how much of each."""

_SKIN_BGR = np.array([[150, 178, 222], [120, 155, 205], [86, 120, 175], [60, 88, 138], [42, 62, 98]], np.float64)
"""Tones from light to dark; a person has one in between two."""
_HAIR_BGR = np.array([30.0, 40.0, 60.0])
_MOUTH_BGR, _GUMS_BGR, _TEETH_BGR, _WHITE_BGR = (30, 26, 52), (70, 62, 130), (175, 195, 200), (205, 210, 215)
_IRIS_IOD, _PUPIL_IOD, _BROW_IOD = 0.092, 0.04, 0.1


class FaceModel:
    """The face of everybody.

    mean: (V, 3). people: (100, V, 3), what one standard deviation of each difference adds. quads: (Q, 4) vertices.
    moves: name of a movement, ending in _L or _R where it has sides -> (V, 3) at full strength.

    Raises:
        DataError: the file cannot be read or holds something else.
    """

    def __init__(self, file: Path) -> None:
        try:
            with np.load(file, allow_pickle=False) as archive:
                self.mean = archive["neutral"].astype(np.float64)
                self.people = archive["identity"].astype(np.float32)
                self.quads = archive["quads"].astype(np.int64)
                moves = archive["expr"].astype(np.float32)
                self.moves = {str(name): moves[i] for i, name in enumerate(archive["expr_names"])}
            if self.mean.shape != (_VERTICES, 3):
                raise ValueError(f"{self.mean.shape} is the shape of another mesh")
        except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{file} is not the ICT face; name the file ict_facekit_compact.npz.") from error

    def named(self, shape: str, side: Side) -> list[str]:
        """The movements of one name, on both sides or on one. Its left is the person's, the picture's right."""
        if shape in self.moves:
            return [shape]
        return [f"{shape}_{end}" for end, other in (("L", Side.LEFT), ("R", Side.RIGHT)) if side is not other]


class IctHead:
    """One person, who can be painted in any pose and with any movement.

    seed: who it is. size: width and height of the pictures in pixels. iod_px: distance between the eyes in them.
    """

    def __init__(self, model: FaceModel, seed: int, size: tuple[int, int], iod_px: float) -> None:
        rng = np.random.default_rng([seed, 11])
        differences = np.clip(rng.normal(size=len(model.people)), -2.0, 2.0).astype(np.float32)
        shape = model.mean + np.tensordot(differences, model.people, 1)
        left, right = (shape[list(corners)].mean(0) for corners in _EYE_CORNERS)
        self._model, self._size, self._iod_px = model, size, iod_px
        self._unit = float(np.linalg.norm(right - left))
        self._eyes_px = np.array([rng.uniform(0.42, 0.58) * size[0], rng.uniform(0.4, 0.47) * size[1]])
        self._rest: Points = (shape - (left + right) / 2.0) / self._unit * _TO_PICTURE
        self._gains = {name: float(np.exp(rng.normal(0.0, 0.2))) for name in model.moves}
        self._quads = model.quads[(model.quads < _EYEBALLS[-1][1]).all(1)]
        self._albedo = _colours(rng, self._rest, self._quads)
        light = np.array([rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.2), -1.0])
        self._light = light / np.linalg.norm(light)
        self._ambient = float(rng.uniform(0.35, 0.7))
        self._behind = _background(rng, size)

    def still(self) -> FloatArray:
        """(V, 3) no displacement."""
        return np.zeros(self._rest.shape, np.float32)

    def field(self, action: Action, side: Side) -> FloatArray:
        """(V, 3) in IOD at full strength; the region that moves most goes as far as ``training.actions`` says."""
        moved = self.still()
        for shape, weight in _SHAPES[action.name].items():
            for name in self._model.named(shape, side):
                moved += weight * self._gains[name] * self._model.moves[name]
        moved = moved / self._unit * _TO_PICTURE
        if action.kind is ActionKind.BLINK:
            return moved
        asked, goes = region_displacement(action, side), moved[list(_REGIONS), :2]
        share = float(np.linalg.norm(asked, axis=1).max()) / float(np.linalg.norm(goes, axis=1).max())
        return np.asarray(moved * share, np.float32)

    def landmarks_px(self, displacement_iod: FloatArray, pose: Pose) -> Points:
        """(12, 2) where the regions' centres stand in the picture that :meth:`paint` makes."""
        moved = (self._rest + displacement_iod)[list(_REGIONS)]
        return self._in_picture(turned(moved, pose), pose)

    def paint(self, displacement_iod: FloatArray, pose: Pose) -> Image:
        """BGR picture of the head with its vertices displaced by (V, 3) IOD and then posed."""
        solid = turned(self._rest + displacement_iod, pose)
        flat = self._in_picture(solid, pose)
        seen = self._facing(flat)
        seen = seen[np.argsort(-solid[self._quads[seen], 2].mean(1), kind="stable")]
        colours = self._albedo[seen] * self._shade(solid[self._quads[seen]])[:, None]
        width, height = self._size
        canvas = cv2.resize(self._behind, (width * _FINER, height * _FINER), interpolation=cv2.INTER_NEAREST)
        corners = np.round(((flat + 0.5) * _FINER - 0.5)[self._quads[seen]] * 16.0).astype(np.int32)
        for polygon, colour in zip(corners, np.clip(colours, 0.0, 255.0).tolist(), strict=True):
            cv2.fillConvexPoly(canvas, polygon, colour, cv2.LINE_8, 4)
        return np.asarray(cv2.resize(canvas, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _in_picture(self, solid: Points, pose: Pose) -> Points:
        return np.asarray(perspective(solid, pose) * self._iod_px + self._eyes_px)

    def _facing(self, flat: Points) -> NDArray[np.intp]:
        """Quads that turn their front to the camera; the model lists corners the same way round everywhere."""
        corners = flat[self._quads]
        one, other = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
        return np.asarray(np.flatnonzero(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0] < 0.0))

    def _shade(self, corners: Points) -> NDArray[np.float64]:
        """Light on quads (N, 4, 3) that face the camera: what comes from everywhere, and from the lamp."""
        normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
        normal *= -np.sign(normal[:, 2:])
        lit = np.clip(normal @ self._light, 0.0, None)
        return np.asarray(self._ambient + (1.0 - self._ambient) * lit)


def _colours(rng: np.random.Generator, rest: Points, quads: NDArray[np.int64]) -> NDArray[np.float64]:
    """(Q, 3) BGR of one person in even light."""
    centre = rest[quads].mean(1)
    first = quads.min(1)

    def part(vertices: tuple[int, int]) -> NDArray[np.bool_]:
        return np.asarray((first >= vertices[0]) & (first < vertices[1]))

    place = rng.uniform(0.0, len(_SKIN_BGR) - 1.0)
    skin = np.array([np.interp(place, np.arange(len(_SKIN_BGR)), tones) for tones in _SKIN_BGR.T])
    spots = 0.035 * _waves(rng, centre, 2.5) + 0.04 * _waves(rng, centre, 8.0) + 0.05 * rng.normal(size=len(centre))
    colour = skin * (1.0 + spots)[:, None]
    face = part(_FACE)
    lips = face & (centre[:, 2] < 0.3)
    outline = rest[list(_LIPS), :2].astype(np.float32)
    lips[lips] = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) >= 0 for x, y in centre[lips, :2]]
    colour[lips] *= [0.72, 0.68, 0.92]
    hair = _HAIR_BGR * rng.uniform(0.4, 1.6)
    for brow in _BROWS:
        line = rest[list(brow)]
        line = np.concatenate([line, (line[:-1] + line[1:]) / 2.0])
        away = np.linalg.norm(centre[:, None] - line[None], axis=2).min(1)
        share = np.clip(1.4 - away / _BROW_IOD, 0.0, 1.0) * rng.uniform(0.6, 1.0, len(centre)) * face
        colour += (hair - colour) * share[:, None]
    hairline = rng.uniform(-1.15, -0.95) + 0.08 * rng.normal(size=len(centre))
    scalp = (part(_NECK) & (centre[:, 1] < 0.2)) | (face & (centre[:, 1] < hairline))
    colour[scalp] = hair * rng.uniform(0.6, 1.4, (int(scalp.sum()), 1))
    for vertices, bgr in ((_SOCKETS, _MOUTH_BGR), (_GUMS, _GUMS_BGR), (_TEETH, _TEETH_BGR)):
        colour[part(vertices)] = bgr
    iris = rng.uniform([20.0, 40.0, 30.0], [120.0, 90.0, 80.0])
    for vertices in _EYEBALLS:
        ball, middle = part(vertices), rest[slice(*vertices)].mean(0)
        off = np.linalg.norm(centre[:, :2] - middle[:2], axis=1)
        front = ball & (centre[:, 2] < middle[2])
        colour[ball] = _WHITE_BGR
        colour[front & (off < _IRIS_IOD)] = iris
        colour[front & (off < _PUPIL_IOD)] = 12.0
    return colour


def _waves(rng: np.random.Generator, points: Points, per_iod: float, count: int = 24) -> NDArray[np.float64]:
    """Smooth noise of variance 1 at points (N, 3), with so many waves an IOD."""
    waves = rng.normal(size=(count, 3)) * per_iod * 2.0 * np.pi
    return np.asarray(np.sqrt(2.0 / count) * np.sin(points @ waves.T + rng.uniform(0.0, 6.3, count)).sum(1))


def _background(rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """A blurred room."""
    rough = rng.uniform(40.0, 200.0, (6, 8, 1)) + rng.normal(0.0, 15.0, (6, 8, 3))
    room = cv2.resize(rough.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0.0, 4.0, (size[1], size[0], 1)).astype(np.float32)
    return np.asarray(np.clip(room + grain, 0.0, 255.0), np.uint8)
