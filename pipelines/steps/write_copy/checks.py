"""Everything that can be wrong with copy, found without a model.

Design:
- Pure functions of the texts and the brief; `check_field` sees one text, `check_copy` the whole copy of an audience.
- The brief's own words (facts, price, offer, names, audience, call to action) are taken out before the rest is
  judged: a fact may contain a figure or even a forbidden word, the writer may not.
- Chinese is counted in characters, English in words. Speech is estimated at 4.6 characters or 2.6 words a second.
- An issue says in both languages what is wrong; the same line tells the writer what to do better.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.steps.vocabulary import CHANNELS, Brand, Language, Product
from pipelines.steps.write_copy.bank import words
from pipelines.steps.write_copy.document import AudienceCopy, Flag

_GAP = "\ue000"  # stands where the brief's own words were
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]+(?:['’\-][A-Za-z]+)*|\d+(?:[.,:]\d+)*")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f]")
_ZH_NUMERAL = "[二三四五六七八九十百千万亿两半几数][零一二三四五六七八九十百千万亿]*"
RATE = {"zh": 4.6, "en": 2.6}  # characters, words a second
PAUSE = 0.35  # seconds after a sentence
CLOSING_SECONDS = 2.0  # the call to action is spoken after the script

# (low, high) in characters (zh) or words (en), without what the brief's own words take.
LIMITS: dict[str, dict[str, tuple[int, int]]] = {
    "zh": {"headline": (4, 16), "subhead": (6, 30), "body": (60, 140)},
    "en": {"headline": (2, 8), "subhead": (3, 16), "body": (40, 80)},
}


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong with one field."""

    field: str
    code: str
    zh: str
    en: str

    def flag(self) -> Flag:
        return Flag(field=self.field, reason={"zh": self.zh, "en": self.en})


@dataclass(frozen=True)
class Rules:
    """What the brief allows and asks for."""

    language: Language
    brand: Brand
    product: Product
    audience: str = ""
    forbidden: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    script_seconds: float = 0.0  # 0 = not limited
    call_to_action: str = ""

    @property
    def own_words(self) -> tuple[str, ...]:
        """The brief's own words, longest first."""
        product = self.product
        given = [*product.facts, product.price, product.offer, product.name, self.brand.name, self.audience]
        found = {text.strip() for text in [*given, self.call_to_action] if text.strip()}
        return tuple(sorted(found, key=lambda text: (-len(text), text)))

    @property
    def must_say(self) -> tuple[str, ...]:
        return tuple(text for text in (*self.product.facts, self.product.price, self.product.offer) if text)


def without_own_words(text: str, rules: Rules) -> str:
    """The text with the brief's own words taken out."""
    for own in rules.own_words:
        text = re.sub(re.escape(own), _GAP, text, flags=re.IGNORECASE)
    return text


def size(text: str, language: Language) -> int:
    """Characters without spaces and punctuation (zh), or words (en)."""
    if language == "en":
        return len(_WORD.findall(text))
    return sum(1 for letter in text if not unicodedata.category(letter).startswith(("P", "Z", "C")))


def spoken_seconds(sentences: Iterable[str], language: Language) -> float:
    """How long the sentences and the pauses after them take, roughly; prices and numbers grow when spoken."""
    units, pauses = 0.0, 0.0
    for sentence in sentences:
        pauses += PAUSE
        if language == "zh":
            latin = re.findall(r"[A-Za-z]+", sentence)
            units += size(re.sub(r"[A-Za-z]+", "", sentence), "zh") + 2.5 * len(latin)
        else:
            units += sum(_spoken_words(word) for word in _WORD.findall(sentence)) + sentence.count("$")
    return units / RATE[language] + pauses


def _spoken_words(word: str) -> float:
    digits = sum(letter.isdigit() for letter in word)
    return 1.0 if digits <= 1 else 0.5 + 0.75 * digits


# -- one field -------------------------------------------------------------------------------------------------


def check_field(field: str, text: str, rules: Rules) -> list[Issue]:
    """Everything that can be said of one text by itself."""
    if not text.strip():
        return [Issue(field, "empty", "没有内容。", "It is empty.")]
    bare = without_own_words(text, rules)
    return [
        *_figures(field, bare, rules),
        *_names(field, bare, rules),
        *_forbidden(field, bare, rules),
        *_language(field, bare, rules),
        *_length(field, text, rules),
        *_voice(field, text, bare, rules),
        *_form(field, text, rules),
    ]


