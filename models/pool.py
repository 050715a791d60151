"""The pool: the one owner of loaded models and of the memory they take.

Design:
- A lease is the right to use a loaded model for a while: `with pool.lease("kokoro-82m") as model: ...`. One holder
  at a time; others wait for it, looking at their cancel token. A thread that holds a model may lease it again.
- Memory is accounted by the cards' estimates against one budget (and one of the GPU): what is resident for every
  loaded model, what is needed at work for every lease. A lease that does not fit first evicts idle models, the one
  with the largest product of idle time and size first, then waits for other leases to end. It fails only when
  waiting cannot help: `OutOfMemory`, with the numbers.
- What is unloaded gives its memory back: `close()`, garbage collection, and the C heap trimmed where it is glibc's.
- Adapters are found by the card's `adapter` name in the entry-point group `aigc_studio.adapters`; the built-in ones
  go through the same door as a plug-in.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from models import hardware
from models.card import Card
from models.catalog import Catalog
from models.control import Control
from models.errors import AdapterFailed, Cancelled, ModelMissing, OutOfMemory, StudioError
from models.settings import Settings
from models.sources.local import verify

GROUP = "aigc_studio.adapters"
_POLL = 0.05  # seconds between looks at the cancel token while waiting


class Factory(Protocol):
    """What an adapter module offers: makes a loaded model of its task."""

    def __call__(self, card: Card, folder: Path, *, options: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Loaded:
    """A model in the pool. Memory in MiB by its card's estimate; `idle_seconds` 0 while leased."""

    card_id: str
    device: str
    resident_mb: int
    gpu_mb: int
    leased: bool
    idle_seconds: float


@dataclass(frozen=True)
class _Need:
    """MiB of memory and of GPU memory."""

    ram: int = 0
    gpu: int = 0

    def __add__(self, other: _Need) -> _Need:
        return _Need(self.ram + other.ram, self.gpu + other.gpu)

    def fits(self, budget: _Need) -> bool:
        return self.ram <= budget.ram and self.gpu <= budget.gpu


@dataclass
class _Slot:
    """A loaded (or loading) model and who holds it."""

    card: Card
    device: str
    resident: _Need
    model: Any = None
    holder: int | None = None  # thread id
    depth: int = 0
    working: _Need = _Need()
    used: float = 0.0


