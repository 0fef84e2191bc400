"""Short clips of the shipped portrait with motion that is known, at the quality of a 640x480 webcam.

Each clip is the portrait, bent by an inverse warp, plus sensor noise, after H.264. ``Clip.truth_iod`` says where the 12
regions really are. Used by ``flow_choice.py``; the motions here are simple on purpose and share
nothing with the training material.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.assets import asset_path
from models.face import FaceTracker
from models.types import REGION_COUNT, REGION_LANDMARKS, Frame, Image

Array = NDArray[np.float64]
WIDTH_PX, HEIGHT_PX = 640, 480
NOISE_LEVELS = 3.0
"""Standard deviation of the sensor's noise, of 255."""

DEPTH_ERROR_IOD = 0.15
"""The mouth of the drawn head lies this much nearer than the landmarks say: so far were the two apart on a 3D face."""

Warp = Callable[[float], tuple[Array, Array]]
"""Time in s -> (x, y) shift in pixels, (H, W) each, that an inverse warp takes away."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """frames: after compression; truth_iod: (T, 12, 2) displacement of the regions from the first frame on."""

    name: str
    frames: list[Frame]
    truth_iod: Array
    fps: float


class Portrait:
    """The portrait at webcam size, its landmarks and depth."""

    def __init__(self, iod_px: float = 62.0, depth_error_iod: float = DEPTH_ERROR_IOD) -> None:
        picture = cv2.imread(str(asset_path("portrait.png")))
        with FaceTracker() as tracker:
            found = tracker.track(picture, 0.0)
        if found is None:
            raise SystemExit("no face in assets/portrait.png")
        zoom = iod_px / found.iod_px
        centre = found.landmarks_px[168, :2] * zoom
        shift = np.array([WIDTH_PX / 2, HEIGHT_PX * 0.42]) - centre
        place = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        self.image: Image = cv2.warpAffine(
            picture, place, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        self.points = found.landmarks_px.astype(np.float64) * zoom + (shift[0], shift[1], 0.0)
        self.iod_px = iod_px
        self.regions = self.points[list(REGION_LANDMARKS)]
        self.grid_y, self.grid_x = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float64)
        self.depth = self._depth()
        below = np.clip((self.grid_y - self.points[4, 1]) / (self.points[0, 1] - self.points[4, 1]), 0.0, 1.0)
        self.depth -= depth_error_iod * iod_px * below

    def _depth(self) -> Array:
        """Depth in px at every pixel: landmarks spread by normalised convolution, flat far from the face."""
        weight = np.zeros((HEIGHT_PX, WIDTH_PX))
        total = np.zeros_like(weight)
        for x, y, z in self.points:
            column, row = round(x), round(y)
            if 0 <= column < WIDTH_PX and 0 <= row < HEIGHT_PX:
                weight[row, column] += 1.0
                total[row, column] += z
        out_weight, out_total = 1e-7 * np.ones_like(weight), 1e-7 * np.full_like(weight, self.points[:, 2].max())
        for share, sigma_iod in ((1.0, 0.03), (0.01, 0.08), (1e-4, 0.25)):
            sigma = sigma_iod * self.iod_px
            out_weight += share * cv2.GaussianBlur(weight, (0, 0), sigma)
            out_total += share * cv2.GaussianBlur(total, (0, 0), sigma)
        return out_total / out_weight

    def bump(self, region: int, direction: tuple[float, float], sigma_iod: float = 0.22) -> tuple[Array, Array]:
        """A Gaussian displacement field of 1 px round a region."""
        x, y = self.regions[region, :2]
        sigma = sigma_iod * self.iod_px
        field = np.exp(-((self.grid_x - x) ** 2 + (self.grid_y - y) ** 2) / (2 * sigma * sigma))
        return direction[0] * field, direction[1] * field

    def bumps(self, parts: dict[int, tuple[float, float]], sigma_iod: float = 0.22) -> tuple[Array, Array]:
        """Gaussian fields round several regions, scaled so that each region moves by what is asked for."""
        wanted = np.array(list(parts.values()))
        unit = [self.bump(r, (1.0, 0.0), sigma_iod)[0] for r in parts]
        at = np.rint(self.regions[list(parts), :2]).astype(int)
        mix = np.array([[field[y, x] for field in unit] for x, y in at])
        amount = np.linalg.solve(mix, wanted)
        stack = np.stack(unit)
        return np.tensordot(amount[:, 0], stack, 1), np.tensordot(amount[:, 1], stack, 1)

    def turn(self, yaw_rad: float, pitch_rad: float, roll_rad: float) -> tuple[Array, Array]:
        """Shift at the moved place for a head turned about a point behind the nose; the background follows."""
        centre = self.points[168, :2] + (0.0, 0.6 * self.iod_px)
        pivot = self.points[:, 2].mean() + 0.5 * self.iod_px
        x, y = self.grid_x - centre[0], self.grid_y - centre[1]
        cy, sy, cp, sp = np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad)
        cr, sr = np.cos(roll_rad), np.sin(roll_rad)
        u, v = x.copy(), y.copy()
        # inverse by fixed point: find the source pixel (u, v) that the turn carries to (x, y)
        for _ in range(6):
            z = cv2.remap(
                self.depth,
                (u + centre[0]).astype(np.float32),
                (v + centre[1]).astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            z = z - pivot
            x1, z1 = cy * u + sy * z, -sy * u + cy * z
            y1 = cp * v - sp * z1
            u, v = u + x - (cr * x1 - sr * y1), v + y - (sr * x1 + cr * y1)
        return x - u, y - v

    def blink(self, closed: float) -> tuple[Array, Array]:
        """Upper lids drawn down by ``closed`` (0 to 1): skin between brow and lid stretches over the eye."""
        shift = np.zeros((HEIGHT_PX, WIDTH_PX))
        for upper, lower, brow, corners in ((159, 145, 105, (33, 133)), (386, 374, 334, (263, 362))):
            x0, x1 = sorted(self.points[list(corners), 0])
            along = np.clip((self.grid_x - x0) / (x1 - x0), 0, 1)
            height = np.sin(np.pi * along)
            tilt = self.points[corners[0], 1] + (self.points[corners[1], 1] - self.points[corners[0], 1]) * (
                (self.grid_x - self.points[corners[0], 0]) / (self.points[corners[1], 0] - self.points[corners[0], 0])
            )
            lid = tilt + (self.points[upper, 1] - tilt.mean(where=(along > 0) & (along < 1))) * height
            low = tilt + (self.points[lower, 1] - tilt.mean(where=(along > 0) & (along < 1))) * height
            top = 0.35 * self.points[brow, 1] + 0.65 * lid
            now = lid + closed * (low - lid)
            inside = (self.grid_y > top) & (self.grid_y < now) & (along > 0) & (along < 1)
            stretched = top + (self.grid_y - top) * (lid - top) / np.maximum(now - top, 1e-6)
            shift[inside] = (self.grid_y - stretched)[inside]
        return np.zeros_like(shift), shift


def render(
    portrait: Portrait,
    name: str,
    warp: Warp,
    seconds: float,
    fps: float = 30.0,
    gain: Callable[[float], Array | float] = lambda time_s: 1.0,
    truth: Warp | None = None,
    seed: int = 1,
    crf: int | None = 23,
    noise: float = NOISE_LEVELS,
) -> Clip:
    """Draw a clip. ``truth`` is the part of the warp that is expression (``None``: none of it)."""
    rng = np.random.default_rng(seed)
    images: list[Image] = []
    moved = []
    source = portrait.image.astype(np.float32)
    for i in range(round(seconds * fps)):
        time_s = i / fps
        dx, dy = warp(time_s)
        bent = cv2.remap(
            source,
            (portrait.grid_x - dx).astype(np.float32),
            (portrait.grid_y - dy).astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        factor = np.asarray(gain(time_s), np.float32)
        bent = bent * (factor[..., None] if factor.ndim == 2 else factor)
        # grain of about a pixel and a half, as after demosaicing
        grain = cv2.GaussianBlur(rng.standard_normal(bent.shape).astype(np.float32), (0, 0), 0.6) * 2.1
        images.append(np.clip(bent + noise * grain, 0, 255).astype(np.uint8))
        moved.append(_region_shift(portrait, truth(time_s)) if truth else np.zeros((REGION_COUNT, 2)))
    path = np.array(moved) / portrait.iod_px
    frames = [Frame(i, i / fps, image) for i, image in enumerate(compress(images, fps, crf) if crf else images)]
    return Clip(name, frames, path - path[0], fps)


def _region_shift(portrait: Portrait, field: tuple[Array, Array]) -> Array:
    """Where the skin at each region's landmark goes: solve moved = start + shift(moved)."""
    start = portrait.regions[:, :2]
    moved = start.copy()
    for _ in range(8):
        at = moved.astype(np.float32)[:, None, :]
        shift = [cv2.remap(part.astype(np.float32), at, None, cv2.INTER_LINEAR)[:, 0] for part in field]
        moved = start + np.stack(shift, axis=1)
    return np.asarray(moved - start, np.float64)


