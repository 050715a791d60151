"""Keys: the same meaning gives the same key, anything that can change the result gives another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from pipelines.engine.artifacts import Artifact
from pipelines.engine.keys import canonical_json, digest, step_key
from tests.support.fakesteps import NoiseRequest

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)


@given(values)
def test_canonical_json_says_the_value_exactly(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(text, values, min_size=2))
def test_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert canonical_json(backwards) == canonical_json(value)


@given(values, values)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1: "a"}, {"a": {None: 1}}, "\ud800", object(), b"bytes", {"a"}]
)
def test_what_json_cannot_say_exactly_is_refused(value: Any) -> None:
    with pytest.raises(BadInput, match="no exact JSON form"):
        canonical_json(value)


def test_a_very_deep_value_is_refused() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(BadInput):
        canonical_json(value)


def _artifact(sha: str = "0", **facts: Any) -> Artifact:
    return Artifact(sha256=sha * 64, kind="file", suffix=".bin", bytes=3, facts=facts)


def _key(
    *, step: str = "make_noise", version: int = 1, models: dict[str, str | None] | None = None, **params: Any
) -> str | None:
    request = NoiseRequest(**{"name": "a", **params})
    return step_key(step=step, version=version, request=request, models=models or {})


def test_a_key_is_stable_between_processes_and_versions_of_python() -> None:
    assert _key() == "dcc006a1eeba7cd1c72381b0247bdb005cdd9d999b38e6b1c71c3e53c8a2a835"


def test_every_part_counts() -> None:
    keys = [
        _key(),
        _key(step="other"),
        _key(version=2),
        _key(models={"text": "1" * 64}),
        _key(models={"text": "2" * 64}),
        _key(models={"speech": "1" * 64}),
        _key(name="b"),
        _key(inputs=(_artifact(),)),
        _key(inputs=(_artifact("1"),)),
        _key(inputs=(_artifact("1"), _artifact("0"))),
        _key(inputs=(_artifact("0"), _artifact("1"))),
        _key(inputs=(_artifact("0", width=3),)),
    ]
    assert len(set(keys)) == len(keys)


def test_a_default_left_out_and_an_integer_for_a_float_mean_the_same() -> None:
    assert _key(seconds=0) == _key(seconds=0.0) == _key(text="") == _key()


def test_a_model_without_a_digest_has_no_key() -> None:
    assert _key(models={"text": None, "speech": "1" * 64}) is None
