"""The job store, driven by a worker in the test's own process: who runs what, when, and what follows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from models.errors import BadInput, CorruptFile
from pipelines.engine import jobtx, resuming, sqlstore, statements
from pipelines.engine.cluster import RayWorkers
from pipelines.engine.engine import Engine
from pipelines.engine.events import Problem
from pipelines.engine.jobstore import Outcome, Report
from pipelines.engine.journal import Journal
from pipelines.engine.ordering import backoff
from tests.support.engines import FAKES, Hand, builder, diamond, kinds, noise, one, runs, settings_for


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("STUDIO_EXTRA_STEPS", FAKES)
    with Engine(settings_for(tmp_path)) as engine:
        yield engine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time stands still until the test moves it: `clock.at += 30`."""

    class Clock:
        at = time.time()

    for module in (sqlstore, jobtx, resuming):
        monkeypatch.setattr(module, "now", lambda: Clock.at)
    return Clock


def _done(hand: Hand, lease: Any) -> bool:
    artifact = hand.engine.artifacts.put_bytes(lease.step_id.encode(), "file", ".bin")
    return hand.engine.store.finish(lease, Outcome(outputs={"noise": artifact}))


# Plans become works


def test_a_job_runs_in_order_and_its_works_can_be_read(engine: Engine, tmp_path: Path) -> None:
    job = engine.submit(diamond(log=str(tmp_path / "log")))
    assert Hand(engine).drain() == ["top", "middle.0", "middle.1", "middle.2", "bottom"]
    view = engine.job(job)
    assert (view.state, view.fraction, view.eta_seconds, view.steps_run) == ("done", 1.0, None, 5)
    artifact = engine.output(job, view.deliver["out/bottom.bin"])
    assert engine.path(artifact).read_bytes().startswith(b"bottom|")
    with pytest.raises(BadInput, match=r"bottom\.nothing"):
        engine.output(job, "bottom.nothing")


