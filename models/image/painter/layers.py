"""Styles of stacked sheets: waves and paper."""

from __future__ import annotations

import cv2
import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, noise, smoothstep


def waves(scene: Scene) -> Array:
    """Great folds of silk one before another: lit along the crest, deep in the trough, a soft shadow behind each."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(480)
    drift = 0.10 * noise(x, y, rng, cells=0.7)
    top = {"light": s.lift, "dark": s.deep, "vivid": colour.mix(s.base, s.deep, 0.35)}[scene.mood]
    low = colour.mix(s.base, s.bleed, {"light": 0.30, "dark": 0.35, "vivid": 0.45}[scene.mood], around=0.9)
    sky = colour.ramp([(0.0, top), (0.42, s.base), (0.78, low), (1.0, low)])
    picture = scene.enlarge(light(colour.look_up(sky, np.asarray(v + drift * v, np.float32))))
    start = int(scene.height * 0.42)
    x, y = (field[start:] for field in scene.grid()[:2])
    view, line = picture[start:], x[0]
    sheets = _silks(scene, low)
    lean, phase = float(rng.choice([-1.0, 1.0])), float(rng.uniform(0, 2 * np.pi))
    across = line / scene.right
    for index, (crest, own, trough) in enumerate(sheets):
        depth = index / (len(sheets) - 1)  # 0 = far, 1 = near
        level = scene.bottom * (0.60 + 0.335 * depth)
        phase += float(rng.uniform(1.5, 2.6))
        swing = (0.075 + 0.03 * depth) * scene.bottom
        # One long swell and its half, leaning one way then the other: never the same bump twice.
        curve = level + swing * np.sin(2 * np.pi * 0.62 * across + phase)
        curve += 0.36 * swing * np.sin(2 * np.pi * 1.37 * across + 1.7 * phase + 0.6)
        curve += lean * (0.11 if index % 2 == 0 else -0.07) * scene.bottom * (across - 0.5)
        below = np.asarray(y - curve[None], np.float32)  # units under the crest
        first = max(0, int((float(curve.min()) - float(y[0, 0]) - 0.30) * scene.unit))
        part, part_below = view[first:], below[first:]
        above = np.maximum(-part_below, 0)
        shade = 0.40 * np.exp(-above / 0.018) + 0.34 * np.exp(-above / 0.085)
        part *= (1.0 - {"light": 0.30, "dark": 0.92, "vivid": 0.62}[scene.mood] * shade)[..., None]
        # Light lies where the crest faces it, and dies away under the fold.
        facing = 0.5 + 0.5 * np.cos(2 * np.pi * (across * 0.9 - 0.25 * lean) + 0.6 * phase)
        fall = np.maximum(part_below, 0) / (0.15 + 0.13 * facing[None] + 0.05 * depth)
        table = light(colour.ramp([(0.0, crest), (0.22, own), (0.62, trough), (1.0, colour.mix(trough, s.deep, 0.35))]))
        body = colour.look_up(table, np.asarray(1 - np.exp(-1.15 * fall), np.float32))
        body *= (0.80 + 0.28 * facing[None] * np.exp(-fall))[..., None]
        alpha = np.clip(part_below * scene.unit + 0.5, 0, 1)
        part += (body - part) * alpha[..., None]
        rim = np.exp(-(((part_below - 0.0018) / 0.0022) ** 2)) * (facing**2)[None] * alpha
        part += (light(s.glow) - part) * ({"light": 0.65, "dark": 0.42, "vivid": 0.5}[scene.mood] * rim)[..., None]
    return picture


def _silks(scene: Scene, low: Array) -> list[tuple[Array, Array, Array]]:
    """Crest, body and trough of each fold, far to near: a walk from the air's colour through the palette."""
    s = scene.scheme
    if scene.mood == "light":
        walk = [
            (0.0, colour.mix(low, s.base, 0.35)),
            (0.35, colour.mix(s.bleed, s.base, 0.45)),
            (0.68, colour.mix(s.accent, s.base, 0.2)),
            (1.0, s.accent),
        ]
    elif scene.mood == "dark":
        walk = [
            (0.0, colour.mix(s.base, s.second, 0.7)),
            (0.35, colour.mix(s.second, s.bleed, 0.6)),
            (0.7, s.bleed),
            (1.0, s.accent),
        ]
    else:
        walk = [(0.0, colour.mix(low, s.lift, 0.3)), (0.35, s.second), (0.7, s.bleed), (1.0, s.accent)]
    tones = colour.ramp(walk, around=0.9)
    result = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        own = tones[int(share * (len(tones) - 1))]
        lightness, chroma, hue = colour.lch(own)
        lifted = colour.mix(colour.from_lch(min(lightness + 0.13, 0.97), chroma * 0.95, hue), s.glow, 0.12, around=0.3)
        sink = {"light": 0.07, "dark": 0.26, "vivid": 0.20}[scene.mood]
        toward = float(np.arctan2(s.second[2], s.second[1]))
        turn = (toward - hue + np.pi) % (2 * np.pi) - np.pi
        trough = colour.from_lch(
            max(lightness - sink, 0.10),
            chroma * (1.0 if scene.mood != "dark" else 0.8),
            hue + np.clip(turn, -0.45, 0.45),
        )
        result.append((lifted, own, trough))
    return result


