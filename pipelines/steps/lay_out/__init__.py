"""Lay a poster out: one template, one copy, one channel; PNG, print PDF and SVG of it, and where everything is.

Design:
- The request is complete: the template is named with its digest, so that editing a template (or the library all
  templates share) makes the posters anew and nothing else.
- `templates` and `choose_template` are for recipes: they plan without Typst.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from models.errors import BadInput
from pipelines.engine.artifacts import Artifact, Sha256
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.steps.lay_out.templates import Template, choose_template, template_named, templates
from pipelines.steps.vocabulary import Brand, Label, Language, Palette, Product

__all__ = ["LayOutRequest", "Template", "choose_template", "lay_out", "template_named", "templates"]

Side = Annotated[int, Field(ge=320, le=8192)]


class LayOutRequest(StepRequest):
    """A poster to set. `audience_copy` is an `AudienceCopy` in JSON.

    Attributes:
        template: Name of the template; `template_sha256` is its digest when the plan was made.
        safe: Margin kept free, as a fraction of the shortest side.
        photo, cutout, backdrop, logo: Pictures there are; a template uses what it wants of them.
    """

    template: str
    template_sha256: Sha256
    width: Side  # px
    height: Side  # px
    safe: float = Field(0.05, ge=0, le=0.2)
    language: Language
    audience_copy: Artifact  # json: AudienceCopy
    brand: Brand
    product: Product
    call_to_action: str
    palette: Artifact
    photo: Artifact | None = None
    cutout: Artifact | None = None
    backdrop: Artifact | None = None
    logo: Artifact | None = None
    label: Label = Label()
    seed: int = Field(0, ge=0, lt=2**32)


@step(version=1, request=LayOutRequest, outputs=("png", "pdf", "svg", "boxes"), claim=Claim(memory_mb=700))
def lay_out(request: LayOutRequest, context: StepContext) -> dict[str, Artifact]:
    """Set the poster. Raises `BadInput` when the template changed or a text cannot be set at all."""
    from pipelines.steps.lay_out.poster import Job, set_poster
    from pipelines.steps.write_copy.document import AudienceCopy

    template = template_named(request.template)
    if template.sha256 != request.template_sha256:
        raise BadInput(
            f"template: {request.template} was edited after this plan was made.", hint="Make the plan again."
        )
    copy = AudienceCopy.model_validate(context.read_json(request.audience_copy))

    def path(artifact: Artifact | None) -> Path | None:
        return None if artifact is None else context.path(artifact)

    # A ragged cut-out spoils a poster; the photograph, or the template's own shapes, take its place.
    cutout = request.cutout
    if cutout is not None and cutout.facts.get("quality") == "poor":
        cutout = None

    poster = set_poster(
        Job(
            template=template.path,
            width=request.width,
            height=request.height,
            safe=request.safe,
            language=request.language,
            headline=copy.headline,
            subhead=copy.subhead,
            brand=request.brand,
            product=request.product,
            call_to_action=request.call_to_action,
            palette=Palette.model_validate(context.read_json(request.palette)),
            label=request.label,
            seed=request.seed,
            photo=path(request.photo),
            cutout=path(cutout),
            backdrop=path(request.backdrop),
            logo=path(request.logo),
        ),
        context.scratch,
        control=context.control,
    )
    size = {"width": request.width, "height": request.height}
    facts = {**size, "template": request.template, "dropped": poster.boxes["dropped"]}
    return {
        "png": context.put_bytes(poster.png, "image", ".png", facts=facts),
        "pdf": context.put_bytes(poster.pdf, "pdf", ".pdf", facts=facts),
        "svg": context.put_bytes(poster.svg, "vector", ".svg", facts=facts),
        "boxes": context.put_json(poster.boxes, facts=size),
    }
