"""Building blocks of briefs: text that can be typeset, files that stay inside, errors that name the field.

Design:
- What reaches a brief comes from outside. Text is checked for what no template can set (control characters,
  emoji, right-to-left scripts); a path may not leave the folders it is allowed in.
- Every complaint is one line in both languages and names the field as people wrote it: `product.facts[2]`.
- YAML is read by the safe loader with a size limit; aliases are refused (they can blow up a small file).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from models.errors import BadInput
from models.settings import ASSETS

MAX_BRIEF_BYTES = 256 * 1024
SAMPLE_SCHEME = "sample:"


class BriefPart(BaseModel):
    """Base of all briefs and their parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


# -- text ---------------------------------------------------------------------------------------------------------

_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U000e0020-\U000e007f]")
_ALLOWED_SYMBOLS = set("★☆♥♡☀☁☎✓✔✕✖✚✦✧❤➜")


def _typesettable(text: str) -> str:
    for char in text:
        if char in "\n\t" or char in _ALLOWED_SYMBOLS:
            continue
        category = unicodedata.category(char)
        if category in {"Cc", "Cs", "Co", "Cn"} or char == "\ufffd":
            raise _problem(
                "control", f"含有不可见的控制字符 U+{ord(char):04X}", f"has the control character U+{ord(char):04X}"
            )
        if category == "Cf" or unicodedata.bidirectional(char) in {"R", "AL", "RLE", "RLO", "RLI"}:
            raise _problem(
                "rtl",
                f"含有无法排版的字符 U+{ord(char):04X}（从右到左的文字或方向控制符）",
                f"has U+{ord(char):04X}, a right-to-left or direction character that cannot be typeset",
            )
        if _EMOJI.match(char):
            raise _problem(
                "emoji", f"含有表情符号“{char}”，字体里没有", f"has the emoji {char!r}, which the typefaces do not have"
            )
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise _problem("line", "只能是一行文字", "must be a single line")
    return text


def _problem(code: str, zh: str, en: str) -> PydanticCustomError:
    return PydanticCustomError(f"studio_{code}", "{en}", {"zh": zh, "en": en})


def line(maximum: int, minimum: int = 1) -> Any:
    """The type of a single line of text of `minimum` to `maximum` characters."""
    return Annotated[
        str,
        Field(min_length=minimum, max_length=maximum, strict=True),
        AfterValidator(_typesettable),
        AfterValidator(_one_line),
    ]


def unique(values: tuple[str, ...]) -> tuple[str, ...]:
    """Validator: no value twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise _problem("twice", f"“{value}”重复了", f"has {value!r} twice")
        seen.add(value)
    return values


def http_url(text: str) -> str:
    """Validator: empty, or an http(s) address. It is printed as a QR code, never fetched."""
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?([/?#][!-~]*)?", text):
        raise _problem("url", "不是 http(s) 网址", "is not an http(s) address")
    return text


# -- files --------------------------------------------------------------------------------------------------------


def file_field(value: str, info: ValidationInfo) -> str:
    """Validator: a path inside the allowed folders, made absolute; "" stays "".

    The validation context gives `base` (relative paths start here) and `roots` (folders a path may be in).
    Without a context only the form of the path is checked.
    """
    if not value:
        return value
    if "\x00" in value:
        raise _problem("nul", "路径里有空字节", "has a NUL byte in the path")
    if value.startswith(SAMPLE_SCHEME):
        return str(sample_photo(value))
    context: Mapping[str, Any] = info.context or {}
    if "base" not in context:
        return value
    base: Path = context["base"]
    try:
        path = (base / Path(value).expanduser()).resolve()
        inside = any(path.is_relative_to(Path(root).resolve()) for root in (base, *context.get("roots", ())))
        if not inside:
            raise _problem(
                "outside",
                f"“{value}”在允许的文件夹之外；请把文件放在简报旁边",
                f"{value!r} is outside the brief's folder; put the file beside the brief",
            )
        if not path.is_file():
            raise _problem("nofile", f"找不到文件“{value}”", f"{value!r} is not a file")
    except (OSError, RuntimeError) as error:
        raise _problem("path", f"路径“{value[:80]}”不能用", f"{value[:80]!r} cannot be used as a path") from error
    return str(path)


def sample_photo(value: str) -> Path:
    """The bundled photograph of `sample:NAME`."""
    folder = ASSETS / "briefs" / "photos"
    names = sorted(path.stem for path in folder.glob("*.png"))
    name = value[len(SAMPLE_SCHEME) :]
    if name not in names:
        raise _problem(
            "sample", f"没有样片“{name}”，可用：{'、'.join(names)}", f"no sample {name!r}; there are {', '.join(names)}"
        )
    return folder / f"{name}.png"


# -- reading ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One complaint: the field as people write it, and one line in each language."""

    field: str
    message: dict[str, str]

    def line(self, language: str = "en") -> str:
        return f"{self.field}: {self.message.get(language) or self.message['en']}"


