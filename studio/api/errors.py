"""Errors as the HTTP API says them: one line, a hint, and for a brief every complaint with its field.

Design:
- The body is always `{"error": {"message", "hint", "problems"}}`; the status says whose turn it is: 404 no such
  thing, 409 not now, 422 the brief, 400 other arguments, 503 a model is missing, 507 the disk is full.
- Paths and stack traces stay in the log.
"""

from __future__ import annotations

from typing import Any

from models.errors import BadInput, DiskFull, ModelMissing, StudioError
from pipelines.recipes.fields import BadBrief


class NotThere(BadInput):
    """No such job, file or picture."""


class NotNow(BadInput):
    """The thing is there but in a state in which this cannot be done."""


_STATUS: tuple[tuple[type[StudioError], int], ...] = (
    (NotThere, 404),
    (NotNow, 409),
    (BadBrief, 422),
    (BadInput, 400),
    (ModelMissing, 503),
    (DiskFull, 507),
)


def status_of(error: StudioError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problems_of(error: BadBrief) -> list[dict[str, Any]]:
    return [{"field": problem.field, "message": problem.message} for problem in error.problems]


def body_of(error: StudioError) -> dict[str, Any]:
    """The body of an error's answer."""
    message: dict[str, str] | str = error.message
    problems: list[dict[str, Any]] = []
    if isinstance(error, BadBrief):
        problems = problems_of(error)
        if len(problems) == 1:
            message = problems[0]["message"]
    return {"error": {"message": message, "hint": error.hint, "problems": problems}}
