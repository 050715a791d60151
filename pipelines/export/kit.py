"""The kit: a folder of finished works with `kit.json` and one self-contained `index.html`.

Design:
- Everything is written to a folder of a temporary name first; then each file is moved over its place, so that a
  reader of the kit never sees half a file and a full disk leaves the earlier kit as it was.
- A folder that is neither empty nor a kit is refused: this program deletes only files that an earlier `kit.json`
  names.
- For each file `kit.json` says what it is, its digest, measured facts, the step and models that made it, the
  seconds it took and the most restrictive licence among those models.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.card import Card
from models.errors import BadInput, DiskFull
from pipelines.engine.artifacts import Artifact
from pipelines.engine.plan import Plan, PlanStep
from pipelines.export.labels import can_label, read_label

KIT_VERSION = 1
_COMMERCIAL_ORDER = ("no", "unknown", "conditional", "yes")  # most restrictive first


@dataclass(frozen=True)
class StepRun:
    """How one step of the job went: seconds it took when it was really run, and whether the cache gave it."""

    seconds: float
    cached: bool


@dataclass(frozen=True)
class KitSource:
    """Everything a kit is written from.

    Attributes:
        plan: The job's plan, expansions included.
        job: Job id.
        made: ISO 8601 time the job finished.
        output: "step.output" -> the artifact.
        path: Artifact -> its file.
        runs: Step id -> how it went.
        card: Card id -> the card.
    """

    plan: Plan
    job: str
    made: str
    output: Callable[[str], Artifact]
    path: Callable[[Artifact], Path]
    runs: Mapping[str, StepRun]
    card: Callable[[str], Card]


def write_kit(source: KitSource, out: Path) -> dict[str, Any]:
    """Write the kit into `out` and return the content of `kit.json`.

    Raises:
        BadInput: `out` is a file, or a folder with other things in it.
        DiskFull: No room; nothing of an earlier kit was touched.
    """
    from pipelines.export.page import render_page

    old = earlier_files(out)
    staging = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        staging.mkdir(parents=True)
        files = [_deliver(source, path, ref, staging) for path, ref in source.plan.deliver.items()]
        kit = _document(source, files)
        (staging / "index.html").write_text(render_page(source, kit), "utf-8")
        (staging / "kit.json").write_text(json.dumps(kit, ensure_ascii=False, indent=2) + "\n", "utf-8")
        _move_into(staging, out, old)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                f"The disk is full; the kit was not written to {out}.",
                hint="Free some room and run the same command again: finished steps are kept.",
            ) from error
        raise BadInput(
            f"--out: cannot write to {out}: {error.strerror}.", hint="Choose a folder you may write to."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return kit


def earlier_files(out: Path) -> set[str]:
    if not out.exists():
        return set()
    if not out.is_dir():
        raise BadInput(f"--out: {out} is a file.", hint="Give a folder.")
    if not any(out.iterdir()):
        return set()
    try:
        kit = json.loads((out / "kit.json").read_text("utf-8"))
        return {str(item["path"]) for item in kit["files"]} | {"kit.json", "index.html"}
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"--out: {out} has other things in it.", hint="Give a new folder, or one that holds an earlier kit."
        ) from None


def _deliver(source: KitSource, path: str, ref: str, staging: Path) -> dict[str, Any]:
    artifact = source.output(ref)
    target = staging / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.path(artifact), target)
    steps = _lineage(source.plan, ref)
    cards = [source.card(card_id) for card_id in sorted({c for item in steps for c in item.models.values()})]
    maker = _maker(steps)
    run = source.runs.get(maker.id, StepRun(0.0, True))
    entry: dict[str, Any] = {
        "path": path,
        "kind": artifact.kind,
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
        "facts": {key: value for key, value in artifact.facts.items() if key != "aigc"},
        "step": maker.step,
        "models": [card.id for card in cards],
        "seconds": round(run.seconds, 3),
        "licence": licence_verdict(cards),
    }
    if can_label(target.suffix):
        label = read_label(target)
        entry["label"] = {"aigc": label is not None, "id": label.ProduceID if label else ""}
    return entry


def _lineage(plan: Plan, ref: str) -> list[PlanStep]:
    """The step that gives `ref` and all it rests on, nearest first."""
    steps = {item.id: item for item in plan.steps}
    found: dict[str, PlanStep] = {}
    waiting = [ref.rpartition(".")[0]]
    while waiting:
        step_id = waiting.pop(0)
        if step_id in found or step_id not in steps:
            continue
        found[step_id] = steps[step_id]
        waiting += [other.rpartition(".")[0] for other in _refs(steps[step_id].params)]
    return list(found.values())


def _refs(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        if set(value) == {"$ref"}:
            yield str(value["$ref"])
        else:
            for item in value.values():
                yield from _refs(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _refs(item)


def _maker(steps: list[PlanStep]) -> PlanStep:
    """The step that made the work: the nearest that is not the labelling."""
    return next((item for item in steps if item.step != "label_work"), steps[0])


def licence_verdict(cards: Iterable[Card]) -> dict[str, Any]:
    """What may be done with a work of these models: the most restrictive answer wins."""
    cards = list(cards)
    if not cards:
        return {"commercial": "yes", "because": [], "ids": []}
    worst = min((card.licence.commercial_output for card in cards), key=_COMMERCIAL_ORDER.index)
    because = [card.id for card in cards if card.licence.commercial_output == worst] if worst != "yes" else []
    return {"commercial": worst, "because": because, "ids": sorted({card.licence.id for card in cards})}


def _document(source: KitSource, files: list[dict[str, Any]]) -> dict[str, Any]:
    plan = source.plan
    used = sorted({card for item in plan.steps for card in item.models.values()})
    models = [
        {"id": card.id, "task": card.task, "title": card.title, "licence": card.licence.model_dump(mode="json")}
        for card in map(source.card, used)
    ]
    return {
        "kit": KIT_VERSION,
        "recipe": plan.recipe,
        "title": plan.title,
        "job": source.job,
        "made": source.made,
        "seed": plan.seed,
        "brief": plan.meta.get("brief", {}),
        "needs_review": _reviews(source),
        "models": models,
        "steps": {
            "run": sum(not run.cached for run in source.runs.values()),
            "cached": sum(run.cached for run in source.runs.values()),
        },
        "files": files,
    }


def _reviews(source: KitSource) -> list[dict[str, Any]]:
    """What a person must look at, from the copy of each audience."""
    reviews: list[dict[str, Any]] = []
    for item in source.plan.meta.get("audiences", []):
        document = json.loads(source.path(source.output(item["copy"])).read_text("utf-8"))
        if document.get("state") == "needs_review":
            reviews.append({"audience": document["audience"], "flags": document["flags"]})
    return reviews


def _move_into(staging: Path, out: Path, old: set[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    new: set[str] = set()
    for path in sorted(item for item in staging.rglob("*") if item.is_file()):
        name = path.relative_to(staging).as_posix()
        new.add(name)
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        path.replace(out / name)
    root = out.resolve()
    for name in old - new:
        stale = (root / name).resolve()
        if stale.is_relative_to(root) and stale.is_file():
            stale.unlink()
    for folder in sorted((p for p in out.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