class BadBrief(BadInput):
    """A brief with one or more problems, in the order of the fields."""

    def __init__(self, problems: Sequence[Problem], *, language: str = "en", hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.line(language) for problem in problems), hint=hint)

    def __reduce__(self) -> tuple[object, ...]:
        return (BadBrief, (self.problems,))


def bad_brief(field: str, zh: str, en: str) -> BadBrief:
    """A `BadBrief` with a single problem."""
    return BadBrief([Problem(field, {"zh": zh, "en": en})])


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a field name must be a word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the field {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_brief(text: str | bytes) -> dict[str, Any]:
    """Read YAML or JSON (which is YAML) into a dict. Raises `BadBrief` naming the line."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BRIEF_BYTES:
        kib = MAX_BRIEF_BYTES // 1024
        raise bad_brief("brief", f"简报太大（上限 {kib} KiB）", f"is larger than {kib} KiB")
    try:
        decoded = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_brief(
            "brief", f"不是 UTF-8 文本（第 {error.start} 字节）", f"is not UTF-8 text (byte {error.start})"
        ) from None
    try:
        value = yaml.load(decoded, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        code = f"U+{ord(error.character):04X}" if isinstance(error.character, str) else str(error.character)
        raise bad_brief(
            "brief",
            f"含有控制字符 {code}（第 {error.position} 个字符）",
            f"has the control character {code} at {error.position}",
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise bad_brief(
            "brief",
            f"不是有效的 YAML/JSON：{error.problem}{where}",
            f"is not valid YAML or JSON: {error.problem}{where}",
        ) from None
    except (RecursionError, ValueError) as error:
        raise bad_brief(
            "brief", "嵌套太深或值无法读取", "is nested too deeply or has a value that cannot be read"
        ) from error
    if not isinstance(value, dict) or not value:
        raise bad_brief("brief", "应当是“字段: 值”的列表", "must be a list of `field: value` lines")
    return value


def set_field(data: dict[str, Any], key: str, value: Any) -> None:
    """Set `a.b.0.c` in nested dicts and lists. Raises `BadBrief` naming the key."""
    parts = key.replace("[", ".").replace("]", "").split(".")
    target: Any = data
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if isinstance(target, list):
            if not part.isdigit() or int(part) > len(target):
                raise bad_brief(key, "没有这一项", "has no such item")
            at = int(part)
            if at == len(target):
                target.append({} if not last else None)
            if last:
                target[at] = value
            else:
                target = target[at]
        elif isinstance(target, dict):
            if last:
                target[part] = value
            else:
                if target.get(part) is None:
                    target[part] = {}
                target = target[part]
        else:
            raise bad_brief(key, "上一级不是对象", "its parent holds a plain value")


FILE_FIELDS = ("photo", "logo")


class BriefPathChanges:
    """Paths given beside the brief, on the command line: they start from the current folder, and the person who
    typed them may name any folder of theirs."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.roots: tuple[Path, ...] = ()

    def absolute(self, key: str, value: Any) -> Any:
        """The value to set; a path becomes absolute and its folder an allowed root."""
        if key.rpartition(".")[2] not in FILE_FIELDS or not isinstance(value, str) or not value:
            return value
        if value.startswith(SAMPLE_SCHEME) or "\x00" in value:
            return value
        path = (self.base / Path(value).expanduser()).resolve()
        self.roots += (path.parent,)
        return str(path)


BriefT = TypeVar("BriefT", bound=BaseModel)


def validate_brief(
    model: type[BriefT], data: Mapping[str, Any], *, base: Path | None = None, roots: Iterable[Path] = ()
) -> BriefT:
    """Validate a brief. Raises `BadBrief` with every problem, in the brief's own language.

    Args:
        base: Folder that relative paths start from; None leaves paths unchecked (for drafts in the app).
        roots: Further folders in which files may lie.
    """
    context = {} if base is None else {"base": base, "roots": tuple(roots)}
    try:
        return model.model_validate(dict(data), context=context)
    except ValidationError as error:
        known = _field_names(model)
        problems = _problems(error, known)
        language = data.get("language") if data.get("language") in {"zh", "en"} else "en"
        raise BadBrief(problems, language=str(language)) from None


def _problems(error: ValidationError, known: Mapping[str, set[str]]) -> list[Problem]:
    """One problem a field: a list whose item is wrong is not also called too short."""
    items = error.errors(include_url=False)
    locations = [item["loc"] for item in items]
    return [
        _explain(item, known)
        for item in items
        if not any(len(other) > len(item["loc"]) and other[: len(item["loc"])] == item["loc"] for other in locations)
        or item["type"].startswith("studio_")
    ]


def _field_names(model: type[BaseModel]) -> dict[str, set[str]]:
    """Names of the fields of a model and its parts: path of the part -> names."""
    names: dict[str, set[str]] = {}

    def walk(part: type[BaseModel], path: str) -> None:
        names[path] = set(part.model_fields)
        for name, field in part.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                walk(field.annotation, f"{path}.{name}" if path else name)

    walk(model, "")
    return names


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text or "brief"


_KINDS = {
    "string_type": ("应当是文字；数字请加引号", "must be text; put numbers in quotes"),
    "int_type": ("应当是整数", "must be a whole number"),
    "int_parsing": ("应当是整数", "must be a whole number"),
    "int_from_float": ("应当是整数", "must be a whole number"),
    "float_type": ("应当是数字", "must be a number"),
    "float_parsing": ("应当是数字", "must be a number"),
    "finite_number": ("应当是有限的数字", "must be a finite number"),
    "bool_type": ("应当是 true 或 false", "must be true or false"),
    "bool_parsing": ("应当是 true 或 false", "must be true or false"),
    "tuple_type": ("应当是列表", "must be a list"),
    "list_type": ("应当是列表", "must be a list"),
    "dict_type": ("应当是“名称: 值”的对象", "must be `name: value` pairs"),
    "model_type": ("应当是“名称: 值”的对象", "must be `name: value` pairs"),
    "model_attributes_type": ("应当是“名称: 值”的对象", "must be `name: value` pairs"),
}


def _explain(error: Any, known: Mapping[str, set[str]]) -> Problem:  # noqa: PLR0911 -- one return a kind of error
    kind, ctx = error["type"], error.get("ctx", {})
    field = _path(error["loc"])
    if kind.startswith("studio_"):
        return Problem(ctx.get("field", field), {"zh": ctx["zh"], "en": ctx["en"]})
    if kind == "missing":
        return Problem(field, {"zh": "缺少此项", "en": "is missing"})
    if kind == "extra_forbidden":
        parent, _, name = field.rpartition(".")
        near = difflib.get_close_matches(name, known.get(parent, ()), n=1)
        zh, en = (f"；是不是 {near[0]}？", f"; did you mean {near[0]}?") if near else ("", "")
        return Problem(field, {"zh": f"没有这个字段{zh}", "en": f"is not a field{en}"})
    if kind in {"literal_error", "enum"}:
        return Problem(field, {"zh": f"只能是 {ctx['expected']}", "en": f"must be {ctx['expected']}"})
    if kind == "string_too_short":
        return Problem(field, {"zh": "不能为空", "en": "must not be empty"})
    if kind == "string_too_long":
        return Problem(
            field,
            {"zh": f"太长（最多 {ctx['max_length']} 个字符）", "en": f"is longer than {ctx['max_length']} characters"},
        )
    if kind == "too_short":
        return Problem(field, {"zh": f"至少要有 {ctx['min_length']} 项", "en": f"needs at least {ctx['min_length']}"})
    if kind == "too_long":
        return Problem(field, {"zh": f"最多 {ctx['max_length']} 项", "en": f"has more than {ctx['max_length']}"})
    if kind in {"greater_than_equal", "greater_than"}:
        bound = ctx.get("ge", ctx.get("gt"))
        return Problem(field, {"zh": f"不能小于 {bound}", "en": f"must be {bound} or more"})
    if kind in {"less_than_equal", "less_than"}:
        bound = ctx.get("le", ctx.get("lt"))
        return Problem(field, {"zh": f"不能大于 {bound}", "en": f"must be {bound} or less"})
    if kind == "string_pattern_mismatch" and "0-9a-fA-F" in str(ctx.get("pattern")):
        return Problem(field, {"zh": "不是 #rrggbb 颜色", "en": "is not a #rrggbb colour"})
    if kind in _KINDS:
        zh, en = _KINDS[kind]
        return Problem(field, {"zh": zh, "en": en})
    return Problem(field, {"zh": f"不正确：{error['msg']}", "en": error["msg"]})
