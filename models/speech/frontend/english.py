"""English text as it is read aloud: rules from written forms to words.

Design:
- The same order of precedence as in Chinese: addresses, telephone numbers, dates, times, money, then plain numbers.
- American readings: November twenty-second, four dollars ninety-nine cents, one thousand two hundred; a slash after
  a price says "per".
- Chinese characters in English text stay Chinese; the synthesiser reads them with their own sounds.
"""

# ruff: noqa: E501  # one rule a line: a pattern broken over lines is harder to read than a long one

from __future__ import annotations

import re
from functools import cache

from models.speech.frontend.numbers import NUMBER, digits_en, integer_en, number_en, ordinal_en, year_en
from models.speech.frontend.pieces import Rule, Said, Script

_N = rf"(?:{NUMBER})"
_NOT_IN_NUMBER = r"(?<![\d.])"
_TO = r"\s?(?:-|–|—|~|to)\s?"

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip
_MONTH_OF = {m.lower(): m for m in _MONTHS} | {m[:3].lower(): m for m in _MONTHS} | {"sept": "September"}
_MONTH = "|".join(sorted((f"[{w[0].upper()}{w[0]}]{w[1:]}" for w in _MONTH_OF), key=len, reverse=True))

# unit -> (one, many)
UNITS: dict[str, tuple[str, str]] = {
    "km/h": ("kilometer per hour", "kilometers per hour"), "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"), "Mbps": ("megabit per second", "megabits per second"),
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
    "m²": ("square meter", "square meters"), "m": ("meter", "meters"), "mi": ("mile", "miles"), "ft": ("foot", "feet"),
    "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "L": ("liter", "liters"), "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"), "TB": ("terabyte", "terabytes"), "KB": ("kilobyte", "kilobytes"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "mAh": ("milliamp hour", "milliamp hour"), "dB": ("decibel", "decibels"),
    "kcal": ("kilocalorie", "kilocalories"), "cal": ("calorie", "calories"), "ms": ("millisecond", "milliseconds"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "h": ("hour", "hours"), "s": ("second", "seconds"), "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "fps": ("frame per second", "frames per second"), "px": ("pixel", "pixels"), "°": ("degree", "degrees"),
    "″": ("inch", "inches"), "yr": ("year", "years"), "yrs": ("year", "years"), "x": ("time", "times"),
}  # fmt: skip
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_SCALE = r"(?:\s?(?P<big>thousand|million|billion|trillion|[kKmMbB](?![A-Za-z])))?"
_BIG = {"k": "thousand", "m": "million", "b": "billion"}

_CURRENCY: dict[str, tuple[str, str, str]] = {  # sign -> one, many, hundredths
    "$": ("dollar", "dollars", "cents"), "US$": ("dollar", "dollars", "cents"), "USD": ("dollar", "dollars", "cents"),
    "£": ("pound", "pounds", "pence"), "GBP": ("pound", "pounds", "pence"), "€": ("euro", "euros", "cents"),
    "EUR": ("euro", "euros", "cents"), "¥": ("yuan", "yuan", ""), "￥": ("yuan", "yuan", ""), "RMB": ("yuan", "yuan", ""),
    "CNY": ("yuan", "yuan", ""), "JPY": ("yen", "yen", ""), "₩": ("won", "won", ""),
}  # fmt: skip
_MONEY = "|".join(re.escape(sign) for sign in sorted(_CURRENCY, key=len, reverse=True))

_ABBREVIATIONS = {
    "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "St.": "Saint", "Jr.": "Junior",
    "Sr.": "Senior", "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "approx.": "approximately",
    "Inc.": "Incorporated", "Ltd.": "Limited", "Co.": "Company", "Corp.": "Corporation", "Dept.": "Department",
    "w/o": "without", "w/": "with ", "a.m.": "A M", "p.m.": "P M", "U.S.": "U S", "U.K.": "U K", "vs": "versus",
    "No.": "number", "Mt.": "Mount", "est.": "established",
}  # fmt: skip
_ABBREVIATION = "|".join(re.escape(word) for word in sorted(_ABBREVIATIONS, key=len, reverse=True))
_NTHS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}
_PER = {"mo": "month", "yr": "year", "hr": "hour", "h": "hour", "wk": "week", "pp": "person"}


