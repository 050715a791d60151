"""Styles seen through a lens: light leaks and bokeh."""

from __future__ import annotations

import cv2
import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, noise, screen, smoothstep


def _ground(scene: Scene, *, warmth: float) -> Array:
    """An out-of-focus room: base above, a breath of the accent below. Soft linear picture."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(480)
    drift = 0.16 * noise(x, y, rng, cells=0.8, octaves=2)
    low = colour.mix(s.base, s.second if scene.mood != "light" else s.tints[0], warmth)
    top = {"light": s.lift, "dark": s.deep, "vivid": colour.mix(s.base, s.deep, 0.4)}[scene.mood]
    table = colour.ramp([(0.0, top), (0.45, s.base), (1.0, low)])
    return light(colour.look_up(table, np.asarray(v + drift * (0.3 + 0.7 * v), np.float32)))


def light_leak(scene: Scene) -> Array:
    """Light that came past the shutter: hot at the frame's edge, bleeding through orange and red into nothing."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(640)
    soft = _ground(scene, warmth=0.35)
    soft = cv2.resize(soft, x.shape[::-1], interpolation=cv2.INTER_CUBIC)
    power = {"light": 0.62, "dark": 0.9, "vivid": 0.85}[scene.mood]
    warp = 0.10 * noise(x, y, rng, cells=0.9, octaves=2)
    fringe = colour.mix(s.accent, s.second, 0.6, around=1.0)
    main = float(rng.choice([-1.0, 1.0]))
    for index in range(4):
        side = main if index in (0, 3) else -main
        edge = scene.right if side > 0 else 0.0
        inward = (edge - x) * side  # units from the lit side of the frame
        height = scene.bottom * float(rng.uniform(0.58, 0.92)) if index < 3 else scene.bottom * 0.12
        slant = float(rng.uniform(-0.5, 0.5))
        reach = (0.34, 0.2, 0.13, 0.10)[index]
        spread = (0.42, 0.30, 0.2, 0.22)[index] * scene.bottom
        body = np.exp(-(((y - height + slant * inward) / spread) ** 2))
        inward = np.maximum(inward + warp + 0.02, 0.0)
        strength = power * (1.0, 0.55, 0.6, 0.35)[index]
        # Film's layers burn in turn: the farthest light reaches is the deepest colour, the hot core is nearly white.
        soft = screen(
            soft, light(fringe) * (0.95 * strength * body * np.exp(-((inward / (1.55 * reach)) ** 1.5)))[..., None]
        )
        soft = screen(soft, light(s.accent) * (0.9 * strength * body * np.exp(-((inward / reach) ** 1.5)))[..., None])
        core = np.exp(-((inward / (0.38 * reach)) ** 1.4)) * body**2
        soft = screen(soft, light(s.glow) * (0.8 * strength * core)[..., None])
    # A streak of flare and its ghosts across the lower part, along one line through the middle of the frame.
    ghost_y, ghost_x = scene.bottom * float(rng.uniform(0.66, 0.8)), scene.right * (0.5 + 0.32 * main)
    streak = np.exp(-np.abs(y - ghost_y) / 0.012) * np.exp(-(((x - ghost_x) / (0.55 * scene.right)) ** 2))
    soft = screen(soft, light(colour.mix(s.glow, s.accent, 0.5)) * (0.26 * power * streak)[..., None])
    for step, size, amount in ((0.35, 0.06, 0.10), (0.62, 0.10, 0.07), (0.95, 0.17, 0.05)):
        gx = ghost_x + (scene.right / 2 - ghost_x) * 2 * step
        gy = ghost_y + (scene.bottom * 0.62 - ghost_y) * 2 * step
        gap = np.hypot(x - gx, y - gy) / size
        ring = smoothstep(1.08, 0.92, gap) * (0.45 + 0.55 * np.clip(gap, 0, 1) ** 3)
        soft = screen(soft, light(fringe) * (amount * power * ring)[..., None])
    return scene.enlarge(soft)


def _blade(angle: Array, blades: int, roundness: float, turn: float) -> Array:
    """Radius of a rounded polygon iris at `angle`, 1 at its corners."""
    step = 2 * np.pi / blades
    local = np.mod(angle + turn, step) - step / 2
    flat = np.cos(step / 2) / np.cos(local)
    return np.asarray(flat * (1 - roundness) + roundness * 0.97, np.float32)


