"""The kit of a finished job, read from the journal.

Design:
- `write_kit` knows nothing of the engine; here its `KitSource` is filled from one job.
- Writing a kit again gives the same works; the page and `kit.json` differ only in what the job says of itself.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from models.catalog import Catalog
from models.errors import BadInput
from pipelines.engine.engine import Engine
from pipelines.export.kit import KitSource, StepRun, earlier_files, write_kit


def check_out(out: Path) -> None:
    """Refuse a folder that a kit may not be written to, before any work starts. Raises `BadInput`."""
    earlier_files(out)
    parent = next(folder for folder in (out, *out.parents) if folder.exists())
    if not parent.is_dir():
        raise BadInput(f"--out: {parent} is a file.", hint="Give a folder.")


def kit_source(engine: Engine, catalog: Catalog, job_id: str) -> KitSource:
    """Everything the kit of a job is written from. Raises `BadInput` for a job that is not done."""
    job = engine.job(job_id)
    if job.state != "done":
        raise BadInput(
            f"Job {job_id} is {job.state}; only a finished job has a kit.", hint=f"`studio jobs show {job_id}`"
        )
    outputs = {f"{step.id}.{name}": artifact for step in job.steps for name, artifact in step.outputs.items()}
    return KitSource(
        plan=engine.plan(job_id),
        job=job_id,
        made=datetime.fromtimestamp(job.finished or job.created, timezone.utc).isoformat(timespec="seconds"),
        output=outputs.__getitem__,
        path=engine.path,
        runs={step.id: StepRun(step.seconds, step.cached) for step in job.steps},
        card=catalog.get,
    )


def write_job_kit(engine: Engine, catalog: Catalog, job_id: str, out: Path) -> dict[str, Any]:
    """Write the kit of a finished job into `out`; returns the content of `kit.json`. Raises as `write_kit`."""
    return write_kit(kit_source(engine, catalog, job_id), out)
