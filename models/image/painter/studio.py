"""Style of a photographer's studio: a sweep of seamless paper, a softbox, a floor for the product to stand on."""

from __future__ import annotations

import cv2
import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, noise, smoothstep


def studio_floor(scene: Scene) -> Array:
    """A cyclorama under one big soft light, with the shade of a window or of leaves, by chance."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(720)
    floor = scene.floor * scene.bottom  # y where the floor begins, units
    side = float(rng.choice([-1.0, 1.0]))
    middle = scene.right / 2
    wall_tone, floor_tone, lit, shade_tone = _tones(scene)
    # The cove: wall turns into floor over a soft curve, not at a line.
    turn = smoothstep(floor - 0.10, floor + 0.07, y)
    wall_l = (
        1.0
        - 0.30
        * (np.hypot((x - middle - 0.10 * side) / (0.95 * scene.right), (y - floor * 0.72) / (0.95 * scene.bottom)))
        ** 1.5
    )
    near = np.clip((y - floor) / max(scene.bottom - floor, 0.05), 0, 1)
    floor_l = 1.0 - 0.26 * near**1.4 - 0.16 * np.abs((x - middle) / scene.right) ** 1.6
    lab = wall_tone + (floor_tone - wall_tone) * turn[..., None]
    linear = light(np.asarray(lab, np.float32)) * (wall_l * (1 - turn) + floor_l * turn)[..., None].astype(np.float32)
    # The curve of the cove catches less light than wall and floor, then the floor's front edge catches more.
    cove = np.exp(-(((y - floor + 0.01) / 0.055) ** 2))
    linear *= (1.0 - {"light": 0.055, "dark": 0.20, "vivid": 0.10}[scene.mood] * cove)[..., None]
    # Pool of the softbox: on the wall behind the product, and flattened on the floor under it.
    pool = np.exp(-(((x - middle) / 0.50) ** 2) - ((y - (floor - 0.30)) / 0.42) ** 2) * (1 - turn)
    carpet = np.exp(-(((x - middle) / 0.55) ** 2) - ((y - (floor + 0.085)) / 0.10) ** 2) * turn
    power = {"light": 0.55, "dark": 0.55, "vivid": 0.50}[scene.mood]
    linear = linear + (light(lit) - linear) * (power * np.clip(pool + 0.85 * carpet, 0, 1))[..., None]
    linear *= (1.0 - _gobo(scene, x, y, floor, side) * {"light": 0.17, "dark": 0.30, "vivid": 0.22}[scene.mood])[
        ..., None
    ]
    # What stands here will touch the floor: a faint occlusion to stand in, and the sheen of what is above it.
    spot_y = floor + 0.42 * min(scene.bottom - floor, 0.30)
    contact = np.exp(-(((x - middle) / 0.27) ** 2) - ((y - spot_y) / 0.026) ** 2)
    ambient = np.exp(-(((x - middle - 0.04 * side) / 0.40) ** 2) - ((y - spot_y) / 0.062) ** 2)
    dim = {"light": 0.14, "dark": 0.40, "vivid": 0.24}[scene.mood]
    linear *= (1.0 - dim * (0.6 * contact + 0.5 * ambient))[..., None]
    gloss = (
        np.exp(-(((x - middle) / 0.20) ** 2))
        * smoothstep(spot_y, spot_y + 0.05, y)
        * np.exp(-np.maximum(y - spot_y, 0) / 0.12)
    )
    linear = (
        linear + (light(lit) - linear) * ({"light": 0.20, "dark": 0.16, "vivid": 0.18}[scene.mood] * gloss)[..., None]
    )
    return scene.enlarge(np.asarray(linear, np.float32))


def _tones(scene: Scene) -> tuple[Array, Array, Array, Array]:
    """Wall, floor, lit and shaded colours of the paper sweep."""
    s = scene.scheme
    if scene.mood == "light":
        wall = colour.mix(s.base, s.tints[0], 0.35)
        return wall, colour.mix(s.lift, s.tints[0], 0.28), s.lift, s.deep
    if scene.mood == "dark":
        wall = colour.mix(s.base, s.lift, 0.45)
        return wall, colour.mix(s.base, s.lift, 0.30), colour.mix(s.lift, s.accent, 0.42, around=0.9), s.deep
    return s.base, colour.mix(s.base, s.deep, 0.18), colour.mix(s.base, s.accent, 0.55, around=0.9), s.deep


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
        shade = 1.0 - pane * window
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