def _en(text: str) -> Said:
    return [("en", text)]


def _is_one(amount: str) -> bool:
    return amount in ("1", "1.0")


def _price(m: re.Match[str]) -> Said:
    one, many, hundredths = _CURRENCY[m["sign"]]
    amount, big = m["amount"].replace(",", ""), m["big"]
    if m["to"]:
        return _en(f"{number_en(amount)} to {number_en(m['to'])} {_BIG.get((big or '').lower(), big or '')} {many}")
    if big:
        return _en(f"{number_en(amount)} {_BIG.get(big.lower(), big)} {many}")
    whole, _, cents = amount.partition(".")
    if len(cents) == 2 and hundredths:
        coins = f"{integer_en(cents.lstrip('0') or '0')} {hundredths if cents != '01' else hundredths.rstrip('s')}"
        if cents == "00":
            return _en(f"{integer_en(whole)} {one if _is_one(whole) else many}")
        if whole == "0":
            return _en(coins)
        return _en(f"{integer_en(whole)} {one if _is_one(whole) else many} and {coins}")
    if not hundredths:
        amount = re.sub(r"\.0+$|(?<=\.\d)0+$", "", amount)
    return _en(f"{number_en(amount)} {one if _is_one(amount) else many}")


def _telephone(m: re.Match[str]) -> Said:
    said: list[tuple[Script, str]] = []
    for group in re.findall(r"\d+", m.group()):
        if said:
            said.append(("pause", ","))
        hundreds = len(group) == 3 and group.endswith("00") and group != "000"
        said.append(("en", f"{digits_en(group[0])} hundred" if hundreds else digits_en(group, zero="oh")))
    return said


def _day(month: str, day: int, year: str | None) -> Said:
    return _en(f"{month} {ordinal_en(str(day))}" + (f" {year_en(year)}" if year else ""))


def _date_numbers(m: re.Match[str]) -> Said | None:
    month, day = int(m["month"]), int(m["day"])
    year = m["year"]
    if month > 12 and day <= 12 and year:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if not year and month < day and day in (2, 3, 4, 5, 8, 10):
        return None  # a fraction
    return _day(_MONTHS[month - 1], day, year)


def _date_words(m: re.Match[str]) -> Said | None:
    day = int(m["day"])
    if not 1 <= day <= 31:
        return None
    return _day(_MONTH_OF[m["name"].lower()], day, m["year"])


def _clock(m: re.Match[str]) -> Said | None:
    hour, minute = int(m["hour"]), int(m["minute"] or 0)
    if hour > 24 or minute > 59:
        return None
    half = " " + " ".join(re.sub(r"\W", "", m["half"]).upper()) if m["half"] else ""
    if not m["minute"] and not half:
        return None
    if minute:
        minutes = f" oh {integer_en(str(minute))}" if minute < 10 else f" {integer_en(str(minute))}"
    else:
        minutes = "" if half else " o'clock" if 1 <= hour <= 12 else " hundred"
    return _en(integer_en(str(hour)) + minutes + half)


def _percent(m: re.Match[str]) -> Said:
    below = "minus " if m["minus"] else ""
    to = f" to {number_en(m['to'])}" if m["to"] else ""
    return _en(f"{below}{number_en(m['a'])}{to} percent")


def _temperature(m: re.Match[str]) -> Said:
    below = "minus " if m["minus"] else ""
    scale = {"C": "Celsius", "F": "Fahrenheit", "℃": "Celsius", "℉": "Fahrenheit"}[m["scale"]]
    return _en(f"{below}{number_en(m['a'])} {'degree' if _is_one(m['a']) else 'degrees'} {scale}")


def _nths(top: int, bottom: int) -> str:
    one, many = _NTHS.get(bottom, (ordinal_en(str(bottom)), f"{ordinal_en(str(bottom))}s"))
    return f"{integer_en(str(top))} {one if top == 1 else many}"


