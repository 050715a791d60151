"""The words of the interface, Chinese and English side by side.

Design:
- A language is one JSON file of flat keys; both files have the same keys and the same `{placeholders}` (tested).
- Markup carries both languages at once (`pair`), so that switching is one attribute on `<html>` and never a reload;
  scripts read the same tables through `/studio/strings.json`.
- `text` is for the few places that know the reader's language on the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

LANGUAGES = ("zh-CN", "en")
_FOLDER = Path(__file__).parent


@cache
def table(language: str) -> Mapping[str, str]:
    """All strings of a language."""
    loaded: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


def text(key: str, language: str) -> str:
    """One string. An unknown key is a mistake in the code and raises `KeyError`."""
    return table(language)[key]


def pair(key: str) -> str:
    """Markup that shows the string in whichever language the page is in."""
    return "".join(f'<span class="t" lang="{tag}">{escape(table(tag)[key])}</span>' for tag in LANGUAGES)


def pair_of(words: Mapping[Any, str]) -> str:
    """`pair` for data that brings its own words: `{"zh": ..., "en": ...}`."""
    zh, en = words.get("zh", ""), words.get("en", "")
    return f'<span class="t" lang="zh-CN">{escape(zh or en)}</span><span class="t" lang="en">{escape(en or zh)}</span>'
