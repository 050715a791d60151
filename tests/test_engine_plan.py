"""Plans: wrong ones are refused before anything runs, with a line that names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput, StepFailed
from pipelines.engine.artifacts import Artifact, Ref
from pipelines.engine.mermaid import mermaid
from pipelines.engine.plan import MAX_STEPS, Plan, PlanBuilder, PlanStep, check_plan, load_plan, refs_in
from pipelines.engine.registry import find_step
from tests.support.engines import FAKES, builder, diamond, noise, one


@pytest.fixture(autouse=True)
def _extra_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_EXTRA_STEPS", FAKES)


def _step(id: str, *refs: str, **more: Any) -> PlanStep:
    said = {"step": f"{FAKES}:make_noise", "version": 1, **more}
    return PlanStep(id=id, params={"name": id, "inputs": [{"$ref": ref} for ref in refs]}, **said)


def _plan(*steps: PlanStep, **more: Any) -> Plan:
    return Plan(recipe="test", steps=steps, **more)


def test_a_plan_survives_json() -> None:
    plan = diamond(text="中文 ✓")
    assert load_plan(plan.model_dump_json()) == plan
    assert load_plan(plan.model_dump_json(by_alias=True, indent=2)) == plan


def test_the_builder_fills_in_versions_models_and_references() -> None:
    made = builder(seed=7)
    top = noise(made, "top")
    made.add("ask", step=f"{FAKES}:ask", params={"question": "?"}, stage="copy")
    made.meta["copy"] = top["noise"]
    plan = made.build()
    assert plan.seed == 7
    assert plan.steps[1].models == {"text": "fake-text"}
    assert plan.steps[0].version == 1
    assert plan.meta == {"copy": {"$ref": "top.noise"}}


def test_parameters_may_be_models_artifacts_and_references() -> None:
    made = builder()
    photo = Artifact(sha256="a" * 64, kind="image", suffix=".png", bytes=9, facts={"width": 3})
    top = noise(made, "top")
    both = made.add("both", step=f"{FAKES}:make_noise", params={"name": "both", "inputs": (photo, top["noise"])})
    planned = made.build().steps[1]
    assert planned.params["inputs"] == [photo.model_dump(mode="json"), {"$ref": "top.noise"}]
    assert [ref.ref for ref in refs_in(planned.params)] == ["top.noise"]
    assert both["noise"] == Ref.to("both", "noise")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "seconds": "long"}, "seconds"),
        ({"name": "x", "inputs": ["not a file"]}, "inputs.0"),
    ],
)
def test_a_wrong_parameter_is_named_when_the_step_is_added(params: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=f"'wrong': {field}"):
        builder().add("wrong", step=f"{FAKES}:make_noise", params=params)


def test_the_builder_refuses_what_cannot_be() -> None:
    made = builder()
    top = noise(made, "top")
    with pytest.raises(BadInput, match="'top'"):
        noise(made, "top")
    with pytest.raises(BadInput, match="makes noise, not 'picture'"):
        top["picture"]
    with pytest.raises(BadInput, match="not in the plan"):
        made.add("x", step=f"{FAKES}:make_noise", params={"name": "x", "inputs": [Ref.to("nobody", "noise")]})
    with pytest.raises(BadInput, match="no chooser"):
        PlanBuilder(recipe="test").add("ask", step=f"{FAKES}:ask", params={"question": "?"})
    with pytest.raises(BadInput):
        noise(made, "a step with spaces")
    made.deliver("a.bin", top["noise"])
    with pytest.raises(BadInput, match=r"a\.bin"):
        made.deliver("a.bin", top["noise"])


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../out.png", "a/../../b", "a\\b", "C:/x", "a//b", "a/", "./a", "nul\0", "x" * 300],
)
def test_paths_stay_inside_the_kit(path: str) -> None:
    made = builder()
    top = noise(made, "top")
    with pytest.raises(BadInput, match="no path inside a kit"):
        made.deliver(path, top["noise"])


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (_plan(_step("a", "b.noise"), _step("b", "a.noise")), "'b', which does not come before"),
        (_plan(_step("a", "a.noise")), "'a', which does not come before"),
        (_plan(_step("a", "ghost.noise")), "'ghost', which is not in the plan"),
        (_plan(_step("a"), _step("b", "a.picture")), "'a.picture', but that step makes noise"),
        (_plan(_step("a"), _step("a")), "Two steps of the plan are called 'a'"),
        (_plan(_step("a", step="lay_eggs")), "no step 'lay_eggs'"),
        (_plan(_step("a", version=9)), "version 9"),
        (_plan(_step("a"), deliver={"x.bin": "b.noise"}), "'b', which is not in the plan"),
        (_plan(_step("a"), deliver={"../x": "a.noise"}), "no path inside a kit"),
        (_plan(_step("a", step=f"{FAKES}:ask")), "no model for 'text'"),
        (_plan(*(_step(f"s{index}") for index in range(MAX_STEPS + 1))), "at most"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_plan_is_refused(plan: Plan, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check_plan(plan)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"recipe": 3}', '{"recipe": "x", "steps": [{}]}', "null", "\0"])
def test_what_is_no_plan_is_one_line(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_plan(text)
    assert "\n" not in caught.value.message


def test_a_huge_plan_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadInput, match="larger than"):
        load_plan(" " * (17 * 2**20))


def test_a_path_to_code_is_a_step_only_when_its_module_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_EXTRA_STEPS", "")
    with pytest.raises(BadInput, match="no step"):
        find_step(f"{FAKES}:make_noise")
    with pytest.raises(BadInput, match="no step"):
        find_step("os:system")
    monkeypatch.setenv("STUDIO_EXTRA_STEPS", f"{FAKES}, os")
    with pytest.raises(StepFailed, match="is not a step"):
        find_step("os:system")
    with pytest.raises(StepFailed, match="cannot be imported"):
        find_step(f"{FAKES}:missing")


def test_a_misspelt_step_gets_a_suggestion() -> None:
    with pytest.raises(BadInput) as caught:
        find_step("lay_outt")
    assert "'lay_out'" in caught.value.hint


def test_mermaid_draws_boxes_arrows_and_stages() -> None:
    made = builder()
    top = made.add(
        "top", step=f"{FAKES}:make_noise", params={"name": "t"}, stage="copy", title={"en": "Top", "zh": "顶"}
    )
    bottom = noise(made, "bottom", top, top)
    made.deliver("x.bin", bottom["noise"])
    text = mermaid(made.build())
    assert text.splitlines()[0] == "flowchart LR"
    assert 'subgraph "copy"' in text
    assert text.count("s0 --> s1") == 1
    assert '"Top<br/>' in text
    assert '"顶<br/>' in mermaid(made.build(), language="zh")


@given(st.text(min_size=1, max_size=30))
def test_a_title_cannot_break_the_drawing(title: str) -> None:
    plan = one("tell", lines=[])
    plan = plan.model_copy(update={"steps": (plan.steps[0].model_copy(update={"title": {"en": title}}),)})
    lines = mermaid(plan).splitlines()
    assert len(lines) == 2
    assert lines[1].count('"') == 2
