"""The portrait as a puppet: a calm, upright head of a chosen identity that can be posed and moved.

The shipped portrait smiles. Building a head detects its landmarks with MediaPipe, relaxes the smile and closes the lips
by bending the picture, reshapes the face to another identity, and keeps the teeth of the original for the inside of the
mouth. Lengths are in inter-ocular distances (IOD) in the face's own frame: origin between the eyes, x right, y down, z
away from the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from models.assets import FACE_LANDMARKER, FACE_LANDMARKER_SHA256, asset_path, read_verified
from models.errors import AssetError
from models.types import FloatArray, Image
from training.actions import LOWER_LIP, MESH_POINTS, UPPER_LIP, Action, ActionKind, Side, field
from training.portrait_mesh import (
    INNER_LIPS,
    OVAL,
    RING_FOLLOW,
    Layer,
    MeshPainter,
    Points,
    eye_triangles,
    face_triangles,
    lid_triangles,
    ring_follow,
    ring_points,
    ring_triangles,
)

PORTRAIT = "portrait.png"

_PAD_PX = 64
_CAMERA_IOD = 9.5  # some 60 cm, as in front of a screen
_PIVOT_IOD = np.array([0.0, 0.9, 1.3])  # the head turns about the top of the neck
_JAW_FOLLOW = (0.4, 0.15, 0.0, 0.0)  # share of the oval's own movement that the rings follow
_MOUTH_BOX_IOD = (-0.8, 0.6, 0.8, 1.6)

# the movement that takes the portrait's smile back
_RELAX = Action(
    "relax",
    "-AU12",
    ActionKind.SPEECH,
    MappingProxyType(
        {
            291: (-0.095, 0.125), 270: (-0.050, 0.055), 321: (-0.055, 0.040), 0: (0.0, 0.010), 17: (0.0, -0.020),
            425: (-0.045, 0.055), 280: (-0.020, 0.030), 374: (0.0, 0.010), 450: (0.0, 0.012), 199: (0.0, 0.0),
            152: (0.0, 0.0), 4: (0.0, 0.0), 365: (-0.010, 0.010),
        }
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """How the head differs from the portrait; all zero is the portrait itself with the smile relaxed.

    Shapes are relative changes (0.1 = ten percent), lengths in IOD; ``light_angle_deg`` is where the light is.
    """

    mirror: bool = False
    width: float = 0.0
    jaw_width: float = 0.0
    lower_face: float = 0.0
    mouth_width: float = 0.0
    nose_length: float = 0.0
    brow_height_iod: float = 0.0
    eye_opening: float = 0.0
    depth: float = 0.0
    skew_iod: float = 0.0
    gain_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    contrast: float = 1.0
    light: float = 0.0
    light_angle_deg: float = 0.0
    place_x: float = 0.5
    place_y: float = 0.41

    @staticmethod
    def random(rng: np.random.Generator) -> Identity:
        """A plausible other person under another light."""
        tint = 1.0 + np.clip(rng.normal(0.0, 0.03, 3), -0.06, 0.06)
        return Identity(
            mirror=bool(rng.random() < 0.5),
            width=float(np.clip(rng.normal(0.0, 0.05), -0.1, 0.1)),
            jaw_width=float(np.clip(rng.normal(0.0, 0.05), -0.1, 0.1)),
            lower_face=float(np.clip(rng.normal(0.0, 0.05), -0.1, 0.1)),
            mouth_width=float(np.clip(rng.normal(0.0, 0.06), -0.12, 0.12)),
            nose_length=float(np.clip(rng.normal(0.0, 0.05), -0.1, 0.1)),
            brow_height_iod=float(np.clip(rng.normal(0.0, 0.03), -0.05, 0.05)),
            eye_opening=float(np.clip(rng.normal(0.0, 0.12), -0.2, 0.25)),
            depth=float(np.clip(rng.normal(0.0, 0.08), -0.15, 0.15)),
            skew_iod=float(np.clip(rng.normal(0.0, 0.012), -0.025, 0.025)),
            gain_bgr=(float(tint[0]), float(tint[1]), float(tint[2])),
            gamma=float(np.exp(rng.normal(0.0, 0.2))),
            contrast=float(np.clip(rng.normal(0.95, 0.12), 0.65, 1.15)),
            light=float(rng.uniform(0.0, 0.35)),
            light_angle_deg=float(rng.uniform(-180.0, 180.0)),
            place_x=float(rng.uniform(0.42, 0.58)),
            place_y=float(rng.uniform(0.38, 0.46)),
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head is: degrees; positive yaw turns to the right of the picture, pitch downwards, roll clockwise."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x_iod: float = 0.0
    y_iod: float = 0.0
    scale: float = 1.0


class Head:
    """A head that can be painted in any pose and with any displacement of its mesh.

    Raises:
        AssetError: the portrait or the landmark model is missing or damaged.
    """

    def __init__(self, identity: Identity, size: tuple[int, int], iod_px: float) -> None:
        """size: width and height of the pictures in pixels. iod_px: distance between the eyes' centres in them."""
        self._iod_px = iod_px
        self._eyes_px = np.array([identity.place_x * size[0], identity.place_y * size[1]])
        picture = _read_portrait()
        if identity.mirror:
            picture = np.ascontiguousarray(picture[:, ::-1])
        canvas, smiling = self._upright(picture, size)
        calm = _reshape(relax(smiling), identity)
        rings_before, rings_calm = ring_points(smiling), ring_points(calm)
        bend = np.repeat(RING_FOLLOW, len(OVAL))[:, None]
        rings_calm[:, :2] = (rings_before + (rings_calm - rings_before) * bend)[:, :2]
        before, self._rest = np.concatenate([smiling, rings_before]), np.concatenate([calm, rings_calm])

        face = face_triangles()
        near, far = ring_triangles(MESH_POINTS)
        eyes = np.concatenate([lid_triangles(face), eye_triangles()])
        layers = (Layer(near), Layer(eyes), Layer(face, by_depth=True))
        padded = (size[0] + 2 * _PAD_PX, size[1] + 2 * _PAD_PX)
        to_canvas = self._eyes_px + _PAD_PX
        flat = MeshPainter(canvas, before[:, :2] * iod_px + to_canvas, far, layers, (0, 0), padded)
        moved = self._rest[:, :2] * iod_px + to_canvas
        texture = flat.paint((moved,) * 4, self._rest[:, 2])
        texture = self._darken_lip_line(texture, moved)
        mouth = self._mouth_inside(canvas, smiling, padded[0])
        shaped = _colour(np.concatenate([texture, mouth]), identity)
        self._mouth_row = padded[1]
        self._mouth_shift = calm[list(INNER_LIPS), :2].mean(axis=0) - relax(smiling)[list(INNER_LIPS), :2].mean(axis=0)
        self._follow = np.concatenate([np.ones(MESH_POINTS), ring_follow(calm)])
        self._painter = MeshPainter(shaped, moved, far, layers, (_PAD_PX, _PAD_PX), size)

    @property
    def mesh_iod(self) -> Points:
        """(478, 3) the calm face."""
        return self._rest[:MESH_POINTS].copy()

    def still(self) -> FloatArray:
        """(478, 2) no displacement."""
        return np.zeros((MESH_POINTS, 2), np.float32)

    def field(self, action: Action, side: Side) -> FloatArray:
        """(478, 2) displacement of the mesh in IOD at full strength."""
        return field(action, side, self._rest[:MESH_POINTS, :2])

    def project(self, points_iod: Points, pose: Pose) -> tuple[Points, NDArray[np.float64]]:
        """Output pixels (N, 2) and depths (N,) of points in the face's frame, in perspective; exact at rest."""
        solid = points_iod.copy()
        solid[:, :2] *= 1.0 + points_iod[:, 2:] / _CAMERA_IOD
        solid = turned(solid, pose)
        flat = perspective(solid, pose)
        return flat * self._iod_px + self._eyes_px, solid[:, 2]

    def landmarks_px(self, displacement_iod: NDArray[np.floating], pose: Pose) -> Points:
        """(478, 2) where the mesh stands in the picture that :meth:`paint` makes."""
        moved = self._rest[:MESH_POINTS].copy()
        moved[:, :2] += displacement_iod
        return self.project(moved, pose)[0]

    def paint(self, displacement_iod: NDArray[np.floating], pose: Pose) -> Image:
        """BGR picture of the head with its mesh displaced by (478, 2) IOD and then posed."""
        moved = self._rest.copy()
        moved[:MESH_POINTS, :2] += displacement_iod
        oval = displacement_iod[list(OVAL)]
        moved[MESH_POINTS:, :2] += np.concatenate([oval * share for share in _JAW_FOLLOW])
        rest_px = self._rest[:, :2] * self._iod_px + self._eyes_px
        follow = self._follow[:, None]
        moved_px, depths = self.project(moved, pose)
        moved_px = rest_px + (moved_px - rest_px) * follow
        rigid_px = rest_px + (self.project(self._rest, pose)[0] - rest_px) * follow
        patch = (moved_px[list(INNER_LIPS)], self._mouth_map(pose))
        return self._painter.paint((moved_px, moved_px, rigid_px, moved_px), depths, patch, patch_before=2)

    def _upright(self, picture: Image, size: tuple[int, int]) -> tuple[Image, Points]:
        """The portrait placed on the padded canvas with its eyes level, and its mesh (478, 3) in IOD."""
        landmarks = detect_mesh(picture)
        left, right = landmarks[[33, 133]].mean(axis=0), landmarks[[362, 263]].mean(axis=0)
        eyes, along = (left + right)[:2] / 2.0, (right - left)[:2]
        zoom = self._iod_px / float(np.hypot(*along))
        angle = float(np.arctan2(along[1], along[0]))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        matrix = np.concatenate([zoom * turn, (self._eyes_px + _PAD_PX - zoom * turn @ eyes)[:, None]], axis=1)
        padded = (size[0] + 2 * _PAD_PX, size[1] + 2 * _PAD_PX)
        how = cv2.INTER_CUBIC if zoom > 0.7 else cv2.INTER_AREA
        canvas = cv2.warpAffine(picture, matrix, padded, flags=how, borderMode=cv2.BORDER_REFLECT_101)
        mesh = np.concatenate([(landmarks[:, :2] - eyes) @ turn.T, landmarks[:, 2:]], axis=1) * (zoom / self._iod_px)
        return np.asarray(canvas), _tame_edge(mesh)

    def _darken_lip_line(self, texture: Image, mesh_px: Points) -> Image:
        """Draw the shadow where the lips meet; without it the portrait's teeth shine through as a bright seam."""
        line = mesh_px[list(INNER_LIPS[:11])]
        mask = np.zeros(texture.shape[:2], np.uint8)
        thickness = max(1, round(0.028 * self._iod_px))
        cv2.polylines(mask, [np.round(line * 16.0).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, 4)
        share = cv2.GaussianBlur(mask, (0, 0), 0.014 * self._iod_px).astype(np.float32)[..., None] / 255.0
        shadow = np.array([48.0, 42.0, 92.0], np.float32)
        return np.asarray(np.clip(texture * (1.0 - 0.85 * share) + shadow * 0.85 * share, 0, 255).astype(np.uint8))

    def _mouth_inside(self, canvas: Image, smiling: Points, width: int) -> Image:
        """Rows below the texture with the inside of the mouth: dark, the tongue's glow, the portrait's upper teeth."""
        left, top, right, bottom = np.round(np.array(_MOUTH_BOX_IOD) * self._iod_px).astype(int)
        h, w = bottom - top, right - left
        y, x = np.mgrid[top:bottom, left:right].astype(np.float32) / np.float32(self._iod_px)
        glow = np.exp(-((x / 0.28) ** 2) - ((y - 1.32) / 0.12) ** 2)[..., None]
        inside = np.array([26.0, 20.0, 44.0], np.float32) + glow * np.array([34.0, 30.0, 62.0], np.float32)
        matrix = np.array(
            [[1.0, 0.0, -left - self._eyes_px[0] - _PAD_PX], [0.0, 1.0, -top - self._eyes_px[1] - _PAD_PX]]
        )
        teeth = cv2.warpAffine(canvas, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        mask = np.zeros((h, w), np.uint8)
        lips = smiling[list(INNER_LIPS), :2] * self._iod_px - [left, top]
        cv2.fillPoly(mask, [np.round(lips * 16.0).astype(np.int32)], 255, cv2.LINE_AA, 4)
        soft = max(0.02 * self._iod_px, 0.6)
        mask = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(0.02 * self._iod_px)))
        share = cv2.GaussianBlur(mask, (0, 0), soft).astype(np.float32)[..., None] / 255.0
        inside = inside * (1.0 - share) + teeth * 0.82 * share
        rows = np.zeros((h, width, 3), np.uint8)
        rows[:, : min(w, width)] = np.clip(inside, 0, 255)[:, : min(w, width)]
        return rows

    def _mouth_map(self, pose: Pose) -> NDArray[np.float32]:
        left, top, right, bottom = _MOUTH_BOX_IOD
        depth = float(self._rest[list(INNER_LIPS), 2].mean()) + 0.1
        corners = np.array([[left, top, depth], [right, top, depth], [left, bottom, depth]])
        corners[:, :2] += self._mouth_shift
        here = self.project(corners, pose)[0].astype(np.float32)
        wide, high = (right - left) * self._iod_px, (bottom - top) * self._iod_px
        there = np.array([[0, 0], [wide, 0], [0, high]], np.float32) + np.array([0, self._mouth_row], np.float32)
        return np.asarray(cv2.getAffineTransform(here, there), np.float32)


