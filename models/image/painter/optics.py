"""Styles seen through a lens: light leaks and bokeh."""

from __future__ import annotations

import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, noise, screen, smoothstep, warm_ramp


def _ground(scene: Scene, *, warmth: float) -> Array:
    """An out-of-focus room: base above, a breath of the accent below. Soft linear picture."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(480)
    drift = 0.16 * noise(x, y, rng, cells=0.8, octaves=2)
    low = colour.mix(s.base, s.second, warmth, around=0.9)
    if scene.mood == "vivid":
        low = colour.mix(s.deep, s.bleed, 0.25, around=0.9)
    top = {"light": s.lift, "dark": s.deep, "vivid": colour.mix(s.base, s.deep, 0.4)}[scene.mood]
    table = colour.ramp([(0.0, top), (0.45, s.base), (1.0, low)])
    return light(colour.look_up(table, np.asarray(v + drift * (0.3 + 0.7 * v), np.float32)))


def light_leak(scene: Scene) -> Array:
    """Light that came past the shutter: hot at the frame's edge, bleeding through orange and red into nothing.

    Film's layers burn in turn, so heat is turned into colour by a ramp: the farthest light reaches is the deepest
    colour, the core is nearly white.
    """
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(640)
    drift = 0.16 * noise(x, y, rng, cells=0.8, octaves=2)
    top, low = {
        "light": (s.lift, colour.mix(s.base, s.bleed, 0.12)),
        "dark": (s.deep, s.base),
        "vivid": (colour.mix(s.base, s.deep, 0.5), colour.mix(s.base, s.bleed, 0.3, around=0.9)),
    }[scene.mood]
    ground = colour.look_up(
        colour.ramp([(0.0, top), (0.45, s.base), (1.0, low)]), np.asarray(v + drift * v, np.float32)
    )
    warp = 0.09 * noise(x, y, rng, cells=0.9, octaves=2)
    main = float(rng.choice([-1.0, 1.0]))
    cool = np.ones_like(x)  # what is not lit: leaks add up without burning out
    plans = (
        (main, 0.82, 0.36, 0.50, 1.0),
        (-main, 0.98, 0.26, 0.26, 0.72),
        (main, 0.60, 0.14, 0.16, 0.6),
        (main, 0.05, 0.11, 0.20, 0.42),
    )
    for side, down, reach, spread, power in plans:
        edge = scene.right if side > 0 else 0.0
        inward = (edge - x) * side  # units from the lit side of the frame
        height = scene.bottom * (down + float(rng.uniform(-0.06, 0.06)))
        slant = float(rng.uniform(-0.5, 0.5))
        body = np.exp(-(np.abs((y - height + slant * inward) / (spread * scene.bottom)) ** 2.2))
        cool *= 1 - power * body * np.exp(-((np.maximum(inward + warp, 0) / (1.25 * reach * scene.right)) ** 1.35))
    heat = np.asarray(1 - cool, np.float32) * smoothstep(-0.05, 0.30, v + 0.3)
    lit = colour.look_up(warm_ramp(s, s.base, mood=scene.mood), heat * np.float32(0.97))
    soft = light(np.asarray(ground + (lit - ground) * smoothstep(0.03, 0.34, heat)[..., None], np.float32))
    return scene.enlarge(_flare(scene, soft, x, y, main))


def _flare(scene: Scene, soft: Array, x: Array, y: Array, main: float) -> Array:
    """A streak through the hottest place and its ghosts, along one line through the middle of the frame."""
    s, rng = scene.scheme, scene.rng
    power = {"light": 0.35, "dark": 1.0, "vivid": 0.9}[scene.mood]
    ghost_x, ghost_y = scene.right * (0.5 + 0.42 * main), scene.bottom * float(rng.uniform(0.76, 0.86))
    streak = np.exp(-np.abs(y - ghost_y) / 0.007) + 0.35 * np.exp(-np.abs(y - ghost_y) / 0.03)
    streak = streak * np.exp(-(((x - ghost_x) / (0.62 * scene.right)) ** 2))
    soft = screen(soft, light(colour.mix(s.glow, s.accent, 0.45)) * (0.20 * power * streak)[..., None])
    for step, size, amount in ((0.42, 0.045, 0.12), (0.60, 0.085, 0.08), (0.86, 0.14, 0.055), (0.93, 0.03, 0.12)):
        gx = ghost_x + (scene.right / 2 - ghost_x) * 2 * step
        gy = ghost_y + (scene.bottom * 0.66 - ghost_y) * 2 * step
        gap = np.hypot(x - gx, y - gy) / size
        ring = smoothstep(1.10, 0.90, gap) * (0.35 + 0.65 * np.clip(gap, 0, 1) ** 4)
        soft = screen(soft, light(s.accent) * (amount * power * ring)[..., None])
    return soft


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
    x, y, _ = scene.grid(400)
    haze = np.exp(-(((y - 0.74 * scene.bottom) / (0.30 * scene.bottom)) ** 2)) * (
        0.75 + 0.25 * noise(x, y, rng, cells=1.4)
    )
    power = {"light": 0.5, "dark": 0.34, "vivid": 0.42}[scene.mood]
    picture = screen(
        picture,
        light(s.bleed) * (power * scene.enlarge(np.asarray(haze, np.float32)))[..., None],
    )
    tones = [s.accent, s.accent, s.glow, s.second, *s.tints[:3], colour.mix(s.accent, s.glow, 0.5)]
    blades, turn = int(rng.choice([7, 8, 9])), float(rng.uniform(0, 1))
    brightness = {"light": 0.9, "dark": 1.0, "vivid": 0.95}[scene.mood]
    for cx, cy, radius, strength in _lights(scene):
        tone = tones[int(rng.integers(len(tones)))]
        level = strength * brightness * float(rng.uniform(0.3, 1.0)) ** 1.6  # a few bright ones among many faint
        softness = 0.03 if radius < 0.1 else 0.22  # what hangs close to the lens has no rim
        _disc(scene, picture, (cx, cy, radius), tone, (level, softness), (blades, turn))
    return picture


def _lights(scene: Scene) -> list[tuple[float, float, float, float]]:
    """Where the lights are: x, y, radius in units, strength. A street, two garlands over it, dust and near blurs."""
    rng, right, bottom = scene.rng, scene.right, scene.bottom
    area = max(1.0, right * bottom / 1.333)
    found: list[tuple[float, float, float, float]] = []
    for _ in range(round(26 * area)):  # the street: far and small in the middle, near and large to the sides
        offset = float(rng.normal(0, 0.42))
        size = 0.018 + 0.065 * min(abs(offset), 1.0)
        cy = bottom * (0.70 + float(rng.normal(0, 0.022)) + 0.24 * abs(offset) * float(rng.uniform(0.2, 1.0)))
        found.append((right * (0.5 + 0.62 * offset), cy, size * float(rng.uniform(0.8, 1.3)), 0.62))
    lean = float(rng.choice([-1.0, 1.0]))
    for start, sag, size in ((0.56, 0.10, 0.030), (0.64, 0.16, 0.046)):
        for t in np.linspace(-0.04, 1.04, round(11 * max(1.0, 0.8 * right)) + int(rng.integers(3))):
            near = 0.5 + lean * (t - 0.5)  # grows towards one side
            cy = bottom * (start + sag * 4 * t * (1 - t) - 0.05 * near + float(rng.normal(0, 0.006)))
            found.append((right * float(t), cy, size * (0.45 + 1.1 * near), 0.85))
    for _ in range(round(30 * area)):
        found.append(
            (
                right * float(rng.uniform(0, 1)),
                bottom * float(rng.uniform(0.6, 1.0)),
                float(rng.uniform(0.006, 0.012)),
                0.5,
            )
        )
    for _ in range(round(7 * area)):
        side = float(rng.choice([rng.uniform(-0.05, 0.28), rng.uniform(0.72, 1.05)]))
        found.append((right * side, bottom * float(rng.uniform(0.72, 1.02)), float(rng.uniform(0.11, 0.20)), 0.26))
    return found


def _disc(
    scene: Scene,
    picture: Array,
    place: tuple[float, float, float],
    tone: Array,
    lit: tuple[float, float],
    iris: tuple[int, float],
) -> None:
    """Add one disc of light to the picture, in place.

    `place` is x, y, radius in units; `lit` is level and softness of the rim as a share of the radius; `iris` is the
    number of blades and their turn in radians.
    """
    level, softness = lit
    cx, cy, radius = (value * scene.unit for value in place)  # px
    left, right = max(0, int(cx - radius * 1.25 - 3)), min(scene.width, int(cx + radius * 1.25 + 4))
    top, bottom = max(0, int(cy - radius * 1.25 - 3)), min(scene.height, int(cy + radius * 1.25 + 4))
    if left >= right or top >= bottom:
        return
    dx, dy = np.meshgrid(
        np.arange(left, right, dtype=np.float32) + 0.5 - cx, np.arange(top, bottom, dtype=np.float32) + 0.5 - cy
    )
    distance = np.hypot(dx, dy)
    limit = radius * _blade(np.arctan2(dy, dx), iris[0], 0.8, iris[1])
    soft = max(1.2, softness * radius)
    shape = smoothstep(soft, -soft, distance - limit)
    # Towards the sides of the frame the lens barrel cuts the disc: a second disc shifted from the middle outwards.
    shift_x = (cx - scene.width / 2) / (scene.width / 2) * 0.34 * radius
    shift_y = (cy - scene.height / 2) / (scene.height / 2) * 0.20 * radius
    shape *= smoothstep(2 * soft, -2 * soft, np.hypot(dx + shift_x, dy + shift_y) - radius * 1.06)
    ratio = np.clip(distance / np.maximum(limit, 1.0), 0, 1)
    sharp = 1.0 if softness < 0.1 else 0.0
    profile = 0.60 + 0.22 * ratio**2 + sharp * 0.45 * smoothstep(0.82, 0.97, ratio)
    glow = light(tone)
    area = picture[top:bottom, left:right]
    dark_enough = scene.scheme.dark
    amount = (shape * profile * level)[..., None]
    if dark_enough:
        area[:] = screen(area, glow * amount)
        return
    # On a light ground light cannot add: discs are tinted glass with a pale rim instead.
    area[:] = area + (glow - area) * np.clip(amount * 1.25, 0, 1)
    rim = sharp * shape * smoothstep(0.86, 0.98, ratio) * level * 0.8
    area[:] = screen(area, np.float32(1.0) * rim[..., None] * light(scene.scheme.lift))
