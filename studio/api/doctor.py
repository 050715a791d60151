"""What runs each task on this machine, as JSON for the Models page.

Design:
- Everything is the catalog's and the hardware module's own answer; nothing is decided here.
- No model is loaded and no source is asked: the page opens at once, also offline.
"""

from __future__ import annotations

from typing import Any

from models import hardware
from models.card import TASKS, Card
from models.catalog import Catalog
from models.errors import StudioError

_MIB = 1024 * 1024


def report(catalog: Catalog) -> dict[str, Any]:
    """The machine, and for each task the card that is chosen and the others."""
    machine = hardware.detect()
    gpu = next((gpu.name for gpu in machine.gpus), "") if machine.gpu_usable else ""
    return {
        "machine": {
            "system": machine.system,
            "processor": machine.processor,
            "cores": machine.cores,
            "memory_bytes": machine.memory_mb * _MIB,
            "free_bytes": machine.available_mb * _MIB,
            "budget_bytes": catalog.memory_mb * _MIB,
            "gpu": gpu,
        },
        "tasks": [_task(catalog, task) for task in TASKS],
    }


def _task(catalog: Catalog, task: str) -> dict[str, Any]:
    chosen: dict[str, Any] | None = None
    why, command = "", ""
    try:
        choice = catalog.choose(task)
        chosen, why = _card(catalog, choice.card), choice.reason
    except StudioError as error:
        why, command = error.message, error.hint
    fakes = bool(chosen and chosen["fake"])
    cards = [_card(catalog, card) for card in catalog.all(task, fakes=fakes)]
    return {
        "task": task,
        "chosen": chosen,
        "why": why,
        "command": command if command.startswith("studio ") else "",
        "cards": cards,
    }


def _card(catalog: Catalog, card: Card) -> dict[str, Any]:
    reason = catalog.why_not(card)
    return {
        "id": card.id,
        "title": card.title,
        "summary": card.summary,
        "languages": card.languages,
        "licence": card.licence.id,
        "commercial": "no" if card.non_commercial else card.licence.commercial_use,
        "bytes": card.bytes_total,
        "memory_mb": card.memory.resident,
        "ready": reason is None,
        "reason": reason or "",
        "fake": card.fake,
    }
