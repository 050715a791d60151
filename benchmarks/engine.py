"""The engine's numbers: overhead of a step, jobs through the journal by four processes, a cached rerun.

Run: python -m benchmarks.engine [--jobs 2000] [--json]

Wall-clock numbers depend on what else the machine does and on its disk; CPU milliseconds hardly do. Steps here do
nothing, so all that is measured is the engine: journal, store, keys, events.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.settings import Settings
from pipelines.engine.artifacts import Artifact
from pipelines.engine.engine import Engine
from pipelines.engine.jobstore import Outcome, WorkerInfo
from pipelines.engine.machines import Machines
from pipelines.engine.plan import Plan, PlanBuilder
from pipelines.engine.step import StepContext, StepRequest, step
from pipelines.engine.worker import Worker

PROCESSES = 4
_NOTHING = f"{__name__ if __name__ != '__main__' else 'benchmarks.engine'}:do_nothing"


class Nothing(StepRequest):
    name: str
    inputs: tuple[Artifact, ...] = ()


@step(version=1, request=Nothing, outputs=("nothing",))
def do_nothing(request: Nothing, context: StepContext) -> dict[str, Artifact]:
    return {"nothing": context.put_bytes(request.name.encode(), "file", ".bin")}


def _plan(count: int, *, name: str = "n") -> Plan:
    """`count` steps in groups of eight, each group on the one before it: about the shape of a kit."""
    builder = PlanBuilder(recipe="benchmark")
    group: list[Any] = []
    before: list[Any] = []
    for index in range(count):
        group.append(builder.add(f"{name}.{index}", step=_NOTHING, params={"name": f"{name}{index}", "inputs": before}))
        if len(group) == 8:
            before, group = [item["nothing"] for item in group[:3]], []
    return builder.build()


@contextmanager
def _engine(home: Path) -> Iterator[Engine]:
    with Engine(Settings(home=home, cache=home / "cache", offline=True)) as engine:
        yield engine


def step_overhead(home: Path, *, steps: int = 400) -> dict[str, float]:
    """Milliseconds the engine takes for a step that does nothing, its artifact stored, keyed, cached and journaled."""
    with _engine(home) as engine:
        engine.submit(_plan(steps))
        machines = Machines(engine.settings)
        info = WorkerInfo(id="bench", node="bench", pid=os.getpid(), cores=4)
        worker = Worker(engine.store, engine.artifacts, machines, info, engine.settings)
        wall, cpu, done = time.perf_counter(), time.process_time(), 0
        while (lease := engine.store.lease(info)) is not None:
            worker.work(lease)
            done += 1
        assert done == steps
        return {
            "step_cpu_ms": (time.process_time() - cpu) / done * 1000,
            "step_wall_ms": (time.perf_counter() - wall) / done * 1000,
        }


def cached_rerun(home: Path, *, steps: int = 80) -> dict[str, float]:
    """Seconds from a whole kit's plan to its finished job when everything is cached."""
    with _engine(home) as engine:
        plan = _plan(steps, name="kit")
        engine.run(plan)
        wall, cpu = time.perf_counter(), time.process_time()
        view = engine.run(plan)
        assert (view.state, view.steps_run) == ("done", 0)
        return {"cached_rerun_s": time.perf_counter() - wall, "cached_rerun_cpu_s": time.process_time() - cpu}


def throughput(home: Path, *, jobs: int) -> dict[str, float]:
    """Jobs a second through lease, begin and finish by four processes on one journal."""
    with _engine(home) as engine:
        for index in range(jobs):
            engine.submit(_plan(1, name=f"job{index}"))
    context = multiprocessing.get_context("spawn")
    ready, go = context.Semaphore(0), context.Event()
    made = context.Array("i", PROCESSES)
    processes = [context.Process(target=_churn, args=(str(home), index, ready, go, made)) for index in range(PROCESSES)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    began = time.perf_counter()
    go.set()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    done = sum(int(count) for count in made[:])
    assert done == jobs, f"{done} of {jobs} jobs were finished"
    return {"jobs": float(jobs), "jobs_per_s": jobs / seconds}


def _churn(home: str, index: int, ready: Any, go: Any, made: Any) -> None:
    """One process: claim and finish jobs until there are none."""
    folder = Path(home)
    with _engine(folder) as engine:
        info = WorkerInfo(id=f"bench-{index}", node=f"bench-{index}", pid=os.getpid(), cores=4)
        artifact = Artifact(sha256="0" * 64, kind="file", suffix=".bin", bytes=0)
        ready.release()
        go.wait()
        while (lease := engine.store.lease(info)) is not None:
            if engine.store.begin(lease, None) == "run":
                engine.store.finish(replace(lease, key=None), Outcome(outputs={"nothing": artifact}))
                made[index] += 1


def measure(*, jobs: int = 2000) -> dict[str, float]:
    """All of it, in fresh folders."""
    os.environ["STUDIO_EXTRA_STEPS"] = "benchmarks.engine"
    found: dict[str, float] = {}
    for part in (step_overhead, cached_rerun):
        with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
            found.update(part(Path(folder)))
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        found.update(throughput(Path(folder), jobs=jobs))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measure(jobs=chosen.jobs)
    if chosen.json:
        print(json.dumps(found))
        return 0
    rows = (
        ("engine overhead on a step", f"{found['step_cpu_ms']:.1f} CPU-ms, {found['step_wall_ms']:.1f} ms", "< 5 ms"),
        ("cached rerun of a kit of 80 steps", f"{found['cached_rerun_s']:.2f} s", "< 1 s"),
        (
            f"jobs claimed and finished by {PROCESSES} processes",
            f"{found['jobs_per_s']:.0f} a second",
            ">= 500 a second",
        ),
    )
    for what, value, budget in rows:
        print(f"{what:<48}{value:<28}{budget}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
