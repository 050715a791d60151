"""Puts lines and the brief's own words together: body, script, price line, hashtags. No model here.

Design:
- Facts, price and offer go in word for word, in places where any wording of theirs reads well: a fact is followed by
  what it means; price and offer have a sentence of their own.
- What does not fit in the length or in the time is left out from the end: the explanation before the fact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipelines.steps.vocabulary import CHANNELS, Language, Product
from pipelines.steps.write_copy.bank import Audience, Category, fill, patterns
from pipelines.steps.write_copy.checks import CLOSING_SECONDS, Rules, limits, size, spoken_seconds

EXPLAINED = 3  # facts that get a word on what they mean; more would tire
_ENDS = "。！？.!?"


def price_lines(product: Product, language: Language, special: Sequence[str] = ()) -> tuple[str, ...]:
    """Sentences that say price and offer, whichever the brief has."""
    if product.price and product.offer:
        kind = "price_offer"
    elif product.price:
        kind = "price_only"
    elif product.offer:
        kind = "offer_only"
    else:
        return ()
    lines = (*(special if kind == "price_offer" else ()), *patterns(kind, language))
    return tuple(fill(line, price=product.price, offer=product.offer) for line in lines)


def body(
    rules: Rules, hook: str, facts: Sequence[str], benefits: Mapping[str, str], closing: Sequence[str], price_line: str
) -> str:
    """The body: scene, facts and what they mean, closing lines, price and offer.

    One closing line, or more while the body is too short; too long, it loses closing lines, then explanations.
    """
    low, high = limits("body", rules)
    meanings = dict(benefits)
    lines = 1 if closing else 0

    def text() -> str:
        told = _facts(rules.language, facts, meanings)
        return _joined(rules, hook, told, *closing[:lines], price_line)

    while lines < len(closing) and size(text(), rules.language) < low:
        lines += 1
    room = min((CHANNELS[id].body_max for id in rules.channels if id in CHANNELS), default=10_000)  # characters
    while (size(text(), rules.language) > high or len(text()) > room) and (lines or any(meanings.values())):
        if lines:
            lines -= 1
        else:
            meanings[[fact for fact in facts if meanings.get(fact)][-1]] = ""
    return text()


def _joined(rules: Rules, *parts: str) -> str:
    joint = "" if rules.language == "zh" else " "
    return joint.join(part for part in parts if part)


def _facts(language: Language, facts: Sequence[str], meanings: Mapping[str, str]) -> str:
    if not facts:
        return ""
    if language == "zh":
        return _facts_zh(facts, meanings)
    said = [f"{fact}, {meanings[fact]}" if meanings.get(fact) else fact for fact in facts]
    if all(fact[:1].isupper() or fact[:1].isdigit() for fact in facts):
        return " ".join(_ended(text, ".") for text in said)
    # Facts that start small keep their letters: they stand in a list behind a colon.
    lead = patterns("lists", "en")[len("".join(facts)) % len(patterns("lists", "en"))]
    return fill(lead, facts=("; " if any(meanings.values()) else ", ").join(said))


def _facts_zh(facts: Sequence[str], meanings: Mapping[str, str]) -> str:
    explained = [f"{fact}，{meanings[fact]}" for fact in facts if meanings.get(fact)]
    bare = "，".join(fact for fact in facts if not meanings.get(fact))
    return "；".join([*explained, *([bare] if bare else [])]) + "。"


def _ended(text: str, mark: str) -> str:
    return text if text[-1:] in _ENDS else text + mark


def script(rules: Rules, opener: str, introduce: str, facts: Sequence[str], price_line: str) -> tuple[str, ...]:
    """Three to six spoken sentences in the time there is: opening, product, facts as they fit, price."""
    language = rules.language
    time = max(rules.script_seconds - CLOSING_SECONDS, 3.0) if rules.script_seconds else 60.0
    price = _sentences(price_line, language)[:2]
    frame = [line for line in (opener, introduce) if line]
    spoken: list[str] = []
    for sentence in _spoken_facts(facts, language):
        trial = [*spoken, sentence]
        if spoken_seconds([*frame, *trial, *price], language) <= time and len(frame) + len(trial) + len(price) <= 6:
            spoken = trial
    lines = [*frame, *spoken, *price]
    # Too little time even for the frame: the picture carries the opening, the words carry the product.
    while len(lines) > 3 and spoken_seconds(lines, language) > time:
        lines.pop(0)
    if len(lines) < 3:
        more = [sentence for sentence in _spoken_facts(facts, language) if sentence not in lines]
        lines = [*frame, *spoken, *more[: 3 - len(lines)], *price]
    return tuple(lines)


def _spoken_facts(facts: Sequence[str], language: Language) -> list[str]:
    """Facts as sentences; short Chinese ones share one, as they would be said."""
    if language == "en":
        return [_ended(fact, ".") for fact in facts]
    groups: list[list[str]] = []
    for fact in facts:
        if groups and len(groups[-1]) < 2 and size("".join([*groups[-1], fact]), "zh") <= 10:
            groups[-1].append(fact)
        else:
            groups.append([fact])
    return [_ended("，".join(group), "。") for group in groups]


def _sentences(text: str, language: Language) -> list[str]:
    if not text:
        return []
    if language == "zh":
        return re.findall(r"[^。！？]+[。！？]", text)
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9$€£¥])", text) if part.strip()]


def hashtags(rules: Rules, audience: Audience, category: Category) -> tuple[str, ...]:
    """Brand, product, audience, and what these people look for; three to six."""
    brand, product = rules.brand.name, rules.product.name
    if rules.language == "zh":
        wanted = [brand + product if brand not in product else product, product, *audience.tags, *category.tags, brand]
    else:
        wanted = [brand, product, *audience.tags, *category.tags, rules.audience]
    tags: list[str] = []
    for text in wanted:
        tag = "#" + _one_word(text, rules.language)
        if len(tag) > 1 and tag.casefold() not in {other.casefold() for other in tags}:
            tags.append(tag[:41])
    return tuple(tags[:6])


def _one_word(text: str, language: Language) -> str:
    if language == "zh":
        return re.sub(r"[\W_]+", "", text)
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"\w+", text))
