"""A picture bent over a triangle mesh: topology of the animated head and a small rasteriser.

The head is MediaPipe's face mesh (468 points; its tessellation has holes for eyes and mouth), the eyeballs and the
inside of the mouth behind those holes, and four rings around the face that carry hair, ears and neck along and fade to
a still background. A picture is made by finding, for every output pixel, the triangle that covers it last (far ones are
painted first), looking up that triangle's affine map into the texture, and one ``cv2.remap``: a piecewise-affine warp,
which is continuous across edges and exact at the mesh points.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from mediapipe.tasks.python.vision import FaceLandmarksConnections
from numpy.typing import NDArray

from models.types import Image
from training.actions import LOWER_LIDS, UPPER_LIDS

Points = NDArray[np.float64]
Triangles = NDArray[np.int32]

INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
OVAL = tuple(connection.start for connection in FaceLandmarksConnections.FACE_LANDMARKS_FACE_OVAL)

RING_SCALES = (1.3, 1.75, 2.4, 3.2)
"""Rings around the face oval, as multiples of its size."""
RING_FOLLOW = (1.0, 0.85, 0.35, 0.0)
"""Share of the head's motion that each ring follows."""
NECK_FOLLOW = (0.75, 0.4, 0.12, 0.0)
"""The same straight below the chin, where neck and clothes are."""
_RING_DEPTH_IOD = (0.3, 0.6, 0.6, 0.6)

_COARSE = 4
_SEAM_PX = 4.0
_EYES = (
    (33, *UPPER_LIDS[:7], 133, *reversed(LOWER_LIDS[:7])),
    (362, *UPPER_LIDS[7:], 263, *reversed(LOWER_LIDS[7:])),
)


def face_triangles() -> Triangles:
    """(852, 3) landmark indices of MediaPipe's tessellation, which lists three edges a triangle."""
    edges = FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION
    return np.array([[edge.start for edge in edges[i : i + 3]] for i in range(0, len(edges), 3)], np.int32)


def eye_triangles() -> Triangles:
    """Strips between the upper and the lower lid that fill both eyes."""
    found = []
    for eye in _EYES:
        upper, lower = eye[:9], (eye[0], *reversed(eye[9:]), eye[8])
        for i in range(8):
            found += [(upper[i], upper[i + 1], lower[i]), (upper[i + 1], lower[i + 1], lower[i])]
    return np.array([t for t in found if len(set(t)) == 3], np.int32)


def lid_triangles(face: Triangles) -> Triangles:
    """The skin next to the lids; painted unmoved beneath the moving lids, so that a wider eye shows no gap."""
    rim = np.array([landmark for eye in _EYES for landmark in eye])
    return face[np.isin(face, rim).any(axis=1)]


def ring_points(mesh_iod: Points) -> Points:
    """(144, 3) points of the four rings around a face (>=468, 3) whose origin lies between the eyes."""
    oval = mesh_iod[list(OVAL)]
    centre = _centre(oval)
    xy = centre + (oval[None, :, :2] - centre) * np.array(RING_SCALES)[:, None, None]
    depth = oval[None, :, 2:] + np.array(_RING_DEPTH_IOD)[:, None, None]
    return np.concatenate([xy, depth], axis=2).reshape(-1, 3)


def ring_follow(mesh_iod: Points) -> NDArray[np.float64]:
    """(144,) share of the head's motion that each ring point follows."""
    oval = mesh_iod[list(OVAL)]
    centre = _centre(oval)
    down = (oval[:, 1] - centre[1]) / np.linalg.norm(oval[:, :2] - centre, axis=1)
    neck = np.clip((down - 0.3) / 0.5, 0.0, 1.0)[None]
    return np.asarray((np.array(RING_FOLLOW)[:, None] * (1.0 - neck) + np.array(NECK_FOLLOW)[:, None] * neck).ravel())


def _centre(oval: Points) -> Points:
    return np.asarray((oval[:, :2].min(axis=0) + oval[:, :2].max(axis=0)) / 2.0)


