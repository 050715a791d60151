"""Chinese text as it is read aloud: rules from written forms to words.

Design:
- Rules go from the most particular (a telephone number, a date, a price) to the plain number; the order is the
  precedence, and a rule that doubts (month 13, minute 75) declines.
- What surrounds a number decides how it is read: 2 is 两 before a measure word, 2026 is said digit by digit before 年,
  a code after 编号 likewise. Surroundings are looked at, never taken.
- English words in Chinese text stay English; short capitals are spelled unless people say them as a word.
"""

# ruff: noqa: E501  # one rule a line: a pattern broken over lines is harder to read than a long one

from __future__ import annotations

import re
from functools import cache

from models.speech.frontend.numbers import NUMBER, digits_zh, integer_zh, number_zh
from models.speech.frontend.pieces import HANZI, Rule, Said, Script

_N = rf"(?:{NUMBER})"
_NOT_IN_NUMBER = r"(?<![\d.])"
_ENDS = r"(?![\d.]*\d)"
_TO = r"\s?(?:-|–|—|~|～|至|到)\s?"
_MEASURE = (
    r"\s?(?:小时|分钟|公斤|千克|公里|平方|立方|毫升|厘米|毫米|美元|欧元|英寸|个|只|件|款|种|次|杯|瓶|罐|盒|包|袋|条|张|位|名|人|口|家|天|年(?!级)|"
    r"周|倍|份|碗|盘|台|部|辆|架|双|对|套|本|页|篇|章|节|支|枝|根|把|块|元|角|分|秒|克|斤|吨|米|升|度|场|层|栋|间|座|颗|粒|滴|片|朵|束|棵|头|匹|"
    r"群|组|列|排|句|段|项|样|类|步|道|圈|遍|趟|顿|餐|勺|匙|成|岁|晚|夜|折|点|千|万|亿|时|轮|代人|大|重|日游|房|室)"
)

UNITS: dict[str, str] = {
    "km/h": "公里每小时", "kmh": "公里每小时", "m/s": "米每秒", "Mbps": "兆比特每秒", "Gbps": "吉比特每秒",
    "km²": "平方公里", "m²": "平方米", "㎡": "平方米", "cm²": "平方厘米", "mm²": "平方毫米", "m³": "立方米", "cm³": "立方厘米",
    "km": "公里", "cm": "厘米", "mm": "毫米", "nm": "纳米", "μm": "微米", "um": "微米", "m": "米",
    "kg": "公斤", "KG": "公斤", "Kg": "公斤", "mg": "毫克", "μg": "微克", "ug": "微克", "g": "克",
    "ml": "毫升", "mL": "毫升", "ML": "毫升", "L": "升", "l": "升",
    "kWh": "千瓦时", "kwh": "千瓦时", "kW": "千瓦", "kw": "千瓦", "W": "瓦", "mAh": "毫安时", "Wh": "瓦时", "V": "伏",
    "kHz": "千赫兹", "MHz": "兆赫兹", "GHz": "吉赫兹", "Hz": "赫兹", "hz": "赫兹", "dB": "分贝",
    "kcal": "千卡", "kJ": "千焦", "kj": "千焦", "ms": "毫秒", "min": "分钟", "mins": "分钟", "h": "小时", "hr": "小时",
    "s": "秒", "sec": "秒", "fps": "帧每秒", "px": "像素", "ppm": "百万分之一", "w": "万", "°": "度",
    "hours": "小时", "hour": "小时", "days": "天", "day": "天", "inch": "英寸", "″": "英寸", "mph": "英里每小时",
}  # fmt: skip
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))

_CURRENCY = {
    "¥": "元", "￥": "元", "RMB": "元", "CNY": "元", "$": "美元", "＄": "美元", "US$": "美元", "USD": "美元", "HK$": "港元",
    "HKD": "港元", "€": "欧元", "EUR": "欧元", "£": "英镑", "GBP": "英镑", "₩": "韩元", "JPY": "日元", "NT$": "新台币",
}  # fmt: skip
_MONEY = "|".join(re.escape(sign) for sign in sorted(_CURRENCY, key=len, reverse=True))

