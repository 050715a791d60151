"""The engine: the one object the doors (command line, app, API) use.

Design:
- It joins journal, store, cache, workers and views, and adds nothing of its own but waiting.
- `run` is for one job from one door: it starts workers of its own when none are running, waits, and stops them
  whatever happens. A job whose every step is cached never starts a process.
- A long-lived door calls `start_workers` once and `submit` for each job.
- Opening an engine starts nothing and imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from models import hardware
from models.control import Control
from models.errors import BadInput
from models.settings import Settings
from pipelines.engine.artifacts import Artifact, ArtifactKind
from pipelines.engine.cache import Room
from pipelines.engine.events import Event, JobState
from pipelines.engine.journal import Journal, now
from pipelines.engine.machines import Machines, Places
from pipelines.engine.plan import Plan
from pipelines.engine.sqlstore import SqlJobStore
from pipelines.engine.store import ArtifactStore
from pipelines.engine.views import JobView, Reader
from pipelines.engine.workers import LocalWorkers

MAX_IMPORT_BYTES = 512 * 2**20


class Engine:
    """Makes plans into artifacts.

    Args:
        settings: Where things lie; by default from the environment.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_env()
        places = Places(self.settings)
        self.artifacts = ArtifactStore(places.artifacts)
        self.journal = Journal(places.journal_url)
        self.cores = hardware.cores()
        self.store = SqlJobStore(self.journal, self.artifacts, Machines(self.settings).digest)
        self.workers = LocalWorkers(self.store, self.settings)
        self._reader = Reader(self.journal, cores=self.cores)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop workers, give their steps back, close the journal. Idempotent."""
        self.stop()
        self.journal.close()

    # Jobs

    def submit(self, plan: Plan, *, priority: int = 0) -> str:
        """Queue a plan and return the job's id. Higher `priority` goes first. Raises `BadInput`."""
        return self.store.submit(plan, priority=priority)

    def job(self, job_id: str) -> JobView:
        return self._reader.job(job_id)

    def jobs(self, *, limit: int = 50, state: JobState | None = None) -> list[JobView]:
        """The newest jobs first."""
        return self._reader.jobs(limit=limit, state=state)

    def plan(self, job_id: str) -> Plan:
        """A job's plan, expansions included."""
        return self._reader.plan(job_id)

    def events(self, job_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """What happened in a job after event number `after`, oldest first."""
        return self._reader.events(job_id, after=after, limit=limit)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop. Finished steps are kept; running ones stop within two seconds."""
        self.store.cancel(job_id)

    def retry(self, job_id: str) -> None:
        """Go on with a failed or cancelled job from what is finished."""
        self.store.retry(job_id)

    def measured_seconds(self, plan: Plan) -> dict[str, float]:
        """Step id -> mean seconds of its latest runs on this journal, for steps that have run before."""
        return self.store.measured(plan)

    # Artifacts

    def output(self, job_id: str, ref: str) -> Artifact:
        """The artifact "step.output" of a job. Raises `BadInput` when it is not there (yet)."""
        step, _, output = ref.rpartition(".")
        for item in self.job(job_id).steps:
            if item.id == step and output in item.outputs:
                return item.outputs[output]
        raise BadInput(f"Job {job_id} has no {ref!r}.", hint=f"Run: studio jobs show {job_id}")

    def path(self, artifact: Artifact) -> Path:
        """Where an artifact's bytes are; read only. Raises `CorruptFile`."""
        return self.artifacts.path(artifact)

    def import_file(
        self,
        path: Path,
        kind: ArtifactKind,
        *,
        max_bytes: int = MAX_IMPORT_BYTES,
        facts: Mapping[str, Any] | None = None,
    ) -> Artifact:
        """Copy a person's file into the store. Raises `BadInput` when it cannot be used, `DiskFull`."""
        artifact = self.artifacts.import_file(path, kind, max_bytes=max_bytes, facts=facts)
        with self.journal.write() as connection:
            self.store.cache.note_files(connection, [artifact])
        return artifact

    # Running

    def run(
        self,
        plan: Plan,
        *,
        priority: int = 0,
        control: Control | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_change: Callable[[JobView], None] | None = None,
    ) -> JobView:
        """Submit a plan and wait for its end.

        Args:
            plan: What to make.
            priority: Higher goes first.
            control: Cancel stops the job; progress hears its fraction.
            on_event: Called with each event, in order.
            on_change: Called with a fresh view after each batch of events.

        Returns:
            The ended job; look at `state`. Ctrl-C cancels it, and a second one gives up waiting.
        """
        job_id = self.submit(plan, priority=priority)
        return self.wait(job_id, control=control, on_event=on_event, on_change=on_change)

    def wait(
        self,
        job_id: str,
        *,
        control: Control | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_change: Callable[[JobView], None] | None = None,
    ) -> JobView:
        """Wait for a job's end, with workers of its own when none are running."""
        from pipelines.engine.waiting import Waiter

        waiter = Waiter(self, job_id, control=control or Control(), on_event=on_event, on_change=on_change)
        return waiter.wait()

    def worker_count(self) -> int:
        """How many worker processes this machine gets."""
        return self.settings.workers or max(1, min(self.cores, 4))

    def start_workers(self) -> None:
        """Start workers that take steps of every job, until `stop`."""
        self.artifacts.sweep()
        self.workers.start(self.worker_count())

    def stop(self, grace_s: float = 5.0) -> None:
        """Stop the workers of this engine; steps they were running go back to the queue."""
        self.workers.stop(grace_s)

    # Housekeeping

    def make_room(self) -> Room:
        """Forget what is cheap to remake when the store is larger than the settings allow."""
        return self.store.cache.make_room(int(self.settings.artifact_gb * 2**30))

    def clean(
        self, *, older_than_days: float | None = None, jobs: Sequence[str] = (), everything: bool = False
    ) -> Cleaned:
        """Forget ended jobs, then everything in the store that nothing refers to any more.

        Args:
            older_than_days: Forget jobs that ended so long ago.
            jobs: Forget these jobs. Raises `BadInput` for one that still runs.
            everything: Forget every ended job and the whole cache.
        """
        ended = [job for job in self._reader.ended() if everything or _older(job.finished, older_than_days)]
        forgotten = list(dict.fromkeys([*jobs, *(job.id for job in ended)]))
        for job_id in forgotten:
            self.store.delete(job_id)
        self.artifacts.sweep()
        room = self.store.cache.make_room(0, keep_jobs=None, fresh=0.0) if everything else self.make_room()
        return Cleaned(jobs=tuple(forgotten), files=room.files, bytes=room.bytes)

    def check_artifacts(self) -> list[Path]:
        """Read every stored file; remove and return the damaged ones. Their steps are made again when needed."""
        return self.artifacts.check()


@dataclass(frozen=True)
class Cleaned:
    """What `Engine.clean` removed."""

    jobs: tuple[str, ...]
    files: int
    bytes: int


def _older(finished: float | None, days: float | None) -> bool:
    return days is not None and finished is not None and finished < now() - days * 86_400
