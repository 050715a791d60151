"""A seeded, instant stand-in for a text model: for tests and for trying the studio without weights.

Design:
- Same request and seed, same text; another seed, usually another text. Chinese is answered when the last message
  has Chinese.
- It honours what real runtimes honour: JSON schema (patterns included), stop strings, `max_tokens`, cancel. A token
  is a Chinese character, or a run of other characters up to a space.
- `answers` scripts the first replies of a test; after them it writes on by itself.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from models.card import Card
from models.control import Control
from models.errors import UnsupportedArgument
from models.text.base import TextDelta, TextRequest, TextResult

_LINES = {
    "zh": (
        "先把脚步放慢，再把这一刻留给自己。",
        "忙完手边的事，给自己一点轻松。",
        "想要的样子，从一个小改变开始。",
        "出门之前，顺手带上它。",
        "不必等到周末，今天就可以。",
        "简单一点，反而更从容。",
        "把时间还给真正在意的事。",
        "窗外有风，手里有底气。",
        "少一步准备，多一份自在。",
        "慢下来的时候，味道更清楚。",
    ),
    "en": (
        "Take the slow road home tonight.",
        "Mornings feel lighter when the small things are ready.",
        "Leave the noise at the door.",
        "There is room for a calmer day.",
        "Keep moving, keep it simple.",
        "Plans change, and you stay ready.",
        "Small habits make the evening yours.",
        "Less fuss, more of what you like.",
        "Step out and let the day begin.",
        "Quiet confidence goes with everything.",
    ),
}
_HAN = re.compile(r"[\u4e00-\u9fff]")
_TOKEN = re.compile(r"[\u3000-\u9fff\uff00-\uffef]|\s*[^\s\u3000-\u9fff\uff00-\uffef]+|\s+")


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> FakeText:
    """The fake needs no files."""
    return FakeText(card_id=card.id)


class FakeText:
    """A `TextModel` without weights.

    Args:
        card_id: What results name as their model.
        answers: Replies given word for word, in order, before it writes by itself (a schema is not applied to them).
    """

    def __init__(self, *, card_id: str = "fake-text", answers: Sequence[str] = ()) -> None:
        self.card_id = card_id
        self.requests: list[TextRequest] = []
        self._answers = list(answers)

    def stream(self, request: TextRequest, *, control: Control) -> Generator[TextDelta, None, TextResult]:
        """Yield the text token by token; the generator's return value is the `TextResult`."""
        control.check()
        self.requests.append(request)
        text = self._answers.pop(0) if self._answers else _write(request)
        reason: Literal["stop", "length"] = "stop"
        for stop in request.stop:
            if stop in text:
                text = text[: text.index(stop)]
        tokens = _TOKEN.findall(text)
        if len(tokens) > request.max_tokens:
            tokens, reason = tokens[: request.max_tokens], "length"
        for token in tokens:
            control.check()
            yield TextDelta(text=token, logprob=-1.0)
        prompt = sum(len(_TOKEN.findall(message.content)) for message in request.messages)
        return TextResult(
            text="".join(tokens),
            finish_reason=reason,
            prompt_tokens=prompt,
            completion_tokens=len(tokens),
            mean_logprob=-1.0 if tokens else None,
            model=self.card_id,
        )

    def generate(self, request: TextRequest, *, control: Control | None = None) -> TextResult:
        """Write the whole text."""
        stream = self.stream(request, control=control or Control())
        while True:
            try:
                next(stream)
            except StopIteration as end:
                result: TextResult = end.value
                return result

    def close(self) -> None:
        """Nothing to give back."""


def _write(request: TextRequest) -> str:
    last = request.messages[-1].content
    language = "zh" if _HAN.search(last) else "en"
    key = json.dumps([request.model_dump(mode="json", exclude={"stop"})], sort_keys=True, ensure_ascii=False)
    # Greedy decoding does not depend on the seed.
    source = random.Random(key if request.temperature else re.sub(r'"seed": \d+', "", key))
    if request.json_schema is not None:
        return json.dumps(_value(request.json_schema, source, language), ensure_ascii=False)
    lines = list(_LINES[language])
    source.shuffle(lines)
    return ("" if language == "zh" else " ").join(lines[: source.randint(1, 3)])


