"""Cancel is heard by every kind of step while it works on the real models."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.catalog import Catalog
from models.control import CancelToken, Control
from models.settings import ASSETS, Settings
from pipelines.engine.engine import Engine
from pipelines.recipes.making import MakeRequest, plan_request

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = Settings.from_env()
    home = tmp_path_factory.mktemp("cancel-home")
    with Engine(Settings(home=home, cache=settings.cache, fakes=False)) as engine:
        yield engine


def plan(engine: Engine, *, seed: int, fake_text: bool) -> Any:
    path = ASSETS / "briefs" / "coffee.zh.yaml"
    brief = yaml.safe_load(path.read_text("utf-8")) | {"audiences": ["上班族"]}
    models = {"text": "fake-text"} if fake_text else {}
    request = MakeRequest(recipe="campaign", brief=brief, base=path.parent, seed=seed, models=models)
    return plan_request(request, engine, Catalog(engine.settings), engine.settings)


@pytest.mark.parametrize("kind", ["write_copy", "prepare_photo", "speak", "lay_out", "cut"])
def test_cancel_while_it_works(kind: str, engine: Engine) -> None:
    token = CancelToken()
    asked: list[float] = []

    def watch(view: Any) -> None:
        busy = [step for step in view.steps if step.state == "running" and step.step == kind]
        if busy and not asked:
            asked.append(time.monotonic())
            threading.Timer(0.6, token.cancel).start()  # somewhere in the middle

    kinds = ["write_copy", "prepare_photo", "speak", "lay_out", "cut"]
    made = plan(engine, seed=kinds.index(kind) + 100, fake_text=kind != "write_copy")
    job = engine.run(made, control=Control(cancel=token), on_change=watch)
    assert asked, f"{kind} never ran"
    assert job.state == "cancelled"
    assert not [step for step in job.steps if step.state == "running"]
    print(f"{kind}: stopped {time.monotonic() - asked[0] - 0.6:.2f} s after it was asked")
    assert not list(Path(engine.settings.home).rglob("*.part"))


def test_the_cancelled_job_goes_on(engine: Engine) -> None:
    job = engine.jobs(state="cancelled")[0]
    before = {step.id for step in job.steps if step.state == "done"}
    engine.retry(job.id)
    ended = engine.wait(job.id)
    assert ended.state == "done", ended.error
    assert before <= {step.id for step in ended.steps if step.state == "done"}
