"""The pattern bank: audiences, categories, ways to build a line, words to leave out. Data in `assets/copy`.

Design:
- Data only: an editor can add an audience or a category to the YAML files without touching code.
- The first entry whose `match` words occur in the brief's own wording wins; the last entry has none and takes the rest.
- Nothing in the bank carries a figure, a name or a claim of its own: facts come from the brief alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from models.settings import ASSETS
from pipelines.steps.vocabulary import Language, Product

_FOLDER = ASSETS / "copy"


@dataclass(frozen=True)
class Audience:
    """Who is spoken to. `known` is False when only the general entry fits."""

    life: str
    heads: tuple[str, ...]
    openers: tuple[str, ...]
    hooks: tuple[str, ...]
    wish: tuple[str, ...]
    tags: tuple[str, ...]
    known: bool


@dataclass(frozen=True)
class Category:
    """What kind of thing is sold. `price` may be empty: the general price lines are used."""

    id: str
    tails: tuple[str, ...]
    introduce: tuple[str, ...]
    close: tuple[str, ...]
    tags: tuple[str, ...]
    price: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A way to write a headline: what to ask the writer for, and lines in that form about other things."""

    ask: str
    models: tuple[str, ...]


@cache
def _read(name: str) -> Any:
    import yaml

    return yaml.safe_load((_FOLDER / name).read_text(encoding="utf-8"))


def find_audience(name: str, language: Language) -> Audience:
    """The bank's entry for an audience as the brief words it."""
    entry = _first_match(_read(f"audiences.{language}.yaml"), name)
    fields = {key: tuple(entry[key]) for key in ("heads", "openers", "hooks", "wish", "tags")}
    return Audience(life=entry["life"], known=bool(entry["match"]), **fields)


def lines_for_others(kind: str, audience: Audience, language: Language) -> tuple[str, ...]:
    """Lines of a kind ("hooks", "openers") written for all other audiences: they show the tone, not the content."""
    lines = [line for entry in _read(f"audiences.{language}.yaml") for line in entry[kind]]
    own = getattr(audience, kind)
    return tuple(line for line in lines if line not in own)


def find_category(product: Product, language: Language) -> Category:
    """The bank's entry for a product: by its name, else by its facts."""
    entries = _read(f"categories.{language}.yaml")
    entry = _first_match(entries, product.name)
    if not entry["match"]:
        entry = _first_match(entries, " ".join(product.facts))
    fields = {key: tuple(entry.get(key, ())) for key in ("tails", "introduce", "close", "tags", "price")}
    return Category(id=entry["id"], **fields)


def headline_forms(language: Language) -> dict[str, Form]:
    """Every way to write a headline, by name."""
    forms = _read(f"patterns.{language}.yaml")["headline"]
    return {name: Form(ask=form["ask"], models=tuple(form["models"])) for name, form in forms.items()}


def patterns(kind: str, language: Language) -> tuple[str, ...]:
    """Lines with slots: price_offer, price_only, offer_only, subhead, lists (English)."""
    return tuple(_read(f"patterns.{language}.yaml")[kind])


def words(kind: str, language: Language) -> tuple[str, ...]:
    """A word list: forbidden, cliche, units (zh), numbers (en)."""
    return tuple(str(word) for word in _read(f"words.{language}.yaml")[kind])


def meanings(fact: str, language: Language) -> tuple[str, ...]:
    """What a fact means, in several ways; empty when the bank does not know facts of its kind."""
    folded = fact.casefold()
    for entry in _read(f"meanings.{language}.yaml"):
        for word in entry["match"]:
            known = re.search(word, fact) if language == "zh" else _occurs(word, folded)
            if known:
                return tuple(entry["say"])
    return ()


def fill(pattern: str, **slots: str) -> str:
    """Put the brief's own words into a pattern's slots; whatever stands in a slot is not looked at again."""
    return re.sub(r"\{(\w+)\}", lambda slot: slots[slot.group(1)], pattern)


def _first_match(entries: list[dict[str, Any]], text: str) -> dict[str, Any]:
    folded = text.casefold()
    for entry in entries:
        if any(_occurs(str(word).casefold(), folded) for word in entry["match"]):
            return entry
    return entries[-1]


def _occurs(word: str, text: str) -> bool:
    # A Latin word counts from its start ("cat" is in "cats", not in "education"); Chinese has no word boundaries.
    return bool(re.search(rf"(?<![a-z]){re.escape(word)}", text)) if word.isascii() else word in text
