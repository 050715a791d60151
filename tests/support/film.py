"""Small inputs for tests of the film: pictures, a voice with known word times, a request that cuts in a second."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from pipelines.engine.artifacts import Artifact
from pipelines.steps.cut import CutRequest
from pipelines.steps.vocabulary import Brand, Label, Palette, Product
from tests.support.context import MemoryContext

RATE = 48_000
PALETTE = Palette(
    background="#0b1e3b",
    surface="#16305a",
    ink="#f4f1ea",
    muted="#9fb0c8",
    accent="#ffb347",
    on_accent="#1b1204",
    swatches=("#0b1e3b", "#ffb347"),
    dark=True,
)
SCRIPT = {
    "zh": ("早上九点，会议还没开始。", "0糖0脂，30秒速溶。", "现在只要¥9.9，首单立减5元。", "立即尝鲜。"),
    "en": ("Nine o'clock.", "Zero sugar, ready in 30 seconds.", "Now only $1.99.", "Try it today."),
}
PRODUCT = {
    "zh": Product(name="冷萃咖啡", facts=("0糖0脂", "30秒速溶", "低温慢萃12小时"), price="¥9.9", offer="首单立减5元"),
    "en": Product(name="Cold Brew", facts=("Zero sugar", "Ready in 30 seconds"), price="$1.99"),
}
CALL = {"zh": "立即尝鲜", "en": "Try it today"}


def picture(*, width: int = 240, height: int = 160, alpha: bool = False) -> np.ndarray:
    """A disc on a gradient, [h, w, 3 or 4] uint8."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    rgb = np.stack([60 + 120 * xs / width, 40 + 90 * ys / height, np.full_like(xs, 90)], axis=-1)
    inside = (xs - width / 2) ** 2 + (ys - height / 2) ** 2 < (height * 0.4) ** 2
    rgb[inside] = (200, 60, 30)
    out = rgb.astype(np.uint8)
    return np.dstack([out, np.where(inside, 255, 0).astype(np.uint8)]) if alpha else out


def put_picture(context: MemoryContext, image: np.ndarray, **facts: Any) -> Artifact:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return context.put_bytes(buffer.getvalue(), "image", ".png", facts=facts)


def put_sound(context: MemoryContext, samples: np.ndarray, *, rate: int = RATE) -> Artifact:
    import soundfile

    path = context.scratch / "sound.wav"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return context.put_file(path, "audio", facts={"seconds": len(samples) / rate})


def timing_of(script: tuple[str, ...], *, language: str, pace: float = 0.14, pause: float = 0.2) -> dict[str, Any]:
    """A timing document as the voice would give it: words without their marks."""
    from pipelines.steps.cut.type import words_of

    sentences: list[dict[str, Any]] = []
    time = 0.0
    for text in script:
        start, words = time, []
        for word in words_of(text, language=language):
            length = pace * len(word) * (1 if language == "zh" else 0.4)
            words.append({"text": word.strip("，。,. "), "start": round(time, 3), "end": round(time + length, 3)})
            time += length
        sentences.append({"text": text, "start": round(start, 3), "end": round(time, 3), "words": words})
        time += pause
    return {"seconds": round(time, 3), "sentences": sentences}


def voice_of(timing: dict[str, Any]) -> np.ndarray:
    """A tone that sounds exactly while a sentence is spoken; [n] float32."""
    count = round(timing["seconds"] * RATE)
    t = np.arange(count) / RATE
    tone = 0.25 * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
    speaking = np.zeros(count, bool)
    for sentence in timing["sentences"]:
        speaking |= (t >= sentence["start"]) & (t < sentence["end"])
    return np.where(speaking, tone, 0).astype(np.float32)


def cut_request(context: MemoryContext, *, language: str = "zh", **changes: Any) -> CutRequest:
    """A film of 270x480 at 10 frames a second with everything in it; `changes` replace fields."""
    script = changes.pop("script", SCRIPT[language])
    timing = changes.pop("timing_document", timing_of(script, language=language))
    lead_in = changes.get("lead_in", 0.3)
    seconds = changes.get("seconds") or round(lead_in + timing["seconds"] + 1.0, 1)
    copy = {
        "audience": "上班族",
        "language": language,
        "headline": "会议之前，先醒三十秒" if language == "zh" else "Awake before the meeting",
        "subhead": "一杯刚刚好" if language == "zh" else "Cold and clear",
        "body": "",
        "hashtags": [],
        "script": list(script),
    }
    sound = np.zeros((round(seconds * RATE), 2), np.float32)
    sound[:, :] = 0.1 * np.sin(2 * np.pi * 330 * np.arange(len(sound)) / RATE)[:, None]
    fields: dict[str, Any] = {
        "audience_copy": context.put_json(copy),
        "timing": context.put_json(timing),
        "mix": put_sound(context, sound),
        "palette": context.put_json(PALETTE),
        "photo": put_picture(context, picture()),
        "cutout": put_picture(context, picture(alpha=True), quality="good", box=[0.2, 0.1, 0.8, 0.9]),
        "brand": Brand(name="星野" if language == "zh" else "Hoshino"),
        "product": PRODUCT[language],
        "call_to_action": CALL[language],
        "language": language,
        "width": 270,
        "height": 480,
        "fps": 10,
        "seconds": seconds,
        "lead_in": lead_in,
        "label": Label(text="AI生成" if language == "zh" else "AI-generated", position="top_right"),
        "seed": 3,
    }
    return CutRequest(**{**fields, **changes})
