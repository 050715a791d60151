"""The small jobs given to the writing model, and how an answer is read.

Design:
- One sentence a job. What all jobs share (who writes, how, examples) is the first message and never changes; who and
  what is written for is the second pair of messages: both stay evaluated in the model's context from job to job.
- A JSON schema of one string with a pattern keeps figures, foreign letters and stray symbols out of reach: the
  model cannot retype a fact or invent a number. Length is not cut by the schema, as that would end a sentence in its
  middle; too long an answer simply loses.
- An answer that is not whole (no closing quote) is no answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from models.text.base import Message, TextRequest, TextResult
from pipelines.steps.vocabulary import Language
from pipelines.steps.write_copy.bank import Audience
from pipelines.steps.write_copy.checks import Rules

_SYSTEM = {
    "zh": (
        "你是资深中文广告文案。每次只写一小句，用JSON字符串输出，不解释。\n"
        "写法：像人说话，写看得见的时刻、动作、物件，句子通顺完整，短。\n"
        "不写数字、价格、英文、感叹号；不写品质、享受、体验、满足、高效、便捷、活力、健康、美好、助力这类套话。\n"
        "好句子：\n"
        '"地铁门一开，风先进来。"\n"灯关了一半，人还没走。"\n"跑完最后一圈，天刚亮。"\n"放在包里，忘了它的重量。"'
    ),
    "en": (
        "You are a senior advertising copywriter. Each time you write one short line, as a JSON string, nothing else.\n"
        "Write like a person talks: a moment you can see, an action, an object. Plain words, short and complete.\n"
        "No figures, no prices, no names, no exclamation marks. Never use: experience, elevate, seamless, effortless, "
        "discover, ensure, designed, perfect, quality, convenience, solution.\n"
        'Good lines:\n"The train doors open and the wind comes first."\n'
        '"Half the lights are off and nobody has left."\n'
        '"It sits in the bag until the rain starts."'
    ),
}


@dataclass(frozen=True)
class Job:
    """One line to be written.

    Attributes:
        ask: The last message: what to write, with examples.
        pattern: What the answer must look like (a regular expression of the whole string).
        max_tokens: Where a run-away answer stops.
        examples: Lines shown in the ask; an answer must not be one of them again.
    """

    ask: str
    pattern: str
    max_tokens: int
    temperature: float = 0.8
    examples: tuple[str, ...] = ()


def brief_messages(rules: Rules, audience: Audience, *, category: str, tone: str) -> tuple[Message, ...]:
    """The messages all jobs of an audience start with."""
    names = f"{rules.brand.name}{rules.product.name}" if rules.language == "zh" else rules.product.name
    if rules.language == "zh":
        brief = f"产品：{names}\n人群：{rules.audience}。{audience.life}\n语气：{tone or '自然'}\n下面一句一句来。"
        ready = "好，每次一句。"
    else:
        brief = (
            f"Product: {names} by {rules.brand.name} ({category})\nAudience: {rules.audience}: {audience.life}\n"
            f"Tone: {tone or 'natural'}\nLine by line, please."
        )
        ready = "Ready, one line at a time."
    return (
        Message(role="system", content=_SYSTEM[rules.language]),
        Message(role="user", content=brief),
        Message(role="assistant", content=ready),
    )


def request_for(job: Job, messages: tuple[Message, ...], *, seed: int, complaint: str = "") -> TextRequest:
    """The request of a job; a complaint about the last answers is added to the ask."""
    ask = f"{job.ask}\n{complaint}" if complaint else job.ask
    return TextRequest(
        messages=(*messages, Message(role="user", content=ask)),
        max_tokens=job.max_tokens,
        temperature=job.temperature,
        top_p=0.92,
        min_p=0.06,
        presence_penalty=0.2,
        seed=seed,
        json_schema={"type": "string", "pattern": job.pattern},
    )


def answer(result: TextResult) -> str:
    """The line in an answer, or nothing when it is not whole."""
    try:
        text: Any = json.loads(result.text)
    except ValueError:
        return ""
    return re.sub(r"\s+", " ", text).strip() if isinstance(text, str) else ""


def any_of(options: tuple[str, ...]) -> str:
    """A pattern group of literal options."""
    return "(" + "|".join(re.escape(option).replace("\\ ", " ").replace("\\-", "-") for option in options) + ")"


def headline(language: Language, ask: str, models: tuple[str, ...], heads: tuple[str, ...]) -> Job:
    """A headline that starts with one of the audience's moments."""
    if language == "zh":
        shown = "；".join(models)
        return Job(
            f"写海报标题，共8到12个字，{ask}。开头从这些里选：{'、'.join(heads)}。\n参考：{shown}",
            f"^{any_of(heads)}，[一-龥]+[？]?$",
            16,
            0.9,
            models,
        )
    shown = " / ".join(models)
    return Job(
        f"Write a poster headline, 4 to 6 words: {ask}. Start with one of: {', '.join(heads)}.\nLike: {shown}",
        f"^{any_of(heads)}, [a-z' ]+[?]?$",
        16,
        0.9,
        models,
    )


