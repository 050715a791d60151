"""The fake text model honours what real runtimes honour."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.control import CancelToken, Control
from models.errors import Cancelled, UnsupportedArgument
from models.text.base import Message, TextModel, TextRequest
from models.text.fake import FakeText


def ask(text: str = "Say something.", **options: Any) -> TextRequest:
    return TextRequest(messages=(Message(role="user", content=text),), **options)


def test_same_seed_same_text_other_seed_other_text() -> None:
    texts = [FakeText().generate(ask(seed=seed)).text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert isinstance(FakeText(), TextModel)


def test_without_temperature_the_seed_does_not_matter() -> None:
    assert FakeText().generate(ask(seed=1, temperature=0)).text == FakeText().generate(ask(seed=2, temperature=0)).text


def test_it_answers_in_the_language_of_the_last_message() -> None:
    assert re.search(r"[\u4e00-\u9fff]", FakeText().generate(ask("写一句")).text)
    assert FakeText().generate(ask("Write")).text.isascii()


def test_stop_and_max_tokens_end_the_text() -> None:
    stopped = FakeText(answers=["one two, three"]).generate(ask(stop=(",",)))
    assert (stopped.text, stopped.finish_reason) == ("one two", "stop")
    cut = FakeText(answers=["one two three"]).generate(ask(max_tokens=2))
    assert (cut.text, cut.finish_reason, cut.completion_tokens) == ("one two", "length", 2)


def test_cancel_is_looked_at_between_tokens() -> None:
    token = CancelToken()
    stream = FakeText().stream(ask(), control=Control(cancel=token))
    next(stream)
    token.cancel()
    with pytest.raises(Cancelled):
        next(stream)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[一-龥，]+。$",
        r"^so [a-z' ]+$",
        r"^(早|晚)[上风]，[一-龥]{2,4}[？]?$",
        r"^\d{3}-[^a-z]+$",
        r"^(a|b)(c|d){2}.$",
    ],
)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_patterns_are_matched(pattern: str, seed: int) -> None:
    text = FakeText().generate(ask("写", seed=seed, json_schema={"type": "string", "pattern": pattern})).text
    assert re.fullmatch(pattern, json.loads(text))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_schemas_are_kept(seed: int) -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "items": {"type": "array", "items": {"type": "integer", "minimum": 3}, "minItems": 1, "maxItems": 2},
            "text": {"type": "string", "maxLength": 12},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
            "fixed": {"const": 1},
            "size": {"type": "number"},
        },
    }
    value = json.loads(FakeText().generate(ask(seed=seed, json_schema=schema)).text)
    assert value["kind"] in {"a", "b"}
    assert 1 <= len(value["items"]) <= 2
    assert all(item >= 3 for item in value["items"])
    assert len(value["text"]) <= 12
    assert value["maybe"] in (None, True, False)
    assert value["fixed"] == 1


def test_a_schema_it_cannot_keep_is_an_error() -> None:
    with pytest.raises(UnsupportedArgument):
        FakeText().generate(ask(json_schema={"type": "date"}))
