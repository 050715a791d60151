"""Several texts for one request: the optional capability `generate_many` and its plain fallback.

Design:
- A runtime that can decode side by side (llama.cpp: one prompt, several sequences) offers `generate_many`; on two
  cores four candidates then cost about as much as two written one after another.
- Others need nothing: `generate_many` below asks them seed by seed. Callers use this function only.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from models.control import Control
from models.text.base import TextModel, TextRequest, TextResult


@runtime_checkable
class ManyTextModel(Protocol):
    """A text model that writes several candidates at once."""

    def generate_many(
        self, request: TextRequest, count: int, *, control: Control | None = None
    ) -> tuple[TextResult, ...]:
        """Write `count` candidates; the same request and count give the same texts."""
        ...


def generate_many(
    model: TextModel, request: TextRequest, count: int, *, control: Control | None = None
) -> tuple[TextResult, ...]:
    """Write `count` candidates of one request, side by side where the model can, else one after another.

    Raises:
        Cancelled: As soon as the control's token is set.
    """
    control = control or Control()
    if count > 1 and isinstance(model, ManyTextModel):
        return model.generate_many(request, count, control=control)
    results = []
    for index in range(count):
        control.check()
        varied = request.model_copy(update={"seed": (request.seed + index) % 2**32})
        results.append(model.generate(varied, control=control.part(index / count, (index + 1) / count)))
    return tuple(results)
