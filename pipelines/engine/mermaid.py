"""Draws a plan as a Mermaid flow chart: one box a step, grouped by stage, one arrow a reference.

Design:
- Names come from people (a brand, an audience), so nothing of them is trusted to be Mermaid: boxes are numbered,
  texts are quoted with everything but letters, digits and plain punctuation escaped.
"""

from __future__ import annotations

from pipelines.engine.plan import Plan, refs_in


def mermaid(plan: Plan, *, language: str = "en") -> str:
    """The chart's text. Delivered files are counted at the step that makes them."""
    numbers = {item.id: f"s{index}" for index, item in enumerate(plan.steps)}
    delivered: dict[str, int] = {}
    for target in plan.deliver.values():
        maker = target.rpartition(".")[0]
        delivered[maker] = delivered.get(maker, 0) + 1
    lines = ["flowchart LR"]
    for stage in dict.fromkeys(item.stage for item in plan.steps):
        if stage:
            lines.append(f"  subgraph {_quoted(stage)}")
        for item in (item for item in plan.steps if item.stage == stage):
            title = item.title.get(language) or item.title.get("en") or item.id
            parts = [title, item.step, *item.models.values()]
            if count := delivered.get(item.id):
                parts.append(f"→ {count}")
            shape = ("([", "])") if item.id in delivered else ("[", "]")
            lines.append(f"    {numbers[item.id]}{shape[0]}{_quoted(*parts)}{shape[1]}")
        if stage:
            lines.append("  end")
    for item in plan.steps:
        for need in dict.fromkeys(ref.step for ref in refs_in(item.params)):
            lines.append(f"  {numbers[need]} --> {numbers[item.id]}")
    return "\n".join(lines) + "\n"


def _quoted(*parts: str) -> str:
    text = "<br/>".join("".join(char if _plain(char) else f"#{ord(char)};" for char in part) for part in parts)
    return f'"{text}"'


def _plain(char: str) -> bool:
    return char.isalnum() or char in " .,:-_/·→"
