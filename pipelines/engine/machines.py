"""The models of one worker, and where an engine keeps its things.

Design:
- Catalog and pool are made when a step first needs them; a worker without model steps never imports them.
- The engine sees of a model its digest (for keys), its card id (for warm matches) and a lease; never its task's
  protocol.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.control import Control
from models.settings import Settings

if TYPE_CHECKING:
    from models.catalog import Catalog
    from models.pool import Pool


@dataclass(frozen=True)
class Places:
    """Where an engine keeps what it keeps, all below `Settings.home` but a journal of its own database."""

    settings: Settings

    @property
    def journal_url(self) -> str:
        return self.settings.journal or f"sqlite:///{self.settings.home / 'journal.sqlite'}"

    @property
    def artifacts(self) -> Path:
        return self.settings.home / "artifacts"

    @property
    def scratch(self) -> Path:
        return self.settings.home / "scratch"

    @property
    def log(self) -> Path:
        """Of all workers."""
        return self.settings.home / "logs" / "worker.log"


class Machines:
    """Loads and leases models for one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: Pool | None = None
        self._known_catalog: Catalog | None = None
        self._digests: dict[str, str | None] = {}

    def digest(self, card_id: str) -> str | None:
        """What stands for a model in keys. Raises `BadInput` for an unknown card."""
        if card_id not in self._digests:
            self._digests[card_id] = self._catalog.digest(self._catalog.get(card_id))
        return self._digests[card_id]

    def lease(self, card_id: str, *, working_mb: int, control: Control) -> AbstractContextManager[Any]:
        """The loaded model of a card; raises what `Pool.lease` raises."""
        if self._pool is None:
            from models.pool import Pool

            self._pool = Pool(self._catalog, self._settings)
        return self._pool.lease(card_id, working_mb=working_mb, control=control)

    def warm(self) -> tuple[str, ...]:
        """Ids of the cards in memory."""
        return () if self._pool is None else tuple(sorted(item.card_id for item in self._pool.loaded()))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    @property
    def _catalog(self) -> Catalog:
        if self._known_catalog is None:
            from models.catalog import Catalog

            self._known_catalog = Catalog(self._settings)
        return self._known_catalog