# Capitals that people say as a word; other capitals of up to five letters are spelled.
_SAID_AS_WORDS = frozenset((
    "NASA", "NATO", "IKEA", "LEGO", "OPPO", "VIVO", "NIKE", "ASUS", "ACER", "SONY", "ZARA", "MUJI", "OLED",
    "SPA", "NIKON", "CANON", "FILA", "PUMA", "VANS", "DIOR", "COCO", "LOGO", "COOL", "NEW", "SALE", "HOT",
    "MINI", "PLUS", "PRO", "MAX", "AIR", "LITE", "ULTRA", "GO", "SHOW", "LIVE", "TOP", "BUFF", "CITY", "KEEP",
    "TIMES", "LOVE", "COFFEE", "NO", "FREE", "BEST", "GOOD", "HELLO", "HI", "YES", "LATTE", "MOCHA", "TEAM",
    "STAR", "WORLD", "HOME", "ONE",
))  # fmt: skip
# Numbers that are names.
_NAMED = {"618": "六一八", "520": "五二零", "315": "三一五", "1314": "一三一四", "996": "九九六", "007": "零零七", "110": "幺幺零",
          "120": "幺二零", "119": "幺幺九", "12306": "幺二三零六", "12315": "幺二三幺五"}  # fmt: skip
_NAMED_AFTER = r"(?=大促|购物|活动|狂欢|年中|特惠|期间|盛典|预售|晚会|工作制|热线|电话|表白|节(?!省))"
_PER = {
    "month": "月",
    "mo": "月",
    "year": "年",
    "yr": "年",
    "day": "天",
    "week": "周",
    "person": "人",
    "hour": "小时",
    "h": "小时",
}
_VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}
_RATIOS = frozenset({(16, 9), (9, 16), (4, 3), (3, 4), (1, 1), (16, 10), (21, 9), (4, 5), (5, 4), (3, 2), (2, 3)})


def _zh(text: str) -> Said:
    return [("zh", text)]


def _spell(letters: str) -> str:
    return " ".join(letters.upper())


def latin(word: str) -> str:
    """How a Latin word inside Chinese is said: itself, or its letters."""
    spelled = word.isupper() and len(word) <= 5 and word not in _SAID_AS_WORDS
    return _spell(word) if spelled and len(word) > 1 else word


def _money(amount: str) -> str:
    whole, point, cents = amount.replace(",", "").partition(".")
    cents = cents.rstrip("0")
    return number_zh(whole + (point + cents if cents else ""), counted=True)


def _price(m: re.Match[str]) -> Said:
    unit = _CURRENCY[m["sign"]]
    many = m["big"] or ""
    if m["to"]:
        return _zh(f"{_money(m['amount'])}到{_money(m['to'])}{many}{unit}")
    return _zh(f"{_money(m['amount'])}{many}{unit}")


def _telephone(m: re.Match[str]) -> Said:
    groups = re.findall(r"\d+", m.group())
    if len(groups) == 1 and len(groups[0]) == 11:
        number = groups[0]
        groups = [number[:3], number[3:7], number[7:]]
    said: list[tuple[Script, str]] = []
    for group in groups:
        if said:
            said.append(("pause", ","))
        said.append(("zh", digits_zh(group, telephone=True)))
    return said