def _figures(field: str, bare: str, rules: Rules) -> list[Issue]:
    found = re.findall(r"[\d%％‰$¥￥€£]+(?:[.,:]\d+)*", bare)
    if rules.language == "zh":
        units = "|".join(sorted(words("units", "zh"), key=len, reverse=True))
        found += [hit.group(0) for hit in re.finditer(f"{_ZH_NUMERAL}(?:{units})", bare)]
    else:
        listed = "|".join(words("numbers", "en"))
        found += re.findall(rf"\b(?:{listed})\b", bare, flags=re.IGNORECASE)
    if not found:
        return []
    shown = found[0]
    return [
        Issue(field, "figure", f"出现了简报里没有的数字“{shown}”。", f"It has a figure the brief does not: “{shown}”.")
    ]


def _names(field: str, bare: str, rules: Rules) -> list[Issue]:
    if rules.language == "zh":
        found = re.findall(r"[A-Za-z][A-Za-z0-9.+-]*", bare)
    else:
        # Inside a sentence a capital means a name; at its start it means nothing.
        found = re.findall(r"(?<=[a-z,;] )[A-Z][a-zA-Z]+", "" if field == "hashtags" else bare)
    if not found:
        return []
    return [
        Issue(
            field, "name", f"出现了简报里没有的名称“{found[0]}”。", f"It has a name the brief does not: “{found[0]}”."
        )
    ]


def _forbidden(field: str, bare: str, rules: Rules) -> list[Issue]:
    folded = unicodedata.normalize("NFKC", bare).casefold()
    for word in (*rules.forbidden, *words("forbidden", rules.language)):
        needle = unicodedata.normalize("NFKC", word).casefold().strip()
        if not needle:
            continue
        if needle.isascii():
            hit = re.search(rf"(?<![a-z0-9]){re.escape(needle)}(?![a-z0-9])", folded) is not None
        else:
            hit = needle in folded
        if hit:
            return [Issue(field, "forbidden", f"用了禁用词“{word}”。", f"It uses the forbidden word “{word}”.")]
    return []


def _language(field: str, bare: str, rules: Rules) -> list[Issue]:
    han, latin = len(_HAN.findall(bare)), len(re.findall(r"[A-Za-z]", bare))
    if rules.language == "en":
        if han:
            return [Issue(field, "language", "英文文案里有中文。", "It has Chinese characters; write English.")]
        return []
    if latin > han:
        return [Issue(field, "language", "应当用中文写。", "Write it in Chinese.")]
    if to_simplified(bare) != bare:
        return [Issue(field, "language", "有繁体字，请用简体中文。", "It has traditional characters; use simplified.")]
    return []


def to_simplified(text: str) -> str:
    """Traditional characters made simplified, one by one; the text keeps its length."""
    from opencc import OpenCC

    converter = _CONVERTERS.setdefault("t2s", OpenCC("t2s"))
    return str(converter.convert(text))


_CONVERTERS: dict[str, Any] = {}


def limits(field: str, rules: Rules) -> tuple[int, int]:
    """The length window of a field; what the brief wants said makes room for itself."""
    low, high = LIMITS[rules.language][field]
    if field == "body":
        own = sum(size(text, rules.language) for text in rules.must_say)
        high = max(high, own + 70)
    elif field == "subhead":
        high += size(f"{rules.brand.name} {rules.product.name}", rules.language)
    return low, high


def _length(field: str, text: str, rules: Rules) -> list[Issue]:
    issues: list[Issue] = []
    name = {"zh": "字", "en": "words"}
    if field in LIMITS[rules.language]:
        low, high = limits(field, rules)
        count = size(text, rules.language)
        if count < low:
            issues.append(
                Issue(
                    field,
                    "short",
                    f"太短：{count}{name['zh']}，至少{low}。",
                    f"Too short: {count}, at least {low} {name['en']}.",
                )
            )
        if count > high:
            issues.append(
                Issue(field, "long", f"太长：{count}，至多{high}。", f"Too long: {count}, at most {high} {name['en']}.")
            )
    for channel in (CHANNELS[id] for id in rules.channels if id in CHANNELS):
        most = {"headline": channel.headline_max, "body": channel.body_max}.get(field, 0)
        # A channel counts what it shows: characters, spaces included; Chinese headlines are capped per character,
        # English words are longer and the caps are set for Chinese screens.
        if most and len(text) > (most if rules.language == "zh" or field == "body" else most * 2):
            issues.append(
                Issue(
                    field,
                    "channel",
                    f"超出{channel.title['zh']}的{most}字。",
                    f"More than {channel.title['en']} allows ({most}).",
                )
            )
    return issues


