"""Style of a photographer's studio: a sweep of seamless paper, a softbox, a floor for the product to stand on."""

from __future__ import annotations

import cv2
import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, over, smoothstep


def studio_floor(scene: Scene) -> Array:
    """A cyclorama under one big soft light, with the shade of a window or of leaves, by chance."""
    s = scene.scheme
    x, y, _ = scene.grid(720)
    floor = scene.floor * scene.bottom  # y where the floor begins, units
    side = float(scene.rng.choice([-1.0, 1.0]))
    middle = scene.right / 2
    wall, ground, lit = _tones(scene)
    # 1. The sweep: the wall turns into the floor over a soft curve that catches less light than either.
    turn = smoothstep(floor - 0.10, floor + 0.07, y)
    reach = np.hypot((x - middle - 0.1 * side) / (0.95 * scene.right), (y - floor * 0.72) / (0.95 * scene.bottom))
    near = np.clip((y - floor) / max(scene.bottom - floor, 0.05), 0, 1)
    level = (1 - 0.30 * reach**1.5) * (1 - turn)
    level += (1 - 0.26 * near**1.4 - 0.16 * np.abs((x - middle) / scene.right) ** 1.6) * turn
    cove = np.exp(-(((y - floor + 0.01) / 0.055) ** 2))
    level *= 1 - _by(scene, 0.055, 0.20, 0.10) * cove
    linear = light(np.asarray(wall + (ground - wall) * turn[..., None], np.float32)) * level[..., None]
    # 2. The softbox: a pool on the wall behind the product, flattened on the floor under it.
    pool = np.exp(-(((x - middle) / 0.50) ** 2) - ((y - (floor - 0.30)) / 0.42) ** 2) * (1 - turn)
    carpet = np.exp(-(((x - middle) / 0.55) ** 2) - ((y - (floor + 0.085)) / 0.10) ** 2) * turn
    linear = over(linear, light(lit), _by(scene, 0.6, 0.75, 0.62) * np.clip(pool + 0.85 * carpet, 0, 1))
    # 3. A second lamp with a coloured filter grazes the wall from one side.
    lamp = scene.right * (0.5 + 0.62 * side)
    graze = np.exp(-(((x - lamp) / (0.36 * scene.right)) ** 2) - ((y - floor * 0.98) / (0.30 * scene.bottom)) ** 2)
    linear = over(linear, light(s.bleed), _by(scene, 0.14, 0.30, 0.30) * graze * (1 - 0.6 * turn))
    linear *= (1 - _by(scene, 0.17, 0.34, 0.22) * _gobo(scene, x, y, floor, side))[..., None]
    # 4. What stands here touches the floor: a faint occlusion to stand in, and the sheen of what is above it.
    spot = floor + 0.42 * min(scene.bottom - floor, 0.30)
    contact = np.exp(-(((x - middle) / 0.27) ** 2) - ((y - spot) / 0.026) ** 2)
    ambient = np.exp(-(((x - middle - 0.04 * side) / 0.40) ** 2) - ((y - spot) / 0.062) ** 2)
    linear *= (1 - _by(scene, 0.14, 0.40, 0.24) * (0.6 * contact + 0.5 * ambient))[..., None]
    gloss = np.exp(-(((x - middle) / 0.20) ** 2) - np.maximum(y - spot, 0) / 0.12) * smoothstep(spot, spot + 0.05, y)
    linear = over(linear, light(lit), _by(scene, 0.20, 0.18, 0.18) * gloss)
    return scene.enlarge(np.asarray(linear, np.float32))


def _by(scene: Scene, bright: float, dark: float, vivid: float) -> float:
    """The amount that fits the mood."""
    return {"light": bright, "dark": dark, "vivid": vivid}[scene.mood]