def compress(images: list[Image], fps: float, crf: int) -> list[Image]:
    """Through H.264 and back."""
    store = io.BytesIO()
    with av.open(store, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=round(fps), options={"crf": str(crf), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for image in images:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    store.seek(0)
    with av.open(store) as file:
        return [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]


def pulse(time_s: float, start_s: float, rise_s: float, hold_s: float) -> float:
    """0 to 1 and back with smooth flanks of ``rise_s``."""
    since = time_s - start_s
    if since <= 0.0 or since >= 2 * rise_s + hold_s:
        return 0.0
    part = min(since / rise_s, (2 * rise_s + hold_s - since) / rise_s, 1.0)
    return 0.5 - 0.5 * float(np.cos(np.pi * part))


def sway(portrait: Portrait, time_s: float, amount: float = 1.0) -> tuple[Array, Array]:
    """The slow, small motion of a head that tries to hold still: about a degree and a pixel or two."""
    dx, dy = portrait.turn(
        amount * 0.015 * np.sin(1.7 * time_s),
        amount * 0.010 * np.sin(2.3 * time_s + 1),
        amount * 0.006 * np.sin(1.3 * time_s),
    )
    return dx + amount * 1.5 * np.sin(1.1 * time_s), dy + amount * 0.8 * np.sin(1.9 * time_s)


SMILE = {8: (-0.7, -0.7), 10: (0.7, -0.7), 9: (0.0, -0.2)}
BROWS = {0: (0.0, -1.0), 1: (0.0, -1.0), 2: (0.0, -1.0), 3: (0.0, -1.0), 4: (0.0, -1.0), 5: (0.0, -1.0)}
ONE_CORNER = {8: (0.0, 1.0)}
EXPRESSIONS = {"smile": SMILE, "brows": BROWS, "one corner": ONE_CORNER}


def expression(
    portrait: Portrait,
    parts: dict[int, tuple[float, float]],
    amplitude_iod: float,
    name: str,
    rise_s: float = 0.2,
    fps: float = 30.0,
    moving: bool = True,
    seconds: float = 1.4,
) -> Clip:
    """Neutral, then one expression: 0.4 s still, ``rise_s`` up, 0.25 s held, down again."""
    field_x, field_y = portrait.bumps(parts)
    size = amplitude_iod * portrait.iod_px

    def only(time_s: float) -> tuple[Array, Array]:
        level = size * pulse(time_s, 0.4, rise_s, 0.25)
        return level * field_x, level * field_y

    def warp(time_s: float) -> tuple[Array, Array]:
        dx, dy = only(time_s)
        if not moving:
            return dx, dy
        sx, sy = sway(portrait, time_s)
        return dx + sx, dy + sy

    return render(portrait, name, warp, seconds, fps, truth=only)


def still(
    portrait: Portrait, fps: float = 30.0, moving: bool = False, seconds: float = 2.0, crf: int | None = 23
) -> Clip:
    """A face that does nothing; ``moving``: the head sways."""
    zero = np.zeros((HEIGHT_PX, WIDTH_PX))

    def warp(time_s: float) -> tuple[Array, Array]:
        return sway(portrait, time_s) if moving else (zero, zero)

    return render(portrait, f"still{' swaying' if moving else ''} {fps:.0f}", warp, seconds, fps, crf=crf)


def head_turn(portrait: Portrait, axis: str, degrees: float, rise_s: float, fps: float = 30.0) -> Clip:
    """The head turns by ``degrees`` about one axis and comes back."""
    full = np.radians(degrees)

    def warp(time_s: float) -> tuple[Array, Array]:
        angle = full * pulse(time_s, 0.3, rise_s, 0.3)
        return portrait.turn(
            angle if axis == "yaw" else 0.0, angle if axis == "pitch" else 0.0, angle if axis == "roll" else 0.0
        )

    return render(portrait, f"{axis} {degrees:.0f} deg in {rise_s:g} s", warp, 0.9 + 2 * rise_s, fps)


def busy(portrait: Portrait, seconds: float = 10.0, fps: float = 30.0, seed: int = 5) -> Clip:
    """A swaying head whose mouth and brows hardly rest: fast up, slow down, some held for seconds."""
    rng = np.random.default_rng(seed)
    fields = [portrait.bumps(parts) for parts in EXPRESSIONS.values()]
    plan = []
    for which in range(len(fields)):
        start = 0.5
        while start < seconds:
            rise, hold, fall = rng.uniform(0.1, 0.3), rng.choice([0.1, 0.3, 2.5]), rng.uniform(0.2, 0.8)
            plan.append((which, start, rise, hold, fall, rng.uniform(0.03, 0.15) * portrait.iod_px))
            start += rise + hold + fall + rng.uniform(0.2, 1.5)

    def only(time_s: float) -> tuple[Array, Array]:
        x, y = np.zeros((HEIGHT_PX, WIDTH_PX)), np.zeros((HEIGHT_PX, WIDTH_PX))
        for which, start, rise, hold, fall, size in plan:
            part = min((time_s - start) / rise, (start + rise + hold + fall - time_s) / fall, 1.0)
            if part > 0.0:
                level = size * (0.5 - 0.5 * np.cos(np.pi * part))
                x, y = x + level * fields[which][0], y + level * fields[which][1]
        return x, y

    def warp(time_s: float) -> tuple[Array, Array]:
        (dx, dy), (sx, sy) = only(time_s), sway(portrait, time_s)
        return dx + sx, dy + sy

    return render(portrait, "busy", warp, seconds, fps, truth=only)


def blinks(portrait: Portrait, fps: float = 30.0) -> Clip:
    """Two blinks of 0.3 s."""

    def warp(time_s: float) -> tuple[Array, Array]:
        return portrait.blink(max(pulse(time_s, 0.4, 0.12, 0.05), pulse(time_s, 1.2, 0.12, 0.05)))

    return render(portrait, "blinks", warp, 2.0, fps)


def flicker(portrait: Portrait, banded: bool, depth: float = 0.06, fps: float = 30.0) -> Clip:
    """A lamp whose light beats with the camera; ``banded``: in stripes, as a rolling shutter gives."""
    zero = np.zeros((HEIGHT_PX, WIDTH_PX))

    def gain(time_s: float) -> Array | float:
        phase = 2 * np.pi * 3.3 * time_s
        if not banded:
            return 1.0 + depth * float(np.sin(phase))
        return 1.0 + depth * np.sin(phase + 2 * np.pi * 1.5 * portrait.grid_y / HEIGHT_PX)

    return render(portrait, "flicker, banded" if banded else "flicker", lambda time_s: (zero, zero), 2.0, fps, gain)
