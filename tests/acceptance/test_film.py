"""One full-size film on real models: spoken by Kokoro, cut out of a real photograph, read back by OCR."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.catalog import read_card
from models.settings import ASSETS, Settings
from pipelines.engine.artifacts import Artifact
from pipelines.steps.choose_palette import ChoosePaletteRequest, choose_palette
from pipelines.steps.compose_music import ComposeMusicRequest, compose_music
from pipelines.steps.cut import CutRequest, cut, make_film
from pipelines.steps.cut.film import Film
from pipelines.steps.media import MediaFacts, probe
from pipelines.steps.mix import MixRequest, mix
from pipelines.steps.paint_backdrop import PaintBackdropRequest, paint_backdrop
from pipelines.steps.prepare_photo import PreparePhotoRequest, prepare_photo
from pipelines.steps.speak import SpeakRequest, speak
from pipelines.steps.vocabulary import LABEL_TEXT, Brand, Label, Product
from tests.support.context import MemoryContext

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1800)]

CARDS = Path(str(import_module("models").__file__)).parent / "cards"
SCRIPT = (
    "早上九点，第一个会议还没开始。",
    "星野冷萃咖啡，0糖0脂，30秒速溶。",
    "低温慢萃12小时，只留下干净的香气。",
    "现在只要¥9.9，首单立减5元。",
)
PRODUCT = Product(name="冷萃咖啡", facts=("0糖0脂", "30秒速溶", "低温慢萃12小时"), price="¥9.9", offer="首单立减5元")
CALL = "立即尝鲜"
LEAD_IN = 0.6


@dataclass(frozen=True)
class Made:
    """The finished film with everything needed to check it."""

    film: Film
    facts: MediaFacts
    timing: dict[str, Any]
    srt: str
    frames: list[np.ndarray]  # RGB, every half second, as decoded from the file
    seconds: float


def model(card: str, module: str) -> Any:
    described = read_card(CARDS / f"{card}.yaml")
    folder = Settings.from_env().models_dir / card
    return import_module(module).load(described, folder, options={**described.defaults, "threads": 2, "device": "cpu"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    context = MemoryContext(
        tmp_path_factory.mktemp("film"),
        models={
            "matting": model("u2netp-modnet", "models.image.matting"),
            "upscaling": model("realesrgan", "models.image.upscaling"),
            "backdrop": model("backdrop-painter", "models.image.backdrop"),
            "speech": model("kokoro-82m", "models.speech.kokoro"),
        },
    )
    request = film_request(context)
    out = cut(request, context)
    path = context.path(out["video"])
    return Made(
        film=make_film(request, context),
        facts=probe(path),
        timing=context.read_json(request.timing),
        srt=context.path(out["captions"]).read_text("utf-8"),
        frames=decoded(path, every=15),
        seconds=float(request.mix.facts["seconds"]) if request.mix else 0.0,
    )


def film_request(context: MemoryContext) -> CutRequest:
    """Every step before the cut, as the campaign wires them."""
    photo = context.put_bytes((ASSETS / "briefs/photos/coffee.png").read_bytes(), "image", ".png")
    ready = outputs(prepare_photo(PreparePhotoRequest(photo=photo), context))
    colours = ("#0b1e3b", "#ffb347")
    palette = outputs(
        choose_palette(ChoosePaletteRequest(colours=colours, photo=ready["photo"], mood="dark", seed=1), context)
    )["palette"]
    painting = PaintBackdropRequest(palette=palette, style="mesh", width=1080, height=1920, mood="dark", seed=1)
    copy = context.put_json(
        {
            "audience": "上班族",
            "language": "zh",
            "headline": "会议之前，先醒三十秒",
            "subhead": "一杯刚刚好的冷萃",
            "body": "",
            "hashtags": [],
            "script": SCRIPT,
        }
    )
    said = outputs(speak(SpeakRequest(audience_copy=copy, closing=CALL, language="zh", target_seconds=13.6), context))
    music = outputs(compose_music(ComposeMusicRequest(mood="calm", seconds=15, seed=1), context))["music"]
    sound = MixRequest(voice=said["voice"], timing=said["timing"], music=music, seconds=15, lead_in=LEAD_IN)
    return CutRequest(
        audience_copy=copy,
        timing=said["timing"],
        mix=outputs(mix(sound, context))["mix"],
        palette=palette,
        photo=ready["photo"],
        cutout=ready["cutout"],
        backdrop=outputs(paint_backdrop(painting, context))["backdrop"],
        brand=Brand(name="星野"),
        product=PRODUCT,
        call_to_action=CALL,
        language="zh",
        seconds=15,
        lead_in=LEAD_IN,
        label=Label(text=LABEL_TEXT["zh"], position="top_right"),
        seed=1,
    )


def outputs(result: Any) -> dict[str, Artifact]:
    return dict(result)


def decoded(path: Path, *, every: int) -> list[np.ndarray]:
    import av

    with av.open(str(path)) as container:
        frames = enumerate(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for index, frame in frames if index % every == 0]


def read(image: np.ndarray) -> str:
    """The text OCR finds, without spaces."""
    from PIL import Image
    from rapidocr import RapidOCR

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    found = RapidOCR()(buffer.getvalue())
    return re.sub(r"\s", "", "".join(found.txts or ())).replace("￥", "¥")


def plain(text: str) -> str:
    return re.sub(r"\W", "", text)


def test_streams_are_as_promised(made: Made) -> None:
    facts = made.facts
    assert (facts.width, facts.height, facts.fps) == (1080, 1920, 30)
    assert (facts.video_codec, facts.audio_codec, facts.pixel_format) == ("h264", "aac", "yuv420p")
    assert facts.colour == "1/1/1"
    assert facts.faststart
    assert facts.frames == round(made.seconds * 30)
    assert abs(facts.audio_seconds - facts.video_seconds) <= 1 / 30


def test_nothing_is_black_or_frozen(made: Made) -> None:
    small = np.stack([frame[::8, ::8].mean(axis=2) for frame in made.frames])
    assert small.mean(axis=(1, 2)).min() > 16
    assert small.std(axis=(1, 2)).min() > 6
    assert np.abs(np.diff(small, axis=0)).mean(axis=(1, 2)).min() > 0.3


def test_the_end_card_says_price_offer_and_call(made: Made) -> None:
    text = read(made.frames[-2])
    for wanted in ("星野", PRODUCT.name, PRODUCT.price, PRODUCT.offer, CALL):
        assert wanted in text, f"{wanted!r} is not in {text!r}"


def test_the_hook_stands_with_its_label_for_two_seconds(made: Made) -> None:
    for time in (1.0, 2.0, 2.5):
        text = read(made.frames[round(time * 2)])
        assert "会议之前" in text
        assert "先醒三十秒" in text
        assert "AI生成" in text


def test_captions_are_read_back(made: Made) -> None:
    cues = made.film.captions.cues
    for cue in cues:
        time = (cue.start + min(cue.end, cue.words[-1].end)) / 2
        x0, y0, x1, y1 = (round(edge) for edge in made.film.captions.box(cues.index(cue)))
        assert 0 <= x0 < x1 <= 1080 * 0.88 + 1
        assert y1 <= 1920 * 0.82
        canvas = made.film.frame(time).rgb()
        text = plain(read(canvas[y0 - 20 : y1 + 20, max(0, x0 - 20) : x1 + 20]))
        wanted = plain(cue.text)
        same = sum(char in text for char in wanted)
        assert same >= 0.9 * len(wanted), f"{wanted!r} was read as {text!r}"


def test_captions_stand_when_they_are_spoken(made: Made) -> None:
    starts = [word["start"] + LEAD_IN for sentence in made.timing["sentences"] for word in sentence["words"]]
    for cue in made.film.captions.cues:
        assert min(abs(start - cue.start) for start in starts) <= 0.3
    lines = [line for line in made.srt.splitlines() if line and "-->" not in line and not line.isdigit()]
    assert plain("".join(lines)) == plain("".join(SCRIPT) + CALL)


def test_facts_and_price_are_big_when_they_are_said(made: Made) -> None:
    for shot in made.film.shots:
        for moment in shot.moments:
            time = min(moment.at + 1.0, shot.end - 0.4)
            upper = made.film.frame(time).rgb()[: round(1920 * 0.45)]
            assert plain(moment.text) in plain(read(upper)), (moment, shot.kind)