def turned(points_iod: Points, pose: Pose) -> Points:
    """Points (N, 3) of a head at rest, where they are once it has turned about its neck."""
    yaw, pitch, roll = np.radians([pose.yaw_deg, pose.pitch_deg, pose.roll_deg])
    turn_yaw = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    turn_pitch = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turn_roll = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return np.asarray((points_iod - _PIVOT_IOD) @ (turn_roll @ turn_pitch @ turn_yaw).T + _PIVOT_IOD)


def perspective(points_iod: Points, pose: Pose) -> Points:
    """(N, 2) where the camera sees points (N, 3), in IOD from the middle between the eyes at rest."""
    flat = points_iod[:, :2] / (1.0 + points_iod[:, 2:] / _CAMERA_IOD)
    return np.asarray(flat * pose.scale + [pose.x_iod, pose.y_iod])


def detect_mesh(picture: Image) -> Points:
    """MediaPipe's (478, 3) landmarks of one BGR picture, in pixels.

    Raises:
        AssetError: the landmark model is not the shipped one, or finds no face in the portrait.
    """
    model = read_verified(FACE_LANDMARKER, FACE_LANDMARKER_SHA256)
    options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_buffer=model))
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        rgb = np.ascontiguousarray(picture[..., ::-1])
        found = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)).face_landmarks
    if not found:
        raise AssetError("No face was found in the portrait; please install apexspot again.")
    height, width = picture.shape[:2]
    return np.array([[p.x * width, p.y * height, p.z * width] for p in found[0]])