def _voice(field: str, text: str, bare: str, rules: Rules) -> list[Issue]:
    issues: list[Issue] = []
    marks = len(re.findall("[!！]", text))
    wishes = " ".join(rules.brand.voice_rules).casefold()
    quiet = "感叹号" in wishes or "exclamation" in wishes
    if marks > (0 if quiet else 1):
        issues.append(Issue(field, "voice", "感叹号太多。", "Too many exclamation marks."))
    if _EMOJI.search(text) and not re.search("多用表情|use emoji", wishes):
        issues.append(Issue(field, "voice", "不要用表情符号。", "No emoji."))
    if re.search("短句|short sentence", wishes) and field in {"body", "script"}:
        most = {"zh": 42, "en": 18}[rules.language]
        if any(size(part, rules.language) > most for part in re.split(r"[。！？.!?]\s*", bare)):
            issues.append(Issue(field, "voice", "句子太长，品牌要求短句。", "The brand wants short sentences."))
    return issues


def _form(field: str, text: str, rules: Rules) -> list[Issue]:
    issues: list[Issue] = []
    if field == "headline" and re.search(r"[。.；;]\s*$", text):
        issues.append(Issue(field, "form", "标题不加句号。", "No full stop after a headline."))
    if field in {"headline", "subhead"} and "\n" in text:
        issues.append(Issue(field, "form", "应当只有一行。", "One line only."))
    if re.search(r"[{}<>_*#`|\\]|\[|\]", text):
        issues.append(Issue(field, "form", "有多余的符号。", "It has stray symbols."))
    if re.search(r"[，。、；：,.;:]\s*[，。、；：,;]", text):
        issues.append(Issue(field, "form", "标点重复。", "Doubled punctuation."))
    return issues


# -- the whole copy of an audience -----------------------------------------------------------------------------


def fields_of(copy: AudienceCopy) -> dict[str, str]:
    """The texts of a copy; the script as one text."""
    joint = "" if copy.language == "zh" else " "
    return {
        "headline": copy.headline,
        "subhead": copy.subhead,
        "body": copy.body,
        "script": joint.join(copy.script),
    }


def check_copy(copy: AudienceCopy, rules: Rules, *, earlier: Sequence[AudienceCopy] = ()) -> list[Issue]:
    """Every issue of an audience's copy, also against the audiences before it."""
    texts = fields_of(copy)
    issues = [issue for field, text in texts.items() for issue in check_field(field, text, rules)]
    issues += check_hashtags(copy.hashtags, rules)
    issues += check_presence(copy, rules)
    issues += check_script(copy.script, rules)
    issues += check_repeats(texts, rules)
    for other in earlier:
        issues += check_distinct(copy, other, rules)
    return issues


def check_presence(copy: AudienceCopy, rules: Rules) -> list[Issue]:
    """Facts in the body; price and offer in the body or the script; all of them word for word."""
    said = copy.body + "\n" + "\n".join(copy.script)
    issues = []
    for fact in rules.product.facts:
        if fact not in copy.body:
            issues.append(Issue("body", "missing", f"缺少卖点“{fact}”。", f"The fact “{fact}” is missing."))
    for text in (rules.product.price, rules.product.offer):
        if text and text not in said:
            issues.append(Issue("body", "missing", f"缺少“{text}”。", f"“{text}” is missing."))
    return issues


def check_script(script: Sequence[str], rules: Rules) -> list[Issue]:
    """Three to six sentences that can be said in the time there is."""
    issues = []
    if not 3 <= len(script) <= 6:
        issues.append(
            Issue("script", "form", f"应为3到6句，现在{len(script)}句。", f"Three to six sentences, not {len(script)}.")
        )
    if rules.script_seconds:
        there_is = max(rules.script_seconds - CLOSING_SECONDS, 3.0)
        needs = spoken_seconds(script, rules.language)
        if needs > there_is * 1.05:  # the estimate is not better than that
            issues.append(
                Issue(
                    "script",
                    "time",
                    f"念完约{needs:.0f}秒，只有{there_is:.0f}秒。",
                    f"About {needs:.0f} s to say, there are {there_is:.0f} s.",
                )
            )
    return issues


