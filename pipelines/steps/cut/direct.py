"""The director: makes a prepared scene of a shot, with the film's words, pictures and palette.

Design:
- One function a kind; each reads like the frame: ground, product, type from top to bottom.
- A missing picture changes the composition, never the meaning: without a photograph the backdrop carries the hook,
  without a cut-out the framed photograph is the product, without a backdrop the palette lights one.
- All colours of type are checked against what they stand on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.steps.cut import stage as st
from pipelines.steps.cut.captions import rounded
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

    # Ground and product

    def _photo(self, shot: Shot, *, zoom: tuple[float, float], punch: float, columns: int = 1) -> Scene | None:
        photo = self.props.photo
        if photo is None:
            return None
        at = st.focus(photo)
        picture = st.cover(
            st.graded(photo, self.props.palette),
            width=self.stage.width,
            height=self.stage.height,
            room=1.12,
            at=at,
        )
        drift = 0.7 if shot.variant % 2 == 0 else -0.7
        camera = Camera(picture, zoom=zoom, shift=((-drift, 0.2), (drift, -0.2)), punch=punch)
        dark = min(("#0a0c12", self.props.palette.background, self.props.palette.ink), key=st.luminance)
        return PhotoScene(
            shot, self.stage, camera=camera, columns=columns, scrim=scrim(self.stage, dark, height=0.62, strength=0.72)
        )

    def _backdrop(self, shot: Shot, *, colour: str | None = None) -> BackdropScene:
        stage = self.stage
        if colour is not None:
            palette = self.props.palette.model_copy(
                update={
                    "background": colour,
                    "surface": st.blend(colour, "#ffffff", 0.22),
                    "accent": st.blend(colour, "#000000", 0.25),
                }
            )
            image = st.paper(palette, round(stage.width * 1.12), round(stage.height * 1.12))
        elif self.props.backdrop is not None:
            image = self.props.backdrop
        else:
            image = st.paper(self.props.palette, round(stage.width * 1.12), round(stage.height * 1.12))
        picture = st.cover(image, width=stage.width, height=stage.height, room=1.12, at=(0.5, 0.5))
        side = 0.9 if shot.variant % 2 == 0 else -0.9
        camera = Camera(picture, zoom=(1.04, 1.14), shift=((-side, -0.6), (side, 0.6)))
        return BackdropScene(shot, stage, camera=camera)

    def _product(self, shot: Shot, *, zone: st.Zone, start: float, swing: float = 9.0) -> Float | None:
        layer = st.product_layer(self.props, width=zone.width, height=zone.height)
        if layer is None:
            return None
        unit = self.stage.unit
        return Float(layer, centre=zone.centre, start=start, swing=swing * unit, rise=150 * unit)

    def _type(self, *lines: Line) -> list[SetLine]:
        return set_lines(lines, language=self.words.language)

    @property
    def _ground_colour(self) -> str:
        return self.props.palette.background

    def _ink(self) -> str:
        palette = self.props.palette
        return st.readable(palette.ink, palette.background)

    # Scenes

    def _hero(self, shot: Shot) -> Scene:
        stage, words, unit = self.stage, self.words, self.stage.unit
        zone = stage.zone("type")
        scene = self._photo(shot, zoom=(1.0, 1.12), punch=0.16)
        on_photo = scene is not None
        if scene is None:
            plain = self._backdrop(shot)
            plain.product = self._product(shot, zone=stage.zone("product"), start=shot.start + 0.15)
            scene = plain
        ink = "#ffffff" if on_photo else self._ink()
        accent = (
            self.props.palette.accent
            if not on_photo
            else st.readable(self.props.palette.accent, "#15171d", "#ffffff", least=3)
        )
        rows, size = headline_lines(
            words.headline, language=words.language, width=zone.width, sizes=(128 * unit, 60 * unit), lines=3
        )
        lines = self._type(
            Line((Run(words.brand, 40 * unit, 700, ink, tracking=4 * unit),), fit=zone.width),
            *(Line((Run(row, size, 900, ink),), fit=zone.width) for row in rows),
            *([Line((Run(words.subhead, 44 * unit, 500, ink),), fit=zone.width)] if words.subhead else []),
        )
        start = shot.start + 0.12
        shade = 0.5 if on_photo else 0.0
        brand, y = stack(lines[:1], x=zone.x0, y=zone.y0, gap=0, start=start, shadow=shade)
        y += 26 * unit
        heads, y = stack(lines[1 : 1 + len(rows)], x=zone.x0, y=y, gap=size * 0.16, start=start + 0.1, shadow=shade)
        y += 30 * unit
        rule = Actor(bar(120 * unit, 10 * unit, accent), zone.x0, y, start + 0.55, entrance="wipe")
        y += 38 * unit
        sub, _ = stack(lines[1 + len(rows) :], x=zone.x0, y=y, gap=0, start=start + 0.7, shadow=shade)
        scene.actors = [*brand, *heads, rule, *sub]
        return scene

    def _facts(self, shot: Shot) -> Scene:
        stage, palette, unit = self.stage, self.props.palette, self.stage.unit
        zone = stage.zone("type")
        scene = self._backdrop(shot)
        scene.product = self._product(shot, zone=stage.zone("product"), start=shot.start + 0.1)
        count = max(1, len(shot.moments))
        size = {1: 92, 2: 76, 3: 66}.get(count, 56) * unit
        card = palette.surface
        ink = st.readable(palette.ink, card)
        accent = st.readable(palette.accent, card, *palette.swatches, ink, least=3.0)
        pad_x, pad_y = 40 * unit, 20 * unit
        lines = self._type(
            *(
                Line(fact_runs(m.text, size=size, ink=ink, accent=accent), fit=zone.width - 2 * pad_x - 30 * unit)
                for m in shot.moments
            )
        )
        gap = 22 * unit
        total = sum(line.height + 2 * pad_y for line in lines) + gap * (count - 1)
        y = zone.y0 + max(0.0, (zone.height - total) * 0.45)
        for index, (line, moment) in enumerate(zip(lines, shot.moments, strict=True)):
            layer = self._card(line, card, accent, pad_x, pad_y)
            grown = (layer.height - line.height - 2 * pad_y) / 2
            start = max(shot.start + 0.15 + 0.1 * index, moment.at - 0.12)
            x = zone.x0 - grown
            scene.actors.append(Actor(layer, x, y - grown, start, entrance="slide"))
            y += line.height + 2 * pad_y + gap
        return scene

    def _card(self, line: SetLine, fill: str, accent: str, pad_x: float, pad_y: float) -> Layer:
        from pipelines.steps.cut.captions import paste

        unit = self.stage.unit
        left = pad_x + 30 * unit
        width, height = round(left + line.width + pad_x), round(line.height + 2 * pad_y)
        plate = rounded(width, height, radius=26 * unit, colour=st.rgb_of(fill), alpha=0.97)
        mark = rounded(round(10 * unit), round(height * 0.5), radius=5 * unit, colour=st.rgb_of(accent), alpha=1.0)
        paste(plate, mark, round(pad_x * 0.75), round(height * 0.25))
        paste(plate, line.rgba(), round(left) - line.margin, round(pad_y) - line.margin)
        return Layer.of(soft_shadow(plate, radius=20 * unit, opacity=0.22, dy=10 * unit))

    def _split(self, shot: Shot) -> Scene:
        unit, stage = self.stage.unit, self.stage
        scene = self._photo(shot, zoom=(1.16, 1.04), punch=0.0, columns=3)
        if scene is None:
            return self._depth(shot)
        zone = stage.zone("type")
        lines = self._type(Line((Run(self.words.product, 104 * unit, 900, "#ffffff"),), fit=zone.width))
        heads, y = stack(lines, x=zone.x0, y=zone.y0 + 40 * unit, gap=0, start=shot.start + 0.5, shadow=0.5)
        accent = st.readable(self.props.palette.accent, "#15171d", "#ffffff", least=3)
        rule = Actor(bar(120 * unit, 10 * unit, accent), zone.x0, y + 28 * unit, shot.start + 0.85, entrance="wipe")
        scene.actors = [*heads, rule]
        return scene

    def _depth(self, shot: Shot) -> Scene:
        """The product's name, very large, behind the product."""
        stage, unit = self.stage, self.stage.unit
        scene = self._backdrop(shot)
        zone, box = stage.zone("type"), stage.zone("product")
        rows, size = headline_lines(
            self.words.product, language=self.words.language, width=zone.width, sizes=(236 * unit, 90 * unit), lines=2
        )
        lines = self._type(*(Line((Run(row, size, 900, self._ink()),), fit=zone.width) for row in rows))
        y = zone.y0 + 40 * unit
        scene.behind, _ = stack(lines, x=zone.x0, y=y, gap=size * 0.05, start=shot.start + 0.1, stagger=0.12)
        grown = st.Zone(box.x0 - 20 * unit, box.y0 - box.height * 0.12, box.x1 + 20 * unit, box.y1)
        scene.product = self._product(shot, zone=grown, start=shot.start + 0.25, swing=12)
        return scene

    def _price(self, shot: Shot) -> Scene:
        stage, palette, unit, words = self.stage, self.props.palette, self.stage.unit, self.words
        scene = self._backdrop(shot, colour=palette.accent)
        ink = st.readable(palette.on_accent, palette.accent)
        zone, box = stage.zone("type"), stage.zone("product")
        times = {moment.text: moment.at for moment in shot.moments}
        pill_fill = ink
        pill_ink = st.readable(palette.accent, pill_fill, palette.background, palette.surface)
        lines = self._type(
            Line((Run(words.product, 50 * unit, 700, ink),), fit=zone.width),
            Line(
                (Run(words.price or words.offer, (270 if words.price else 120) * unit, 900, ink, -4 * unit),),
                fit=zone.width,
            ),
            Line((Run(words.offer or words.product, 64 * unit, 800, pill_ink),), fit=zone.width - 100 * unit),
        )
        ring = disc(box.width * 0.46, st.blend(palette.accent, "#ffffff", 0.5), 0.4)
        cx, cy = box.centre
        scene.behind = [
            Actor(ring, cx - ring.width / 2, cy - ring.height / 2, shot.start + 0.1, entrance="pop", pulse=0.03)
        ]
        scene.product = self._product(shot, zone=box, start=shot.start + 0.2)
        name, y = stack(lines[:1], x=zone.x0, y=zone.y0, gap=0, start=shot.start + 0.15)
        layer, margin = layer_of(lines[1])
        said = times.get(words.price, shot.start + 0.3)
        price = Actor(
            layer, zone.x0 - margin, y + 6 * unit - margin, max(shot.start + 0.25, said - 0.15), entrance="pop"
        )
        actors = [*name, price]
        if words.price and words.offer:
            y += 6 * unit + lines[1].height + 24 * unit
            tag = pill(lines[2], fill=pill_fill, pad=(44 * unit, 20 * unit))
            said = times.get(words.offer, shot.start + 0.9)
            actors.append(Actor(tag, zone.x0, y, max(shot.start + 0.5, said - 0.15), entrance="slide"))
        scene.actors = actors
        return scene

    def _end(self, shot: Shot) -> Scene:
        """Brand, product, price, offer and the button: all there within a second, then it breathes."""
        stage, palette, unit, words = self.stage, self.props.palette, self.stage.unit, self.words
        scene = self._backdrop(shot)
        ink = self._ink()
        wide = stage.ratio == "landscape"
        zone = stage.zone("type")
        accent_ink = st.readable(palette.accent, palette.background, *palette.swatches, ink, least=4.5)
        lines = self._type(
            Line((Run(words.brand, 58 * unit, 800, ink, tracking=8 * unit),), fit=zone.width),
            Line((Run(words.product, 92 * unit, 900, ink),), fit=zone.width),
            Line((Run(words.price, 150 * unit, 900, accent_ink),), fit=zone.width),
            Line((Run(words.offer, 54 * unit, 700, ink),), fit=zone.width),
            Line(
                (Run(words.call_to_action, 60 * unit, 800, st.readable(palette.on_accent, palette.accent)),),
                fit=zone.width - 140 * unit,
            ),
        )
        centre = zone.centre[0] if wide else stage.width / 2
        y = stage.height * (0.14 if wide else 0.105)
        start = shot.start + 0.1
        head, y = stack(lines[:2], x=0, y=y, gap=14 * unit, start=start, centred=centre)
        if wide:
            box = stage.zone("product")
        else:
            box = st.Zone(stage.width * 0.14, y + 20 * unit, stage.width * 0.86, stage.height * 0.475)
            y = box.y1 + 26 * unit
        scene.product = self._product(shot, zone=box, start=start + 0.1, swing=6)
        money, y = stack(
            [line for line, text in ((lines[2], words.price), (lines[3], words.offer)) if text],
            x=0, y=y, gap=8 * unit, start=start + 0.3, centred=centre,
        )  # fmt: skip
        button = pill(lines[4], fill=palette.accent, pad=(70 * unit, 30 * unit), shadow=True)
        place = (centre - button.width / 2, y + 34 * unit - (button.height - lines[4].height - 60 * unit) / 2)
        scene.actors = [*head, *money, Actor(button, *place, start + 0.5, entrance="pop", pulse=0.035)]
        return scene
