"""Styles made of light alone: gradient and mesh."""

from __future__ import annotations

import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, bend, light, noise, screen, smoothstep, warm_ramp


def gradient(scene: Scene) -> Array:
    """One gesture: a lit horizon, a sun in haze, or a folded sweep, by chance."""
    return (_horizon, _sun, _sweep)[int(scene.rng.integers(3))](scene)


def _sky(scene: Scene, v: Array, x: Array, y: Array) -> Array:
    """A calm ground from the base to its deep side, bent a little so that no level line is straight."""
    s = scene.scheme
    bend = 0.10 * noise(x, y, scene.rng, cells=0.8)
    if scene.mood == "light":
        stops = [(0.0, s.lift), (0.45, s.base), (1.0, colour.mix(s.base, s.second, 0.45))]
    elif scene.mood == "dark":
        stops = [(0.0, s.deep), (0.5, s.base), (1.0, colour.mix(s.base, s.lift, 0.8))]
    else:
        stops = [(0.0, colour.mix(s.base, s.deep, 0.5)), (0.5, s.base), (1.0, colour.mix(s.base, s.second, 0.6))]
    return colour.look_up(colour.ramp(stops), np.asarray(v + bend * (0.3 + v), np.float32))


def _horizon(scene: Scene) -> Array:
    """The rim of a great sphere below, lit from behind."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(540)
    soft = light(_sky(scene, v, x, y))
    radius = float(rng.uniform(0.95, 1.25)) * max(1.0, 0.75 * scene.right)
    middle = scene.right * float(rng.uniform(0.36, 0.64))
    crest = scene.bottom * float(rng.uniform(0.60, 0.68))
    centre = crest + radius
    distance = np.hypot(x - middle, y - centre) - radius  # > 0 outside the sphere, units
    toward = np.exp(-(((x - middle) / (0.55 * scene.right)) ** 2))  # light is strongest above the middle
    outside = np.maximum(distance, 0)
    hue_far = colour.mix(s.bleed, s.second, 0.3, around=0.9)
    power = {"light": 0.75, "dark": 1.0, "vivid": 0.95}[scene.mood]
    soft = screen(soft, light(hue_far) * (0.55 * power * toward * np.exp(-outside / 0.26))[..., None])
    soft = screen(soft, light(s.accent) * (0.85 * power * toward * np.exp(-outside / 0.085))[..., None])
    picture = scene.enlarge(soft)
    x, y, v = scene.grid()
    distance = np.hypot(x - middle, y - centre) - radius
    toward = np.exp(-(((x - middle) / (0.42 * scene.right)) ** 2))
    inside = smoothstep(0.002, -0.002, distance)
    depth = np.maximum(-distance, 0)
    if scene.mood == "light":
        body = colour.ramp([(0.0, s.lift), (0.25, s.base), (1.0, colour.mix(s.base, s.accent, 0.35))])
    elif scene.mood == "dark":
        body = colour.ramp([(0.0, colour.mix(s.base, s.accent, 0.28)), (0.16, s.base), (0.7, s.deep), (1.0, s.deep)])
    else:
        body = colour.ramp([(0.0, s.accent), (0.3, colour.mix(s.accent, s.base, 0.6)), (1.0, s.deep)])
    within = light(colour.look_up(body, np.sqrt(np.minimum(depth / 0.75, 1.0))))
    picture = picture + (within - picture) * inside[..., None]
    rim = toward * np.exp(-np.abs(distance) / 0.0035) * (0.95 if scene.mood != "light" else 0.8)
    halo = toward * np.exp(-np.abs(distance) / 0.016) * 0.5
    picture = screen(picture, light(s.glow) * rim[..., None])
    return screen(picture, light(s.accent) * halo[..., None])


def _sun(scene: Scene) -> Array:
    """A great disc in haze, dissolving downwards."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(540)
    sky = _sky(scene, v, x, y)
    radius = min(0.40, 0.30 * scene.bottom) * float(rng.uniform(0.9, 1.05))
    middle = scene.right * float(rng.choice([0.5, rng.uniform(0.3, 0.7)]))
    centre = scene.bottom * float(rng.uniform(0.51, 0.55)) + radius  # its top stays under the type
    distance = np.hypot(x - middle, y - centre)
    hue_far = s.bleed
    heat = {"light": 0.42, "dark": 0.62, "vivid": 0.62}[scene.mood] * np.exp(-((distance / (2.0 * radius)) ** 2))
    lit = colour.look_up(warm_ramp(s, s.base, mood=scene.mood), np.asarray(heat, np.float32))
    soft = light(sky + (lit - sky) * smoothstep(0.02, 0.30, heat)[..., None])
    picture = scene.enlarge(soft)
    x, y, v = scene.grid()
    distance = np.hypot(x - middle, y - centre)
    fall = (y - (centre - radius)) / (2 * radius)  # 0 at the top of the disc, 1 at its foot
    stops = [(0.0, s.glow), (0.3, colour.mix(s.glow, s.accent, 0.75)), (0.7, s.accent), (1.0, hue_far)]
    body = light(colour.look_up(colour.ramp(stops), np.clip(fall, 0, 1)))
    alpha = smoothstep(radius + 0.0015, radius - 0.0015, distance) * (1.0 - 0.96 * smoothstep(0.35, 1.0, fall))
    return np.asarray(picture + (body - picture) * (0.94 * alpha)[..., None], np.float32)