def bokeh(scene: Scene) -> Array:
    """City lights behind the product, far out of focus: discs with a bright rim, cut like a cat's eye at the sides."""
    s, rng = scene.scheme, scene.rng
    picture = scene.enlarge(_ground(scene, warmth=0.55))
    x, y, v = scene.grid(400)
    haze = np.exp(-(((y - 0.74 * scene.bottom) / (0.30 * scene.bottom)) ** 2)) * (
        0.75 + 0.25 * noise(x, y, rng, cells=1.4)
    )
    power = {"light": 0.5, "dark": 0.34, "vivid": 0.42}[scene.mood]
    picture = screen(
        picture,
        light(colour.mix(s.accent, s.second, 0.4)) * (power * scene.enlarge(np.asarray(haze, np.float32)))[..., None],
    )
    tones = [s.accent, s.accent, s.glow, s.second, *s.tints[:3], colour.mix(s.accent, s.glow, 0.5)]
    blades, turn = int(rng.choice([6, 7, 9])), float(rng.uniform(0, 1))
    layers = ((0.105, 9, 0.20), (0.062, 18, 0.36), (0.030, 26, 0.55))  # radius in units, how many, how bright
    brightness = {"light": 0.9, "dark": 1.0, "vivid": 0.95}[scene.mood]
    for base_radius, count, strength in layers:
        count = round(count * max(1.0, 0.75 * scene.right * scene.bottom))
        for _ in range(count):
            radius = base_radius * float(rng.uniform(0.75, 1.3))
            cx = scene.right * float(rng.uniform(-0.04, 1.04))
            # Lights gather along a street in the lower part; a few strays keep to the sides above it.
            cy = scene.bottom * float(np.clip(rng.normal(0.76, 0.10), 0.52, 1.04))
            if rng.random() < 0.10:
                cx = scene.right * float(rng.choice([rng.uniform(-0.03, 0.1), rng.uniform(0.9, 1.03)]))
                cy = scene.bottom * float(rng.uniform(0.3, 0.55))
            tone = tones[int(rng.integers(len(tones)))]
            level = strength * brightness * float(rng.uniform(0.35, 1.0))
            _disc(scene, picture, (cx, cy, radius), tone, level, blades, turn)
    return picture


def _disc(
    scene: Scene, picture: Array, place: tuple[float, float, float], tone: Array, level: float, blades: int, turn: float
) -> None:
    """Add one disc of light to the picture, in place."""
    cx, cy, radius = (value * scene.unit for value in place)  # px
    left, right = max(0, int(cx - radius - 3)), min(scene.width, int(cx + radius + 4))
    top, bottom = max(0, int(cy - radius - 3)), min(scene.height, int(cy + radius + 4))
    if left >= right or top >= bottom:
        return
    dx, dy = np.meshgrid(
        np.arange(left, right, dtype=np.float32) + 0.5 - cx, np.arange(top, bottom, dtype=np.float32) + 0.5 - cy
    )
    distance = np.hypot(dx, dy)
    limit = radius * _blade(np.arctan2(dy, dx), blades, 0.55, turn)
    soft = max(1.2, 0.035 * radius)
    shape = smoothstep(soft, -soft, distance - limit)
    # Towards the sides of the frame the lens barrel cuts the disc: a second disc shifted from the middle outwards.
    shift_x = (cx - scene.width / 2) / (scene.width / 2) * 0.34 * radius
    shift_y = (cy - scene.height / 2) / (scene.height / 2) * 0.20 * radius
    shape *= smoothstep(2 * soft, -2 * soft, np.hypot(dx + shift_x, dy + shift_y) - radius * 1.06)
    ratio = np.clip(distance / np.maximum(limit, 1.0), 0, 1)
    profile = 0.62 + 0.20 * ratio**2 + 0.42 * smoothstep(0.80, 0.97, ratio)
    glow = light(tone)
    area = picture[top:bottom, left:right]
    dark_enough = scene.scheme.dark
    amount = (shape * profile * level)[..., None]
    if dark_enough:
        area[:] = screen(area, glow * amount)
        return
    # On a light ground light cannot add: discs are tinted glass with a pale rim instead.
    area[:] = area + (glow - area) * np.clip(amount * 0.8, 0, 1)
    rim = shape * smoothstep(0.86, 0.98, ratio) * level * 0.55
    area[:] = screen(area, np.float32(1.0) * rim[..., None] * light(scene.scheme.lift))
