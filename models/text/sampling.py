"""Choosing the next token from logits, the same way for every runtime that hands out logits.

Design:
- The order is that of llama.cpp, so that a request means the same on both: repetition first, then temperature, then
  the cuts (top-k, top-p, min-p), then chance.
- Chance is the generator's alone: same seed, same machine, same text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.text.base import TextRequest

if TYPE_CHECKING:
    import torch

DRY_BASE = 1.75  # growth of the penalty with each token a repetition is longer
DRY_ALLOWED = 2  # tokens that may repeat for nothing
DRY_WINDOW = 512  # tokens looked back


def choose(
    logits: torch.Tensor, *, request: TextRequest, written: list[int], context: list[int], chance: torch.Generator
) -> int:
    """The next token.

    Args:
        logits: (vocabulary,) float32 on the CPU; what a grammar forbids is -inf. Changed in place.
        written: Tokens of the answer so far: presence penalty counts these.
        context: Prompt and answer: repetition penalties look back over these.
        chance: Drawn from once a token.
    """
    import torch

    penalise(logits, request=request, written=written, context=context)
    if request.temperature == 0:
        return int(torch.argmax(logits))
    logits = logits / request.temperature
    if 0 < request.top_k < logits.numel():
        floor = torch.topk(logits, request.top_k).values[-1]
        logits = logits.masked_fill(logits < floor, float("-inf"))
    probabilities = torch.softmax(logits, dim=-1)
    if request.top_p < 1:
        ordered, order = torch.sort(probabilities, descending=True)
        late = ordered.cumsum(0) - ordered > request.top_p
        probabilities[order[late]] = 0
    if request.min_p > 0:
        probabilities[probabilities < request.min_p * probabilities.max()] = 0
    return int(torch.multinomial(probabilities / probabilities.sum(), 1, generator=chance))


def penalise(logits: torch.Tensor, *, request: TextRequest, written: list[int], context: list[int]) -> None:
    """Make repetition less likely, in place."""
    import torch

    if request.presence_penalty and written:
        logits[list(set(written))] -= request.presence_penalty
    recent = context[-DRY_WINDOW:]
    if request.repeat_penalty != 1 and recent:
        seen = torch.tensor(sorted(set(recent)))
        values = logits[seen]
        logits[seen] = torch.where(values > 0, values / request.repeat_penalty, values * request.repeat_penalty)
    if request.dry_multiplier > 0:
        for token, length in repeats(recent).items():
            if length >= DRY_ALLOWED:
                logits[token] -= request.dry_multiplier * DRY_BASE ** min(length - DRY_ALLOWED, 40)


def repeats(tokens: list[int]) -> dict[int, int]:
    """For each token that would go on repeating: how many tokens before it repeat already.

    The end of `tokens` is compared with every earlier place; where they match, the token that followed there is the
    one that would make the repetition longer.
    """
    longest: dict[int, int] = {}
    for place in range(len(tokens) - 1):
        length = 0
        while length <= place and tokens[place - length] == tokens[-1 - length]:
            length += 1
        if length:
            following = tokens[place + 1]
            longest[following] = max(longest.get(following, 0), length)
    return longest
