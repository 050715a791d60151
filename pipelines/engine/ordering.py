"""Which step goes next, and how long a failed one waits: pure functions of what the store read.

Design:
- Priority decides; then steps whose model the worker has loaded, other model steps, everything else; then age.
- A step that does not fit the free cores is passed over, but only for a while: else a stream of small steps
  could keep a large one waiting for ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.engine.jobstore import WorkerInfo

_PATIENCE = 30.0  # seconds after which a large step is not passed over any more
_BACKOFF = 0.5  # seconds before the first retry
_BACKOFF_MAX = 60.0


def backoff(job: str, step_id: str, failures: int) -> float:
    """Seconds before attempt `failures` + 1: doubling, within 50 % to 100 % by a jitter that is always the same."""
    seed = hashlib.sha256(f"{job}/{step_id}/{failures}".encode()).digest()
    jitter = 0.5 + int.from_bytes(seed[:4], "big") / 2**33
    return min(_BACKOFF * float(2 ** (failures - 1)), _BACKOFF_MAX) * jitter


def in_order(rows: Sequence[Any], worker: WorkerInfo, *, running: int, cores: int, at: float) -> Iterator[Any]:
    """The candidates that fit, best first."""
    warm = set(worker.warm)

    def rank(row: Any) -> int:
        """0 = its model is warm here, 1 = it needs a model, which others cannot give it, 2 = anyone can do it."""
        if row.models == "{}":
            return 2
        return 0 if warm & set(json.loads(row.models).values()) else 1

    for row in sorted(rows, key=lambda row: (row.precedence, rank(row))):  # stable: age orders the rest
        need = min(row.cores, worker.cores)
        if running == 0 or cores + need <= worker.cores:
            yield row
        elif at - row.ready_at > _PATIENCE:
            return
