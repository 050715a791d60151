"""The engine with real worker processes: killed, cancelled, starved of disk, two jobs at once."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models.control import CancelToken, Control
from models.errors import StepFailed
from pipelines.engine import workers as workers_module
from pipelines.engine.engine import Engine
from pipelines.engine.workers import worker_environment
from tests.support.engines import FAKES, builder, diamond, kinds, noise, one, runs, settings_for

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("STUDIO_EXTRA_STEPS", FAKES)
    with Engine(settings_for(tmp_path, workers=2)) as engine:
        yield engine


def _wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_run_makes_the_plan_and_leaves_no_process(engine: Engine, tmp_path: Path) -> None:
    seen: list[str] = []
    fractions: list[float] = []
    heard: list[float] = []
    view = engine.run(
        diamond(log=str(tmp_path / "log"), seconds=0.05),
        control=Control(progress=lambda fraction, note="": heard.append(fraction)),
        on_event=lambda event: seen.append(event.kind),
        on_change=lambda job: fractions.append(job.fraction),
    )
    assert (view.state, view.steps_run) == ("done", 5)
    assert Counter(seen)["finished"] == 5
    assert seen[0] == seen[-1] == "job"
    assert fractions == sorted(fractions)
    assert heard[-1] == fractions[-1] == 1.0
    assert engine.workers.pids == ()
    assert engine.store.workers() == []
    assert not list((tmp_path / "home" / "scratch").glob("*/*"))


def test_a_cached_rerun_starts_no_process(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = builder()
    made.add("ask", step=f"{FAKES}:ask", params={"question": "Who?"})
    spread = made.add("spread", step=f"{FAKES}:spread", params={"count": 3, "seed_input": noise(made, "seed")["noise"]})
    made.deliver("last.bin", spread["last"])
    plan = made.build()
    first = engine.run(plan)
    assert (first.state, first.model_calls) == ("done", 1)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    again = engine.run(plan)
    assert (again.state, again.steps_run, again.model_calls) == ("done", 0, 0)
    assert again.steps_cached == first.steps_run


def test_workers_killed_at_ten_random_moments(engine: Engine, tmp_path: Path) -> None:
    """Whatever is killed whenever: the job completes, and no step that finished runs again."""
    log = tmp_path / "log"
    made = builder()
    row = [noise(made, f"a.{index}", log=str(log), seconds=0.1) for index in range(12)]
    row = [noise(made, f"b.{index}", item, log=str(log), seconds=0.1) for index, item in enumerate(row)]
    noise(made, "end", *row, log=str(log))
    job = engine.submit(made.build())
    chance = random.Random(7)
    engine.start_workers()
    for _ in range(10):
        _wait(lambda: engine.workers.pids)
        time.sleep(chance.uniform(0.0, 0.45))
        for pid in chance.sample(engine.workers.pids, k=min(chance.choice([1, 2]), len(engine.workers.pids))):
            os.kill(pid, signal.SIGKILL)
    view = engine.wait(job)
    assert (view.state, view.error) == ("done", "")
    assert view.steps_run == 25
    for step, count in Counter(runs(log, "end")).items():
        # The log is written just before the step ends, so a kill in between may show an end that was not kept.
        assert count == 1 or _was_interrupted(engine, job, step)
    for step in view.steps:
        assert engine.path(step.outputs["noise"]).exists()
        events = [event.kind for event in engine.events(job, limit=10_000) if event.step == step.id]
        assert events.count("finished") == 1
        assert events[-1] == "finished"  # nothing of it ran after it was finished


def _was_interrupted(engine: Engine, job: str, step: str) -> bool:
    return [event.kind for event in engine.events(job, limit=10_000) if event.step == step].count("started") > 1


def test_a_killed_program_is_gone_on_with_by_the_next(engine: Engine, tmp_path: Path) -> None:
    """kill -9 of the whole program: its workers end by themselves, the next start goes on."""
    log = tmp_path / "log"
    made = builder()
    before = None
    for index in range(8):
        before = noise(made, f"s.{index}", *([before] if before else []), log=str(log), seconds=0.15)
    job = engine.submit(made.build())
    program = (
        "import sys\n"
        "from models.settings import Settings\n"
        "from pipelines.engine.engine import Engine\n"
        "if __name__ == '__main__':\n"
        "    Engine(Settings.from_env()).wait(sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, job], env=worker_environment(engine.settings))
    _wait(lambda: len(runs(log, "end")) >= 3)
    process.kill()
    process.wait()
    _wait(lambda: all(_gone(row.pid) for row in engine.store.workers()))
    view = engine.wait(job)
    assert view.state == "done"
    for step in view.steps:
        events = [event.kind for event in engine.events(job, limit=10_000) if event.step == step.id]
        assert events.count("finished") == 1
        assert events[-1] == "finished"


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_cancel_stops_a_running_step_and_what_is_done_is_kept(engine: Engine, tmp_path: Path) -> None:
    made = builder()
    quick = noise(made, "quick")
    noise(made, "slow", quick, seconds=60.0)
    token = CancelToken()
    times: list[float] = []

    def on_event(event: object) -> None:
        if getattr(event, "kind", "") == "started" and getattr(event, "step", "") == "slow":
            times.append(time.monotonic())
            token.cancel()

    view = engine.run(made.build(), control=Control(cancel=token), on_event=on_event)
    assert view.state == "cancelled"
    assert {step.id: step.state for step in view.steps} == {"quick": "done", "slow": "cancelled"}
    slow = view.steps[1]
    assert slow.seconds < 30  # it did not run to its end
    assert engine.workers.pids == ()


def test_a_step_that_does_not_listen_is_killed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.engine import waiting

    monkeypatch.setattr(waiting, "_DRAIN", 0.5)
    token = CancelToken()

    def on_event(event: object) -> None:
        if getattr(event, "kind", "") == "started":
            token.cancel()

    view = engine.run(one("deaf", name="deaf", seconds=60.0), control=Control(cancel=token), on_event=on_event)
    assert view.state == "cancelled"
    assert engine.workers.pids == ()


def test_ctrl_c_cancels(engine: Engine) -> None:
    def on_event(event: object) -> None:
        if getattr(event, "kind", "") == "started":
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    view = engine.run(one("make_noise", name="slow", seconds=60.0), on_event=on_event)
    assert view.state == "cancelled"
    assert engine.workers.pids == ()


def test_two_jobs_at_once_share_the_workers(engine: Engine, tmp_path: Path) -> None:
    first = engine.submit(diamond(log=str(tmp_path / "one"), seconds=0.1))
    second = engine.submit(diamond(log=str(tmp_path / "two"), seconds=0.1, text="other"))
    engine.start_workers()
    views: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda job=job: views.update({job: engine.wait(job).state}))  # type: ignore[misc]
        for job in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert views == {first: "done", second: "done"}
    assert len(engine.workers.pids) == 2  # they belong to the engine, not to the waits


def test_progress_is_throttled_and_partial_results_are_not(engine: Engine) -> None:
    lines = tuple(f"line {index}" for index in range(50))
    events: list[object] = []
    view = engine.run(one("tell", lines=lines, reports=600), on_event=events.append)
    assert view.state == "done"
    assert [event.data["line"] for event in engine.events(view.id) if event.kind == "partial"] == list(lines)
    assert kinds(events).count("progress") < 30


def test_a_worker_that_dies_in_a_step_does_not_take_the_engine_along(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    made = builder()
    made.add("deadly", step=f"{FAKES}:fail", params={"kind": "die", "until": 3, "log": str(log)})
    noise(made, "other")
    view = engine.run(made.build())
    assert view.state == "done"
    assert len(log.read_text().splitlines()) == 3


def test_a_full_disk_fails_the_job_in_one_line_and_keeps_earlier_work(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = builder()
    small = noise(made, "small")
    noise(made, "big", small, size=4 * 2**20)
    real = subprocess.Popen

    def limited(*arguments: object, **more: object) -> object:
        """Workers that may write files of 2 MiB at most: what a quota or a full disk does to them."""
        limit = (2 * 2**20, 2 * 2**20)
        return real(*arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), **more)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", limited)
        view = engine.run(made.build())
    assert view.state == "failed"
    assert "is full" in view.error
    assert view.hint
    assert [step.state for step in view.steps] == ["done", "failed"]
    assert not list((engine.settings.home / "artifacts" / "tmp").glob("*"))
    engine.retry(view.id)
    assert engine.wait(view.id).state == "done"
    assert [step.attempt for step in engine.job(view.id).steps] == [1, 2]


def test_workers_that_cannot_start_are_one_clear_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "worker_environment", lambda settings: {"STUDIO_MEMORY_MB": "nonsense"})
    with pytest.raises(StepFailed, match="Workers end as soon as they start"):
        engine.run(one("make_noise", name="x"))
    assert engine.workers.pids == ()


def test_only_one_worker_of_a_machine_takes_model_steps(engine: Engine, tmp_path: Path) -> None:
    engine.start_workers()
    _wait(lambda: len(engine.store.workers()) == 2)
    with Engine(engine.settings) as other:
        other.start_workers()
        _wait(lambda: len(engine.store.workers()) == 4)
        assert sum(row.models for row in engine.store.workers()) == 1
        engine.stop()
        assert not any(row.models for row in other.store.workers())
        _wait(lambda: any(row.models for row in other.store.workers()))  # the other program takes over