def relax(mesh_iod: Points) -> Points:
    """The smiling mesh with the smile taken back and the lips closed."""
    calm = mesh_iod.copy()
    calm[:, :2] += field(_RELAX, Side.BOTH, mesh_iod[:, :2])
    for column in range(9):
        upper, lower = list(UPPER_LIP[column::9]), list(LOWER_LIP[column::9])
        meeting = calm[upper[0]] * 0.58 + calm[lower[0]] * 0.42
        for row in (upper, lower):
            outer, inner = calm[row[-1]].copy(), calm[row[0]].copy()
            span = inner[1] - outer[1]
            for landmark in row:
                share = (calm[landmark, 1] - outer[1]) / span if abs(span) > 1e-6 else 1.0
                calm[landmark] += (meeting - inner) * np.clip(share, 0.0, 1.0)
    return calm


def _reshape(mesh: Points, identity: Identity) -> Points:
    """Another face's proportions, with the eyes still one IOD apart."""
    out = mesh.copy()
    x, y = mesh[:, 0], mesh[:, 1]
    low = np.clip((y - 0.4) / 1.2, 0.0, 1.0)
    low = low * low * (3.0 - 2.0 * low)
    mouth = np.exp(-((x / 0.55) ** 2) - ((y - 1.02) / 0.3) ** 2)
    nose = np.exp(-((x / 0.4) ** 2)) * np.clip(y / 0.55, 0.0, 1.0) * np.clip((1.6 - y) / 0.9, 0.0, 1.0)
    eyes = np.exp(-(((np.abs(x) - 0.5) / 0.4) ** 2) - (y / 0.2) ** 2)
    brows = np.exp(-(((np.abs(x) - 0.6) / 0.5) ** 2) - ((y + 0.33) / 0.16) ** 2)
    out[:, 0] *= (1.0 + identity.width) * (1.0 + identity.jaw_width * low) * (1.0 + identity.mouth_width * mouth)
    out[:, 1] += identity.lower_face * np.clip(y, 0.0, None) + identity.nose_length * 0.5 * nose
    out[:, 1] += identity.eye_opening * y * eyes - identity.brow_height_iod * brows
    out[:, 1] += identity.skew_iod * np.tanh(x / 0.5) * np.clip(y, 0.0, 1.0)
    out[:, 2] *= 1.0 + identity.depth
    left, right = out[[33, 133], :2].mean(axis=0), out[[362, 263], :2].mean(axis=0)
    out[:, :2] = (out[:, :2] - (left + right) / 2.0) / float(np.hypot(*(right - left)))
    return out