def _value(schema: Mapping[str, Any], source: random.Random, language: str) -> Any:  # noqa: PLR0911 - a type each
    """A JSON value that the schema accepts."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return source.choice(list(schema["enum"]))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return _value(source.choice(list(schema[union])), source, language)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = source.choice(kind)
    if kind == "object":
        return {name: _value(part, source, language) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        low = int(schema.get("minItems", 1))
        count = source.randint(low, max(low, int(schema.get("maxItems", low + 2))))
        return [_value(schema.get("items", {"type": "string"}), source, language) for _ in range(count)]
    if kind in {"integer", "number"}:
        low = schema.get("minimum", 0)
        high = schema.get("maximum", low + 10)
        return source.randint(int(low), int(high)) if kind == "integer" else round(source.uniform(low, high), 3)
    if kind == "boolean":
        return source.random() < 0.5
    if kind == "null":
        return None
    if kind != "string":
        raise UnsupportedArgument(f"fake-text: no JSON type {kind!r}.", hint="Use a JSON Schema type.")
    return _string(schema, source, language)


def _string(schema: Mapping[str, Any], source: random.Random, language: str) -> str:
    low, high = int(schema.get("minLength", 0)), int(schema.get("maxLength", 10_000))
    pattern = schema.get("pattern")
    lines = list(_LINES[language])
    source.shuffle(lines)
    clauses = [clause for line in lines for clause in (line, line.rstrip("。."), *re.split("[，,。.]", line)) if clause]
    for clause in clauses:
        text = clause.strip()
        if low <= len(text) <= high and (pattern is None or re.fullmatch(pattern, text)):
            return text
    if pattern is not None:
        return _matching(pattern, source)
    return (lines[0] * (low // len(lines[0]) + 1))[: max(low, min(high, len(lines[0])))]


def _regex_parser() -> tuple[Any, Any]:
    """The standard library's own pattern parser, wherever this Python keeps it."""
    import importlib

    names = ("re._constants", "re._parser") if sys.version_info >= (3, 11) else ("sre_constants", "sre_parse")
    return importlib.import_module(names[0]), importlib.import_module(names[1])


def _matching(pattern: str, source: random.Random) -> str:
    """A string that matches a plain pattern: literals, classes, groups, alternatives and repeats."""
    op, parser = _regex_parser()
    everyday = sorted({letter for line in _LINES["zh"] for letter in line if _HAN.match(letter)})

    def one(items: Any) -> str:
        return "".join(part(code, argument) for code, argument in items)

    def part(code: Any, argument: Any) -> str:  # noqa: PLR0911 - a kind of node each
        if code is op.LITERAL:
            return chr(argument)
        if code is op.ANY:
            return "a"
        if code is op.IN:
            return member(argument)
        if code in {op.MAX_REPEAT, op.MIN_REPEAT}:
            low, high, inner = argument
            return "".join(one(inner) for _ in range(source.randint(int(low), min(int(high), int(low) + 6))))
        if code is op.SUBPATTERN:
            return one(argument[3])
        if code is op.BRANCH:
            return one(source.choice(argument[1]))
        if code is op.AT:
            return ""
        raise UnsupportedArgument(f"fake-text: pattern {pattern!r} uses {code}.", hint="Use a plainer pattern.")

    def member(choices: Any) -> str:
        if choices[0][0] is op.NEGATE:
            refused = re.compile("[" + pattern_of(choices[1:]) + "]")
            return next(letter for letter in "的ae b0-" if not refused.fullmatch(letter))
        code, argument = source.choice(choices)
        if code is op.RANGE:
            # Of the many characters of Chinese, the everyday ones.
            low, high = argument
            return source.choice(everyday) if low <= 0x4E00 < high else chr(source.randint(low, high))
        return chr(argument) if code is op.LITERAL else {"category_digit": "7"}.get(str(argument).lower(), "a")

    def pattern_of(choices: Any) -> str:
        return "".join(
            re.escape(chr(a)) if c is op.LITERAL else f"{re.escape(chr(a[0]))}-{re.escape(chr(a[1]))}"
            for c, a in choices
            if c in {op.LITERAL, op.RANGE}
        )

    return one(parser.parse(pattern))
