"""Any causal language model of the transformers library, from a folder or a hub download.

Design:
- The token loop is our own: it streams, looks at the cancel token before every forward pass, and samples exactly as
  the other runtimes do (`models/text/sampling.py`). Long prompts are read in pieces for the same reason.
- JSON schemas are honoured by llguidance: a mask over the vocabulary at each token, nothing compiled beforehand.
- Weights are safetensors only and no code of the repository is run.
- A model without a chat template is prompted by plain headings.
"""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Literal

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, BadInput, CorruptFile, ModelMissing, OutOfMemory, UnsupportedArgument
from models.text.base import TextDelta, TextRequest, TextResult

PIECE = 256  # prompt tokens read between two looks at the cancel token
BROKEN = "\ufffd"  # what an unfinished UTF-8 character decodes to


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> TransformersText:
    """Load a model. Options: device ("cpu", "cuda"), dtype ("auto", "float32", "bfloat16", ...), threads."""
    import torch
    import transformers

    if not (folder / "config.json").is_file():
        raise ModelMissing(f"{card.id}: there is no model in its folder.", hint=f"studio models pull {card.id}")
    device = str(options.get("device", "cpu"))
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UnsupportedArgument(f"{card.id}: device {device!r} was asked for, but there is no CUDA device.")
    if device == "cpu":
        torch.set_num_threads(int(options.get("threads", 2)))
    named = str(options.get("dtype", "auto"))
    if device == "cpu" and named == "float16":
        named = "float32"  # half precision has no kernels on CPUs
    dtype = named if named == "auto" else getattr(torch, named, None)
    if dtype is None:
        raise UnsupportedArgument(f"{card.id}: unknown dtype {named!r}.")
    own = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **own)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, **own)
        model.to(torch.device(device))  # type: ignore[arg-type]  # a decorator hides the method's own signature
        model.eval()
    except torch.cuda.OutOfMemoryError as error:
        raise OutOfMemory(f"{card.id} does not fit the GPU.", hint="Choose a smaller model.") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CorruptFile(
            f"{card.id}: the folder cannot be loaded: {_line(error)}", hint=f"studio models check {card.id}"
        ) from error
    return TransformersText(card.id, model=model, tokenizer=tokenizer)


class TransformersText:
    """A loaded causal language model. Requests wait for one another."""

    def __init__(self, card_id: str, *, model: Any, tokenizer: Any) -> None:
        self.card_id = card_id
        self._model = model
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._grammars: Any = None  # the tokenizer as llguidance wants it, made when first needed
        ends = model.generation_config.eos_token_id if model.generation_config is not None else None
        ends = ends if ends is not None else tokenizer.eos_token_id
        self._ends = frozenset([ends] if isinstance(ends, int) else ends or [])

    def generate(self, request: TextRequest, *, control: Control | None = None) -> TextResult:
        """Write the whole text."""
        stream = self.stream(request, control=control or Control())
        while True:
            try:
                next(stream)
            except StopIteration as end:
                result: TextResult = end.value
                return result

    def stream(self, request: TextRequest, *, control: Control) -> Generator[TextDelta, None, TextResult]:
        """Yield the text as it is written; the generator's return value is the `TextResult`."""
        import torch

        with self._lock:
            if self._model is None:
                raise AdapterFailed(f"{self.card_id}: the model was closed.", retryable=False)
            try:
                return (yield from self._write(request, control))
            except torch.cuda.OutOfMemoryError as error:
                raise OutOfMemory(f"{self.card_id}: the text does not fit the GPU's memory.") from error
            except RuntimeError as error:
                raise AdapterFailed(f"{self.card_id}: {_line(error)}") from error

    def close(self) -> None:
        """Give the memory back."""
        import torch

        with self._lock:
            self._model = self._grammars = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    # -- inside ------------------------------------------------------------------------------------------------

    def _write(self, request: TextRequest, control: Control) -> Generator[TextDelta, None, TextResult]:
        import torch

        from models.text.sampling import choose

        control.check()
        prompt = self._prompt(request)
        matcher = self._matcher(request)
        chance = torch.Generator().manual_seed(request.seed)
        writer = _Writer(self._tokenizer, request.stop)
        logprobs: list[float] = []
        reason: Literal["stop", "length"] = "length"
        logits, cache = self._read(prompt, None, control)
        while len(writer.tokens) < request.max_tokens:
            control.check()
            logits = logits.float().cpu()
            logprob_of = torch.log_softmax(logits, dim=-1)
            if matcher is not None:
                matcher.restrict(logits)
            token = choose(
                logits, request=request, written=writer.tokens, context=prompt + writer.tokens, chance=chance
            )
            if token in self._ends:
                reason = "stop"
                break
            logprobs.append(float(logprob_of[token]))
            piece = writer.add(token)
            if piece:
                yield TextDelta(text=piece, logprob=logprobs[-1])
            if writer.stopped or (matcher is not None and matcher.take(token)):
                reason = "stop"
                break
            control.progress(len(writer.tokens) / request.max_tokens)
            logits, cache = self._read([token], cache, control)
        rest = writer.end()
        if rest:
            yield TextDelta(text=rest)
        return TextResult(
            text=writer.text,
            finish_reason=reason,
            prompt_tokens=len(prompt),
            completion_tokens=len(writer.tokens),
            mean_logprob=sum(logprobs) / len(logprobs) if logprobs else None,
            model=self.card_id,
        )

    def _read(self, tokens: list[int], cache: Any, control: Control) -> tuple[Any, Any]:
        """Run tokens through the model; the logits after the last of them (vocabulary,), and the new cache."""
        import torch

        logits = None
        for start in range(0, len(tokens), PIECE):
            control.check()
            piece = torch.tensor([tokens[start : start + PIECE]], device=self._model.device)
            with torch.inference_mode():
                out = self._model(input_ids=piece, past_key_values=cache, use_cache=True)
            logits, cache = out.logits[0, -1], out.past_key_values
        return logits, cache

    def _prompt(self, request: TextRequest) -> list[int]:
        """Tokens of the conversation up to where the model is to write."""
        messages = [message.model_dump() for message in request.messages]
        if getattr(self._tokenizer, "chat_template", None):
            text = self._templated(messages)
            tokens = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        else:
            text = "".join(f"{m['role'].capitalize()}: {m['content']}\n\n" for m in messages) + "Assistant:"
            tokens = self._tokenizer(text)["input_ids"]
        room = getattr(self._model.config, "max_position_embeddings", None)
        if room and len(tokens) + request.max_tokens > room:
            raise BadInput(
                f"{self.card_id}: {len(tokens)} prompt tokens and max_tokens={request.max_tokens} exceed its {room}.",
                hint="Shorten the text or ask for fewer tokens.",
            )
        return [int(token) for token in tokens]

    def _templated(self, messages: list[dict[str, str]]) -> str:
        import jinja2

        def render(turns: list[dict[str, str]]) -> str:
            return str(
                self._tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
                )
            )

        try:
            return render(messages)
        except jinja2.TemplateError as error:
            if messages[0]["role"] != "system" or len(messages) < 2:
                raise UnsupportedArgument(f"{self.card_id}: its chat template refuses the messages: {error}") from error
        # Some templates know no system turn: what it says goes in front of the first turn of the user.
        first, second, *rest = messages
        return render([{"role": second["role"], "content": f"{first['content']}\n\n{second['content']}"}, *rest])

    def _matcher(self, request: TextRequest) -> _Matcher | None:
        if request.json_schema is None:
            return None
        import llguidance.hf

        if self._grammars is None:
            # The model's vocabulary may be padded beyond the tokenizer's.
            size = int(self._model.get_output_embeddings().weight.shape[0])
            self._grammars = llguidance.hf.from_tokenizer(
                self._tokenizer, n_vocab=max(size, len(self._tokenizer)), eos_token=sorted(self._ends) or None
            )
        return _Matcher(self.card_id, self._grammars, request.json_schema)