def _sweep(scene: Scene) -> Array:
    """Light along the folds of a great cloth, rising from a lower corner."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(720)
    side = float(rng.choice([-1.0, 1.0]))
    across = (x / scene.right - 0.5) * side
    bend = 0.22 * noise(x, y, rng, cells=0.7) + 0.05 * noise(x, y, rng, cells=1.8)
    along = v * 1.05 + 0.42 * across + bend  # rises towards one lower corner
    if scene.mood == "light":
        stops = [
            (0.0, s.lift),
            (0.5, s.base),
            (0.72, colour.mix(s.base, s.second, 0.75)),
            (0.92, s.accent),
            (1.0, s.glow),
        ]
    elif scene.mood == "dark":
        stops = [(0.0, s.deep), (0.46, s.base), (0.60, s.second), (0.72, s.bleed), (0.88, s.accent), (1.0, s.glow)]
    else:
        stops = [(0.0, s.deep), (0.42, s.base), (0.58, s.second), (0.70, s.bleed), (0.86, s.accent), (1.0, s.glow)]
    lab = colour.look_up(colour.ramp(stops, around=0.8), np.asarray(along * 0.86, np.float32))
    folds = along * 7.0 + 1.2 * noise(x, y, rng, cells=1.1)
    saw = folds - np.floor(folds)
    pleat = smoothstep(0.0, 0.85, saw) * (1 - smoothstep(0.93, 1.0, saw)) - 0.45
    amount = smoothstep(0.40, 0.85, along) * {"light": 0.045, "dark": 0.085, "vivid": 0.075}[scene.mood]
    lab = lab + np.stack([pleat * amount, np.zeros_like(v), np.zeros_like(v)], axis=-1)
    return scene.enlarge(light(np.asarray(lab, np.float32)))


def mesh(scene: Scene) -> Array:
    """Colours flowing into each other like ink in silk, with light along the folds.

    Heat rises from a few places below; two ramps turn heat into colour, and a second field leads from one to the
    other. So colours meet only where a painter would let them: warm never crosses cold through grey.
    """
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(640)
    bend_x, bend_y = (noise(x, y, rng, cells=0.85, octaves=2, gain=0.4) for _ in range(2))
    wx, wy = x + 0.24 * bend_x, y + 0.24 * bend_y
    wx = wx + 0.07 * np.sin(4.2 * wy + float(rng.uniform(0, 6)))
    heat = np.zeros_like(x)
    side = float(rng.choice([0.0, 1.0]))
    for across, down, reach, power in (
        (side, 1.02, 0.52, 1.0),
        (1 - side, 0.72, 0.34, 0.62),
        (0.5, 1.1, 0.40, 0.7),
        (side, 0.55, 0.22, 0.35),
    ):
        px = scene.right * (across + float(rng.uniform(-0.12, 0.12)))
        py = scene.bottom * (down + float(rng.uniform(-0.05, 0.05)))
        heat = 1 - (1 - heat) * (
            1
            - power
            * np.exp(-(((wx - px) / (reach * 1.15 * scene.right)) ** 2) - ((wy - py) / (reach * scene.bottom)) ** 2)
        )
    heat = heat * smoothstep(0.12, 0.62, v + 0.10 * bend_x)
    lead = smoothstep(-0.55, 0.75, np.sin(2.3 * wx / scene.right + 1.7 * wy + float(rng.uniform(0, 6))) + 0.3 * bend_y)
    quiet = {"light": s.lift, "dark": s.deep, "vivid": colour.mix(s.base, s.deep, 0.55)}[scene.mood]
    if scene.mood == "light":
        warm = [
            (0.0, s.base),
            (0.30, colour.mix(s.base, s.bleed, 0.38)),
            (0.62, colour.mix(s.accent, s.base, 0.25)),
            (0.85, s.accent),
            (1.0, s.glow),
        ]
        cold = [
            (0.0, s.base),
            (0.40, colour.mix(s.base, s.second, 0.7)),
            (0.75, s.second),
            (1.0, colour.mix(s.second, s.glow, 0.6)),
        ]
    else:
        warm = [
            (0.0, s.base),
            (0.30, colour.mix(s.base, s.bleed, 0.75)),
            (0.52, s.bleed),
            (0.78, s.accent),
            (1.0, s.glow),
        ]
        cold = [
            (0.0, s.base),
            (0.35, colour.mix(s.base, s.second, 0.75)),
            (0.66, s.second),
            (1.0, colour.mix(s.second, s.glow, 0.55)),
        ]
    heat = np.asarray(heat, np.float32)
    lab = colour.look_up(colour.ramp(warm, around=0.85), heat)
    other = colour.look_up(colour.ramp(cold, around=0.85), heat)
    lab = bend(lab, colour.mix(s.bleed, s.base, 0.35), other, 0.9 * lead * (1 - smoothstep(0.28, 0.72, heat)))
    lab = lab + (quiet - lab) * (0.75 * (1 - smoothstep(0.0, 0.42, v + 0.08 * bend_y)) * (1 - heat))[..., None]
    folds = np.sin(7.0 * (0.8 * wx + 1.15 * wy) + 1.6 * noise(wx, wy, rng, cells=1.1))
    sheen = np.sign(folds) * np.abs(folds) ** 1.5
    amount = {"light": 0.012, "dark": 0.030, "vivid": 0.026}[scene.mood]
    lab[..., 0] += sheen * amount * smoothstep(0.42, 0.85, v) * (0.35 + heat)
    return scene.enlarge(light(np.asarray(lab, np.float32)))
