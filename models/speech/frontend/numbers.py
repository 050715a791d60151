"""Numbers in words, Chinese and English.

Design:
- `cn2an` and `num2words` give the integers; what speech wants beyond them is here: 两 before what is counted, 幺 in
  telephone numbers, digits of years, cents, decimals read digit by digit.
- Input is the written number: digits with optional thousands commas, a sign and a decimal part. Output is words only.
- Numbers too long to be said as an amount are said digit by digit.
"""

from __future__ import annotations

import re

_DIGITS_ZH = "零一二三四五六七八九"
_LONGEST_AMOUNT = 13  # digits; beyond it nobody says an amount

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"


def digits_zh(text: str, *, telephone: bool = False) -> str:
    """Digit by digit; a telephone number says 幺 for one."""
    said = "".join(_DIGITS_ZH[int(c)] for c in text if c.isdigit())
    return said.replace("一", "幺") if telephone else said


def integer_zh(text: str, *, counted: bool = False) -> str:
    """An amount: 105 -> 一百零五, 2000 -> 两千. `counted`: followed by a measure word, so that 2 is 两."""
    import cn2an

    text = text.replace(",", "")
    if len(text) > _LONGEST_AMOUNT or (len(text) > 1 and text[0] == "0"):
        return digits_zh(text)
    said = str(cn2an.an2cn(text))
    if said == "二":
        return "两" if counted else "二"
    # 两千、两万、两亿 wherever they head a group; 二百 and 二十 stay as they are written in books.
    return re.sub(r"(?<![十百千零])二(?=[千万亿])|(?<=[万亿])二(?=千)", "两", said)


def number_zh(text: str, *, counted: bool = False) -> str:
    """A number with or without decimals: 9.9 -> 九点九, 1,299 -> 一千二百九十九."""
    whole, point, decimals = text.replace(",", "").partition(".")
    said = integer_zh(whole, counted=counted and not point)
    return f"{said}点{digits_zh(decimals)}" if point else said


def integer_en(text: str) -> str:
    from num2words import num2words

    text = text.replace(",", "")
    if len(text) > _LONGEST_AMOUNT or (len(text) > 1 and text[0] == "0"):
        return digits_en(text)
    return _plain(num2words(int(text)))


def number_en(text: str) -> str:
    """A number with or without decimals: 4.5 -> four point five, 1,299 -> one thousand two hundred ninety-nine."""
    whole, point, decimals = text.replace(",", "").partition(".")
    said = integer_en(whole or "0")
    return f"{said} point {digits_en(decimals)}" if point else said


def ordinal_en(text: str) -> str:
    from num2words import num2words

    return _plain(num2words(int(text.replace(",", "")), to="ordinal"))


def year_en(text: str) -> str:
    """1999 -> nineteen ninety-nine, 2005 -> two thousand five, 2026 -> twenty twenty-six."""
    from num2words import num2words

    year = int(text)
    if 2000 <= year <= 2009:
        return _plain(num2words(year))
    return _plain(num2words(year, to="year"))


def digits_en(text: str, *, zero: str = "zero") -> str:
    words = (zero, "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return " ".join(words[int(c)] for c in text if c.isdigit())


def _plain(words: str) -> str:
    return words.replace(",", "").replace(" and ", " ").replace("oh-", "oh ")