def _tones(scene: Scene) -> tuple[Array, Array, Array]:
    """Colours of the wall, of the floor, and of the paper where the softbox hits it."""
    s = scene.scheme
    if scene.mood == "light":
        paper = colour.mix(s.base, colour.mix(s.accent, s.base, 0.45), 0.42)
        return paper, colour.mix(paper, s.lift, 0.45), s.lift
    if scene.mood == "dark":
        return colour.mix(s.base, s.lift, 0.40), colour.mix(s.base, s.lift, 0.55), _lit(s.base, s.accent, 0.30)
    return s.base, colour.mix(s.base, s.deep, 0.22), _lit(s.base, s.accent, 0.17)


def _lit(base: Array, accent: Array, lift: float) -> Array:
    """The base under a strong lamp with a breath of the accent in it: tonal, never another colour."""
    lightness, chroma, hue = colour.lch(base)
    _, accent_c, accent_h = colour.lch(accent)
    turn = (accent_h - hue + np.pi) % (2 * np.pi) - np.pi
    return colour.from_lch(min(lightness + lift, 0.95), max(chroma * 1.7, min(accent_c, 0.04)), hue + 0.12 * turn)


def _gobo(scene: Scene, x: Array, y: Array, floor: float, side: float) -> Array:
    """Shade cast on the wall: panes of a window or leaves of a plant, blurred as by distance; (h, w) in [0, 1]."""
    rng = scene.rng
    shape = x.shape
    px = shape[1] / scene.right  # grid px a unit
    if rng.random() < 0.55:
        slanted = (x - scene.right * 0.5) * side + 0.42 * (y - floor * 0.5)
        band = np.mod(slanted + float(rng.uniform(0, 1)), 0.46) / 0.46
        bars = np.mod(y * 1.0 - 0.20 * (x - 0.5) * side + 0.1, 0.52) / 0.52
        pane = ((band > 0.10) & (bars > 0.07)).astype(np.float32)
        window = ((slanted > -0.36) & (slanted < 0.46)).astype(np.float32)
        shade: Array = 1.0 - pane * window
        blur = 0.016
    else:
        canvas = np.zeros(shape, np.float32)
        corner = scene.right * (1.02 if side > 0 else -0.02)
        for stem in range(3):
            base = np.array([corner - side * 0.02 * stem, floor * (0.28 + 0.22 * stem)])
            lean = np.pi * (0.5 + 0.5 * side) + side * float(rng.uniform(-0.25, 0.35)) - 0.3 * side
            _frond(canvas, base, lean, float(rng.uniform(0.42, 0.6)), px, rng)
        shade = canvas
        blur = 0.012
    shade = cv2.GaussianBlur(shade, (0, 0), max(blur * px, 0.5))
    fade = smoothstep(floor + 0.16, floor - 0.25, y) * smoothstep(-0.25, 0.35, y)
    return np.asarray(np.clip(shade, 0, 1) * fade, np.float32)


def _frond(canvas: Array, base: np.ndarray, lean: float, length: float, px: float, rng: np.random.Generator) -> None:
    """Draw one palm frond, white on `canvas`: a bent stem with leaflets to both sides."""
    joints = 17
    place, angle = base.astype(float).copy(), lean
    for joint in range(joints):
        angle += 0.045 * float(rng.uniform(0.6, 1.4))
        place = place + length / joints * np.array([np.cos(angle), np.sin(angle)])
        leaf = length * 0.46 * np.sin(np.pi * (0.14 + 0.80 * joint / joints))
        for flank in (-1, 1):
            direction = angle + flank * (1.05 - 0.45 * joint / joints) + float(rng.uniform(-0.07, 0.07))
            tip = place + leaf * np.array([np.cos(direction), np.sin(direction)])
            normal = np.array([-np.sin(direction), np.cos(direction)]) * leaf * 0.075
            waist = place + 0.42 * (tip - place)
            outline = np.array([place, waist + normal, tip, waist - normal]) * px
            cv2.fillPoly(canvas, [(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