def _fraction(m: re.Match[str]) -> Said | None:
    top, bottom = int(m["a"]), int(m["b"])
    if m.group() == "24/7":
        return _en("twenty-four seven")
    if not (0 < top < bottom <= 100):
        return None
    whole = f"{integer_en(m['whole'])} and " if m["whole"] else ""
    return _en(whole + _nths(top, bottom).replace("one half", "a half" if whole else "one half"))


def _range(m: re.Match[str]) -> Said:
    unit = f" {UNITS[m['unit']][1]}" if m["unit"] else ""
    said = year_en if all(re.fullmatch(r"(?:19|20)\d\d", m[side]) for side in "ab") and not unit else number_en
    return _en(f"{said(m['a'])} to {said(m['b'])}{unit}")


def _with_unit(m: re.Match[str]) -> Said:
    before = m.string[: m.start()].rstrip().lower()
    if m["unit"] == "s" and re.search(r"\b(?:the|your|his|her|their|our|my|early|mid|late)$", before):
        return _decade_words(m["a"])
    below = "minus " if m["minus"] else ""
    one, many = UNITS[m["unit"]]
    attributive = m.string[m.end() - len(m["unit"]) - 1] == "-"
    return _en(f"{below}{number_en(m['a'])} {one if _is_one(m['a']) or attributive else many}")


def _decade_words(text: str) -> Said:
    words = year_en(text) if len(text) == 4 else integer_en(text)
    return _en(words[:-1] + "ies" if words.endswith("y") else f"{words}s")


def _model(m: re.Match[str]) -> Said:
    """A17, B2B, 5G, 4K, RTX4090, MP3: letters and digits by turns."""
    said: list[str] = []
    for letters, digits in re.findall(r"([A-Za-z]+)|(\d+(?:\.\d+)?)", m.group()):
        if digits:
            said.append(_model_digits(digits))
        else:
            said.append(" ".join(letters) if len(letters) <= 2 and letters.isupper() else letters)
    return _en(" ".join(said))


def _model_digits(digits: str) -> str:
    if "." in digits or len(digits) <= 2:
        return number_en(digits)
    if len(digits) == 4 and digits[2:] != "00" and digits[0] != "0":
        second = digits_en(digits[2:], zero="oh") if digits[2] == "0" else integer_en(digits[2:])
        return f"{integer_en(digits[:2])} {second}"
    if len(digits) == 3 and not digits.endswith("00"):
        return f"{integer_en(digits[0])} {digits_en(digits[1:], zero='oh') if digits[1] == '0' else integer_en(digits[1:])}"
    return number_en(digits)


def _version(m: re.Match[str]) -> Said:
    parts = " point ".join(integer_en(part) for part in m["a"].split("."))
    return _en(f"version {parts}" if m["v"] else parts)


def _number(m: re.Match[str]) -> Said:
    text = m["a"]
    before = m.string[: m.start()].rstrip().lower()
    below = "minus " if m["minus"] else ""
    if re.fullmatch(r"(?:19|20)\d\d", text):
        return _en(below + year_en(text))
    if re.fullmatch(r"1[1-8]\d\d", text) and re.search(r"\b(?:in|since|by|from|of|year|until)$", before):
        return _en(year_en(text))
    return _en(below + number_en(text))


_MARKS = {".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at"}


def _address(m: re.Match[str]) -> Said:
    text = re.sub(r"^(?:https?|ftp)://", "", m.group().rstrip("./"), flags=re.IGNORECASE)
    said = []
    for word, digits, mark in re.findall(r"([A-Za-z]+)|(\d+)|(\W|_)", text):
        if word:
            said.append(" ".join(word.upper()) if word.lower() == "www" or len(word) <= 2 else word)
        elif digits:
            said.append(digits_en(digits))
        elif mark in _MARKS:
            said.append(_MARKS[mark])
    return _en(" ".join(said))


