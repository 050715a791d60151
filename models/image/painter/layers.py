"""Styles of stacked sheets: waves and paper."""

from __future__ import annotations

import cv2
import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, noise, smoothstep


def waves(scene: Scene) -> Array:
    """Hills of silk one behind another: each lit along its crest, each throwing a soft shadow on the one behind."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(480)
    drift = 0.10 * noise(x, y, rng, cells=0.7)
    top = {"light": s.lift, "dark": s.deep, "vivid": colour.mix(s.base, s.deep, 0.35)}[scene.mood]
    low = colour.mix(s.base, s.accent, {"light": 0.35, "dark": 0.22, "vivid": 0.4}[scene.mood], around=0.9)
    sky = colour.look_up(
        colour.ramp([(0.0, top), (0.42, s.base), (0.8, low), (1.0, low)]), np.asarray(v + drift * v, np.float32)
    )
    picture = scene.enlarge(light(sky))
    # A low sun behind the first hill.
    start = int(scene.height * 0.44)
    x, y, v = (field[start:] for field in scene.grid())
    view = picture[start:]
    sheets = 6
    far, near = colour.mix(low, s.second, 0.5), {"light": s.second, "dark": s.deep, "vivid": s.deep}[scene.mood]
    tones = colour.ramp([(0.0, far), (0.38, s.accent), (0.72, s.second), (1.0, near)], around=0.9)
    if scene.mood == "light":
        tones = colour.ramp(
            [
                (0.0, colour.mix(low, s.base, 0.3)),
                (0.4, s.tints[0]),
                (0.7, colour.mix(s.accent, s.base, 0.35)),
                (1.0, s.accent),
            ],
            around=0.9,
        )
    line = x[0]
    phase = rng.uniform(0, 2 * np.pi, 3)
    for index in range(sheets):
        depth = (index + 0.5) / sheets  # 0 = far, 1 = near
        level = scene.bottom * (0.585 + 0.36 * (index / (sheets - 1)) ** 1.05)
        swell = 0.035 + 0.065 * depth
        phase = phase + rng.uniform(0.7, 1.5, 3) * np.array([1, -1, 1])
        turns = np.array([0.62, 1.13, 2.1]) * rng.uniform(0.85, 1.2, 3) * 2 * np.pi / max(1.0, 0.8 * scene.right)
        curve = level + swell * (
            np.sin(turns[0] * line + phase[0])
            + 0.55 * np.sin(turns[1] * line + phase[1])
            + 0.14 * np.sin(turns[2] * line + phase[2])
        )
        below = y - curve[None].astype(np.float32)  # units under the crest
        above = np.maximum(-below, 0)
        shade = 0.42 * np.exp(-above / 0.030) + 0.22 * np.exp(-above / 0.11)
        shade *= {"light": 0.45, "dark": 1.0, "vivid": 0.8}[scene.mood]
        view *= (1.0 - shade)[..., None]
        own = tones[int(depth * (len(tones) - 1))]
        lifted = colour.mix(own, s.glow, 0.20 if scene.mood != "light" else 0.35, around=0.3)
        foot = colour.mix(own, s.deep if scene.mood != "light" else s.second, 0.55, around=0.7)
        fall = np.clip(below / (0.26 + 0.1 * depth), 0, 1)
        side = 0.14 * np.sin(1.3 * line / scene.right * np.pi + phase[1])[None]
        body = light(
            colour.look_up(
                colour.ramp([(0.0, lifted), (0.28, own), (1.0, foot)]), np.sqrt(np.clip(fall + side * fall, 0, 1))
            )
        )
        alpha = np.clip(below * scene.unit + 0.5, 0, 1)
        view += (body - view) * alpha[..., None]
        rim = np.exp(-np.abs(below - 0.0016) / 0.0014) * (0.30 if scene.mood == "dark" else 0.42)
        gloss = (0.55 + 0.45 * np.sin(2.1 * line / scene.right * np.pi + phase[0]))[None] * alpha
        view += (light(s.glow) - view) * (rim * gloss)[..., None]
    return picture


def paper(scene: Scene) -> Array:
    """Torn sheets on a table: fibres, a white torn edge, a soft shadow under each."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid()
    texture = _fibres(scene, x, y)
    ground = s.base if scene.mood != "light" else colour.mix(s.base, s.lift, 0.4)
    lamp = 1.0 + 0.07 * (0.5 - v) + 0.05 * (0.5 - x / scene.right)
    picture = light(ground) * (lamp * (1 + texture))[..., None]
    order = {"light": [s.tints[0], s.accent, s.second, s.tints[-1]], "dark": [s.lift, s.second, s.accent, s.tints[0]],
             "vivid": [s.second, s.lift, s.accent, s.tints[0]]}[scene.mood]  # fmt: skip
    lean = float(rng.choice([-1.0, 1.0]))
    # Two sheets rise from the bottom, one comes in from a lower corner, a strip lies on top.
    plans = [
        (0.60, 0.16 * lean, 0.032, order[0]),
        (0.74, -0.20 * lean, 0.030, order[1]),
        (0.875, 0.10 * lean, 0.022, order[2]),
    ]
    for level, tilt, rough, tone in plans:
        line = x[0]
        edge = scene.bottom * level + tilt * (line - scene.right / 2) + _tear(line, rng, rough)
        picture = _sheet(scene, picture, y - edge[None].astype(np.float32), texture, tone)
    return picture


