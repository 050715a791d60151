"""What the brief panel asks of Python: check, convert, start.

Design:
- One value is shared by both views: `{"brief": ..., "seed": int | None, "only": [...]}`.
- A verdict is plain JSON for the page: `problems` (field and one line in each language; `empty` when the field was
  simply not filled in yet), `view` it is about (a late answer about the other view is not shown), `job` after a
  start, `failure` when starting was not possible for another reason.
- These functions are the Gradio side of the same service that the JSON API uses.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from models.errors import StudioError
from pipelines.recipes.fields import BadBrief, parse_brief
from studio.api.errors import problems_of

if TYPE_CHECKING:
    from studio.api.service import Service

Value = dict[str, Any]
Verdict = dict[str, Any]


class Desk:
    """The brief panel's Python."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._numbers = itertools.count(1)

    def first(self) -> Value:
        """The value a fresh page starts with."""
        return {"brief": {"recipe": "campaign", "language": "zh"}, "seed": None, "only": []}

    def check_form(self, value: Value | None) -> Verdict:
        """Complaints about the brief of the form."""
        return self._verdict(problems=self._problems((value or {}).get("brief") or {}), view="form")

    def check_yaml(self, text: str, value: Value | None) -> tuple[Value, Verdict]:
        """The form's value for edited YAML, and the complaints. Unreadable YAML leaves the form as it was."""
        value = value or self.first()
        try:
            brief = parse_brief(text)
        except BadBrief as error:
            return value, self._verdict(problems=problems_of(error), view="yaml", broken=True)
        return {**value, "brief": brief}, self._verdict(problems=self._problems(brief), view="yaml")

    def write_yaml(self, value: Value | None) -> tuple[str, Verdict]:
        """The brief as YAML, as a person would write it, and the complaints about it."""
        brief = (value or {}).get("brief") or {}
        return brief_yaml(brief), self._verdict(problems=self._problems(brief), view="yaml")

    def make(self, value: Value | None) -> Verdict:
        """Start a job, or say what keeps it from starting."""
        value = value or self.first()
        try:
            job = self.service.submit(
                recipe="campaign",
                brief=_with_parts(value.get("brief") or {}),
                seed=value.get("seed"),
                only=tuple(value.get("only") or ()),
            )
        except BadBrief as error:
            return self._verdict(problems=problems_of(error), tried=True)
        except StudioError as error:
            line = f"{error.message} {error.hint}".strip()
            return self._verdict(failure={"zh": line, "en": line}, tried=True)
        return self._verdict(job=job, tried=True)

    def _problems(self, brief: Mapping[str, Any]) -> list[dict[str, Any]]:
        problems = problems_of_check(self.service, _with_parts(brief))
        for problem in problems:
            problem["empty"] = not _at(brief, problem["field"])
        return problems

    def _verdict(self, **said: Any) -> Verdict:
        # The number makes two equal verdicts differ, so that the page hears of the second one too.
        return {"problems": [], "number": next(self._numbers), **said}


def _with_parts(brief: Mapping[str, Any]) -> dict[str, Any]:
    """The brief with its required parts, so that what is missing is named by field and not as a whole."""
    return {**brief, "brand": brief.get("brand") or {}, "product": brief.get("product") or {}}


def problems_of_check(service: Service, brief: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"field": problem.field, "message": dict(problem.message)} for problem in service.check("campaign", brief)]


def _at(brief: Mapping[str, Any], path: str) -> Any:
    value: Any = brief
    for name in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


class _Dumper(yaml.SafeDumper):
    """Blocks for objects, one line for short lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    plain = all(isinstance(item, (str, int, float)) for item in items)
    short = plain and sum(len(str(item)) + 2 for item in items) < 70
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


_Dumper.add_representer(list, _represent_list)


def brief_yaml(brief: Mapping[str, Any]) -> str:
    """YAML of a brief: given order, Chinese as it is, nothing that is empty."""
    full = _without_empty(brief)
    return str(yaml.dump(full, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)) if full else ""


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ("", None, [], {})}
    if isinstance(value, (list, tuple)):
        return [_without_empty(item) for item in value]
    return value
