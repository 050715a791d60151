"""Workers on a Ray cluster: the second implementation of `WorkerPool`.

Design:
- Ray only places processes, reserves GPUs and restarts the dead. Queue, retries, priorities, cancel and progress
  stay in the job store, exactly as on one machine; Ray's own task queue is not used.
- One actor for each GPU takes model steps; actors without a GPU do the rest.
- All nodes share one journal (PostgreSQL, `STUDIO_JOURNAL`) and one artifact folder (`STUDIO_HOME` on a file
  system that every node mounts). SQLite is refused: it is not safe on a network file system.
- Ray comes with the extra `cluster` and is imported here only when a cluster is started.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from models import hardware
from models.errors import BadInput, ModelMissing
from models.settings import Settings
from pipelines.engine.jobstore import WorkerInfo
from pipelines.engine.journal import Journal
from pipelines.engine.machines import Machines, Places
from pipelines.engine.sqlstore import SqlJobStore
from pipelines.engine.store import ArtifactStore
from pipelines.engine.worker import Worker, born, node_name
from pipelines.engine.workers import worker_environment

_RESTARTS = -1  # Ray's "always"


class RayWorkers:
    """Worker actors on a cluster.

    Args:
        settings: The same on every node; `journal` must be a PostgreSQL address.
        address: Of the cluster; "" = what Ray finds, or a cluster of this machine alone.
        gpus: Actors that get one GPU each and take model steps; with 0, one actor without a GPU takes them.
    """

    def __init__(self, settings: Settings, *, address: str = "", gpus: int = 0) -> None:
        if not settings.journal.startswith("postgresql"):
            raise BadInput(
                "STUDIO_JOURNAL: a cluster needs a PostgreSQL journal.",
                hint="Set STUDIO_JOURNAL=postgresql+psycopg://user@host/database",
            )
        self._settings = settings
        self._address = address
        self._gpus = gpus
        self._actors: list[Any] = []
        self._runs: list[Any] = []

    def start(self, count: int, *, job: str | None = None) -> None:
        """Place `count` actors; the first of them own the GPUs."""
        ray = _ray()
        if self._actors:
            return
        if not ray.is_initialized():
            ray.init(address=self._address or None, log_to_driver=False)
        environment = {"env_vars": _studio_variables(self._settings)}
        for index in range(count):
            gpu = index < self._gpus
            actor = ray.remote(WorkerActor).options(
                num_cpus=1,
                num_gpus=1 if gpu else 0,
                max_restarts=_RESTARTS,
                max_task_retries=_RESTARTS,
                max_concurrency=2,  # `run` blocks; `stop` must get in beside it
                runtime_env=environment,
            )
            models = gpu or (self._gpus == 0 and index == 0)
            self._actors.append(actor.remote(models=models, job=job))
        self._runs = [actor.run.remote() for actor in self._actors]

    def stop(self, grace_s: float = 5.0) -> None:
        """Ask all to stop and give their steps back; kill those that have not within `grace_s` seconds."""
        if not self._actors:
            return
        ray = _ray()
        actors, self._actors = self._actors, []
        runs, self._runs = self._runs, []
        for actor in actors:
            actor.stop.remote()
        ray.wait(runs, num_returns=len(runs), timeout=grace_s)
        for actor in actors:
            ray.kill(actor, no_restart=True)


class WorkerActor:
    """One worker, inside a Ray actor. Its settings come from the actor's environment."""

    def __init__(self, *, models: bool, job: str | None) -> None:
        settings = Settings.from_env()
        places = Places(settings)
        self._machines = Machines(settings)
        artifacts = ArtifactStore(places.artifacts)
        self._store = SqlJobStore(Journal(places.journal_url), artifacts, self._machines.digest)
        self._info = WorkerInfo(
            id=f"ray-{secrets.token_hex(4)}",
            node=node_name(),
            pid=os.getpid(),
            cores=hardware.cores(),
            models=models,
            job=job,
        )
        self._worker = Worker(self._store, artifacts, self._machines, self._info, settings)

    def run(self) -> None:
        """Pull and run steps until `stop`."""
        self._store.register(self._info, born=born(self._info.pid))
        try:
            self._worker.run()
        finally:
            self._machines.close()
            self._store.release(self._info.id, blame=False)

    def stop(self) -> None:
        self._worker.stop()


def _studio_variables(settings: Settings) -> dict[str, str]:
    """Only the studio's own variables: paths of this machine's Python mean nothing on another."""
    return {name: value for name, value in worker_environment(settings).items() if name.startswith("STUDIO_")}


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ModelMissing("Ray is not installed.", hint="Run: pip install 'aigc-studio[cluster]'") from error
    return ray
