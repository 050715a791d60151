"""Helpers of the engine tests: plans of fake steps, and a worker inside the test's own process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.settings import Settings
from pipelines.engine.engine import Engine
from pipelines.engine.jobstore import Lease, WorkerInfo
from pipelines.engine.machines import Machines
from pipelines.engine.plan import Plan, PlanBuilder, StepHandle
from pipelines.engine.worker import Worker

FAKES = "tests.support.fakesteps"


def settings_for(folder: Path, **more: Any) -> Settings:
    return Settings(home=folder / "home", cache=folder / "cache", offline=True, fakes=True, **more)


def builder(**more: Any) -> PlanBuilder:
    return PlanBuilder(recipe="test", title="A test", choose=lambda task: f"fake-{task}", **more)


def noise(plan: PlanBuilder, id: str, *inputs: StepHandle, step: str = "make_noise", **params: Any) -> StepHandle:
    """Add a `make_noise` step that depends on `inputs`."""
    return plan.add(
        id,
        step=f"{FAKES}:{step}",
        params={"name": id, "inputs": [item["noise"] for item in inputs], **params},
        title={"en": id},
    )


def diamond(*, log: str = "", text: str = "", seconds: float = 0.0, width: int = 3) -> Plan:
    """One step, `width` steps on it (the second with `text`), one step on all of them."""
    plan = builder()
    top = noise(plan, "top", log=log, seconds=seconds)
    middle = [
        noise(plan, f"middle.{index}", top, log=log, seconds=seconds, text=text if index == 1 else "")
        for index in range(width)
    ]
    bottom = noise(plan, "bottom", *middle, log=log, seconds=seconds)
    plan.deliver("out/bottom.bin", bottom["noise"])
    return plan.build()


def one(step: str, id: str = "only", **params: Any) -> Plan:
    """A plan of one fake step."""
    plan = builder()
    plan.add(id, step=f"{FAKES}:{step}", params=params)
    return plan.build()


def runs(log: Path, what: str = "start") -> list[str]:
    """Names of the steps that logged `what`, in order."""
    if not log.exists():
        return []
    return [line.split(" ", 1)[1] for line in log.read_text().splitlines() if line.startswith(f"{what} ")]


class Hand:
    """A worker of the test's own process: leases and runs steps when it is told to."""

    def __init__(self, engine: Engine, id: str = "hand", **more: Any) -> None:
        self.engine = engine
        self.info = WorkerInfo(id=id, node="here", pid=os.getpid(), cores=more.pop("cores", 8), **more)
        self.machines = Machines(engine.settings)
        self.worker = Worker(engine.store, engine.artifacts, self.machines, self.info, engine.settings)

    def take(self) -> Lease | None:
        return self.engine.store.lease(self.info)

    def begin(self) -> Lease:
        """Lease the next step and mark it as begun."""
        lease = self.take()
        assert lease is not None
        assert self.engine.store.begin(lease, None) == "run"
        return lease

    def drain(self, limit: int = 1000) -> list[str]:
        """Run steps until none is ready; returns their ids in order."""
        done = []
        while len(done) < limit and (lease := self.take()) is not None:
            self.worker.work(lease)
            done.append(lease.step_id)
        return done


def kinds(events: Iterable[Any]) -> list[str]:
    return [event.kind for event in events]
