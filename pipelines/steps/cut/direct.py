"""The director: makes a prepared scene of a shot, with the film's words, pictures and palette.

Design:
- One function a kind; each reads like the frame: ground, product, type from top to bottom.
- A missing picture changes the composition, never the meaning: without a photograph the backdrop carries the hook,
  without a cut-out the photograph itself is shown, framed or full, without a backdrop the palette lights one.
- All colours of type are checked against what they stand on; where a picture is too bright (or too dark) for its
  type, it is shaded by just as much as the type needs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.steps.cut import stage as st
from pipelines.steps.cut.captions import paste, rounded
from pipelines.steps.cut.planes import Layer, soft_shadow
from pipelines.steps.cut.reveal import Actor
from pipelines.steps.cut.scenes import (
    BackdropScene,
    Camera,
    Float,
    PhotoScene,
    Scene,
    SceneWords,
    bar,
    disc,
    fact_runs,
    headline_lines,
    layer_of,
    pill,
    scrim,
    stack,
)
from pipelines.steps.cut.storyboard import Shot
from pipelines.steps.cut.type import Line, Run, SetLine, set_lines

ROOM = 1.12  # pictures are cut this much larger than the frame, for the camera to move in


@dataclass(frozen=True)
class Director:
    """Everything a scene may be made of."""

    stage: st.Stage
    props: st.Props
    words: SceneWords

    def prepare(self, shot: Shot) -> Scene:
        make: dict[str, Callable[[Shot], Scene]] = {
            "hero": self._hero,
            "facts": self._facts,
            "split": self._split,
            "depth": self._depth,
            "price": self._price,
            "end": self._end,
        }
        return make[shot.kind](shot)

    # Ground, product, type

    @functools.cached_property
    def _graded_photo(self) -> np.ndarray:
        photo, stage = self.props.photo, self.stage
        if photo is None:
            raise ValueError("There is no photograph to grade.")
        needed = ROOM * max(stage.height / photo.shape[0], stage.width / photo.shape[1])
        return st.graded(st.resized(photo, needed) if needed < 0.9 else photo, self.props.palette)

    def _photo(
        self,
        shot: Shot,
        *,
        zoom: tuple[float, float],
        punch: float = 0.0,
        columns: int = 1,
        room: float = ROOM,
        ground: str = "",
    ) -> PhotoScene | None:
        """The photograph full-bleed, or rising out of `ground`; `None` without a photograph."""
        photo = self.props.photo
        if photo is None:
            return None
        stage = self.stage
        image = self._graded_photo
        dark = min(("#0a0c12", self.props.palette.background, self.props.palette.ink), key=st.luminance)
        width, height = stage.width, stage.height
        if ground:
            picture = st.rising(image, ground, width=width, height=height, room=room, props=self.props)
        else:
            picture = st.cover(image, width=width, height=height, room=room, at=self.props.focus)
        drift = 0.7 if shot.variant % 2 == 0 else -0.7
        camera = Camera(picture, zoom=zoom, shift=((-drift, 0.2), (drift, -0.2)), punch=punch)
        edge = stage.zone("type").y1 / stage.height
        strength = st.needed_shade(picture.top_rgb(edge), "#ffffff", dark, least=5.0)
        strength = max(0.0 if ground else 0.35, strength)
        shade = scrim(stage, dark, until=edge, strength=strength) if strength > 0.02 else None
        return PhotoScene(shot, stage, camera=camera, columns=columns, scrim=shade)

    def _backdrop(self, shot: Shot, *, colour: str | None = None) -> BackdropScene:
        stage, palette = self.stage, self.props.palette
        size = (round(stage.width * ROOM), round(stage.height * ROOM))
        if colour is not None:
            lit = {"surface": st.blend(colour, "#ffffff", 0.25), "accent": st.blend(colour, "#000000", 0.3)}
            image = st.paper(palette.model_copy(update={"background": colour, **lit}), *size)
        else:
            image = self.props.backdrop if self.props.backdrop is not None else st.paper(palette, *size)
            until = stage.zone("type").y1 / stage.height if stage.ratio != "landscape" else 1.0
            image = st.shaded(image, self._ink, palette.background, until=until)
        picture = st.cover(image, width=stage.width, height=stage.height, room=ROOM, at=(0.5, 0.5), soft=True)
        side = 0.9 if shot.variant % 2 == 0 else -0.9
        camera = Camera(picture, zoom=(1.02, 1.12), shift=((-side, -0.6), (side, 0.6)))
        return BackdropScene(shot, stage, camera=camera)

    def _product(self, *, zone: st.Zone, start: float, swing: float = 10.0) -> Float | None:
        layer = st.product_layer(self.props, width=zone.width, height=zone.height)
        if layer is None:
            return None
        unit = self.stage.unit
        return Float(layer, centre=zone.centre, start=start, swing=swing * unit, rise=150 * unit)

    def _ghost(self, text: str, start: float, colour: str, *, alpha: float = 0.075) -> Actor:
        """Very large, very faint type that drifts through the foot of the frame."""
        unit, stage = self.stage.unit, self.stage
        size = 330 * unit
        ink = f"{colour}{round(alpha * 255):02x}"
        line = self._type(Line((Run(text, size, 900, ink),), margin=4))[0]
        layer = Layer.of(line.rgba())
        x = stage.width * 0.06
        y = stage.height * (0.84 if stage.ratio == "portrait" else 0.62)
        return Actor(layer, x, y, start, entrance="cut", drift=(-60 * unit, 0.0))

    def _type(self, *lines: Line) -> list[SetLine]:
        return set_lines(lines, language=self.words.language)

    @property
    def _ink(self) -> str:
        return st.readable(self.props.palette.ink, self.props.palette.background)

    @property
    def _night(self) -> str:
        """The palette's darkest colour, for white type; a light palette gives the darkest of its own colours."""
        palette = self.props.palette
        return min((palette.background, palette.ink, *palette.swatches), key=st.luminance)

    @property
    def _accent_on_photo(self) -> str:
        return st.readable(self.props.palette.accent, "#15171d", *self.props.palette.swatches, "#ffffff", least=3.0)

    # Scenes

    def _hero(self, shot: Shot) -> Scene:
        stage, words, unit = self.stage, self.words, self.stage.unit
        zone = stage.zone("type")
        scene: Scene | None = self._photo(shot, zoom=(1.0, 1.1), punch=0.14, ground=self._night)
        ink, accent, shade = "#ffffff", self._accent_on_photo, 0.45
        if scene is None:
            plain = self._backdrop(shot)
            plain.product = self._product(zone=stage.zone("product"), start=shot.start - 0.3)
            scene, ink, accent, shade = plain, self._ink, self.props.palette.accent, 0.0
        rows, size = headline_lines(
            words.headline, language=words.language, width=zone.width, sizes=(142 * unit, 64 * unit), lines=3
        )
        lines = self._type(
            Line((Run(words.brand, 44 * unit, 800, ink, tracking=5 * unit),), fit=zone.width * 0.6),
            *(Line((Run(row, size, 900, ink),), fit=zone.width) for row in rows),
            *([Line((Run(words.subhead, 48 * unit, 500, ink),), fit=zone.width)] if words.subhead else []),
        )
        start = shot.start - 0.25  # the first frame, which feeds show as a still, has type on it already
        brand, y = stack(lines[:1], x=zone.x0, y=zone.y0, gap=0, start=start, shadow=shade)
        y += 30 * unit
        heads, y = stack(lines[1 : 1 + len(rows)], x=zone.x0, y=y, gap=size * 0.14, start=start + 0.08, shadow=shade)
        y += 34 * unit
        rule = Actor(bar(132 * unit, 12 * unit, accent), zone.x0, y, start + 0.6, entrance="wipe")
        y += 42 * unit
        sub, _ = stack(lines[1 + len(rows) :], x=zone.x0, y=y, gap=0, start=start + 0.75, shadow=shade)
        scene.actors = [*brand, *heads, rule, *sub]
        return scene

    def _facts(self, shot: Shot) -> Scene:
        """Facts on cards, each coming in when it is spoken."""
        palette, unit = self.props.palette, self.stage.unit
        zone = self.stage.zone("type")
        full = self._full_photo(shot) if self.props.cutout is None and shot.variant % 2 == 1 else None
        count = max(1, len(shot.moments))
        size = {1: 112, 2: 88, 3: 66}.get(count, 58) * unit
        card = palette.surface
        ink = st.readable(palette.ink, card)
        accent = st.readable(palette.accent, card, *palette.swatches, ink, least=3.0)
        pad = (44 * unit, (30 if count < 3 else 20) * unit)
        room = zone.width - 2 * pad[0] - 34 * unit
        title_ink = self._ink if full is None else "#ffffff"
        lines = self._type(
            Line((Run(self.words.product, 60 * unit, 800, title_ink),), fit=zone.width * 0.7),
            *(Line(fact_runs(m.text, size=size, ink=ink, accent=accent), fit=room) for m in shot.moments),
        )
        gap = 24 * unit
        actors, y = stack(lines[:1], x=zone.x0, y=zone.y0, gap=0, start=shot.start + 0.1)
        y += 30 * unit
        for index, (line, moment) in enumerate(zip(lines[1:], shot.moments, strict=True)):
            layer = self._card(line, card, accent, pad)
            grown = (layer.height - line.height - 2 * pad[1]) / 2
            start = max(shot.start + 0.15 + 0.1 * index, moment.at - 0.15)
            actors.append(Actor(layer, zone.x0 - grown, y - grown, start, entrance="slide"))
            y += line.height + 2 * pad[1] + gap
        scene = full or self._ground_with_product(shot, below=y)
        scene.actors = actors
        return scene

    def _full_photo(self, shot: Shot) -> Scene | None:
        return self._photo(shot, zoom=(1.16, 1.03), ground=self._night)

    def _ground_with_product(self, shot: Shot, *, below: float) -> Scene:
        """The product over the backdrop, under `below` (px)."""
        scene = self._backdrop(shot)
        scene.behind = [self._ghost(self.words.brand, shot.start - 0.5, self._ink)]
        box = self.stage.zone("product")
        if self.stage.ratio != "landscape":
            box = st.Zone(box.x0, max(box.y0, below + 10 * self.stage.unit), box.x1, box.y1)
        scene.product = self._product(zone=box, start=shot.start + 0.05)
        return scene

    def _card(self, line: SetLine, fill: str, accent: str, pad: tuple[float, float]) -> Layer:
        unit = self.stage.unit
        left = pad[0] + 34 * unit
        width, height = round(left + line.width + pad[0]), round(line.height + 2 * pad[1])
        plate = rounded(width, height, radius=30 * unit, colour=st.rgb_of(fill), alpha=0.97)
        mark = rounded(round(12 * unit), round(height * 0.5), radius=6 * unit, colour=st.rgb_of(accent), alpha=1.0)
        paste(plate, mark, round(pad[0] * 0.8), round(height * 0.25))
        paste(plate, line.rgba(), round(left) - line.margin, round(pad[1]) - line.margin)
        return Layer.of(soft_shadow(plate, radius=22 * unit, opacity=0.28, dy=12 * unit))

    def _split(self, shot: Shot) -> Scene:
        """The photograph closes from three slats; the product's name over it."""
        unit = self.stage.unit
        scene = self._photo(shot, zoom=(1.16, 1.02), columns=3, ground=self._night)
        if scene is None:
            return self._depth(shot)
        zone = self.stage.zone("type")
        rows, size = headline_lines(
            self.words.product, language=self.words.language, width=zone.width, sizes=(150 * unit, 70 * unit), lines=2
        )
        lines = self._type(*(Line((Run(row, size, 900, "#ffffff"),), fit=zone.width) for row in rows))
        top = zone.y0 + 50 * unit
        heads, y = stack(lines, x=zone.x0, y=top, gap=size * 0.12, start=shot.start + 0.5, shadow=0.45)
        rule = bar(132 * unit, 12 * unit, self._accent_on_photo)
        scene.actors = [*heads, Actor(rule, zone.x0, y + 34 * unit, shot.start + 0.9, entrance="wipe")]
        return scene

    def _depth(self, shot: Shot) -> Scene:
        """The product's name, very large, behind the product."""
        stage, unit = self.stage, self.stage.unit
        scene = self._backdrop(shot)
        zone, box = stage.zone("type"), stage.zone("product")
        lone = self.props.cutout is not None and stage.ratio != "landscape"
        rows, size = headline_lines(
            self.words.product,
            language=self.words.language,
            width=zone.width,
            sizes=((250 if lone else 170) * unit, 90 * unit),
            lines=2,
        )
        lines = self._type(*(Line((Run(row, size, 900, self._ink),), fit=zone.width) for row in rows))
        heads, _ = stack(lines, x=zone.x0, y=zone.y0, gap=size * 0.04, start=shot.start + 0.1, stagger=0.12)
        scene.behind = [self._ghost(self.words.brand, shot.start - 0.5, self._ink), *heads]
        if lone:  # it may cover the feet of the letters, not more
            box = st.Zone(box.x0, min(box.y0, zone.y0 + (size * 1.04) * len(rows) - size * 0.18), box.x1, box.y1)
        scene.product = self._product(zone=box, start=shot.start + 0.2, swing=13)
        return scene

    def _price(self, shot: Shot) -> Scene:
        stage, palette, unit, words = self.stage, self.props.palette, self.stage.unit, self.words
        scene = self._backdrop(shot, colour=palette.accent)
        ink = st.readable(palette.on_accent, palette.accent)
        zone, box = stage.zone("type"), stage.zone("product")
        times = {moment.text: moment.at for moment in shot.moments}
        tag_ink = st.readable(palette.accent, ink, palette.background, palette.surface)
        big = 300 if words.price else 130
        lines = self._type(
            Line((Run(words.product, 56 * unit, 800, ink),), fit=zone.width * 0.75),
            Line((Run(words.price or words.offer, big * unit, 900, ink, -0.015 * big * unit),), fit=zone.width),
            Line((Run(words.offer or words.product, 70 * unit, 800, tag_ink),), fit=zone.width - 110 * unit),
        )
        cx, cy = box.centre
        rings = [disc(box.width * share, st.blend(palette.accent, "#ffffff", 0.5), 0.3) for share in (0.62, 0.47)]
        scene.behind = [
            Actor(ring, cx - ring.width / 2, cy - ring.height / 2, shot.start + 0.1 * i, entrance="pop")
            for i, ring in enumerate(rings)
        ]
        scene.behind.append(self._ghost(words.brand, shot.start - 0.5, ink))
        scene.product = self._product(zone=box, start=shot.start + 0.15)
        name, y = stack(lines[:1], x=zone.x0, y=zone.y0, gap=0, start=shot.start + 0.15)
        layer, margin = layer_of(lines[1])
        said = times.get(words.price or words.offer, shot.start + 0.3)
        top = y + 4 * unit
        start = max(shot.start + 0.2, said - 0.2)
        scene.actors = [*name, Actor(layer, zone.x0 - margin, top - margin, start, entrance="pop")]
        if words.price and words.offer:
            tag = pill(lines[2], fill=ink, pad=(48 * unit, 22 * unit))
            start = max(shot.start + 0.5, times.get(words.offer, shot.start + 0.9) - 0.15)
            scene.actors.append(Actor(tag, zone.x0, top + lines[1].height + 20 * unit, start, entrance="slide"))
        return scene

    def _end(self, shot: Shot) -> Scene:
        """Brand, product and a card with price, offer and the button: all there within a second, then it breathes."""
        stage, palette, unit, words = self.stage, self.props.palette, self.stage.unit, self.words
        scene = self._backdrop(shot)
        wide = stage.ratio == "landscape"
        zone = stage.zone("type")
        span = zone.width if wide else stage.width * 0.76
        card_ink = st.readable(palette.ink, palette.surface)
        money_ink = st.readable(palette.accent, palette.surface, *palette.swatches, card_ink)
        button_ink = st.readable(palette.on_accent, palette.accent)
        inner = span - 120 * unit
        lines = self._type(
            Line((Run(words.brand, 52 * unit, 800, self._ink, tracking=8 * unit),), fit=zone.width * 0.6),
            Line((Run(words.product, 116 * unit, 900, self._ink),), fit=span),
            Line((Run(words.price or words.product, 158 * unit, 900, money_ink),), fit=inner),
            Line((Run(words.offer or words.brand, 58 * unit, 700, card_ink),), fit=inner),
            Line((Run(words.call_to_action, 66 * unit, 900, button_ink),), fit=inner - 100 * unit),
        )
        money = [line for line, text in ((lines[2], words.price), (lines[3], words.offer)) if text]
        button = pill(lines[4], fill=palette.accent, pad=(inner / 2 - lines[4].width / 2, 30 * unit))
        pad, gap = 40 * unit, 10 * unit
        height = sum(line.height + gap for line in money) + 2 * pad + button.height + (22 * unit if money else 0)
        bottom = stage.zone("captions").y0 - 4 * unit
        centre = zone.centre[0] if wide else stage.width / 2
        start = shot.start + 0.1
        plate = rounded(round(span), round(height), radius=44 * unit, colour=st.rgb_of(palette.surface), alpha=0.98)
        card = Layer.of(soft_shadow(plate, radius=30 * unit, opacity=0.35, dy=14 * unit))
        y = bottom - height
        place = (centre - card.width / 2, y - (card.height - height) / 2)
        head, below = stack(
            lines[:2], x=0, y=stage.height * (0.1 if wide else 0.098), gap=12 * unit, start=start, centred=centre
        )
        box = (
            stage.zone("product")
            if wide
            else st.Zone(stage.width * 0.1, below + 8 * unit, stage.width * 0.9, y + 34 * unit)
        )
        scene.behind = [self._ghost(words.brand, shot.start - 0.5, self._ink)]
        scene.product = self._product(zone=box, start=start, swing=6)
        rows, y = stack(money, x=0, y=y + pad, gap=gap, start=start + 0.4, centred=centre)
        y = y + 26 * unit if money else y + gap
        press = Actor(button, centre - button.width / 2, y, start + 0.55, entrance="pop", pulse=0.035)
        scene.actors = [Actor(card, *place, start + 0.15, entrance="rise"), *head, *rows, press]
        return scene