def _date(m: re.Match[str]) -> Said | None:
    month, day = int(m["month"]), int(m["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return _zh(f"{digits_zh(m['year'])}年{integer_zh(str(month))}月{integer_zh(str(day))}日")


def _month_day(m: re.Match[str]) -> Said | None:
    month, day = int(m["month"]), int(m["day"])
    around = m.string[max(0, m.start() - 2) : m.start()] + " " + m.string[m.end() : m.end() + 2]
    if m["sep"] == "." and re.match(rf"\s?(?:[元块毛角折倍分万亿]|(?:{_UNIT})(?![A-Za-z]))", m.string[m.end() :]):
        return None  # an amount: 现在9.9元
    dated = bool(re.search(r"[自从于至到截止日期]|(?<!现)在|前|起|开[售抢]|上[市线]|活动|限时|大促", around))
    if m["sep"] == "." and not dated:
        return None
    if not dated and month < day and day in (2, 3, 4, 5, 8, 10):
        return None  # a fraction
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return _zh(f"{integer_zh(str(month))}月{integer_zh(str(day))}日")


def _clock_words(hour: int, minute: int, second: str | None) -> str:
    words = f"{integer_zh(str(hour), counted=True)}点"
    if minute or second:
        words += (f"零{integer_zh(str(minute))}" if minute < 10 else integer_zh(str(minute))) + "分"
    if second:
        words += f"{integer_zh(str(int(second)))}秒"
    return words


def _clock(m: re.Match[str]) -> Said | None:
    hour, minute = int(m["hour"]), int(m["minute"])
    if hour > 24 or minute > 59 or (m["second"] and int(m["second"]) > 59):
        return None
    if (hour, minute) in _RATIOS and not re.search(r"[上下中]午$|[早晚点凌]$", m.string[: m.start()].rstrip()):
        return None
    half = (m["half"] or "").lower()
    day = {"am": "上午", "pm": "下午" if hour < 6 else "晚上", "": ""}[half]
    return _zh(day + _clock_words(hour, minute, m["second"]))


def _ratio(m: re.Match[str]) -> Said:
    return _zh(f"{number_zh(m['a'])}比{number_zh(m['b'])}")


def _percent(m: re.Match[str]) -> Said:
    of = "千分之" if m["mark"] == "‰" else "百分之"
    below = "负" if m["minus"] else ""

    def amount(text: str) -> str:
        return "百" if text == "100" and of == "百分之" else number_zh(text)

    if m["to"]:
        return _zh(f"{below}{of}{amount(m['a'])}到{of}{amount(m['to'])}")
    return _zh(f"{below}{of}{amount(m['a'])}")


def _temperature(m: re.Match[str]) -> Said:
    scale = {"C": "摄氏度", "℃": "摄氏度", "F": "华氏度", "℉": "华氏度"}[m["scale"]]
    below = "零下" if m["minus"] else ""
    second = f"到{number_zh(m['to'])}" if m["to"] else ""
    return _zh(f"{below}{number_zh(m['a'], counted=not m['to'])}{second}{scale}")


def _fraction(m: re.Match[str]) -> Said | None:
    top, bottom = int(m["a"]), int(m["b"])
    if not (0 < top < bottom <= 100):
        return None
    return _zh(f"{integer_zh(str(bottom))}分之{integer_zh(str(top))}")


def _range(m: re.Match[str]) -> Said:
    """3-5 before whatever is counted; 2 is 两 on both sides if a measure word follows."""
    counted = bool(m["unit"]) or bool(re.match(_MEASURE, m.string[m.end() :]))
    unit = UNITS[m["unit"]] if m["unit"] else ""
    return _zh(f"{number_zh(m['a'], counted=counted)}到{number_zh(m['b'], counted=counted)}{unit}")


def _with_unit(m: re.Match[str]) -> Said:
    sign = "负" if m["minus"] else ""
    return _zh(f"{sign}{number_zh(m['a'], counted=True)}{UNITS[m['unit']]}")


def _times(m: re.Match[str]) -> Said:
    return _zh("乘".join(number_zh(number) for number in re.findall(NUMBER, m.group())))


def _more_than(m: re.Match[str]) -> Said:
    """100+款 -> 一百多款; 3+1 is left to the plain rules, 18+ says 加."""
    number = m["a"].replace(",", "")
    many = "多" if number.endswith("0") and re.match(rf"[{HANZI}]", m.string[m.end() :]) else "加"
    return _zh(number_zh(number) + (m["big"] or "") + many)


def _number(m: re.Match[str]) -> Said:
    rest = m.string[m.end() :]
    sign = "负" if m["minus"] else ""
    before = m.string[max(0, m.start() - 1) : m.start()]
    counted = before != "第" and bool(re.match(_MEASURE, rest))
    if re.match(r"\s?[元块]", rest):
        return _zh(sign + _money(m["a"]))
    return _zh(sign + number_zh(m["a"], counted=counted))


def _version(m: re.Match[str]) -> Said:
    digits = "点".join(integer_zh(part) if len(part) < 3 else digits_zh(part) for part in m["a"].split("."))
    return [("en", "V"), ("zh", digits)] if m["v"] else _zh(digits)


def _model_digits(digits: str) -> str:
    """Of a model name: up to two digits as a number, more digit by digit; a decimal part after 点."""
    whole, point, rest = digits.partition(".")
    said = integer_zh(whole) if len(whole) <= 2 else digits_zh(whole)
    return f"{said}点{digits_zh(rest)}" if point else said


def _mixed(m: re.Match[str]) -> Said:
    """A17, RTX4090, MP3, 5G, 4K, Mate60Pro: letters and digits by turns."""
    said: list[tuple[Script, str]] = []
    size = re.match(r"\d+(?![\dpP])", m.group())  # 256GB is an amount, 1080p a name
    for letters, digits in re.findall(r"([A-Za-z]+)|(\d+(?:\.\d+)?)", m.group()):
        if letters:
            said.append(("en", latin(letters) if len(letters) > 2 else _spell(letters)))
        else:
            said.append(("zh", number_zh(digits) if size and not said else _model_digits(digits)))
    return said


def _after_name(m: re.Match[str]) -> Said | None:
    """The 4090 of RTX 4090, the 17 of iPhone 17; not the 1000 of "App 1000 元"."""
    if re.match(rf"(?:{_MEASURE}|\s?(?:{_UNIT})(?![A-Za-z])|\s?[%℃月日号])", m.string[m.end() :]):
        return None
    return _zh(_model_digits(m["a"]))


_SYLLABLES = {".": "点", "/": "斜杠", "-": "杠", "_": "下划线", "@": "艾特"}


def _address(m: re.Match[str]) -> Said:
    text = re.sub(r"^(?:https?|ftp)://", "", m.group().rstrip("./"), flags=re.IGNORECASE)
    said: list[tuple[Script, str]] = []
    for word, digits, mark in re.findall(r"([A-Za-z]+)|(\d+)|(\W|_)", text):
        if word:
            said.append(("en", _spell(word) if word.lower() == "www" or len(word) <= 2 else word))
        elif digits:
            said.append(("zh", digits_zh(digits)))
        elif mark in _SYLLABLES:
            said.append(("zh", _SYLLABLES[mark]))
    return said


_GREEK = {"α": "阿尔法", "β": "贝塔", "γ": "伽马", "π": "派", "Ω": "欧米伽", "ω": "欧米伽", "μ": "缪"}
_SYMBOLS = {**_GREEK, "&": "和", "＆": "和", "+": "加", "＋": "加", "=": "等于", "×": "乘", "÷": "除以", "≥": "大于等于", "≤": "小于等于",
            "≈": "约等于", "±": "正负", "%": "百分号", "→": "到"}  # fmt: skip
_PAUSE_OF = {
    **dict.fromkeys("，、,丨|｜（）()【】[]［］", ","), **dict.fromkeys("。．", "."), **dict.fromkeys("！!", "!"),
    **dict.fromkeys("？?", "?"), **dict.fromkeys("；;", ";"), **dict.fromkeys("：:", ":"),
}  # fmt: skip


def _symbol(m: re.Match[str]) -> Said:
    return _zh(_SYMBOLS[m.group()])


def _pause(mark: str) -> Said:
    return [("pause", mark)]


@cache
def rules() -> tuple[Rule, ...]:
    """The rules in order of precedence."""
    minus = r"(?P<minus>(?<![\w\)])[-−－])?"
    big = r"(?P<big>\s?[千万亿]+)?"
    table: list[tuple[str, str, object]] = [
        ("address", r"(?:(?:https?|ftp)://|www\.)[A-Za-z0-9][\w./%-]*|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|"
                    r"(?<![\w.-])(?:[A-Za-z0-9-]+\.)+(?:com|cn|net|org|io|ai|app|top|shop)(?![A-Za-z])(?:/[\w./%-]*)?", _address),
        ("telephone", rf"{_NOT_IN_NUMBER}(?:(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{{4}}[- ]?\d{{4}}|[48]00[- ]?\d{{3,4}}[- ]?\d{{3,4}}|"
                      rf"0\d{{2,3}}-\d{{7,8}}){_ENDS}", _telephone),
        ("hotline", r"(?:(?<=电话)|(?<=热线)|(?<=拨打)|(?<=致电))(?:[:：]\s?)?\d{3,12}(?!\d)", _telephone),
        ("code", r"(?:(?<=编号)|(?<=单号)|(?<=证码)|(?<=密码)|(?<=代码)|(?<=邮编)|(?<=尾号)|(?<=口令))[:：]?\s?\d{3,20}(?!\d)",
         lambda m: _zh(digits_zh(m.group()))),
        ("date", rf"{_NOT_IN_NUMBER}(?P<year>(?:19|20)\d\d)(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}})(?!\d)", _date),
        ("clock", r"(?<!\d)(?P<hour>\d{1,2})[:：](?P<minute>\d\d)(?:[:：](?P<second>\d\d))?(?:\s?(?P<half>[aApP][mM])(?![A-Za-z]))?(?!\d)",
         _clock),
        ("ratio", rf"{_NOT_IN_NUMBER}(?P<a>{_N})[:：](?P<b>{_N})(?![\d:：])", _ratio),
        ("price", rf"(?P<sign>{_MONEY})\s?(?P<amount>{_N})(?:{_TO}(?:{_MONEY})?\s?(?P<to>{_N}))?{big}(?:\s?(?:元|美元|欧元))?", _price),
        ("price after", rf"{_NOT_IN_NUMBER}(?P<amount>{_N})(?P<to>(?!))?{big}\s?(?P<sign>USD|RMB|CNY|EUR|HKD|GBP|JPY|€|£)(?![A-Za-z])", _price),
        ("percent", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})[%％]?{_TO}(?P<to>{_N})\s?(?P<mark>[%％‰])", _percent),
        ("percent", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})(?P<to>(?!))?\s?(?P<mark>[%％‰])", _percent),
        ("temperature", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})(?:°?[CF]?{_TO}(?P<to>{_N}))?\s?(?:°\s?(?=[CF])(?P<s2>)|(?=[℃℉]))(?P<scale>[CF℃℉])",
         _temperature),
        ("month and day", r"(?<![\d/.])(?P<month>\d{1,2})(?P<sep>[/.])(?P<day>\d{1,2})(?![\d/.%％])", _month_day),
        ("fraction", r"(?<![\d/.])(?P<a>\d{1,2})/(?P<b>\d{1,3})(?![\d/.])", _fraction),
        ("fraction", "[½⅓⅔¼¾⅕⅛]", lambda m: _zh("{}分之{}".format(*(integer_zh(str(n)) for n in reversed(_VULGAR[m.group()]))))),
        ("product", rf"{_NOT_IN_NUMBER}{_N}(?:\s?[×xX*]\s?{_N})+", _times),
        ("range", rf"{_NOT_IN_NUMBER}(?P<a>{_N}){_TO}(?P<b>{_N})(?:\s?(?P<unit>{_UNIT})(?![A-Za-z0-9]))?(?![-\d])", _range),
        ("unit", rf"{minus}{_NOT_IN_NUMBER}(?P<a>{_N})\s?(?P<unit>{_UNIT})(?![A-Za-z0-9])", _with_unit),
        ("version", rf"(?<![A-Za-z\d.])(?P<v>[vV]\.?\s?)?(?P<a>\d+(?:\.\d+){{2,}}|(?<=[vV])\d+(?:\.\d+)?){_ENDS}", _version),
        ("version", r"(?<![A-Za-z\d.])(?P<v>[vV])\.?(?P<a>\d+(?:\.\d+)*)(?![A-Za-z\d])", _version),
        ("more than", rf"{_NOT_IN_NUMBER}(?P<a>{_N}){big}\+(?!\s?\d)", _more_than),
        ("mixed", r"(?<![A-Za-z\d])(?:[A-Za-z]+-?\d+(?:\.\d+)?[A-Za-z]*(?:\d+)?|\d+[A-Za-z]+\d*)(?![A-Za-z\d])", _mixed),
        ("year", r"(?<!\d)(?:19|20)\d\d(?=\s?(?:年|款|版|届|赛季|财年|新款|春|夏|秋|冬|全新|新春))", lambda m: _zh(digits_zh(m.group()))),
        ("years", r"(?<!\d)[06-9][05](?=后)", lambda m: _zh(digits_zh(m.group()))),
        ("name", r"(?<!\d)(?:" + "|".join(_NAMED) + r")(?!\d)" + _NAMED_AFTER, lambda m: _zh(_NAMED[m.group()])),
        ("after a name", r"(?:(?<=[A-Za-z] )|(?<=[A-Za-z]))(?P<a>\d+(?:\.\d+)?)(?![\d.,]*\d)", _after_name),
        ("more than", r"(?P<a>\d+)(?P<big>(?!))?\+(?=$)", _more_than),
        ("number", rf"{minus}(?P<a>{_N})", _number),
        ("word", r"[A-Za-z\u00c0-\u024f]+(?:['’-][A-Za-z\u00c0-\u024f]+)*", lambda m: [("en", latin(m.group()))]),
        ("per", rf"(?:(?<=\d)|(?<=[元角分]))\s?/\s?(?:(?P<en>month|mo|year|yr|day|week|person|hour|h)(?![A-Za-z])|(?=[{HANZI}A-Za-z]))",
         lambda m: _zh("每" + _PER.get(m["en"] or "", ""))),
        ("per", rf"(?<=[{HANZI}])/(?=小时|分钟|天|月|年)", lambda m: _zh("每")),
        ("to", r"(?:(?<=[\d日月号年点分时])|(?<=周[一二三四五六日天]))\s?(?:-{1,2}|–|—{1,2}|~|～)\s?(?=\d|周|星期|次)", lambda m: _zh("到")),
        ("dash", r"—+|–+|--+|(?<=\S) - (?=\S)", lambda m: _pause("—")),
        ("ellipsis", r"…+|\.{3,}|。{2,}", lambda m: _pause("…")),
        ("symbol", "|".join(re.escape(symbol) for symbol in _SYMBOLS), _symbol),
        ("slash", rf"(?<=[{HANZI}A-Za-z])\s?[/／]\s?(?=[{HANZI}A-Za-z])", lambda m: _pause(",")),
        ("pause", f"[{re.escape(''.join(_PAUSE_OF))}]", lambda m: _pause(_PAUSE_OF[m.group()])),
        ("full stop", r"\.(?!\w)", lambda m: _pause(".")),
    ]  # fmt: skip
    return tuple(Rule(name, re.compile(pattern), say) for name, pattern, say in table)  # type: ignore[arg-type]


PLAIN = re.compile(f"[{HANZI}]+")
