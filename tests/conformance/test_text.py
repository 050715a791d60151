"""What every text model has to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from models.control import CancelToken, Control
from models.errors import Cancelled
from models.text.base import Message, TextModel, TextRequest, TextResult
from tests.conformance.subjects import opened, params

SCHEMA = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["calm", "bold"]},
        "ready": {"type": "boolean"},
        "stars": {"type": "integer", "enum": [1, 2, 3]},
    },
    "required": ["mood", "ready", "stars"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=params("text"))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(request.param, tmp_path_factory.mktemp("text")) as loaded:
        yield loaded


def ask(**more: Any) -> TextRequest:
    words = (Message(role="system", content="You write ads."), Message(role="user", content="One line about coffee."))
    return TextRequest(messages=words, **{"max_tokens": 24, "seed": 7, **more})


def streamed(model: Any, request: TextRequest, control: Control | None = None) -> tuple[list[str], TextResult]:
    pieces, stream = [], model.stream(request, control=control or Control())
    while True:
        try:
            pieces.append(next(stream).text)
        except StopIteration as end:
            return pieces, end.value


class TestText:
    def test_is_a_text_model(self, model: Any) -> None:
        assert isinstance(model, TextModel)
        assert model.card_id

    def test_pieces_are_the_text(self, model: Any) -> None:
        pieces, result = streamed(model, ask())
        assert "".join(pieces) == result.text == model.generate(ask()).text
        assert len(pieces) > 1
        assert result.model == model.card_id

    def test_the_seed_decides(self, model: Any) -> None:
        texts = [model.generate(ask(seed=seed, temperature=1.0)).text for seed in (1, 1, 2, 3, 4)]
        assert texts[0] == texts[1]
        assert len(set(texts)) > 1

    def test_max_tokens(self, model: Any) -> None:
        result = model.generate(ask(max_tokens=3, stop=()))
        assert 1 <= result.completion_tokens <= 3
        assert result.prompt_tokens >= 0
        assert result.finish_reason in ("stop", "length")
        assert len(result.text) < len(model.generate(ask(max_tokens=24)).text)

    def test_stop_string_ends_the_text_and_is_not_in_it(self, model: Any) -> None:
        text = model.generate(ask()).text
        stop = text[len(text) // 2 :][:3]
        result = model.generate(ask(stop=(stop,)))
        assert result.text == text[: text.index(stop)]
        assert result.finish_reason == "stop"

    def test_json_schema(self, model: Any) -> None:
        result = model.generate(ask(json_schema=SCHEMA, max_tokens=96))
        answer = json.loads(result.text)
        assert set(answer) == {"mood", "ready", "stars"}
        assert answer["mood"] in ("calm", "bold")
        assert isinstance(answer["ready"], bool)
        assert answer["stars"] in (1, 2, 3)
        assert result.finish_reason == "stop"

    def test_cancelled_before_it_starts(self, model: Any) -> None:
        control = Control(cancel=CancelToken())
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            model.generate(ask(), control=control)

    def test_cancelled_within_a_token(self, model: Any) -> None:
        control = Control(cancel=CancelToken())
        stream = model.stream(ask(max_tokens=200), control=control)
        next(stream)
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            next(stream)
        assert model.generate(ask()).text, "a cancelled text must not spoil the next"

    def test_chinese(self, model: Any) -> None:
        request = TextRequest(messages=(Message(role="user", content="写一句咖啡广告。"),), max_tokens=12, seed=1)
        pieces, result = streamed(model, request)
        assert "".join(pieces) == result.text


@pytest.mark.parametrize("subject", params("text"))
def test_close_twice(subject: Any, tmp_path: Any) -> None:
    with opened(subject, tmp_path) as model:
        model.close()