class Pool:
    """Loads, shares and evicts models. Safe between threads; one in a process.

    Args:
        catalog: Where cards come from.
        settings: `memory_mb` bounds the memory; 0 = three quarters of what is free when the pool is made.
        budget_mb: Instead of the settings' bound, for a worker that gets a share of the machine. MiB.
        threads: CPU threads a model may use, 0 = all cores.
        factories: Adapters by name instead of the installed ones.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings | None = None,
        *,
        budget_mb: int | None = None,
        threads: int = 0,
        factories: Mapping[str, Factory] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalog = catalog
        self.settings = settings or catalog.settings
        free = hardware.memory_mb()[1] * 3 // 4
        self._budget = _Need(budget_mb or self.settings.memory_mb or free, hardware.gpu_mb())
        self._threads = threads or hardware.cores()
        self._factories = factories
        self._clock = clock
        self._changed = threading.Condition()
        self._slots: dict[str, _Slot] = {}
        self._waiting: dict[int, str | None] = {}  # thread id -> card waited for, None = for memory
        self._closed = False

    @property
    def budget_mb(self) -> int:
        """MiB that models may take together."""
        return self._budget.ram

    def loaded(self) -> tuple[Loaded, ...]:
        """What is in memory now, the largest first."""
        now = self._clock()
        with self._changed:
            found = [
                Loaded(
                    card_id=slot.card.id,
                    device=slot.device,
                    resident_mb=slot.resident.ram,
                    gpu_mb=slot.resident.gpu,
                    leased=slot.holder is not None,
                    idle_seconds=0.0 if slot.holder is not None else now - slot.used,
                )
                for slot in self._slots.values()
                if slot.model is not None
            ]
        return tuple(sorted(found, key=lambda item: (-item.resident_mb, item.card_id)))

    @contextmanager
    def lease(self, card_id: str, *, working_mb: int = 0, control: Control | None = None) -> Iterator[Any]:
        """The loaded model of a card, this thread's alone until the block ends.

        Args:
            card_id: Which card.
            working_mb: MiB the caller needs at work on top of the card's own estimate.
            control: Its cancel token is looked at while waiting.

        Raises:
            ModelMissing: Files, modules or hardware are lacking; the hint is the command that helps.
            OutOfMemory: The model does not fit even when everything else is gone.
            CorruptFile: A file is not what its card says.
            AdapterFailed: The runtime could not load it.
            Cancelled: Cancel was asked for while waiting.
        """
        control = control or Control()
        control.check()
        card = self.catalog.get(card_id)
        slot = self._acquire(card, working_mb, control)
        try:
            if slot.model is None:
                self._load(slot, control)
            yield slot.model
        finally:
            self._release(slot)

    def evict(self, card_id: str) -> bool:
        """Unload a model that nobody holds. False when it is not loaded or is held."""
        with self._changed:
            slot = self._slots.get(card_id)
            if slot is None or slot.holder is not None:
                return False
            self._unload(slot)
            return True

    def close(self) -> None:
        """Unload all that is idle; what is leased is unloaded when its lease ends. Idempotent."""
        with self._changed:
            self._closed = True
            for slot in [slot for slot in self._slots.values() if slot.holder is None]:
                self._unload(slot)
            self._changed.notify_all()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Holding

    def _acquire(self, card: Card, working_mb: int, control: Control) -> _Slot:
        """Wait until the card is free and fits, then hold it."""
        me = threading.get_ident()
        device = self._device(card)
        resident = _Need(0 if device == "cuda" else card.memory.resident, card.memory.gpu if device == "cuda" else 0)
        working = _Need(card.memory.working + working_mb)
        with self._changed:
            try:
                while True:
                    control.check()
                    if self._closed:
                        raise Cancelled("The model pool is closed.")
                    slot = self._slots.get(card.id)
                    if slot is not None and slot.holder == me:
                        slot.depth += 1
                        return slot
                    if slot is not None and slot.holder is not None:
                        self._wait(me, card.id)
                        continue
                    if self._make_room(working if slot else resident + working, keep=card.id):
                        if slot is None:
                            self.catalog.ready(card)
                            slot = self._slots[card.id] = _Slot(card, device, resident)
                        slot.holder, slot.depth, slot.working = me, 1, working
                        return slot
                    self._wait_for_memory(me, card, resident + working)
            finally:
                self._waiting.pop(me, None)

    def _release(self, slot: _Slot) -> None:
        with self._changed:
            slot.depth -= 1
            if slot.depth:
                return
            slot.holder, slot.working, slot.used = None, _Need(), self._clock()
            if slot.model is None:
                self._slots.pop(slot.card.id, None)
            elif self._closed:
                self._unload(slot)
            self._changed.notify_all()

    def _wait(self, me: int, card_id: str) -> None:
        """Wait for a held card. Two threads that wait for each other's model would wait for ever: say so."""
        self._waiting[me] = card_id
        seen, holder = {me}, self._slots[card_id].holder
        while holder is not None and holder not in seen:
            seen.add(holder)
            wanted = self._waiting.get(holder)
            slot = self._slots.get(wanted) if wanted else None
            holder = slot.holder if slot else None
        if holder == me:
            raise AdapterFailed(f"Leases wait for each other in a circle; {card_id} is part of it.")
        self._changed.wait(_POLL)

    def _wait_for_memory(self, me: int, card: Card, need: _Need) -> None:
        """Wait while another thread that does not wait itself may give memory back; else it is out of memory."""
        self._waiting[me] = None
        mine = _Need()
        for slot in self._slots.values():
            if slot.holder == me:
                mine = mine + slot.resident + slot.working
        if not (mine + need).fits(self._budget):
            raise self._out_of_memory(card, need)
        others = {slot.holder for slot in self._slots.values() if slot.holder not in (None, me)}
        if not any(holder not in self._waiting for holder in others):
            raise self._out_of_memory(card, need)
        self._changed.wait(_POLL)

    # Memory

    def _used(self) -> _Need:
        total = _Need()
        for slot in self._slots.values():
            total = total + slot.resident + slot.working
        return total

    def _make_room(self, need: _Need, *, keep: str) -> bool:
        """Evict idle models until `need` fits. Nothing is evicted when it cannot fit anyway."""
        now = self._clock()
        idle = [slot for slot in self._slots.values() if slot.holder is None and slot.card.id != keep]
        idle.sort(key=lambda slot: (now - slot.used) * max(slot.resident.ram, slot.resident.gpu, 1))
        freed = _Need()
        for slot in idle:
            freed = freed + slot.resident
        used = self._used()
        if not (_Need(used.ram - freed.ram, used.gpu - freed.gpu) + need).fits(self._budget):
            return False
        while not (self._used() + need).fits(self._budget):
            self._unload(idle.pop())
        return True

    def _unload(self, slot: _Slot) -> None:
        """Take a model out and give its memory back. The lock is held: nobody may count on memory not yet free."""
        del self._slots[slot.card.id]
        model, slot.model = slot.model, None
        if model is not None:
            model.close()
        del model
        give_memory_back()
        self._changed.notify_all()

    def _out_of_memory(self, card: Card, need: _Need) -> OutOfMemory:
        used = self._used()
        if need.gpu > self._budget.gpu:
            message = (
                f"{card.id} needs {need.gpu} MiB of GPU memory; {self._budget.gpu} MiB are there, {used.gpu} in use."
            )
        else:
            message = (
                f"{card.id} needs {need.ram} MiB of memory; models may use {self._budget.ram} MiB, "
                f"{used.ram} MiB are held by others."
            )
        return OutOfMemory(message, hint="Choose a smaller model, close other programs, or raise STUDIO_MEMORY_MB.")

    # Loading

    def _device(self, card: Card) -> str:
        return "cuda" if card.memory.gpu and card.memory.gpu <= self._budget.gpu else "cpu"

    def _load(self, slot: _Slot, control: Control) -> None:
        card = slot.card
        options = {**card.defaults, "threads": self._threads, "device": slot.device}
        factory = self._factory(card)
        folder = verify(card, self.catalog, control=control)
        try:
            slot.model = factory(card, folder, options=options)
        except StudioError:
            raise
        except MemoryError as error:
            raise self._out_of_memory(card, slot.resident + slot.working) from error
        except Exception as error:  # the boundary to third-party runtimes: whatever they raise becomes one line
            raise AdapterFailed(
                f"{card.id} could not be loaded: {type(error).__name__}: {error}", hint=f"studio models check {card.id}"
            ) from error

    def _factory(self, card: Card) -> Factory:
        if self._factories is not None and card.adapter in self._factories:
            return self._factories[card.adapter]
        entry = adapters().get(card.adapter)
        if entry is None:
            raise ModelMissing(
                f"{card.id} needs the adapter {card.adapter!r}, which is not installed.",
                hint="Install the package that brings it, or correct the card's `adapter`.",
            )
        try:
            loaded: Factory = entry.load()
        except ImportError as error:
            raise ModelMissing(
                f"The adapter {card.adapter!r} of {card.id} cannot be imported: {error}.", hint="See `studio doctor`."
            ) from error
        return loaded


@lru_cache(maxsize=1)
def adapters() -> Mapping[str, metadata.EntryPoint]:
    """Installed adapters by name."""
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}


def give_memory_back() -> None:
    """Collect garbage, empty the GPU's cache where torch is loaded, and trim the C heap."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc keeps freed memory for itself until told otherwise; other C libraries have no such call."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim
