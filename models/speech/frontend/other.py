"""Any language without rules of its own: words as they are, integers in words where `num2words` knows the language."""

from __future__ import annotations

import re
from functools import lru_cache

from models.speech.frontend.pieces import Rule, Said

_PAUSE_OF = {
    **dict.fromkeys(",、，()（）|；;", ","),
    **dict.fromkeys(".。", "."),
    **dict.fromkeys("!！¡", "!"),
    **dict.fromkeys("?？¿", "?"),
    **dict.fromkeys(":：", ":"),
}

PLAIN = re.compile(r"(?!)")


@lru_cache(maxsize=32)
def rules(language: str) -> tuple[Rule, ...]:
    """The rules for `language`, in order of precedence."""

    def number(m: re.Match[str]) -> Said:
        from num2words import num2words

        try:
            return [("en", str(num2words(int(m.group()), lang=language)))]
        except (NotImplementedError, OverflowError, KeyError):
            return [("en", m.group())]

    return (
        Rule("number", re.compile(r"(?<![\w.,])\d{1,15}(?![\w]|[.,]\d)"), number),
        Rule("word", re.compile(r"[^\W_]+(?:['’.,:-][^\W_]+)*"), lambda m: [("en", m.group())]),
        Rule("ellipsis", re.compile(r"…+|\.{3,}"), lambda m: [("pause", "…")]),
        Rule("dash", re.compile(r"\s?[—–]+\s?"), lambda m: [("pause", "—")]),
        Rule(
            "pause",
            re.compile(f"[{re.escape(''.join(_PAUSE_OF))}]"),
            lambda m: [("pause", _PAUSE_OF[m.group()])],
        ),
    )