def test_the_same_plan_again_is_done_at_once(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    engine.submit(diamond(log=str(log)))
    Hand(engine).drain()
    again = engine.job(engine.submit(diamond(log=str(log))))
    assert again.state == "done"
    assert (again.steps_run, again.steps_cached, again.model_calls) == (0, 5, 0)
    assert len(runs(log)) == 5


def test_a_changed_parameter_remakes_only_what_depends_on_it(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    engine.submit(diamond(log=str(log)))
    Hand(engine).drain()
    engine.submit(diamond(log=str(log), text="changed"))
    assert Hand(engine).drain() == ["middle.1", "bottom"]
    assert len(runs(log)) == 7


def test_the_same_bytes_from_a_changed_step_stop_the_remaking(engine: Engine) -> None:
    """A step that runs again but makes the same bytes leaves everything after it cached."""

    def plan(size: int) -> Any:
        made = builder()
        first = made.add("tell", step=f"{FAKES}:tell", params={"lines": ["same"], "reports": size})
        made.add("after", step=f"{FAKES}:make_noise", params={"name": "after", "inputs": [first["text"]]})
        return made.build()

    engine.submit(plan(0))
    Hand(engine).drain()
    job = engine.submit(plan(1))
    Hand(engine).drain()
    assert [step.cached for step in engine.job(job).steps] == [False, True]


def test_an_empty_plan_is_done(engine: Engine) -> None:
    assert engine.job(engine.submit(builder().build())).state == "done"


def test_events_are_numbered_typed_and_can_be_read_on(engine: Engine) -> None:
    job = engine.submit(one("tell", lines=["one", "two"]))
    Hand(engine).drain()
    events = engine.events(job)
    assert kinds(events) == ["job", "job", "started", "partial", "partial", "finished", "job"]
    assert [event.seq for event in events] == list(range(1, 8))
    assert [event.data for event in events if event.kind == "partial"] == [{"line": "one"}, {"line": "two"}]
    assert [event.state for event in events if event.kind == "job"] == ["queued", "running", "done"]
    assert engine.events(job, after=3)[0].seq == 4
    assert len(engine.events(job, limit=2)) == 2


def test_a_model_step_leases_its_model_once_and_is_cached(engine: Engine) -> None:
    first = engine.submit(one("ask", question="Who?"))
    Hand(engine).drain()
    assert engine.job(first).model_calls == 1
    second = engine.job(engine.submit(one("ask", question="Who?")))
    assert (second.state, second.model_calls) == ("done", 0)


# Who goes first


def test_priority_then_age(engine: Engine) -> None:
    for name, priority in (("old", 0), ("new", 0), ("urgent", 5), ("someday", -5)):
        engine.submit(one("make_noise", id=name, name=name), priority=priority)
    assert Hand(engine).drain() == ["urgent", "old", "new", "someday"]


def test_a_warm_model_goes_before_age_but_not_before_priority(engine: Engine) -> None:
    engine.submit(one("make_noise", id="plain", name="plain"))
    engine.submit(one("ask", id="ask", question="?"))
    engine.submit(one("make_noise", id="urgent", name="urgent"), priority=1)
    hand = Hand(engine, warm=("fake-text",))
    leases = [hand.take() for _ in range(3)]
    assert [lease.step_id for lease in leases if lease] == ["urgent", "ask", "plain"]


def test_a_worker_without_models_leaves_model_steps(engine: Engine) -> None:
    engine.submit(one("ask", id="ask", question="?"))
    engine.submit(one("make_noise", id="plain", name="plain"))
    hand = Hand(engine, models=False)
    assert hand.drain() == ["plain"]
    assert Hand(engine).drain() == ["ask"]


def test_a_worker_for_one_job_leaves_the_others(engine: Engine) -> None:
    engine.submit(one("make_noise", id="other", name="other"))
    mine = engine.submit(one("make_noise", id="mine", name="mine"))
    assert Hand(engine, job=mine).drain() == ["mine"]


def test_running_steps_share_the_cores(engine: Engine) -> None:
    for index in range(4):
        engine.submit(one("make_noise", id=f"small.{index}", name=str(index)))
    hand = Hand(engine, cores=2)
    first, second, third = hand.take(), hand.take(), hand.take()
    assert first is not None
    assert second is not None
    assert third is None
    assert _done(hand, first)
    assert hand.take() is not None


def test_a_step_larger_than_the_machine_runs_alone(engine: Engine) -> None:
    engine.submit(one("hog_cores", id="hog", name="hog"))
    engine.submit(one("make_noise", id="small", name="small"))
    hand = Hand(engine, cores=2)
    hog = hand.take()
    assert hog is not None
    assert hog.step_id == "hog"
    assert hand.take() is None
    _done(hand, hog)
    small = hand.take()
    assert small is not None
    assert small.step_id == "small"


def test_a_large_step_is_passed_over_only_for_a_while(engine: Engine, clock: Any) -> None:
    engine.submit(one("make_noise", id="running", name="0"), priority=3)
    engine.submit(one("hog_cores", id="hog", name="hog"), priority=2)
    engine.submit(one("make_noise", id="small.1", name="1"))
    engine.submit(one("make_noise", id="small.2", name="2"))
    hand = Hand(engine, cores=3)
    running, small = hand.begin(), hand.begin()
    assert (running.step_id, small.step_id) == ("running", "small.1")
    for _ in range(2):
        clock.at += 16
        engine.store.heartbeat(running, Report(), renew=True)
        engine.store.heartbeat(small, Report(), renew=True)
    assert hand.take() is None
    assert _done(hand, running)
    assert hand.take() is None
    assert _done(hand, small)
    hog = hand.take()
    assert hog is not None
    assert hog.step_id == "hog"


def test_the_same_result_is_made_once_by_two_jobs(engine: Engine, clock: Any) -> None:
    plan = one("make_noise", name="same")
    first, second = engine.submit(plan), engine.submit(plan)
    hand = Hand(engine)
    running = hand.take()
    assert running is not None
    key = engine.store.key(running)
    assert engine.store.begin(running, key) == "run"
    twin = hand.take()
    assert twin is not None
    assert engine.store.begin(twin, key) == "later"
    assert hand.take() is None
    artifact = engine.artifacts.put_bytes(b"x", "file", ".bin")
    assert engine.store.finish(replace(running, key=key), Outcome(outputs={"noise": artifact}))
    clock.at += 1
    assert hand.drain() == ["only"]
    assert engine.job(first).steps_run == 1
    assert engine.job(second).steps_cached == 1


# Failures


def test_a_retryable_error_is_tried_three_times_with_growing_waits(engine: Engine, clock: Any, tmp_path: Path) -> None:
    job = engine.submit(one("fail", kind="retryable", log=str(tmp_path / "log")))
    hand = Hand(engine)
    waits = []
    assert hand.drain() == ["only"]
    for _ in range(2):
        waits.append(engine.events(job)[-1].seconds)
        assert hand.drain() == []
        clock.at += waits[-1] + 0.001
        assert hand.drain() == ["only"]
    assert 0.25 <= waits[0] <= 0.5 < waits[1] <= 1.0
    view = engine.job(job)
    assert (view.state, view.error, view.hint) == ("failed", "The runtime stumbled.", "Try again.")
    assert kinds(engine.events(job)).count("retrying") == 2


def test_a_retryable_error_can_end_well(engine: Engine, clock: Any, tmp_path: Path) -> None:
    job = engine.submit(one("fail", kind="retryable", until=2, log=str(tmp_path / "log")))
    hand = Hand(engine)
    hand.drain()
    clock.at += 1
    hand.drain()
    view = engine.job(job)
    assert (view.state, view.problem, view.steps[0].problem) == ("done", None, None)


@given(st.text(max_size=8), st.integers(1, 40))
def test_backoff_is_bounded_and_repeatable(step: str, failures: int) -> None:
    seconds = backoff("job", step, failures)
    whole = min(0.5 * 2 ** (failures - 1), 60.0)
    assert whole / 2 <= seconds <= whole
    assert seconds == backoff("job", step, failures)


@pytest.mark.parametrize(
    ("kind", "line", "exit_code", "problem"),
    [
        ("bad", "text: this cannot be set.", 2, "BadInput"),
        ("crash", "Step 'only' failed: RuntimeError: tensor of a strange shape", 4, "StepFailed"),
        ("out_of_space", "is full.", 4, "DiskFull"),
        ("wrong_outputs", "returned ['other'], declared are ['noise']", 4, "StepFailed"),
    ],
)
def test_an_error_becomes_one_line(engine: Engine, kind: str, line: str, exit_code: int, problem: str) -> None:
    job = engine.submit(one("fail", kind=kind))
    assert Hand(engine).drain() == ["only"]
    view = engine.job(job)
    assert view.state == "failed"
    assert line in view.error
    assert "\n" not in view.error
    assert view.problem is not None
    assert (view.problem.exit_code, view.problem.kind, view.problem.step) == (exit_code, problem, "only")


def test_a_failure_lets_running_steps_finish_and_keeps_their_work(engine: Engine) -> None:
    made = builder()
    bad = made.add("bad", step=f"{FAKES}:fail", params={"kind": "bad"})
    good = noise(made, "good")
    noise(made, "after.bad", bad)
    noise(made, "after.good", good)
    job = engine.submit(made.build())
    hand = Hand(engine)
    bad_lease, good_lease = hand.begin(), hand.begin()
    problem = Problem(line="No.", kind="BadInput", exit_code=2)
    assert engine.store.finish(bad_lease, Outcome(problem=problem))
    assert engine.job(job).state == "running"
    assert engine.store.heartbeat(good_lease, Report(), renew=False) == "continue"
    assert _done(hand, good_lease)
    view = engine.job(job)
    assert view.state == "failed"
    assert {step.id: step.state for step in view.steps} == {
        "bad": "failed", "good": "done", "after.bad": "cancelled", "after.good": "cancelled",
    }  # fmt: skip
    assert hand.take() is None


def test_retry_goes_on_from_what_is_finished(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    made = builder()
    good = noise(made, "good", log=str(log))
    bad = made.add("bad", step=f"{FAKES}:fail", params={"kind": "bad", "until": 2, "log": str(tmp_path / "fails")})
    noise(made, "last", good, bad, log=str(log))
    job = engine.submit(made.build())
    hand = Hand(engine)
    hand.drain()
    assert engine.job(job).state == "failed"
    engine.retry(job)
    assert engine.job(job).state == "queued"
    assert hand.drain() == ["bad", "last"]
    view = engine.job(job)
    assert (view.state, view.error) == ("done", "")
    assert runs(log) == ["good", "last"]


def test_retry_of_a_running_or_unknown_job_is_refused(engine: Engine) -> None:
    job = engine.submit(one("make_noise", name="x"))
    with pytest.raises(BadInput, match="has not ended"):
        engine.retry(job)
    with pytest.raises(BadInput, match="no job 'nope'"):
        engine.retry("nope")
    with pytest.raises(BadInput, match="no job 'nope'"):
        engine.job("nope")


def test_retry_of_a_whole_job_changes_nothing(engine: Engine) -> None:
    job = engine.submit(diamond())
    Hand(engine).drain()
    before = engine.job(job)
    engine.retry(job)
    assert engine.job(job) == before


# Leases


def test_finish_is_fenced(engine: Engine, clock: Any) -> None:
    job = engine.submit(one("make_noise", name="x"))
    slow, quick = Hand(engine, "slow"), Hand(engine, "quick")
    lost = slow.begin()
    clock.at += sqlstore.LEASE_SECONDS + 1
    taken = quick.begin()
    assert (taken.step_id, taken.attempt) == (lost.step_id, lost.attempt + 1)
    assert engine.store.heartbeat(lost, Report(), renew=False) == "lost"
    assert engine.store.heartbeat(lost, Report(fraction=0.5), renew=True) == "lost"
    assert not _done(slow, lost)
    assert engine.job(job).state == "running"
    assert _done(quick, taken)
    assert not _done(quick, taken)
    assert engine.job(job).state == "done"


def test_a_heartbeat_keeps_the_lease(engine: Engine, clock: Any) -> None:
    engine.submit(one("make_noise", name="x"))
    slow = Hand(engine, "slow")
    lease = slow.begin()
    for _ in range(3):
        clock.at += sqlstore.LEASE_SECONDS - 1
        assert engine.store.heartbeat(lease, Report(), renew=True) == "continue"
        assert Hand(engine, "quick").take() is None
    assert _done(slow, lease)


def test_a_step_that_kills_its_workers_is_given_up(engine: Engine) -> None:
    job = engine.submit(one("make_noise", name="x"))
    for index in range(sqlstore.MAX_LOSSES):
        hand = Hand(engine, f"victim-{index}")
        hand.begin()
        assert engine.store.release(f"victim-{index}", blame=True) == 1
    view = engine.job(job)
    assert view.state == "failed"
    assert "5 workers died while running 'only'" in view.error


def test_a_worker_that_was_stopped_is_not_held_against_the_step(engine: Engine) -> None:
    job = engine.submit(one("make_noise", name="x"))
    for index in range(sqlstore.MAX_LOSSES + 2):
        Hand(engine, f"stopped-{index}").begin()
        engine.store.release(f"stopped-{index}", blame=False)
    assert engine.job(job).state == "running"
    assert Hand(engine).drain() == ["only"]


# Cancel


def test_cancel_before_the_start_ends_the_job(engine: Engine) -> None:
    job = engine.submit(diamond())
    engine.cancel(job)
    assert engine.job(job).state == "cancelled"
    assert Hand(engine).take() is None
    engine.cancel(job)  # no error, no change
    assert engine.job(job).state == "cancelled"


def test_cancel_reaches_a_running_step_and_keeps_what_is_done(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = engine.submit(diamond(log=str(log)))
    hand = Hand(engine)
    hand.drain(limit=1)
    lease = hand.begin()
    engine.cancel(job)
    view = engine.job(job)
    assert (view.state, view.cancelling) == ("running", True)
    assert engine.store.heartbeat(lease, Report(), renew=False) == "cancel"
    assert engine.store.finish(lease, Outcome(problem=Problem(line="Cancelled.", kind="Cancelled", exit_code=130)))
    assert engine.job(job).state == "cancelled"
    engine.retry(job)
    assert hand.drain() == ["middle.0", "middle.1", "middle.2", "bottom"]
    assert engine.job(job).state == "done"


def test_a_step_that_ends_in_spite_of_cancel_keeps_its_work(engine: Engine) -> None:
    job = engine.submit(diamond())
    hand = Hand(engine)
    lease = hand.begin()
    engine.cancel(job)
    assert _done(hand, lease)
    view = engine.job(job)
    assert (view.state, view.steps[0].state) == ("cancelled", "done")


# Expansion


def _spread(log: Path, count: int = 3) -> Any:
    made = builder()
    seed = noise(made, "seed", log=str(log))
    wide = made.add(
        "wide", step=f"{FAKES}:spread", params={"count": count, "seed_input": seed["noise"], "log": str(log)}
    )
    made.add("after", step=f"{FAKES}:make_noise", params={"name": "after", "inputs": [wide["last"], wide["first"]]})
    made.deliver("last.bin", wide["last"])
    return made.build()


def test_a_step_can_expand_into_more_steps(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = engine.submit(_spread(log))
    assert Hand(engine).drain() == ["seed", "wide", "wide/link.0", "wide/link.1", "wide/link.2", "after"]
    view = engine.job(job)
    assert view.state == "done"
    assert view.deliver == {"last.bin": "wide.last", "links/last.bin": "wide/link.2.noise"}
    assert engine.output(job, "wide.last") == engine.output(job, "wide/link.2.noise")
    assert [step.id for step in engine.plan(job).steps][3:] == ["wide/link.0", "wide/link.1", "wide/link.2"]


def test_an_expansion_is_cached(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    engine.submit(_spread(log))
    Hand(engine).drain()
    again = engine.job(engine.submit(_spread(log)))
    assert (again.state, again.steps_cached) == ("done", 6)
    assert len(runs(log)) == 4


def test_an_expansion_goes_on_after_a_cancel(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = engine.submit(_spread(log))
    hand = Hand(engine)
    hand.drain(limit=3)
    engine.cancel(job)
    assert engine.job(job).state == "cancelled"
    engine.retry(job)
    assert hand.drain() == ["wide/link.1", "wide/link.2", "after"]
    assert engine.job(job).state == "done"


# Damage


def _break(engine: Engine, job: str, ref: str) -> None:
    path = engine.path(engine.output(job, ref))
    path.chmod(0o644)
    path.write_bytes(b"garbage")


def test_a_damaged_file_is_made_again_for_the_step_that_needs_it(engine: Engine, clock: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = engine.submit(diamond(log=str(log)))
    hand = Hand(engine)
    hand.drain(limit=2)
    _break(engine, job, "top.noise")
    assert hand.drain() == ["middle.1", "top", "middle.2"]  # middle.1 gave its lease back
    for _ in range(4):
        clock.at += 1
        hand.drain()
    view = engine.job(job)
    assert view.state == "done"
    assert sorted(runs(log)) == ["bottom", "middle.0", "middle.1", "middle.2", "top", "top"]


def test_a_damaged_cached_file_is_made_again(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = engine.submit(diamond(log=str(log)))
    hand = Hand(engine)
    hand.drain()
    _break(engine, job, "bottom.noise")
    again = engine.submit(diamond(log=str(log)))
    assert hand.drain() == ["bottom"]
    assert engine.path(engine.output(again, "bottom.noise")).read_bytes().startswith(b"bottom")


def test_a_damaged_import_fails_with_one_clear_line(engine: Engine, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"pixels")
    artifact = engine.import_file(photo, "image")
    job = engine.submit(one("make_noise", name="x", inputs=[artifact]))
    engine.artifacts.remove(artifact.sha256, artifact.suffix)
    Hand(engine).drain()
    view = engine.job(job)
    assert view.state == "failed"
    assert "is missing or damaged" in view.error
    engine.import_file(photo, "image")
    engine.retry(job)
    Hand(engine).drain()
    assert engine.job(job).state == "done"


def test_retry_makes_lost_works_again_but_not_what_nobody_needs(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = engine.submit(diamond(log=str(log)))
    hand = Hand(engine)
    hand.drain()
    _break(engine, job, "bottom.noise")
    _break(engine, job, "middle.0.noise")
    _break(engine, job, "top.noise")
    with pytest.raises(CorruptFile):
        engine.path(engine.output(job, "bottom.noise"))
    engine.retry(job)
    hand.drain()
    assert engine.job(job).state == "done"
    assert engine.path(engine.output(job, "bottom.noise")).exists()
    assert runs(log)[5:] == ["top", "middle.0", "bottom"]


def test_a_damaged_journal_is_one_clear_line(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    settings.home.mkdir(parents=True)
    (settings.home / "journal.sqlite").write_bytes(b"this is not a database" * 1000)
    with pytest.raises(CorruptFile) as caught:
        Engine(settings)
    assert "journal.sqlite is damaged" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_journal_of_a_newer_studio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE studio_schema SET version = 99")
    with pytest.raises(BadInput, match="newer studio"):
        Journal(f"sqlite:///{path}")


def test_a_journal_that_cannot_be_made_is_one_clear_line() -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        Journal("sqlite:////proc/journal.sqlite")


# Room


def test_room_is_made_by_worth_and_never_from_kept_jobs(engine: Engine) -> None:
    def make(name: str, size: int, seconds: float) -> str:
        job = engine.submit(one("make_noise", name=name, size=size))
        hand = Hand(engine)
        lease = hand.take()
        assert lease is not None
        key = engine.store.key(lease)
        assert engine.store.begin(lease, key) == "run"
        artifact = engine.artifacts.put_bytes(name.encode() + b"." * size, "file", ".bin")
        assert engine.store.finish(replace(lease, key=key), Outcome(outputs={"noise": artifact}, seconds=seconds))
        return job

    cheap = make("cheap", 100_000, 0.1)
    dear = make("dear", 100_000, 60.0)
    kept = make("kept", 100_000, 0.1)
    cache = engine.store.cache
    assert cache.make_room(250_000, keep_jobs=1).files == 0  # all are fresh
    room = cache.make_room(250_000, keep_jobs=1, fresh=0.0)
    assert (room.entries, room.files) == (1, 1)
    with pytest.raises(CorruptFile):
        engine.path(engine.output(cheap, "only.noise"))
    assert engine.path(engine.output(dear, "only.noise")).exists()
    assert engine.path(engine.output(kept, "only.noise")).exists()
    assert cache.size() == 200_000 + len("dear") + len("kept")
    cache.make_room(0, keep_jobs=1, fresh=0.0)
    assert engine.path(engine.output(kept, "only.noise")).exists()
    engine.retry(cheap)
    assert Hand(engine).drain() == ["only"]
    assert engine.path(engine.output(cheap, "only.noise")).exists()


def test_clean_forgets_ended_jobs_and_their_files(engine: Engine) -> None:
    ended = engine.submit(diamond())
    Hand(engine).drain()
    waiting = engine.submit(diamond(text="else"))
    Hand(engine).drain(limit=1)
    with pytest.raises(BadInput, match="has not ended"):
        engine.clean(jobs=[waiting])
    assert engine.clean(older_than_days=1).jobs == ()
    cleaned = engine.clean(everything=True)
    assert cleaned.jobs == (ended,)
    assert cleaned.files > 0
    assert [job.id for job in engine.jobs()] == [waiting]
    Hand(engine).drain()
    assert engine.job(waiting).state == "done"


# Views


def test_jobs_are_listed_newest_first_and_by_state(engine: Engine) -> None:
    first = engine.submit(one("make_noise", name="1"))
    second = engine.submit(one("make_noise", name="2"))
    engine.cancel(second)
    assert [job.id for job in engine.jobs()] == [second, first]
    assert [job.id for job in engine.jobs(limit=1)] == [second]
    assert [job.id for job in engine.jobs(state="cancelled")] == [second]


def test_time_left_uses_measured_seconds_the_longest_chain_and_the_cores(engine: Engine) -> None:
    made = builder()
    before = made.add("a", step=f"{FAKES}:make_noise", params={"name": "a"}, seconds=10)
    for index in range(3):
        made.add(
            f"b.{index}",
            step=f"{FAKES}:make_noise",
            params={"name": str(index), "inputs": [before["noise"]]},
            seconds=20,
        )
    plan = made.build()
    engine._reader._cores = 2
    assert engine.job(engine.submit(plan)).eta_seconds == pytest.approx(35, abs=0.1)  # 70 s of work on two cores
    engine._reader._cores = 8
    job = engine.submit(plan)
    assert engine.job(job).eta_seconds == pytest.approx(30, abs=0.1)  # the longest chain
    Hand(engine).drain()
    measured = engine.measured_seconds(plan)
    assert set(measured) == {"a", "b.0", "b.1", "b.2"}
    assert all(seconds < 5 for seconds in measured.values())


def test_progress_is_weighted_by_expected_seconds(engine: Engine) -> None:
    made = builder()
    noise_step = f"{FAKES}:make_noise"
    made.add("short", step=noise_step, params={"name": "short"}, seconds=1)
    made.add("long", step=noise_step, params={"name": "long"}, seconds=3)
    job = engine.submit(made.build())
    hand = Hand(engine)
    hand.drain(limit=1)
    assert engine.job(job).fraction == pytest.approx(0.25)
    lease = hand.begin()
    engine.store.heartbeat(lease, Report(fraction=0.5, note="half"), renew=False)
    view = engine.job(job)
    assert view.fraction == pytest.approx(0.25 + 0.375)
    assert view.steps[1].note == "half"
    assert kinds(engine.events(job))[-1] == "progress"
    _done(hand, lease)
    assert "progress" not in kinds(engine.events(job))


# Clusters


def test_a_cluster_needs_a_database_for_many_machines(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="STUDIO_JOURNAL"):
        RayWorkers(settings_for(tmp_path))


def test_every_prepared_statement_is_postgresql_too() -> None:
    prepared = [
        value for value in vars(statements).values() if isinstance(value, (sa.Select, sa.Update, sa.Insert, sa.Delete))
    ]
    prepared += statements.candidates(models=False, one_job=True, limit=8)
    assert len(prepared) > 15
    for statement in prepared:
        assert str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "SKIP LOCKED" in str(statements.LOCK_FREE_JOB.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
