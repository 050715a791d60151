"""Styles made of light alone: gradient and mesh."""

from __future__ import annotations

import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array
from models.image.painter.scene import Scene, light, noise, screen, smoothstep


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
    hue_far = colour.mix(s.accent, s.second, 0.55, around=0.9)
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
    soft = light(_sky(scene, v, x, y))
    radius = float(rng.uniform(0.34, 0.42))
    middle = scene.right * float(rng.choice([0.5, rng.uniform(0.3, 0.7)]))
    centre = scene.bottom * float(rng.uniform(0.66, 0.72))
    distance = np.hypot(x - middle, y - centre)
    hue_far = colour.mix(s.accent, s.second, 0.5, around=0.9)
    power = {"light": 0.6, "dark": 0.8, "vivid": 0.8}[scene.mood]
    soft = screen(soft, light(hue_far) * (power * 0.75 * np.exp(-((distance / 0.72) ** 2)))[..., None])
    soft = screen(soft, light(s.accent) * (power * 0.55 * np.exp(-((distance / 0.46) ** 2)))[..., None])
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
        stops = [(0.0, s.deep), (0.48, s.base), (0.68, s.second), (0.88, s.accent), (1.0, s.glow)]
    else:
        stops = [(0.0, s.deep), (0.42, s.base), (0.66, s.second), (0.86, s.accent), (1.0, s.glow)]
    lab = colour.look_up(colour.ramp(stops, around=0.8), np.asarray(along * 0.86, np.float32))
    folds = along * 7.0 + 1.2 * noise(x, y, rng, cells=1.1)
    saw = folds - np.floor(folds)
    pleat = smoothstep(0.0, 0.85, saw) * (1 - smoothstep(0.93, 1.0, saw)) - 0.45
    amount = smoothstep(0.40, 0.85, along) * {"light": 0.045, "dark": 0.085, "vivid": 0.075}[scene.mood]
    lab = lab + np.stack([pleat * amount, np.zeros_like(v), np.zeros_like(v)], axis=-1)
    return scene.enlarge(light(np.asarray(lab, np.float32)))


def mesh(scene: Scene) -> Array:
    """Colours flowing into each other like ink in silk, with light along the folds."""
    s, rng = scene.scheme, scene.rng
    x, y, v = scene.grid(600)
    push = 0.30
    wx = x + push * noise(x, y, rng, cells=0.9, octaves=2, gain=0.35)
    wy = y + push * noise(x, y, rng, cells=0.9, octaves=2, gain=0.35)
    wx = wx + 0.12 * noise(wx[:1].repeat(len(wx), 0), y, rng, cells=1.6)
    calm = [s.lift if scene.mood == "light" else s.deep, s.base, s.base]
    strong = [*s.tints[:4], s.accent, s.second]
    rng.shuffle(strong)
    points: list[tuple[float, float, Array, float]] = []
    for index, tone in enumerate(calm):
        points.append(
            (
                scene.right * (0.1 + 0.4 * index + 0.1 * rng.random()),
                scene.bottom * (0.04 + 0.26 * rng.random()),
                tone,
                1.25,
            )
        )
    for index, tone in enumerate(strong):
        where = (index % 3 + rng.uniform(0.1, 0.9)) / 3
        down = 0.56 + 0.42 * ((index // 3 + rng.random()) / 2)
        points.append((scene.right * where, scene.bottom * down, tone, 0.9))
    weights = []
    for px, py, _, reach in points:
        gap = ((wx - px) ** 2 + (wy - py) ** 2) / (0.30 * reach) ** 2
        weights.append(np.exp(-0.5 * gap) + 1e-4 / (1e-2 + gap))
    total = np.sum(weights, axis=0)
    lab = sum((w / total)[..., None] * tone for w, (_, _, tone, _) in zip(weights, points, strict=True))
    height = noise(wx, wy, rng, cells=1.3, octaves=2, gain=0.4)
    flow = np.sin(6.5 * (wx * 0.7 + wy * 1.1) + 2.2 * height)
    sheen = np.gradient(flow, axis=0) * 9.0 + np.gradient(flow, axis=1) * 6.0
    amount = {"light": 0.018, "dark": 0.035, "vivid": 0.035}[scene.mood] * smoothstep(0.30, 0.75, v)
    lab = np.asarray(lab, np.float32)
    lab[..., 0] += np.clip(sheen, -1.6, 1.6) * amount
    return scene.enlarge(light(lab))
