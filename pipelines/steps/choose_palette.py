"""Step: the colours of the campaign, from the brand and the photograph.

Design:
- The choosing is in `pipelines/steps/colour.py`; here is only what goes in and out.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.steps.vocabulary import Colour


class ChoosePaletteRequest(StepRequest):
    """`colours` are the brand's, most important first; `photo` gives company, or the lead when there are none."""

    colours: tuple[Colour, ...] = Field((), max_length=8)
    photo: Artifact | None = None
    mood: Literal["light", "dark", "vivid"] = "light"
    seed: int = Field(0, ge=0)


@step(version=1, request=ChoosePaletteRequest, outputs=("palette",), claim=Claim(memory_mb=200))
def choose_palette(request: ChoosePaletteRequest, context: StepContext) -> dict[str, Artifact]:
    from pipelines.steps.colour import choose, photo_colours

    seen = photo_colours(context.path(request.photo)) if request.photo else ()
    context.control.check()
    palette = choose(request.colours, seen, request.mood, seed=request.seed)
    context.control.progress(1.0)
    return {"palette": context.put_json(palette)}
