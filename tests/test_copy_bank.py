"""The pattern bank: every line in it must pass the checks it is used under, whatever the product."""

from __future__ import annotations

import re

import pytest

from pipelines.steps.vocabulary import Brand, Language, Product
from pipelines.steps.write_copy import bank
from pipelines.steps.write_copy.checks import Rules, check_field

NAMES = {"zh": ("云上", "新品"), "en": ("Nimbus", "new thing")}


def rules_for(language: Language) -> Rules:
    brand, product = NAMES[language]
    return Rules(
        language=language,
        brand=Brand(name=brand, voice_rules=("不用感叹号", "no exclamation marks", "短句", "short sentences")),
        product=Product(name=product),
    )


def lines(language: Language) -> list[tuple[str, str]]:
    brand, product = NAMES[language]
    found: list[tuple[str, str]] = []
    for entry in bank._read(f"audiences.{language}.yaml"):
        for kind in ("heads", "openers", "hooks", "wish", "tags"):
            found += [(kind, line) for line in entry[kind]]
    for entry in bank._read(f"categories.{language}.yaml"):
        for kind in ("tails", "introduce", "close", "tags"):
            found += [(kind, bank.fill(line, brand=brand, product=product)) for line in entry[kind]]
    for entry in bank._read(f"meanings.{language}.yaml"):
        found += [("meaning", line) for line in entry["say"]]
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_line_of_the_bank_passes_the_checks(language: Language) -> None:
    rules = rules_for(language)
    wrong = {
        line: [issue.en for issue in issues]
        for kind, line in lines(language)
        if (issues := check_field("line", line, rules)) and kind != "tags"
    }
    assert wrong == {}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_line_stands_twice_in_one_list(language: Language) -> None:
    for kind in ("openers", "hooks", "close", "introduce"):
        found = [line for its_kind, line in lines(language) if its_kind == kind]
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("name", "language", "known"),
    [
        ("上班族", "zh", True),
        ("年轻白领", "zh", True),
        ("集邮爱好者", "zh", False),
        ("New pet owners", "en", True),
        ("Educators", "en", False),
        ("City commuters", "en", True),
    ],
)
def test_audiences_are_found_by_the_words_of_the_brief(name: str, language: Language, known: bool) -> None:
    assert bank.find_audience(name, language).known is known


@pytest.mark.parametrize(
    ("name", "language", "category"),
    [
        ("冷萃咖啡", "zh", "drink"),
        ("航天科普开放日", "zh", "event"),
        ("Pawly pet care app", "en", "pet"),
        ("Orbit flight jacket", "en", "fashion"),
        ("陨石", "zh", "other"),
    ],
)
def test_products_find_their_category(name: str, language: Language, category: str) -> None:
    assert bank.find_category(Product(name=name), language).id == category


def test_slots_are_filled_once() -> None:
    assert bank.fill("{price}，{offer}。", price="{offer}", offer="减5元") == "{offer}，减5元。"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_price_patterns_name_what_they_must(language: Language) -> None:
    for kind, slots in {"price_offer": {"price", "offer"}, "price_only": {"price"}, "offer_only": {"offer"}}.items():
        for pattern in bank.patterns(kind, language):
            assert set(re.findall(r"\{(\w+)\}", pattern)) == slots
