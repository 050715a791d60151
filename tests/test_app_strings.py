"""Both languages say everything, and nothing else is said."""

from __future__ import annotations

import re
from pathlib import Path

from models.settings import ASSETS
from studio.i18n import LANGUAGES, pair, table
from studio.ui import campaign, shell
from studio.ui.voices import VOICES

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ASSETS / "ui").glob("*.js"))
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_USE = re.compile(r"""["'`]([a-z]+(?:\.[a-zA-Z0-9_]+)+)["'`]""")
_FAMILY = re.compile(r"""["'`]([a-z]+(?:\.[a-z]*)+)\$?\{""")  # `state.${name}`


def sources() -> str:
    python = [*sorted((ROOT / "studio" / "ui").glob("*.py")), *sorted((ROOT / "studio" / "api").glob("*.py"))]
    return "\n".join(path.read_text("utf-8") for path in (*SCRIPTS, *python))


def test_every_key_has_both_languages_and_the_same_placeholders() -> None:
    zh, en = table("zh-CN"), table("en")
    assert list(zh) == list(en)
    for key, words in zh.items():
        assert words.strip(), key
        assert en[key].strip(), key
        assert set(_PLACEHOLDER.findall(words)) == set(_PLACEHOLDER.findall(en[key])), key


def test_chinese_is_chinese_and_english_is_not() -> None:
    for key, words in table("en").items():
        assert not re.search(r"[\u4e00-\u9fff]", words), key
    proper = {"brief.yaml", "brief.price.hint"}  # the same in both
    for key, words in table("zh-CN").items():
        assert key in proper or re.search(r"[\u4e00-\u9fff]", words), key


def test_every_key_that_is_used_exists_and_every_key_is_used() -> None:
    text = sources()
    known = set(table("en"))
    families = set(_FAMILY.findall(text))
    used = {key for key in _USE.findall(text) if key in known}
    unknown = {
        key
        for key in re.findall(r"""(?<![\w.])t\(["'`]([\w.]+)["'`]""", "\n".join(p.read_text("utf-8") for p in SCRIPTS))
        if key not in known
    }
    assert not unknown
    assert not {key for key in known - used if not any(key.startswith(family) for family in families)}


def test_a_pair_carries_both_and_escapes() -> None:
    markup = pair("brief.make")
    for language in LANGUAGES:
        assert f'lang="{language}"' in markup
    assert "<script" not in pair("brief.label.visible")


def test_markup_is_safe_for_gradio_templates_and_names_every_element_once() -> None:
    markup = "".join(
        (
            shell.header_markup(),
            shell.history_markup(),
            shell.models_markup(),
            campaign.head_markup(),
            campaign.form_markup(),
            campaign.order_markup(),
            campaign.foot_markup(),
            campaign.results_markup(),
        )
    )
    ids = re.findall(r'\bid="([^"]+)"', markup)
    assert len(ids) == len(set(ids))
    labels = set(re.findall(r'\b(?:for|aria-labelledby|aria-describedby)="([^"]+)"', markup))
    assert labels <= set(ids)


def test_voices_are_named_in_both_languages() -> None:
    assert len({voice.id for voice in VOICES}) == len(VOICES)
    for language in ("zh", "en"):
        assert any(voice.language == language for voice in VOICES)
