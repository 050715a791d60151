"""Step: a background painted from the campaign's palette.

Design:
- The palette's own background leads, so that type set for the palette reads on the picture.
- The picture is a PNG without filters' search: grain does not compress, so trying harder only costs time.
"""

from __future__ import annotations

import io
from typing import Literal

from pydantic import Field

from models.image.base import BackdropRequest, BackdropStyle
from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.steps.vocabulary import Palette


class PaintBackdropRequest(StepRequest):
    """`width` and `height` in px; `grain` 0 = none, 1 = coarse film."""

    palette: Artifact
    style: BackdropStyle
    width: int = Field(ge=8, le=8192)
    height: int = Field(ge=8, le=8192)
    mood: Literal["light", "dark", "vivid"] = "light"
    grain: float = Field(0.5, ge=0, le=1)
    seed: int = Field(0, ge=0)


@step(
    version=1,
    request=PaintBackdropRequest,
    outputs=("backdrop",),
    claim=Claim(cores=1, memory_mb=500, models=("backdrop",)),
)
def paint_backdrop(request: PaintBackdropRequest, context: StepContext) -> dict[str, Artifact]:
    palette = Palette.model_validate(context.read_json(request.palette))
    colours = dict.fromkeys((palette.background, *palette.swatches, palette.accent))
    with context.lease("backdrop") as painter:
        picture = painter.paint(
            BackdropRequest(
                style=request.style,
                palette=tuple(colours)[:8],
                width=request.width,
                height=request.height,
                mood=request.mood,
                grain=request.grain,
                seed=request.seed % 2**32,
            ),
            control=context.control,
        )
    context.control.check()
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    facts = {"width": picture.width, "height": picture.height, "style": request.style, "mood": request.mood}
    return {"backdrop": context.put_bytes(buffer.getvalue(), "image", ".png", facts=facts)}
