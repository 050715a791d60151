"""The protocol of the text task: chat messages in, text out, streamed token by token.

Design:
- One frozen request serves every runtime; a runtime that cannot honour a field raises `UnsupportedArgument`.
- `stream` is the primitive, `generate` collects it; both look at the cancel token at every token.
- The same request and seed give the same text on the same runtime and machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from models.control import Control


class Message(BaseModel):
    """One turn of a chat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


class TextRequest(BaseModel):
    """What to write and how to sample it.

    `json_schema` constrains the output to a JSON document of that schema (JSON Schema 2020-12 subset that
    grammars can express). `dry_multiplier` is the DRY repetition penalty's strength, 0 = off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = Field(min_length=1)
    max_tokens: int = Field(512, ge=1, le=32_768)
    temperature: float = Field(0.7, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(40, ge=0)
    min_p: float = Field(0.05, ge=0, le=1)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    repeat_penalty: float = Field(1.0, ge=0.5, le=2)
    dry_multiplier: float = Field(0.0, ge=0, le=5)
    seed: int = Field(0, ge=0, lt=2**32)
    stop: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class TextDelta:
    """A piece of text as it is written; usually one token."""

    text: str
    logprob: float | None = None  # natural log, of the token(s) in this piece


@dataclass(frozen=True)
class TextResult:
    """A finished text.

    Attributes:
        text: Without the stop string that ended it.
        finish_reason: "stop" (end of turn, stop string or complete JSON) or "length" (max_tokens reached).
        prompt_tokens, completion_tokens: Counts of tokens.
        mean_logprob: Mean natural log-likelihood a token, or None when the runtime does not tell.
        model: Card id of the model that wrote it.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    mean_logprob: float | None
    model: str


@runtime_checkable
class TextModel(Protocol):
    """A loaded text model."""

    card_id: str

    def stream(self, request: TextRequest, *, control: Control) -> Iterator[TextDelta]:
        """Yield pieces as they are written. The generator's return value is the `TextResult`."""
        ...

    def generate(self, request: TextRequest, *, control: Control | None = None) -> TextResult:
        """Write the whole text. Raises `Cancelled`, `UnsupportedArgument`, `AdapterFailed`."""
        ...

    def close(self) -> None:
        """Give the memory back. Idempotent."""
        ...
