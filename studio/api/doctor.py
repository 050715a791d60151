"""What runs each task on this machine, as JSON for the Models page.

Design:
- Everything is the catalog's and the hardware module's own answer; nothing is decided here.
- No model is loaded and no source is asked: the page opens at once, also offline.
"""

from __future__ import annotations

import re
from typing import Any

from models import hardware
from models.card import TASKS, Card
from models.catalog import Catalog
from models.errors import StudioError

_MIB = 1024 * 1024

# The catalog speaks English; each of its clauses, as said in Chinese.
_ZH: tuple[tuple[str, str], ...] = (
    (r"best (\w+) model.* that can run here", "这台机器上能运行的最好的一个"),
    (r"fakes are switched on \(STUDIO_FAKES\)", "已用 STUDIO_FAKES 打开替身模型"),
    (r"a fake, used only when asked for", "替身模型，只在指定时使用"),
    (r"licence (\S+) forbids commercial use, .*", r"许可 \1 不可商用，只在点名时使用"),
    (r"used only when asked for by name", "只在点名时使用"),
    (r"too slow without a GPU, .*", "没有显卡太慢，只在点名时使用"),
    (r"the Python module '(.+)' is not installed", r"没有安装 Python 模块 \1"),
    (r"(\w+) is not set", r"没有设置 \1"),
    (r"it needs the network, and offline mode is on", "需要联网，而现在是离线模式"),
    (r"it needs a CUDA GPU with (\d+) MiB.*", r"需要有 \1 MiB 显存的 CUDA 显卡"),
    (r"it needs (\d+) MiB of memory, (\d+) may be used", r"需要 \1 MiB 内存，只有 \2 可用"),
    (r"its files are not on this machine", "还没有下载到这台机器"),
    (r"(\S+) is missing", r"缺少文件 \1"),
    (r"(\S+) has ([\d,]+) bytes instead of ([\d,]+)", r"文件 \1 大小不对"),
)


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
        "why": _both(why),
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
        "reason": _both(reason or ""),
        "fake": card.fake,
    }


def _both(clause: str) -> dict[str, str]:
    """A clause of the catalog in both languages; one it does not know stays as it is."""
    for pattern, zh in _ZH:
        found = re.fullmatch(pattern, clause.rstrip("."))
        if found:
            return {"zh": found.expand(zh), "en": clause}
    return {"zh": clause, "en": clause}