_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "π": "pi", "Ω": "omega", "ω": "omega", "μ": "mu"}
_SYMBOLS = {**_GREEK, "&": "and", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "@": "at", "%": "percent",
            "≥": "at least", "≤": "at most", "±": "plus or minus", "→": "to"}  # fmt: skip
_PAUSE_OF = {**dict.fromkeys(",、，()[]|（）", ","), **dict.fromkeys("。", "."), **dict.fromkeys("!！", "!"),
             **dict.fromkeys("?？", "?"), **dict.fromkeys(";；", ";"), **dict.fromkeys(":：", ":")}  # fmt: skip


def _pause(mark: str) -> Said:
    return [("pause", mark)]


@cache
def rules() -> tuple[Rule, ...]:
    """The rules in order of precedence."""
    minus = r"(?P<minus>(?<![\w\)])[-−])?"
    half = r"\s?(?P<half>[aApP]\.?[mM](?:\.(?!\s+[A-Z]|$))?)(?![A-Za-z])"
    table: list[tuple[str, str, object]] = [
        ("address", r"(?:(?:https?|ftp)://|www\.)[A-Za-z0-9][\w./%-]*|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|"
                    r"(?<![\w.-])(?:[A-Za-z0-9-]+\.)+(?:com|cn|net|org|io|ai|app|co|shop|store|dev)(?![A-Za-z])(?:/[\w./%-]*)?", _address),
        ("telephone", r"(?<![\d.])(?:\+?\d{1,3}[- .])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-.]\d{4}(?!\d)|(?<![\d.])\d{3}-\d{4}(?!\d)", _telephone),
        ("telephone", r"\(\d{3}\)\s?\d{3}[- .]\d{4}(?!\d)", _telephone),
        ("date", r"(?<![\d/.-])(?P<year>(?:19|20)\d\d)[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?![\d/])", _date_numbers),
        ("date", r"(?<![\d/.-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>(?:19|20)\d\d)(?![\d/])", _date_numbers),
        ("date", rf"(?<![A-Za-z])(?P<name>{_MONTH})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.%,]*\d)(?:,?\s(?P<year>(?:19|20)\d\d)(?!\d))?",
         _date_words),
        ("date", rf"(?<![A-Za-z])(?P<name>{_MONTH})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year>(?:19|20)\d\d)(?!\d)", _date_words),
        ("date", rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<name>{_MONTH})(?![a-z])\.?(?:,?\s(?P<year>(?:19|20)\d\d)(?!\d))?",
         _date_words),
        ("clock", rf"(?<![\d:])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?![\d:])(?:{half})?", _clock),
        ("clock", rf"(?<![\d:.])(?P<hour>\d{{1,2}})(?P<minute>(?!))?{half}", _clock),
        ("ratio", rf"{_NOT_IN_NUMBER}(?P<a>{_N}):(?P<b>{_N})(?![\d:])", lambda m: _en(f"{number_en(m['a'])} to {number_en(m['b'])}")),
        ("price", rf"(?P<sign>{_MONEY})\s?(?P<amount>{_N})(?:{_TO}(?:{_MONEY})?\s?(?P<to>{_N}))?{_SCALE}", _price),
        ("price after", rf"{_NOT_IN_NUMBER}(?P<amount>{_N})(?P<to>(?!))?{_SCALE}\s?(?P<sign>USD|EUR|GBP|RMB|CNY|JPY|€|£)(?![A-Za-z])", _price),
        ("percent", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})(?:%?{_TO}(?P<to>{_N}))?\s?%", _percent),
        ("temperature", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})\s?(?:°\s?(?=[CF](?![A-Za-z]))|(?=[℃℉]))(?P<scale>[CF℃℉])", _temperature),
        ("ordinal", r"(?<![\d.])(?P<a>\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th)(?![A-Za-z])", lambda m: _en(ordinal_en(m["a"]))),
        ("decade", r"(?<!\d)(?:'|’)?(?P<a>(?:1[89]|20)\d0|(?<=['’])\d0)s(?![A-Za-z])", lambda m: _decade_words(m["a"])),
        ("date", r"(?<![\d/.])(?P<month>\d{1,2})/(?P<day>\d{1,2})(?P<year>(?!))?(?![\d/.])", _date_numbers),
        ("fraction", r"(?<![\d/.])(?:(?P<whole>\d+)\s)?(?P<a>\d{1,2})/(?P<b>\d{1,3})(?![\d/.])", _fraction),
        ("fraction", "[½⅓⅔¼¾⅕⅛]", lambda m: _en(_nths(*_VULGAR[m.group()]))),
        ("product", rf"{_NOT_IN_NUMBER}(?P<a>{_N})\s?[×x*]\s?(?P<b>{_N})(?!\d)", lambda m: _en(f"{number_en(m['a'])} by {number_en(m['b'])}")),
        ("version", r"(?<![A-Za-z\d.])(?P<v>[vV])\.?(?P<a>\d+(?:\.\d+)*)(?![A-Za-z\d])", _version),
        ("version", r"(?<![A-Za-z\d.])(?P<v>(?!))?(?P<a>\d+(?:\.\d+){2,})(?![A-Za-z\d])", _version),
        ("range", rf"{_NOT_IN_NUMBER}(?P<a>{_N})\s?(?:-|–|—|~)\s?(?P<b>{_N})(?:[\s-]?(?P<unit>{_UNIT})(?![A-Za-z0-9]))?(?![-\d])", _range),
        ("unit", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})[\s-]?(?P<unit>{_UNIT})(?![A-Za-z0-9/'’-])", _with_unit),
        ("model", r"(?<![A-Za-z\d])(?:[A-Za-z]+-?\d+(?:\.\d+)?[A-Za-z]*\d*|\d+[A-Za-z]+\d*)(?![A-Za-z\d])", _model),
        ("model number", r"(?<=[A-Z][A-Z] )(?P<a>\d{3,4})(?![\d.,]*\d)", lambda m: _en(_model_digits(m["a"]))),
        ("number sign", r"(?:#|No\.\s?)(?=\d)", lambda m: _en("number")),
        ("number", rf"{minus}(?P<a>{_N})", _number),
        ("per", r"(?:(?<=\d)|(?<=[a-z]))/(?=[A-Za-z])(?:(?P<short>mo|yr|hr|h|wk|pp)(?![A-Za-z]))?",
         lambda m: _en(f"per {_PER.get(m['short'] or '', '')}".strip())),
        ("abbreviation", rf"(?<![A-Za-z.])(?:{_ABBREVIATION})(?![A-Za-z])", _abbreviation),
        ("word", r"[A-Za-z\u00c0-\u024f]+(?:['’-][A-Za-z\u00c0-\u024f]+)*", lambda m: [("en", m.group().replace("’", "'"))]),
        ("to", r"(?:(?<=\d)|(?<=[ap]m)|(?<=[AP]M))\s?[-–—]\s?(?=\d)", lambda m: _en("to")),
        ("dash", r"\s?[—–]+\s?|\s?--+\s?|(?<=\S) - (?=\S)", lambda m: _pause("—")),
        ("ellipsis", r"…+|\.{3,}", lambda m: _pause("…")),
        ("symbol", "|".join(re.escape(symbol) for symbol in _SYMBOLS), lambda m: _en(_SYMBOLS[m.group()])),
        ("pause", f"[{re.escape(''.join(_PAUSE_OF))}]", lambda m: _pause(_PAUSE_OF[m.group()])),
        ("full stop", r"\.(?!\w)", lambda m: _pause(".")),
    ]  # fmt: skip
    return tuple(Rule(name, re.compile(pattern), say) for name, pattern, say in table)  # type: ignore[arg-type]


def _abbreviation(m: re.Match[str]) -> Said:
    """The words; where the full stop also ends the sentence, its pause too."""
    words = _ABBREVIATIONS[m.group()].strip()
    ends = m.group().endswith(".") and not m.string[m.end() :].strip()
    return [("en", words), ("pause", ".")] if ends else _en(words)


# Chinese characters need no rule; English words do (abbreviations, model names), so they are scanned.
PLAIN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff々〇]+")