def _tame_edge(mesh: Points) -> Points:
    """Pull the outline a little inwards, onto skin, and flatten the steep far sides, which a turn would smear."""
    out = mesh.copy()
    oval = mesh[list(OVAL), :2]
    centre = (oval.min(axis=0) + oval.max(axis=0)) / 2.0
    spokes, rim = mesh[:, :2] - centre, oval - centre
    angle = np.arctan2(rim[:, 1], rim[:, 0])
    outline = np.interp(np.arctan2(spokes[:, 1], spokes[:, 0]), angle, np.hypot(*rim.T), period=2.0 * np.pi)
    outward = np.clip((np.hypot(*spokes.T) / outline - 0.6) / 0.4, 0.0, 1.0)
    out[:, :2] -= spokes * (0.04 * outward**2)[:, None]
    out[:, 2] = np.where(out[:, 2] > 0.45, 0.45 + 0.6 * (out[:, 2] - 0.45), out[:, 2])
    return out


def _colour(texture: Image, identity: Identity) -> Image:
    """Tint, tone curve and a light from one side."""
    height, width = texture.shape[:2]
    angle = np.radians(identity.light_angle_deg)
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    light = 1.0 + identity.light * np.tanh(np.cos(angle) * x * 1.5 + np.sin(angle) * y * 1.5)
    tone = (texture.astype(np.float32) / 255.0) ** identity.gamma
    tone = (tone - 0.45) * identity.contrast + 0.45
    tone = tone * np.array(identity.gain_bgr, np.float32) * light[..., None]
    return np.asarray(np.clip(tone * 255.0, 0.0, 255.0).astype(np.uint8))


def _read_portrait() -> Image:
    path = asset_path(PORTRAIT)
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise AssetError(f"{path} is not a picture; please install apexspot again.")
    return np.asarray(picture, np.uint8)
