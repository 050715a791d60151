"""What the copy checks find, and what they let pass: hand cases and properties. No model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.vocabulary import Brand, Product
from pipelines.steps.write_copy import checks
from pipelines.steps.write_copy.bank import words
from pipelines.steps.write_copy.checks import Rules, check_copy, check_field, check_hashtags, likeness
from pipelines.steps.write_copy.document import AudienceCopy

COFFEE = Rules(
    language="zh",
    brand=Brand(name="星野", voice_rules=("不用感叹号堆砌",)),
    product=Product(name="冷萃咖啡", facts=("0糖0脂", "30秒速溶", "低温慢萃12小时"), price="¥9.9", offer="首单立减5元"),
    audience="上班族",
    forbidden=("便宜",),
    script_seconds=12.8,
)
PETS = Rules(
    language="en",
    brand=Brand(name="Pawly"),
    product=Product(
        name="Pawly pet care app",
        facts=("vet answers in 5 minutes", "feeding reminders", "one plan for 3 pets"),
        price="$4.99/month",
        offer="first month free",
    ),
    audience="New pet owners",
)
GOOD = AudienceCopy(
    audience="上班族",
    language="zh",
    headline="早会之前，先来一杯",
    subhead="星野冷萃咖啡，把空当还给自己",
    body="挤完早高峰，工位上的消息已经排起了队。0糖0脂，入口没有负担；30秒速溶，赶时间也来得及；低温慢萃12小时，"
    "耐心都留在味道里。杯子放在手边，心就定了一半。现在¥9.9，首单立减5元。",
    hashtags=("#星野冷萃咖啡", "#上班族日常", "#今天喝什么"),
    script=("会议一场接着一场。", "来一杯星野冷萃咖啡。", "0糖0脂，30秒速溶。", "¥9.9，首单立减5元。"),
)


def codes(field: str, text: str, rules: Rules = COFFEE) -> set[str]:
    return {issue.code for issue in check_field(field, text, rules)}


def test_good_copy_has_no_issue() -> None:
    assert check_copy(GOOD, COFFEE) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("早会之前，先来3杯", "figure"),
        ("早会之前，省下三成", "figure"),
        ("早会之前，少等十分钟", "figure"),
        ("早会之前，只要￥5", "figure"),
        ("早会之前，来杯Latte", "name"),
        ("早会之前，最好来一杯", "forbidden"),
        ("早会之前，第一口就懂", "forbidden"),
        ("早会之前，便宜一杯", "forbidden"),
        ("早會之前，先來一杯", "language"),
        ("早会之前，先来一杯！", "voice"),
        ("早会之前，先来一杯😀", "voice"),
        ("早会之前，先来一杯。", "form"),
        ("早会，，先来一杯", "form"),
        ("早会", "short"),
        ("早会之前先来一杯再去开会然后再来一杯不急", "long"),
        ("", "empty"),
    ],
)
def test_chinese_headline_faults(text: str, code: str) -> None:
    assert code in codes("headline", text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Answers in 7 minutes", "figure"),
        ("Two bowls, calm cat", "figure"),
        ("The best calm cat", "forbidden"),
        ("Calm cats at Petco today", "name"),
        ("Calm cat 你好", "language"),
        ("Calm", "short"),
        ("One long line that goes on and on and on", "long"),
        ("Calm cat #now", "form"),
    ],
)
def test_english_headline_faults(text: str, code: str) -> None:
    assert code in codes("headline", text, PETS)


def test_own_words_may_carry_figures_and_forbidden_words() -> None:
    rules = Rules(language="zh", brand=Brand(name="第一书屋"), product=Product(name="台灯", facts=("全球联保3年",)))
    assert codes("headline", "第一书屋，灯下有光", rules) == set()
    assert codes("subhead", "全球联保3年，夜里有光", rules) == set()
    assert codes("subhead", "全球联保4年，夜里有光", rules) >= {"figure", "forbidden"}


def test_harmless_words_are_not_taken_for_forbidden_ones() -> None:
    assert codes("headline", "A bestseller of a walk", PETS) == set()
    assert codes("headline", "最后一口，留给自己") == set()


@pytest.mark.parametrize("fact", COFFEE.product.facts)
def test_a_changed_fact_is_missing(fact: str) -> None:
    changed = GOOD.model_copy(update={"body": GOOD.body.replace(fact, fact[:-1] + "了")})
    assert "missing" in {issue.code for issue in check_copy(changed, COFFEE)}


def test_price_and_offer_may_stand_in_body_or_script() -> None:
    body = GOOD.body.replace("现在¥9.9，首单立减5元。", "")
    assert "missing" not in {issue.code for issue in check_copy(GOOD.model_copy(update={"body": body}), COFFEE)}
    script = (*GOOD.script[:-1], "现在就来。")
    silent = GOOD.model_copy(update={"body": body, "script": script})
    assert {issue.zh for issue in check_copy(silent, COFFEE) if issue.code == "missing"} == {
        "缺少“¥9.9”。",
        "缺少“首单立减5元”。",
    }


def test_a_phrase_said_twice_is_found_within_and_across_fields() -> None:
    twice = GOOD.model_copy(update={"subhead": "杯子放在手边，心里踏实"})
    found = [issue for issue in check_copy(twice, COFFEE) if issue.code == "repeat"]
    assert [issue.field for issue in found] == ["body"]


def test_script_must_fit_its_time() -> None:
    slow = GOOD.model_copy(update={"script": (*GOOD.script, "下班路上风很大，楼下的灯一盏一盏亮起来，等你回家。")})
    assert "time" in {issue.code for issue in check_copy(slow, COFFEE)}
    assert "form" in {issue.code for issue in checks.check_script(GOOD.script[:2], COFFEE)}


def test_audiences_that_are_told_the_same_are_flagged() -> None:
    other = GOOD.model_copy(update={"audience": "大学生"})
    issues = check_copy(other, COFFEE, earlier=[GOOD])
    assert {issue.field for issue in issues if issue.code == "alike"} == {"headline", "subhead", "body", "script"}


def test_short_sentences_when_the_brand_wants_them() -> None:
    rules = Rules(
        language="en", brand=Brand(name="N", voice_rules=("Short sentences",)), product=Product(name="Jacket")
    )
    long = "The bags are by the door and the map is open and the car is warm and the road is long and so is the night."
    assert "voice" in codes("body", long, rules)


def test_channel_limits_are_looked_at() -> None:
    rules = Rules(language="en", brand=Brand(name="N"), product=Product(name="Jacket"), channels=("x_post",))
    assert "channel" in codes("body", "word " * 60, rules)
    assert "channel" not in codes("body", "word " * 45, rules)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (("#a", "#b"), "form"),
        (("#星野", "#星野", "#今天"), "repeat"),
        (("#星野", "#买 一送一", "#今天"), "form"),
        (("#星野", "#省50元", "#今天"), "figure"),
        (("#星野", "#顶级咖啡", "#今天"), "forbidden"),
    ],
)
def test_hashtag_faults(tags: tuple[str, ...], code: str) -> None:
    assert code in {issue.code for issue in check_hashtags(tags, COFFEE)}


def test_hashtags_of_the_brief_are_fine() -> None:
    assert check_hashtags(("#Pawly", "#PawlyPetCareApp", "#NewPetOwners"), PETS) == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(words("forbidden", "zh")), st.text("早晚风雨山水走看听", max_size=6))
def test_every_forbidden_word_is_found_anywhere(word: str, around: str) -> None:
    assert "forbidden" in codes("subhead", f"{around}{word}{around}") or "figure" in codes("subhead", word)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.text("风雨山水走看听", max_size=8))
def test_any_figure_is_found(number: int, around: str) -> None:
    assert "figure" in codes("subhead", f"{around}{number}{around}")


@settings(max_examples=40, deadline=None)
@given(st.text("风雨山水走看听说", min_size=3, max_size=30), st.text("风雨山水走看听说", min_size=3, max_size=30))
def test_likeness_is_symmetric_and_full_for_equals(one: str, two: str) -> None:
    assert likeness(one, one, COFFEE) == 1.0
    assert likeness(one, two, COFFEE) == likeness(two, one, COFFEE)
    assert 0.0 <= likeness(one, two, COFFEE) <= 1.0


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_a_check(text: str) -> None:
    for rules in (COFFEE, PETS):
        for field in ("headline", "subhead", "body", "script"):
            assert all(issue.zh and issue.en for issue in check_field(field, text, rules))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(COFFEE.product.facts), min_size=1, unique=True))
def test_facts_are_never_judged(facts: list[str]) -> None:
    assert codes("script", "，".join(facts) + "。") == set()


def test_speech_time_grows_with_what_is_said() -> None:
    assert checks.spoken_seconds(["早上好。"], "zh") == pytest.approx(3 / 4.6 + checks.PAUSE)
    assert checks.spoken_seconds(["Good morning to you."], "en") == pytest.approx(4 / 2.6 + checks.PAUSE)
    assert checks.spoken_seconds(["$4.99/month"], "en") > checks.spoken_seconds(["month"], "en") + 1.0
