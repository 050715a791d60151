"""The report on a set of copies: a verdict for every field of every audience, and how alike audiences are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from pipelines.steps.write_copy.checks import Rules, check_copy, fields_of, likeness
from pipelines.steps.write_copy.document import AudienceCopy

FIELDS = ("headline", "subhead", "body", "hashtags", "script")


def review(copies: Sequence[AudienceCopy], rules: Rules) -> dict[str, Any]:
    """JSON: state ("ok" or "needs_review"), number of issues, audiences with their fields, likeness of pairs (0..1).

    A field's verdict is "ok" or "needs_review" with reasons in both languages; what the writer flagged stays flagged.
    """
    audiences = [
        _audience(copy, copies[:index], replace(rules, audience=copy.audience)) for index, copy in enumerate(copies)
    ]
    issues = sum(len(verdict["reasons"]) for entry in audiences for verdict in entry["fields"].values())
    return {
        "state": "needs_review" if issues else "ok",
        "issues": issues,
        "audiences": audiences,
        "likeness": [
            {
                "audiences": [one.audience, two.audience],
                **{
                    field: round(likeness(fields_of(one)[field], fields_of(two)[field], rules), 3)
                    for field in ("headline", "subhead", "body", "script")
                },
            }
            for one, two in combinations(copies, 2)
        ],
    }


def _audience(copy: AudienceCopy, earlier: Sequence[AudienceCopy], rules: Rules) -> dict[str, Any]:
    reasons: dict[str, list[dict[str, str]]] = {field: [] for field in FIELDS}
    found = [issue.flag() for issue in check_copy(copy, rules, earlier=earlier)]
    for flag in (*found, *copy.flags):
        said = reasons.setdefault(flag.field, [])
        if flag.reason not in said:
            said.append(flag.reason)
    fields = {
        field: {"verdict": "needs_review" if lines else "ok", "reasons": lines} for field, lines in reasons.items()
    }
    return {"audience": copy.audience, "attempts": copy.attempts, "fields": fields}
