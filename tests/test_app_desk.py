"""The brief panel's Python: complaints, YAML both ways, starting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.settings import ASSETS, Settings
from pipelines.recipes.fields import parse_brief
from studio.api.service import Service
from studio.ui.desk import Desk, brief_yaml

SAMPLES = sorted((ASSETS / "briefs").glob("*.yaml"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(home=tmp_path / "home", cache=Settings.from_env().cache, fakes=True, offline=True)
    service = Service(settings)
    yield Desk(service)
    service.stop()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_survive_the_way_to_yaml_and_back(desk: Desk, path: Path) -> None:
    brief = yaml.safe_load(path.read_text("utf-8"))
    text, _ = desk.write_yaml({"brief": brief})
    value, verdict = desk.check_yaml(text, None)
    assert value["brief"] == brief
    assert verdict["problems"] == []


@given(
    st.dictionaries(
        st.sampled_from(["language", "tone", "audiences", "seconds"]),
        st.text("ab中文: #-'\"[]{}?!0", min_size=1, max_size=12)
        | st.lists(st.text("ab中: ,0", min_size=1), min_size=1),
        min_size=1,
    )
)
def test_any_text_survives_yaml(brief: dict[str, object]) -> None:
    assert parse_brief(brief_yaml(brief)) == brief


def test_a_fresh_form_is_asked_for_fields_not_for_parts(desk: Desk) -> None:
    problems = {item["field"]: item for item in desk.check_form(desk.first())["problems"]}
    assert {"brand.name", "product.name", "product.facts", "audiences", "channels", "call_to_action"} <= set(problems)
    assert not {"brand", "product"} & set(problems)
    assert all(item["empty"] for item in problems.values())


def test_broken_yaml_keeps_the_form(desk: Desk) -> None:
    value = {"brief": {"language": "zh", "tone": "清爽"}, "seed": 3, "only": []}
    kept, verdict = desk.check_yaml("language: [zh", value)
    assert kept == value
    assert verdict["broken"]
    assert verdict["problems"][0]["field"] == "brief"


def test_yaml_keeps_seed_and_parts(desk: Desk) -> None:
    value, _ = desk.check_yaml("language: en", {"brief": {}, "seed": 3, "only": ["copy"]})
    assert value == {"brief": {"language": "en"}, "seed": 3, "only": ["copy"]}


def test_starting_gives_a_job_or_the_reason(desk: Desk) -> None:
    brief = yaml.safe_load(SAMPLES[0].read_text("utf-8"))
    brief["video"].pop("voice", None)
    verdict = desk.make({"brief": brief, "seed": 5, "only": ["copy"]})
    assert desk.service.require(verdict["job"]).seed == 5
    bad = desk.make({"brief": {**brief, "channels": ["nowhere"]}})
    assert [item["field"] for item in bad["problems"]] == ["channels"]
    assert bad["tried"]
    assert "job" not in bad
    seed = desk.make({"brief": brief, "seed": 2**40})
    assert "seed" in seed["failure"]["en"]
    assert seed["number"] > bad["number"] > verdict["number"]