def paper(scene: Scene) -> Array:
    """Torn sheets on a table: fibres, a white torn edge, a soft shadow under each."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid()
    texture = _fibres(scene, x, y)
    ground = s.base if scene.mood != "light" else colour.mix(s.base, s.lift, 0.4)
    lamp = 1.0 + 0.07 * (0.5 - v) + 0.05 * (0.5 - x / scene.right)
    picture = light(ground) * (lamp * (1 + texture))[..., None]
    # Cut paper first: a disc that the torn sheets half hide. Then sheets rising from the bottom, near ones over far.
    tonal = colour.from_lch(
        float(ground[0]) + (0.11 if s.dark else -0.075), colour.lch(ground)[1] * 1.3 + 0.012, colour.lch(ground)[2]
    )
    cream = colour.from_lch(0.93, 0.022, colour.lch(s.accent)[2])
    second = s.second if scene.mood != "light" else colour.mix(s.second, s.deep, 0.25)
    lean = float(rng.choice([-1.0, 1.0]))
    radius = 0.30 * min(1.0, 0.8 * scene.bottom) * float(rng.uniform(0.9, 1.1))
    middle = (scene.right * (0.5 + 0.22 * lean), scene.bottom * 0.535 + radius)
    inside = radius - np.hypot(x - middle[0], y - middle[1])
    picture = _sheet(scene, picture, np.asarray(inside, np.float32), texture, s.accent, torn=False)
    plans = [(0.70, 0.20 * lean, 0.030, tonal), (0.80, -0.15 * lean, 0.026, second), (0.905, 0.08 * lean, 0.020, cream)]
    for level, tilt, rough, tone in plans:
        line = x[0]
        edge = scene.bottom * level + tilt * (line - scene.right / 2) * min(1.0, scene.bottom) + _tear(line, rng, rough)
        picture = _sheet(scene, picture, y - edge[None].astype(np.float32), texture, tone, torn=True)
    return picture


def _fibres(scene: Scene, x: Array, y: Array) -> Array:
    """The tooth of uncoated paper as a relative change of light, (h, w), about +-0.03."""
    rng = scene.rng
    tooth = rng.standard_normal(x.shape, dtype=np.float32)
    scale = max(scene.unit / 1080, 0.2)
    fine = cv2.GaussianBlur(tooth, (0, 0), 0.9 * scale)
    coarse = cv2.GaussianBlur(tooth, (0, 0), 2.6 * scale)
    height: Array = fine / max(float(fine.std()), 1e-6) + 0.9 * coarse / max(float(coarse.std()), 1e-6)
    relief: Array = cv2.Scharr(height, cv2.CV_32F, 1, 0)  # lit from the upper left
    relief = relief + cv2.Scharr(height, cv2.CV_32F, 0, 1)
    relief /= max(float(relief.std()), 1e-6)
    clouds = noise(x[::4, ::4], y[::4, ::4], rng, cells=5, octaves=3)
    strands: Array = np.zeros(x.shape, np.float32)
    for _ in range(int(90 * scene.right * scene.bottom)):
        px, py = rng.uniform(0, scene.width), rng.uniform(0, scene.height)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.006, 0.022) * scene.unit
        bend = angle + rng.uniform(-0.9, 0.9)
        mid = (px + length * np.cos(angle), py + length * np.sin(angle))
        end = (mid[0] + length * np.cos(bend), mid[1] + length * np.sin(bend))
        points = [(np.array([(px, py), mid, end]) * 16).astype(np.int32)]  # in sixteenths of a px
        cv2.polylines(strands, points, False, [float(rng.uniform(-1, 1))], 1, cv2.LINE_AA, 4)
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


def _sheet(scene: Scene, picture: Array, below: Array, texture: Array, tone: Array, *, torn: bool) -> Array:
    """Lay one sheet; `below` (h, w) is how far inside its edge a place is, units. A torn edge shows its white core."""
    s, rng = scene.scheme, scene.rng
    ragged = below + (0.0016 * texture / 0.03 if torn else 0.0)
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
    white = light(colour.from_lch(0.90 if s.dark else 0.97, 0.014, colour.lch(tone)[2]))
    if not torn:
        printed = np.ones_like(printed)
    core = white * (0.97 + 2.6 * texture + 6.0 * np.clip(ragged, 0, 0.012))[..., None]
    lamp = 1.0 + 0.10 * np.exp(-np.maximum(below, 0) / 0.10) - 0.10 * np.clip(below, 0, 1)
    face = light(tone) * (lamp * (1 + texture))[..., None]
    body = core + (face - core) * printed[..., None]
    return np.asarray(picture + (body - picture) * sheet[..., None], np.float32)