def _fibres(scene: Scene, x: Array, y: Array) -> Array:
    """The tooth of uncoated paper as a relative change of light, (h, w), about +-0.03."""
    rng = scene.rng
    tooth = rng.standard_normal(x.shape, dtype=np.float32)
    scale = max(scene.unit / 1080, 0.2)
    fine = cv2.GaussianBlur(tooth, (0, 0), 0.9 * scale)
    coarse = cv2.GaussianBlur(tooth, (0, 0), 2.6 * scale)
    height = fine / max(float(fine.std()), 1e-6) + 0.9 * coarse / max(float(coarse.std()), 1e-6)
    relief = cv2.Scharr(height, cv2.CV_32F, 1, 0) + cv2.Scharr(height, cv2.CV_32F, 0, 1)  # lit from the upper left
    relief /= max(float(relief.std()), 1e-6)
    clouds = noise(x[::4, ::4], y[::4, ::4], rng, cells=5, octaves=3)
    strands = np.zeros(x.shape, np.float32)
    for _ in range(int(90 * scene.right * scene.bottom)):
        px, py = rng.uniform(0, scene.width), rng.uniform(0, scene.height)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.006, 0.022) * scene.unit
        bend = angle + rng.uniform(-0.9, 0.9)
        mid = (px + length * np.cos(angle), py + length * np.sin(angle))
        end = (mid[0] + length * np.cos(bend), mid[1] + length * np.sin(bend))
        points = np.array([[(px, py), mid, end]], np.float32)
        cv2.polylines(strands, (points * 16).astype(np.int32), False, float(rng.uniform(-1, 1)), 1, cv2.LINE_AA, 4)
    texture = 0.014 * relief + 0.018 * scene.enlarge(clouds) + 0.035 * cv2.GaussianBlur(strands, (0, 0), 0.7 * scale)
    return np.asarray(texture, np.float32)


def _tear(line: Array, rng: np.random.Generator, rough: float) -> Array:
    """The line a hand tears: slow swings, quick nibbles; units, (w,)."""
    total = np.zeros_like(line)
    for frequency, share in ((1.3, 1.0), (3.1, 0.45), (9.0, 0.16), (27.0, 0.085), (70.0, 0.05), (160.0, 0.03)):
        knots = rng.uniform(-1, 1, int(line[-1] * frequency) + 5)
        at = line * frequency + 1
        left = np.floor(at).astype(int)
        t = at - left
        t = t * t * (3 - 2 * t)
        total += share * rough * (knots[left] * (1 - t) + knots[left + 1] * t)
    return np.asarray(total, np.float32)


def _sheet(scene: Scene, picture: Array, below: Array, texture: Array, tone: Array) -> Array:
    """Lay one torn sheet; `below` (h, w) is how far under its torn edge a place is, units."""
    s, rng = scene.scheme, scene.rng
    ragged = below + 0.0016 * texture / 0.03
    sheet = np.clip(ragged * scene.unit + 0.5, 0, 1)
    # Shadow: the sheet moved up a little and blurred, twice: contact and ambience.
    size = scene.soft_size(720)
    small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    scale = size[0] / scene.width * scene.unit
    contact = cv2.GaussianBlur(small, (0, 0), 0.006 * scale)
    ambient = cv2.GaussianBlur(small, (0, 0), 0.030 * scale)
    move = np.array([[1, 0, 0.006 * scale], [0, 1, -0.008 * scale]], np.float32)
    ambient = cv2.warpAffine(ambient, move, size, borderMode=cv2.BORDER_REPLICATE)
    shade = scene.enlarge(np.asarray(0.30 * contact + 0.36 * ambient, np.float32))
    tint = light(colour.mix(s.deep, tone, 0.25)) if scene.mood != "dark" else np.zeros(3, np.float32)
    picture = picture + (picture * (0.18 + 0.3 * tint) - picture) * np.clip(shade, 0, 1)[..., None]
    # The core of torn paper is white and rough; its width changes along the edge.
    line = np.arange(scene.width, dtype=np.float32) / scene.unit
    width = 0.009 + 0.010 * np.abs(_tear(line, rng, 1.0)) + _tear(line, rng, 0.004)
    printed = smoothstep(-0.0012, 0.0022, ragged - np.maximum(width, 0.003)[None] + 0.05 * texture)
    white = light(
        colour.mix(s.lift, tone, 0.10) if scene.mood != "dark" else colour.from_lch(0.90, 0.012, colour.lch(tone)[2])
    )
    core = white * (0.97 + 2.6 * texture + 6.0 * np.clip(ragged, 0, 0.012))[..., None]
    lamp = 1.0 + 0.10 * np.exp(-np.maximum(below, 0) / 0.10) - 0.10 * np.clip(below, 0, 1)
    face = light(tone) * (lamp * (1 + texture))[..., None]
    body = core + (face - core) * printed[..., None]
    return np.asarray(picture + (body - picture) * sheet[..., None], np.float32)
