"""The three steps of the copy: write it, set it as a deck, check the set.

Design:
- `write_copy` leases the text model once for all its small jobs, and tells each field as it lands.
- `deck` and `check_copy` need no model: a changed call to action or price sets the deck again, not the copy.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.steps.vocabulary import Brand, Language, Product
from pipelines.steps.write_copy.document import AudienceCopy


class WriteCopyRequest(StepRequest):
    """What to write for one audience.

    `script_seconds` is the time for the whole voice-over, the closing call to action included; 0 = not limited.
    `earlier` are the copies of the audiences before this one; the new one differs from them.
    """

    language: Language
    brand: Brand
    product: Product
    audience: str = Field(min_length=1)
    tone: str = ""
    forbidden: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    script_seconds: float = Field(0.0, ge=0)
    seed: int = Field(0, ge=0)
    earlier: tuple[Artifact, ...] = ()


class DeckRequest(StepRequest):
    """The copy and the brief's words that travel beside it."""

    audience_copy: Artifact  # json: AudienceCopy
    brand: Brand
    product: Product
    call_to_action: str = ""
    channels: tuple[str, ...] = ()
    language: Language


class CheckCopyRequest(StepRequest):
    """All copies of a campaign, in the brief's order."""

    copies: tuple[Artifact, ...]
    brand: Brand
    product: Product
    call_to_action: str = ""
    forbidden: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    language: Language


@step(version=1, request=WriteCopyRequest, outputs=("copy",), claim=Claim(cores=2, memory_mb=128, models=("text",)))
def write_copy(request: WriteCopyRequest, context: StepContext) -> Mapping[str, Artifact]:
    """Write headline, subhead, body, hashtags and voice-over script for one audience."""
    from pipelines.steps.write_copy.checks import Rules
    from pipelines.steps.write_copy.writer import write

    earlier = [AudienceCopy.model_validate(context.read_json(artifact)) for artifact in request.earlier]
    rules = Rules(
        language=request.language,
        brand=request.brand,
        product=request.product,
        audience=request.audience,
        forbidden=request.forbidden,
        channels=request.channels,
        script_seconds=request.script_seconds,
    )

    def tell(field: str, text: str) -> None:
        context.emit(audience=request.audience, field=field, text=text)

    with context.lease("text") as model:
        copy, by_model = write(
            model,
            rules,
            tone=request.tone,
            seed=request.seed,
            earlier=earlier,
            control=context.control,
            tell=tell,
        )
    facts = {"state": copy.state, "attempts": copy.attempts, "written_by_model": list(by_model)}
    return {"copy": context.put_json(copy, facts=facts)}


@step(version=1, request=DeckRequest, outputs=("markdown", "document"))
def deck(request: DeckRequest, context: StepContext) -> Mapping[str, Artifact]:
    """Set the copy for people (Markdown) and for programs (JSON)."""
    from pipelines.steps.write_copy.sheet import document, markdown

    copy = AudienceCopy.model_validate(context.read_json(request.audience_copy))
    content = document(
        copy,
        brand=request.brand,
        product=request.product,
        call_to_action=request.call_to_action,
        channels=request.channels,
    )
    text = markdown(content, request.language)
    return {
        "markdown": context.put_bytes(text.encode("utf-8"), "text", ".md", facts={"audience": copy.audience}),
        "document": context.put_json(content, facts={"audience": copy.audience}),
    }


@step(version=1, request=CheckCopyRequest, outputs=("report",))
def check_copy(request: CheckCopyRequest, context: StepContext) -> Mapping[str, Artifact]:
    """Check the whole set: every field of every audience, and the audiences against one another."""
    from pipelines.steps.write_copy.checks import Rules
    from pipelines.steps.write_copy.review import review

    copies = [AudienceCopy.model_validate(context.read_json(artifact)) for artifact in request.copies]
    rules = Rules(
        language=request.language,
        brand=request.brand,
        product=request.product,
        forbidden=request.forbidden,
        channels=request.channels,
        call_to_action=request.call_to_action,
    )
    report = review(copies, rules)
    return {"report": context.put_json(report, facts={"state": report["state"], "issues": report["issues"]})}