def subhead(language: Language, who: str, models: tuple[str, ...]) -> Job:
    """What these people wish for, as a phrase; code puts the product's name before it."""
    if language == "zh":
        return Job(
            f"写一个短语，5到10个字，说{who}心里想要的样子，不提产品。\n别人的例子：{'；'.join(models)}",
            "^[一-龥]+$",
            18,
            examples=models,
        )
    return Job(
        f"Write a short phrase, 4 to 7 words: what {who} wish for, no product.\n"
        f"Written for others: {'; '.join(models)}",
        "^[a-z' ]+$",
        16,
        examples=models,
    )


def hook(language: Language, who: str, models: tuple[str, ...]) -> Job:
    """The first sentence of the body: a scene from this audience's day."""
    if language == "zh":
        return Job(
            f"写正文第一句，18到28个字，写{who}一天里的一个具体画面，不提产品。\n别人的例子：{''.join(models)}",
            "^[一-龥]+，[一-龥，]+。$",
            36,
            examples=models,
        )
    return Job(
        f"Write the first sentence of the ad, 12 to 18 words: one scene from the day of {who}, no product.\n"
        f"Written for others: {' '.join(models)}",
        "^[A-Z][a-z']*[a-z', ]+\\.$",
        32,
        examples=models,
    )


def benefit(language: Language, fact: str) -> Job:
    """What a fact means to this audience, as the end of a sentence that begins with the fact."""
    if language == "zh":
        return Job(
            f"续写后半句，5到10个字，说这一点对这群人有什么用。\n例：“一拉就开，”→“单手也能拿稳”\n例：“自带台灯，”→“夜里不吵醒别人”\n续写：“{fact}，”",
            "^[一-龥]+$",
            16,
        )
    return Job(
        "Finish the sentence, 4 to 9 words, with what it means in their day.\n"
        'Like: "Folds flat, so" -> "so it fits behind the door"\n'
        'Like: "A built-in lamp, so" -> "so nobody else wakes up"\n'
        f'Finish: "{fact}, so"',
        "^so [a-z' ]+$",
        18,
    )


def opener(language: Language, who: str, models: tuple[str, ...]) -> Job:
    """The first spoken sentence of the voice-over."""
    if language == "zh":
        return Job(
            f"写旁白的第一句，6到12个字，口语，{who}的一个画面，不提产品。\n别人的例子：{''.join(models)}",
            "^[一-龥]+(，[一-龥]+)?。$",
            20,
            examples=models,
        )
    return Job(
        f"Write the first spoken line of a voice-over, 4 to 7 words, one picture from the day of {who}, no product.\n"
        f"Written for others: {' '.join(models)}",
        "^[A-Z][a-z']*[a-z', ]+\\.$",
        16,
        examples=models,
    )