def check_hashtags(hashtags: Sequence[str], rules: Rules) -> list[Issue]:
    """Three to six, each a single word with its sign, none twice, none forbidden."""
    issues = []
    if not 3 <= len(hashtags) <= 6:
        issues.append(Issue("hashtags", "form", "应为3到6个话题。", "Three to six hashtags."))
    if len({tag.casefold() for tag in hashtags}) != len(hashtags):
        issues.append(Issue("hashtags", "repeat", "话题重复。", "A hashtag stands twice."))
    joined = Rules(**{**rules.__dict__, "audience": rules.audience.replace(" ", "")})
    for tag in hashtags:
        if not re.fullmatch(r"#[^\s#]{1,40}", tag):
            issues.append(Issue("hashtags", "form", f"话题格式不对：{tag}", f"Not a hashtag: {tag}"))
            continue
        bare = _without_joined(tag[1:], joined)
        issues += [*_figures("hashtags", bare, rules), *_forbidden("hashtags", _split_camel(bare), rules)]
        if rules.language == "zh":
            issues += _names("hashtags", bare, rules)
    return issues


def _without_joined(tag: str, rules: Rules) -> str:
    """A hashtag has no room for spaces: the brief's words are looked for without theirs."""
    for own in rules.own_words:
        tag = re.sub(re.escape(re.sub(r"[\W_]+", "", own)), _GAP, tag, flags=re.IGNORECASE)
    return tag


def _split_camel(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)


# -- repetition and likeness -----------------------------------------------------------------------------------


def units(text: str, rules: Rules) -> list[list[str]]:
    """Runs of letters (zh: Chinese characters) or words (en) between the brief's own words and punctuation."""
    bare = without_own_words(text, rules).casefold()
    runs = re.split(r"[^\u3400-\u9fff]+" if rules.language == "zh" else r"[^a-z'’\- ]+", bare)
    return [list(run) if rules.language == "zh" else run.split() for run in runs if run.strip()]


def grams(text: str, rules: Rules, length: int) -> list[str]:
    """All n-grams inside the runs."""
    joint = "" if rules.language == "zh" else " "
    return [joint.join(run[at : at + length]) for run in units(text, rules) for at in range(len(run) - length + 1)]


def check_repeats(texts: dict[str, str], rules: Rules) -> list[Issue]:
    """No phrase twice: six Chinese characters or four English words, within a field or across fields."""
    length = 6 if rules.language == "zh" else 4
    seen: dict[str, str] = {}
    issues = []
    for field, text in texts.items():
        for gram in grams(text, rules, length):
            if gram in seen:
                where = seen[gram]
                issues.append(
                    Issue(
                        field,
                        "repeat",
                        f"“{gram}”在{'同一处' if where == field else where}已经用过。",
                        f"“{gram}” was said before ({where}).",
                    )
                )
                break
            seen[gram] = field
    return issues


def likeness(one: str, two: str, rules: Rules) -> float:
    """How much of the shorter text stands in the other, 0 to 1, by short n-grams without the brief's own words."""
    length = 3 if rules.language == "zh" else 2
    first, second = set(grams(one, rules, length)), set(grams(two, rules, length))
    if not first or not second:
        return 0.0
    return len(first & second) / min(len(first), len(second))


def check_distinct(copy: AudienceCopy, other: AudienceCopy, rules: Rules) -> list[Issue]:
    """Two audiences must not be told the same: no equal field, little likeness."""
    issues = []
    mine, theirs = fields_of(copy), fields_of(other)
    for field in mine:
        alike = likeness(mine[field], theirs[field], rules)
        same = mine[field].strip() == theirs[field].strip()
        if same or alike > (0.5 if field in {"body", "script"} else 0.6):
            issues.append(
                Issue(
                    field,
                    "alike",
                    f"与“{other.audience}”的文案太像。",
                    f"Too much like the copy for “{other.audience}”.",
                )
            )
    return issues
