"""The copy deck: one audience's copy set for people (Markdown) and for programs (JSON).

Design:
- The JSON is the content, the Markdown only its form; both have the brief's price, offer and call to action beside
  the copy, and for every channel the characters used and allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.steps.vocabulary import CHANNELS, Brand, Language, Product
from pipelines.steps.write_copy.checks import spoken_seconds
from pipelines.steps.write_copy.document import AudienceCopy

_TITLES = {
    "headline": {"zh": "标题", "en": "Headline"},
    "subhead": {"zh": "副标题", "en": "Subhead"},
    "body": {"zh": "正文", "en": "Body"},
    "facts": {"zh": "卖点", "en": "Facts"},
    "price": {"zh": "价格", "en": "Price"},
    "offer": {"zh": "优惠", "en": "Offer"},
    "call_to_action": {"zh": "行动号召", "en": "Call to action"},
    "hashtags": {"zh": "话题", "en": "Hashtags"},
    "script": {"zh": "旁白脚本", "en": "Voice-over script"},
    "channels": {"zh": "各渠道字数", "en": "Characters per channel"},
    "review": {"zh": "需要人工确认", "en": "Needs review"},
}


def document(
    copy: AudienceCopy, *, brand: Brand, product: Product, call_to_action: str, channels: Sequence[str]
) -> dict[str, Any]:
    """The deck as JSON."""
    return {
        **copy.model_dump(mode="json"),
        "brand": brand.name,
        "product": product.model_dump(mode="json"),
        "call_to_action": call_to_action,
        "script_seconds": round(spoken_seconds([*copy.script, call_to_action], copy.language), 1),
        "channels": [_channel(copy, id) for id in channels if id in CHANNELS],
    }


def _channel(copy: AudienceCopy, id: str) -> dict[str, Any]:
    channel = CHANNELS[id]
    return {
        "id": id,
        "title": channel.title,
        "pixels": [channel.width, channel.height],
        "headline": {"characters": len(copy.headline), "limit": channel.headline_max or None},
        "body": {"characters": len(copy.body), "limit": channel.body_max},
        "post": {
            "characters": len("\n".join([copy.headline, copy.body, " ".join(copy.hashtags)])),
            "limit": channel.body_max,
        },
    }


def markdown(content: dict[str, Any], language: Language) -> str:
    """The deck as Markdown, with headings in the brief's language."""

    def title(key: str) -> str:
        return _TITLES[key][language]

    product = content["product"]
    colon = "：" if language == "zh" else ": "
    lines = [f"# {_plain(content['brand'])} · {_plain(product['name'])} — {_plain(content['audience'])}", ""]
    if content["flags"]:
        lines += [f"> **{title('review')}**", *(f"> - {_flag(flag, language)}" for flag in content["flags"]), ""]
    for key in ("headline", "subhead", "body"):
        lines += [f"## {title(key)}", "", _plain(content[key]), ""]
    lines += [f"## {title('facts')}", "", *(f"- {_plain(fact)}" for fact in product["facts"]), ""]
    said = [(key, product[key]) for key in ("price", "offer") if product[key]]
    if content["call_to_action"]:
        said.append(("call_to_action", content["call_to_action"]))
    lines += [f"**{title(key)}**{colon}{_plain(text)}  " for key, text in said]
    lines += ["", f"## {title('hashtags')}", "", " ".join(_plain(tag) for tag in content["hashtags"]), ""]
    about = f"约 {content['script_seconds']:g} 秒" if language == "zh" else f"about {content['script_seconds']:g} s"
    lines += [f"## {title('script')} ({about})", ""]
    lines += [f"{number}. {_plain(text)}" for number, text in enumerate(content["script"], start=1)]
    if content["channels"]:
        lines += ["", f"## {title('channels')}", "", *_table(content["channels"], language)]
    return "\n".join(lines).rstrip() + "\n"


def _table(channels: list[dict[str, Any]], language: Language) -> list[str]:
    heads = {
        "zh": ("渠道", "尺寸", "标题", "正文", "标题+正文+话题"),
        "en": ("Channel", "Size", "Headline", "Body", "Headline + body + hashtags"),
    }[language]
    rows = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for channel in channels:
        cells = [channel["title"][language], "×".join(str(side) for side in channel["pixels"])]
        cells += [_count(channel[key]) for key in ("headline", "body", "post")]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _count(entry: dict[str, Any]) -> str:
    if not entry["limit"]:
        return str(entry["characters"])
    mark = "" if entry["characters"] <= entry["limit"] else " ⚠"
    return f"{entry['characters']} / {entry['limit']}{mark}"


def _flag(flag: dict[str, Any], language: Language) -> str:
    name = _TITLES.get(flag["field"], {}).get(language, flag["field"])
    return f"{name}{'：' if language == 'zh' else ': '}{flag['reason'][language]}"


def _plain(text: str) -> str:
    """Text that Markdown takes as it is: no mark-up, no line of its own making."""
    flat = " ".join(text.split())
    for mark in ("\\", "`", "*", "_", "<", ">", "|", "[", "]"):
        flat = flat.replace(mark, "\\" + mark)
    return "\\" + flat if flat.startswith("#") else flat
