"""The voices a brief can name, with names people can read.

Design:
- Ids are those of the default speech card; a brief may name any other id that its model has.
- Two languages of campaign, so two lists; the first of each is what the language gets by default.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """A speaker: id, language it reads in, name and manner in both interface languages."""

    id: str
    language: str
    zh: str
    en: str


VOICES: tuple[Voice, ...] = (
    Voice("zf_xiaoxiao", "zh", "晓晓 · 女声，亲切", "Xiaoxiao · female, friendly"),
    Voice("zf_xiaoyi", "zh", "晓伊 · 女声，活泼", "Xiaoyi · female, lively"),
    Voice("zf_xiaobei", "zh", "晓北 · 女声，爽朗", "Xiaobei · female, hearty"),
    Voice("zf_xiaoni", "zh", "晓妮 · 女声，柔和", "Xiaoni · female, soft"),
    Voice("zm_yunxi", "zh", "云希 · 男声，阳光", "Yunxi · male, sunny"),
    Voice("zm_yunjian", "zh", "云健 · 男声，有力", "Yunjian · male, strong"),
    Voice("zm_yunyang", "zh", "云扬 · 男声，播报", "Yunyang · male, newsreader"),
    Voice("zm_yunxia", "zh", "云夏 · 少年音", "Yunxia · boyish"),
    Voice("af_heart", "en", "Heart · 美音女声，温暖", "Heart · US female, warm"),
    Voice("af_bella", "en", "Bella · 美音女声，热情", "Bella · US female, vivid"),
    Voice("af_nicole", "en", "Nicole · 美音女声，轻声", "Nicole · US female, hushed"),
    Voice("am_michael", "en", "Michael · 美音男声，沉稳", "Michael · US male, steady"),
    Voice("am_fenrir", "en", "Fenrir · 美音男声，有力", "Fenrir · US male, strong"),
    Voice("am_puck", "en", "Puck · 美音男声，轻快", "Puck · US male, playful"),
    Voice("bf_emma", "en", "Emma · 英音女声，从容", "Emma · UK female, poised"),
    Voice("bm_george", "en", "George · 英音男声，叙述", "George · UK male, narrator"),
    Voice("bm_fable", "en", "Fable · 英音男声，讲故事", "Fable · UK male, storyteller"),
)
