"""The transformers and OpenAI adapters beyond what every text model has to do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.control import CancelToken, Control
from models.errors import (
    AdapterFailed,
    BadInput,
    Cancelled,
    CorruptFile,
    ModelMissing,
    SourceUnavailable,
    StudioError,
    UnsupportedArgument,
)
from models.text import openai, sampling, transformers
from models.text.base import Message, TextRequest
from tests.conformance.subjects import card_of
from tests.support.openai_server import OpenAIServer
from tests.support.tiny import tiny_language_model


def ask(**more: Any) -> TextRequest:
    turns = (Message(role="system", content="Be brief."), Message(role="user", content="One line about coffee."))
    return TextRequest(messages=more.pop("messages", turns), **{"max_tokens": 16, "seed": 3, **more})


class TestTransformers:
    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tiny_language_model(tmp_path_factory.mktemp("llm") / "model", positions=700)

    @pytest.fixture
    def model(self, folder: Path) -> Iterator[transformers.TransformersText]:
        loaded = transformers.load(card_of("qwen3-4b-instruct"), folder, options={"threads": 1, "dtype": "float32"})
        yield loaded
        loaded.close()

    def test_the_chat_template_makes_the_prompt(self, model: Any) -> None:
        text = model._tokenizer.decode(model._prompt(ask()))
        assert text.startswith("<|im_start|>system\nBe brief.<|im_end|>")
        assert text.endswith("<|im_start|>assistant\n")

    def test_a_template_without_system_turns(self, model: Any) -> None:
        model._tokenizer.chat_template = (
            "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        )
        assert model._tokenizer.decode(model._prompt(ask())) == "[user]Be brief.\n\nOne line about coffee."

    def test_no_template_means_plain_headings(self, model: Any) -> None:
        model._tokenizer.chat_template = None
        text = model._tokenizer.decode(model._prompt(ask()))
        assert text == "System: Be brief.\n\nUser: One line about coffee.\n\nAssistant:"
        assert model.generate(ask()).completion_tokens > 0

    def test_too_long_a_text_is_refused(self, model: Any) -> None:
        long = (Message(role="user", content="coffee beans " * 400),)
        with pytest.raises(BadInput, match="max_tokens=16"):
            model.generate(ask(messages=long))

    def test_a_long_prompt_read_in_pieces_gives_the_same(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        request = ask(messages=(Message(role="user", content="bold évenings 冷萃 " * 20),), temperature=0)
        whole = model.generate(request)
        monkeypatch.setattr(transformers, "PIECE", 7)
        assert model.generate(request).text == whole.text
        assert whole.mean_logprob < 0

    def test_a_schema_it_cannot_follow(self, model: Any) -> None:
        with pytest.raises(UnsupportedArgument, match="json_schema"):
            model.generate(ask(json_schema={"type": "no such type"}))

    def test_text_with_patterns_and_lengths(self, model: Any) -> None:
        schema = {
            "type": "object",
            "properties": {
                "line": {"type": "string", "pattern": "^[a-z]{3,8}$"},
                "tags": {
                    "type": "array",
                    "items": {"type": "string", "enum": ["a", "b"]},
                    "minItems": 2,
                    "maxItems": 2,
                },
            },
            "required": ["line", "tags"],
            "additionalProperties": False,
        }
        answer = json.loads(model.generate(ask(json_schema=schema, max_tokens=120)).text)
        assert 3 <= len(answer["line"]) <= 8
        assert len(answer["tags"]) == 2

    def test_unfinished_characters_are_held_back(self, model: Any) -> None:
        writer = transformers._Writer(model._tokenizer, ())
        tokens = model._tokenizer("a☕b", add_special_tokens=False)["input_ids"]
        pieces = [writer.add(token) for token in tokens]
        assert "".join(pieces) == "a☕b"
        assert not any("\ufffd" in piece for piece in pieces)

    def test_a_stop_string_across_tokens(self, model: Any) -> None:
        writer = transformers._Writer(model._tokenizer, ("b c",))
        out = []
        for token in model._tokenizer("a b d b c e", add_special_tokens=False)["input_ids"]:
            out.append(writer.add(token))
            if writer.stopped:
                break
        assert "".join(out) + writer.end() == "a b d "

    def test_closed(self, model: Any) -> None:
        model.close()
        with pytest.raises(AdapterFailed, match="closed"):
            model.generate(ask())

    def test_files(self, tmp_path: Path, folder: Path) -> None:
        card = card_of("qwen3-4b-instruct")
        with pytest.raises(ModelMissing) as missing:
            transformers.load(card, tmp_path, options={})
        assert missing.value.hint == "studio models pull qwen3-4b-instruct"
        (tmp_path / "config.json").write_text((folder / "config.json").read_text())
        with pytest.raises(CorruptFile):
            transformers.load(card, tmp_path, options={})
        with pytest.raises(UnsupportedArgument, match="float31"):
            transformers.load(card, folder, options={"dtype": "float31"})


class TestSampling:
    def pick(self, logits: list[float], **more: Any) -> int:
        context = more.pop("context", [])
        chance = torch.Generator().manual_seed(1)
        return sampling.choose(
            torch.tensor(logits), request=ask(**more), written=context, context=context, chance=chance
        )

    def test_cold_takes_the_best(self) -> None:
        assert self.pick([0.0, 3.0, 2.9], temperature=0) == 1

    def test_cuts(self) -> None:
        for more in ({"top_k": 1}, {"top_p": 0.01}, {"min_p": 1.0}):
            assert self.pick([0.0, 3.0, 2.9], temperature=2.0, **more) == 1

    def test_forbidden_tokens_are_never_taken(self) -> None:
        assert self.pick([float("-inf"), 0.0, float("-inf")], temperature=2.0) == 1

    def test_penalties(self) -> None:
        assert self.pick([0.0, 1.0], temperature=0, presence_penalty=2.0, context=[1]) == 0
        assert self.pick([0.9, 1.0], temperature=0, repeat_penalty=1.5, context=[1]) == 0
        assert self.pick([0.5, 0.0, 0.0, 3.0], temperature=0, dry_multiplier=3.0, context=[1, 2, 3, 1, 2]) == 0

    @given(st.lists(st.integers(0, 3), max_size=30))
    def test_repeats_are_what_really_repeats(self, tokens: list[int]) -> None:
        for following, length in sampling.repeats(tokens).items():
            pattern = [*tokens[len(tokens) - length :], following]
            places = range(len(tokens) - len(pattern) + 1)
            assert any(tokens[p : p + len(pattern)] == pattern for p in places)


class TestOpenAI:
    @pytest.fixture
    def server(self) -> Iterator[OpenAIServer]:
        with OpenAIServer() as running:
            yield running

    def load(self, server: OpenAIServer, **options: Any) -> openai.OpenAIText:
        return openai.load(card_of("openai-compatible"), Path(), options={"url": server.url, "model": "m", **options})

    def test_what_is_sent(self, server: OpenAIServer) -> None:
        model = self.load(server, key="secret")
        result = model.generate(
            ask(stop=("###",), json_schema={"type": "object", "properties": {}}, presence_penalty=0.5)
        )
        (body,) = server.bodies
        assert body["model"] == "m"
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert (body["max_tokens"], body["seed"], body["stop"], body["presence_penalty"]) == (16, 3, ["###"], 0.5)
        assert body["response_format"]["json_schema"]["schema"] == {"type": "object", "properties": {}}
        assert not set(body) & {"top_k", "min_p", "repeat_penalty", "dry_multiplier"}
        assert server.headers[0]["authorization"] == "Bearer secret"
        assert result.prompt_tokens > 0

    def test_no_key_no_header(self, server: OpenAIServer) -> None:
        self.load(server).generate(ask())
        assert "authorization" not in server.headers[0]

    @pytest.mark.parametrize("field", ["top_k", "min_p", "repeat_penalty", "dry_multiplier"])
    def test_beyond_the_protocol(self, server: OpenAIServer, field: str) -> None:
        value = 2 if field == "top_k" else 1.0 if field != "repeat_penalty" else 1.3
        with pytest.raises(UnsupportedArgument, match=field):
            self.load(server).generate(ask(**{field: value}))
        assert not server.bodies
        self.load(server, dialect="llama.cpp").generate(ask(**{field: value}))
        assert server.bodies[0][field] == value

    def test_settings_from_the_environment(self, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        card = card_of("openai-compatible")
        with pytest.raises(BadInput, match="STUDIO_OPENAI_URL"):
            openai.load(card, Path(), options={})
        monkeypatch.setenv("STUDIO_OPENAI_URL", "ftp://x")
        monkeypatch.setenv("STUDIO_OPENAI_MODEL", "writer")
        with pytest.raises(BadInput, match="ftp://x"):
            openai.load(card, Path(), options={})
        monkeypatch.setenv("STUDIO_OPENAI_URL", server.url + "/")
        openai.load(card, Path(), options={}).generate(ask())
        assert server.bodies[0]["model"] == "writer"
        monkeypatch.setenv("STUDIO_OPENAI_DIALECT", "klingon")
        with pytest.raises(BadInput, match="klingon"):
            openai.load(card, Path(), options={})

    @pytest.mark.parametrize(
        ("status", "kind", "again"),
        [
            (401, BadInput, False),
            (404, BadInput, False),
            (400, UnsupportedArgument, False),
            (429, AdapterFailed, True),
            (503, AdapterFailed, True),
        ],
    )
    def test_refusals(self, server: OpenAIServer, status: int, kind: type[StudioError], again: bool) -> None:
        server.refuse = (status, json.dumps({"error": {"message": "no such luck\nsecond line"}}))
        with pytest.raises(kind, match=r"no such luck") as error:
            self.load(server, key="secret").generate(ask())
        assert error.value.retryable is again
        assert "second line" not in str(error.value)
        assert "secret" not in str(error.value)

    def test_an_answer_that_is_no_json(self, server: OpenAIServer) -> None:
        server.refuse = (502, "<html>bad gateway</html>")
        with pytest.raises(AdapterFailed, match="502"):
            self.load(server).generate(ask())

    def test_nobody_there(self, server: OpenAIServer) -> None:
        with pytest.raises(SourceUnavailable, match="does not answer"):
            self.load(server, url="http://127.0.0.1:9/v1").generate(ask())

    def test_broken_off(self, server: OpenAIServer) -> None:
        server.cut = 2
        with pytest.raises(AdapterFailed, match="broke off"):
            self.load(server).generate(ask())

    def test_cancel_hangs_up_on_a_silent_server(self, server: OpenAIServer) -> None:
        server.stall = True
        control = Control(cancel=CancelToken())
        stream = self.load(server).stream(ask(), control=control)
        assert next(stream).text
        threading.Timer(0.2, control.cancel.cancel).start()
        with pytest.raises(Cancelled):
            next(stream)
        for _ in range(100):
            if server.hung_up.wait(0.05):
                break
            time.sleep(0.01)
        assert server.hung_up.is_set()