def ring_triangles(first: int) -> tuple[Triangles, Triangles]:
    """Strips oval -> ring 1 and ring 1 -> ... -> ring 4, whose points begin at index ``first``."""
    count = len(OVAL)
    rows = [np.array(OVAL), *(first + count * k + np.arange(count) for k in range(len(RING_SCALES)))]
    strips = []
    for inner, outer in pairwise(rows):
        following = np.roll(np.arange(count), -1)
        strips.append(np.stack([inner, inner[following], outer], axis=1))
        strips.append(np.stack([inner[following], outer[following], outer], axis=1))
    return np.concatenate(strips[:2]).astype(np.int32), np.concatenate(strips[2:]).astype(np.int32)


def affine_maps(
    destination: Points, source: Points, triangles: Triangles
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Affine maps (T, 2, 3) from destination to source pixels, and which triangles are wide enough to paint."""
    d, s = destination[triangles], source[triangles]
    d1, d2 = d[:, 1] - d[:, 0], d[:, 2] - d[:, 0]
    s1, s2 = s[:, 1] - s[:, 0], s[:, 2] - s[:, 0]
    area = d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]
    longest = np.sqrt(np.maximum.reduce([(d1**2).sum(1), (d2**2).sum(1), ((d2 - d1) ** 2).sum(1)]))
    wide = np.abs(area) > 0.35 * np.maximum(longest, 1.0)
    inverse = 1.0 / np.where(wide, area, 1.0)
    column_x = (s1 * d2[:, 1:] - s2 * d1[:, 1:]) * inverse[:, None]
    column_y = (s2 * d1[:, :1] - s1 * d2[:, :1]) * inverse[:, None]
    shift = s[:, 0] - column_x * d[:, 0, :1] - column_y * d[:, 0, 1:]
    return np.stack([column_x, column_y, shift], axis=2).astype(np.float32), wide


def paint_ids(ids: NDArray[np.int32], polygons: NDArray[np.float64], numbers: NDArray[np.intp]) -> None:
    """Fill convex polygons (P, K, 2) in order with their numbers; vertices are rounded to 1/16 pixel."""
    fixed = np.round(polygons * 16.0).astype(np.int32)
    for polygon, number in zip(fixed, numbers.tolist(), strict=True):
        cv2.fillConvexPoly(ids, polygon, number, cv2.LINE_8, 4)


def lookup(
    ids: NDArray[np.int32], maps: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Source coordinates (H, W, 2) at the output columns ``x`` and rows ``y`` of an image of map numbers."""
    chosen = maps.reshape(-1, 6)[ids]
    out = np.empty((*ids.shape, 2), np.float32)
    out[..., 0] = chosen[..., 0] * x + chosen[..., 1] * y[:, None] + chosen[..., 2]
    out[..., 1] = chosen[..., 3] * x + chosen[..., 4] * y[:, None] + chosen[..., 5]
    return out


def _seams(maps: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels beside an edge where one part covers another (the map jumps there); they would look jagged."""
    jump = np.zeros(maps.shape[:2], np.uint8)
    across = np.abs(np.diff(maps, axis=1)).max(axis=2) > _SEAM_PX
    along = np.abs(np.diff(maps, axis=0)).max(axis=2) > _SEAM_PX
    jump[:, 1:] |= across
    jump[:, :-1] |= across
    jump[1:] |= along
    jump[:-1] |= along
    return jump.astype(np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Triangles painted in the given order, or by depth where ``by_depth`` says so."""

    triangles: Triangles
    by_depth: bool = False


class MeshPainter:
    """Bends one texture over a mesh that moves.

    texture: BGR; may be larger than the output. source_px: (V, 2) texture pixels of the mesh points.
    surround: triangles of the far surroundings, evaluated on a coarse grid (they move slowly).
    layers: painted one after the other over the surroundings at full resolution.
    origin_px: texture pixel of the output's first pixel; where no triangle lies the texture is shown unmoved.
    """

    def __init__(
        self,
        texture: Image,
        source_px: Points,
        surround: Triangles,
        layers: tuple[Layer, ...],
        origin_px: tuple[int, int],
        size: tuple[int, int],
    ) -> None:
        self._texture = texture
        self._source = source_px
        self._surround = surround
        self._layers = layers
        self._origin = np.array(origin_px, np.float64)
        self._size = size
        self._still = np.array([[[1, 0, origin_px[0]], [0, 1, origin_px[1]]]], np.float32)

    def paint(
        self,
        positions: tuple[Points, ...],
        depths: NDArray[np.float64],
        patch: tuple[Points, NDArray[np.float32]] | None = None,
        patch_before: int = 0,
    ) -> Image:
        """The picture for the given mesh positions.

        positions: for the surroundings and then for each layer, (V, 2) output pixels. depths: (V,) larger is farther.
        patch: a polygon (K, 2) in output pixels with its own (2, 3) map into the texture, painted before layer
            ``patch_before``.
        """
        width, height = self._size
        coarse = self._coarse(positions[0])
        moving = positions[1][np.unique(np.concatenate([layer.triangles for layer in self._layers]))]
        low = np.clip(np.floor(moving.min(axis=0)).astype(int) - 1, 0, None)
        high = np.minimum(np.ceil(moving.max(axis=0)).astype(int) + 2, [width, height])
        ids = np.zeros((high[1] - low[1], high[0] - low[0]), np.int32)
        maps = [self._still]
        count = 1
        for number, (layer, position) in enumerate(zip(self._layers, positions[1:], strict=True)):
            if patch is not None and number == patch_before:
                cv2.fillPoly(ids, [np.round((patch[0] - low) * 16.0).astype(np.int32)], count, cv2.LINE_8, 4)
                maps.append(patch[1][None].astype(np.float32))
                count += 1
            affine, wide = affine_maps(position, self._source, layer.triangles)
            order = np.flatnonzero(wide)
            if layer.by_depth:
                order = order[np.argsort(-depths[layer.triangles[order]].sum(axis=1), kind="stable")]
            paint_ids(ids, position[layer.triangles[order]] - low, order + count)
            maps.append(affine)
            count += len(layer.triangles)
        x = np.arange(low[0], high[0], dtype=np.float32)
        y = np.arange(low[1], high[1], dtype=np.float32)
        fine = lookup(ids, np.concatenate(maps), x, y)
        box = coarse[low[1] : high[1], low[0] : high[0]]
        np.copyto(box, fine, where=(ids > 0)[..., None])
        x_map, y_map = cv2.split(coarse)
        out = cv2.remap(self._texture, x_map, y_map, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        part = out[low[1] : high[1], low[0] : high[0]]
        seams = _seams(fine)
        part[seams] = cv2.GaussianBlur(part, (0, 0), 0.8)[seams]
        return np.asarray(out, np.uint8)

    def _coarse(self, position: Points) -> NDArray[np.float32]:
        """Map of the surroundings, evaluated at every fourth pixel and interpolated between."""
        width, height = self._size
        columns, rows = -(-width // _COARSE), -(-height // _COARSE)
        affine, wide = affine_maps(position, self._source, self._surround)
        order = np.flatnonzero(wide)
        ids = np.zeros((rows, columns), np.int32)
        paint_ids(ids, (position[self._surround[order]] - (_COARSE - 1) / 2.0) / _COARSE, order + 1)
        x = np.arange(columns, dtype=np.float32) * _COARSE + (_COARSE - 1) / 2.0
        y = np.arange(rows, dtype=np.float32) * _COARSE + (_COARSE - 1) / 2.0
        grid = lookup(ids, np.concatenate([self._still, affine]), x, y)
        full = np.asarray(cv2.resize(grid, (columns * _COARSE, rows * _COARSE)), np.float32)
        # interpolation clamps at the border; the first and last two pixels continue the slope of a still picture
        return np.ascontiguousarray(self._unclamped(full)[:height, :width])

    def _unclamped(self, full: NDArray[np.float32]) -> NDArray[np.float32]:
        edge = (_COARSE - 1) / 2.0
        for i in range(_COARSE // 2):
            full[:, i, 0] += i - edge
            full[:, -1 - i, 0] -= i - edge
            full[i, :, 1] += i - edge
            full[-1 - i, :, 1] -= i - edge
        return full
