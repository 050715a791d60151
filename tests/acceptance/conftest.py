"""The sample campaigns, made once by the real command line on the real embedded models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from models.settings import ASSETS, Settings
from pipelines.engine.engine import Engine

SAMPLES = {"coffee": "coffee.zh.yaml", "space-day": "space-day.zh.yaml", "pet-app": "pet-app.en.yaml"}
SAMPLES |= {"flight-jacket": "flight-jacket.en.yaml"}


def studio(*arguments: str, home: Path, code: int = 0) -> str:
    """Run the command line; returns standard output."""
    command = [sys.executable, "-c", "from studio.cli import main; main()", *arguments]
    done = subprocess.run(
        command, env={**os.environ, "STUDIO_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class Campaign:
    """A made sample: its brief, what `--json` said, where the kit and the studio's home are."""

    name: str
    brief_path: Path
    result: dict[str, Any]
    folder: Path
    home: Path

    @cached_property
    def kit(self) -> dict[str, Any]:
        return json.loads((self.folder / "kit.json").read_text("utf-8"))  # type: ignore[no-any-return]

    @property
    def brief(self) -> dict[str, Any]:
        return self.kit["brief"]  # type: ignore[no-any-return]

    @property
    def language(self) -> str:
        return self.brief["language"]  # type: ignore[no-any-return]

    def files(self, kind: str, suffix: str = "") -> list[dict[str, Any]]:
        return [item for item in self.kit["files"] if item["kind"] == kind and item["path"].endswith(suffix)]

    def path(self, item: dict[str, Any]) -> Path:
        return self.folder / str(item["path"])

    def json(self, ref: str) -> Any:
        """An artifact of the job that is not in the kit: "step.output"."""
        with Engine(replace(Settings.from_env(), home=self.home)) as engine:
            return json.loads(engine.path(engine.output(self.result["job"], ref)).read_text("utf-8"))

    def copies(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text("utf-8")) for path in sorted((self.folder / "copy").glob("0*.json"))]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One studio home for all: what one campaign made, another need not make again."""
    return tmp_path_factory.mktemp("acceptance-home")


@pytest.fixture(scope="session")
def make(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make a sample: `make("coffee", "--seed", "1")`."""

    def run(name: str, *options: str) -> Campaign:
        brief = ASSETS / "briefs" / SAMPLES[name]
        out = tmp_path_factory.mktemp("kits") / name
        said = studio("make", "campaign", str(brief), "--out", str(out), "--json", *options, home=home)
        return Campaign(name, brief, json.loads(said.splitlines()[-1]), out, home)

    return run


@pytest.fixture(scope="session", params=list(SAMPLES))
def campaign(request: pytest.FixtureRequest, make: Any) -> Campaign:
    """Each of the four samples, whole."""
    return make(request.param)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def coffee(make: Any) -> Campaign:
    """The first sample; shares its steps with `campaign` through the cache."""
    return make("coffee")  # type: ignore[no-any-return]
