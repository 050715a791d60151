"""llama.cpp on real weights: same seed, same text whatever was asked before; schema, stop, cancel, memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import psutil
import pytest

from models.control import CancelToken, Control
from models.errors import Cancelled
from models.settings import Settings
from models.text.base import Message, TextRequest
from models.text.llama import LlamaModel

pytestmark = pytest.mark.acceptance

PREFIX = (
    Message(role="system", content="You write one short line of advertising. No lists, no explanations."),
    Message(role="user", content="Product: a flight jacket with many pockets. Audience: city commuters."),
    Message(role="assistant", content="Ready."),
)


def load() -> LlamaModel:
    path = Settings.from_env().models_dir / "qwen2.5-coder-0.5b" / "model.gguf"
    return LlamaModel(card_id="qwen2.5-coder-0.5b", path=path, threads=1, context=2048, slots=3, gpu=False)


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    loaded = load()
    yield loaded
    loaded.close()


def ask(text: str, **options: object) -> TextRequest:
    return TextRequest.model_validate(
        {"messages": (*PREFIX, Message(role="user", content=text)), "max_tokens": 16, "seed": 7, **options}
    )


def test_same_seed_same_text_whatever_was_asked_before(model: LlamaModel) -> None:
    first = model.generate(ask("Write a line about rain."))
    model.generate(ask("Write about trains, then stop.", seed=3))
    again = model.generate(ask("Write a line about rain."))
    assert first == again
    assert first.mean_logprob is not None
    assert first.mean_logprob < 0
    assert 0 < first.completion_tokens <= 16


def test_candidates_differ_and_come_back_the_same(model: LlamaModel) -> None:
    request = ask("Write a line about mornings.", temperature=1.0)
    first = model.generate_many(request, 3)
    model.generate(ask("Something else."))
    assert [item.text for item in model.generate_many(request, 3)] == [item.text for item in first]
    assert len({item.text for item in first}) > 1


def test_a_pattern_keeps_figures_and_foreign_letters_out(model: LlamaModel) -> None:
    schema = {"type": "string", "pattern": "^(早上|晚上)，[一-龥]+。$"}
    request = TextRequest(
        messages=(Message(role="user", content="用JSON字符串写一句话，提到iPhone和50%。"),),
        max_tokens=48,
        seed=1,
        json_schema=schema,
    )
    result = model.generate(request)
    text = result.text if result.finish_reason == "length" else json.loads(result.text)
    assert re.match(r"\"?(早上|晚上)，[一-龥]+", text)
    assert not re.search(r"[A-Za-z0-9%]", text)


def test_stop_strings_end_the_text_and_are_not_in_it(model: LlamaModel) -> None:
    result = model.generate(ask("Count: one, two, three, four.", stop=(",", "."), temperature=0))
    assert "," not in result.text
    assert "." not in result.text
    assert result.finish_reason == "stop"


def test_cancel_stops_between_tokens_and_the_model_goes_on_working(model: LlamaModel) -> None:
    token = CancelToken()
    stream = model.stream(ask("Tell a long story.", max_tokens=400), control=Control(cancel=token))
    next(stream)
    token.cancel()
    with pytest.raises(Cancelled):
        next(stream)
    assert model.generate(ask("Write a line about rain.")) == model.generate(ask("Write a line about rain."))


def test_closing_gives_the_memory_back() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    loaded = load()
    loaded.generate(ask("Write a line."))
    held = process.memory_info().rss - before
    loaded.close()
    assert held > 300 << 20
    assert process.memory_info().rss - before < held * 0.3