class _Matcher:
    """A JSON schema followed token by token."""

    def __init__(self, card_id: str, tokenizer: Any, schema: dict[str, Any]) -> None:
        import llguidance
        import llguidance.numpy

        # Compact JSON: a small model left free to indent fills its answer with blanks.
        compact = {
            **schema,
            "x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "},
        }
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(compact))
        self._matcher = llguidance.LLMatcher(tokenizer, grammar)
        self._card_id = card_id
        self._mask = llguidance.numpy.allocate_token_bitmask(1, tokenizer.vocab_size)
        if self._matcher.is_error():
            raise UnsupportedArgument(f"{card_id}: json_schema cannot be followed: {self._matcher.get_error()}")

    def restrict(self, logits: Any) -> None:
        """Set to -inf what the schema does not allow next, in place. `logits`: (vocabulary,) float32 on the CPU."""
        import llguidance.numpy

        llguidance.numpy.fill_next_token_bitmask(self._matcher, self._mask, 0)
        llguidance.numpy.apply_token_bitmask_inplace(logits.numpy(), self._mask)

    def take(self, token: int) -> bool:
        """Go on by `token`; True when the document is complete."""
        if not self._matcher.consume_token(token):
            raise AdapterFailed(f"{self._card_id}: the schema lost its way: {self._matcher.get_error()}")
        return bool(self._matcher.is_stopped())


class _Writer:
    """Turns tokens into text piece by piece and watches for stop strings."""

    def __init__(self, tokenizer: Any, stop: tuple[str, ...]) -> None:
        self.tokens: list[int] = []
        self.text = ""  # given out so far
        self.stopped = False
        self._tokenizer = tokenizer
        self._stop = stop
        self._settled = 0  # tokens whose text is decoded for good
        self._held = ""  # decoded, not given out: it may be the beginning of a stop string

    def add(self, token: int) -> str:
        """Take a token; the text that can be given out now."""
        self.tokens.append(token)
        # Decoded together with one settled token before it: some tokenizers drop a leading space.
        anchor = max(0, self._settled - 1)
        before = self._tokenizer.decode(self.tokens[anchor : self._settled], skip_special_tokens=True)
        now = self._tokenizer.decode(self.tokens[anchor:], skip_special_tokens=True)
        if now.endswith(BROKEN) and len(self.tokens) - self._settled < 8:
            return ""  # a character is not finished
        self._settled = len(self.tokens)
        self._held += now[len(before) :]
        for stop in self._stop:
            place = self._held.find(stop)
            if place >= 0:
                self._held = self._held[:place]
                self.stopped = True
        keep = 0 if self.stopped else self._beginning_of_stop()
        piece, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        self.text += piece
        return piece

    def end(self) -> str:
        """What was held back, once no more tokens come."""
        rest, self._held = self._held, ""
        self.text += rest
        return rest

    def _beginning_of_stop(self) -> int:
        """Characters at the end of the held text that a stop string may begin with."""
        return max(
            (size for stop in self._stop for size in range(1, len(stop)) if self._held.endswith(stop[:size])), default=0
        )


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
