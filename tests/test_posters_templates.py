"""Templates are found, checked and chosen; lines break where a reader would."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import BadInput
from pipelines.steps.lay_out import choose_template, template_named, templates
from pipelines.steps.lay_out import templates as templates_function
from pipelines.steps.lay_out.breaks import breaks, tokens, typeset
from pipelines.steps.lay_out.fonts import clean

MINIMAL = """// ---
// name: {name}
// title: {{en: Mine}}
// ---
#import "lib/poster.typ": *
#poster(p => bar(p.w, p.h, red))
"""


def own(home: Path, name: str, text: str | None = None) -> Path:
    path = home / "templates" / f"{name}.typ"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MINIMAL.format(name=name) if text is None else text, encoding="utf-8")
    return path


def test_the_bundled_templates_cover_every_case(tmp_path: Path) -> None:
    found = templates(home=tmp_path)
    assert {"magazine", "swiss", "tech", "collage", "neon", "minimal", "festival", "bigtype", "hero"} <= {
        t.name for t in found
    }
    for template in found:
        assert set(template.ratios) == {"portrait", "square", "landscape"}
        assert "none" in template.pictures
        assert template.title["zh"]
        assert template.title["en"]


def test_a_persons_template_joins_and_replaces(tmp_path: Path) -> None:
    bundled = template_named("hero", home=tmp_path).sha256
    own(tmp_path, "mine")
    own(tmp_path, "hero")
    assert template_named("mine", home=tmp_path).path.parent == tmp_path / "templates"
    assert template_named("hero", home=tmp_path).sha256 != bundled


def test_the_digest_follows_the_file(tmp_path: Path) -> None:
    path = own(tmp_path, "mine")
    before = template_named("mine", home=tmp_path).sha256
    path.write_text(path.read_text() + "// edited\n")
    assert template_named("mine", home=tmp_path).sha256 != before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#poster(p => none)", "no metadata header"),
        ("// ---\n// name: [\n// ---\n", "not YAML"),
        ("// ---\n// name: Mine\n// title: {en: Mine}\n// ---\n", "name"),
        ("// ---\n// name: mine\n// title: {fr: Mien}\n// ---\n", "title"),
        ("// ---\n// name: mine\n// title: {en: Mine}\n// colour: red\n// ---\n", "colour"),
        ("// ---\n// name: mine\n// title: {en: Mine}\n// weight: .nan\n// ---\n", "weight"),
        ('// ---\n// name: mine\n// title: {en: Mine}\n// ---\n#import "@preview/cetz:0.3.0"\n', "package"),
        ("// ---\n// !!python/object/apply:os.system [id]\n// ---\n", "not YAML"),
    ],
)
def test_a_bad_header_names_file_and_field(tmp_path: Path, text: str, told: str) -> None:
    own(tmp_path, "mine", text)
    with pytest.raises(BadInput, match=r"mine\.typ") as caught:
        templates_function(home=tmp_path)
    assert told in str(caught.value)


def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        template_named("nope", home=tmp_path)
    assert "swiss" in caught.value.hint


def test_a_kit_shows_different_styles(tmp_path: Path) -> None:
    taken: set[str] = set()
    for index in range(9):
        chosen = choose_template(
            tone="清爽自信", channel_ratio="portrait", index=index, has_photo=True, taken=taken, home=tmp_path
        )
        assert chosen.name not in taken
        taken.add(chosen.name)
    again = choose_template(tone="", channel_ratio="square", index=0, has_photo=False, taken=taken, home=tmp_path)
    assert again.name in taken


def test_tone_and_seed_guide_the_choice(tmp_path: Path) -> None:
    def choices(tone: str) -> list[str]:
        return [
            choose_template(tone=tone, channel_ratio="portrait", index=i, has_photo=True, seed=s, home=tmp_path).name
            for i in range(3)
            for s in range(8)
        ]

    assert choices("喜庆 促销 节日").count("festival") > choices("极简 安静 自然").count("festival")
    assert choices("极简 安静 自然").count("minimal") > choices("喜庆 促销 节日").count("minimal")
    assert choices("清爽") == choices("清爽")


# ------------------------------------------------------------------ line breaks

TEXTS = st.text(alphabet="春天的咖啡，唤醒清晨。30秒12小时 abc Go!？（）“”¥9.9%", min_size=1, max_size=60).filter(
    str.strip
)


@settings(max_examples=150)
@given(TEXTS)
def test_breaking_keeps_every_character(text: str) -> None:
    text = " ".join(text.split())
    for way in breaks(text):
        assert "".join(way.lines).replace(" ", "") == text.replace(" ", "")
        assert 0 <= way.cost <= 1
        for line in way.lines[1:]:
            assert line[0] not in "，。！？；：、）”%"
        for line in way.lines[:-1]:
            assert line[-1] not in "（“¥"


def test_chinese_breaks_at_phrases() -> None:
    assert ("30秒，", "唤醒清晨") in [way.lines for way in breaks("30秒，唤醒清晨")]
    two = next(way for way in breaks("把仰望星空变成一次真正的远行") if len(way.lines) == 2)
    assert min(map(len, two.lines)) >= 5
    assert not any(line.startswith("的") for way in breaks("把仰望星空变成一次真正的远行") for line in way.lines)
    assert "30秒" in "|".join(tokens("只需30秒即可"))


def test_english_breaks_at_sentences_and_never_after_an_article() -> None:
    two = next(way for way in breaks("Slow brewed. Ready in seconds.") if len(way.lines) == 2)
    assert two.lines == ("Slow brewed.", "Ready in seconds.")
    for way in breaks("The night sky is a place to go with the kids"):
        if len(way.lines) <= 3:
            assert not any(line.split()[-1] in {"the", "a"} for line in way.lines[:-1])


def test_very_long_words_and_texts_are_cut() -> None:
    for text in ("x" * 300, "字" * 300, "https://example.com/" + "a" * 100):
        data = typeset(text)
        assert max(len(way["lines"]) for way in data["breaks"]) > 4


def test_clean_takes_out_only_what_cannot_be_drawn() -> None:
    assert clean("咖啡  A\n1") == ("咖啡 A 1", "")
    assert clean("a👨‍👩‍👧b") == ("ab", "👨👩👧")
    assert clean("\u202eevil\x00") == ("evil", "\u202e\x00")
