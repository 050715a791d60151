"""The film as a file: what a player, a platform and the next step will find in it."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from models.errors import BadInput, Cancelled, CorruptFile, StepFailed
from pipelines.steps.cut import CutRequest, cut, make_film
from pipelines.steps.media import Encoder, VideoFormat, ffmpeg_path, frame_count, probe
from pipelines.steps.vocabulary import Product
from tests.support.context import MemoryContext
from tests.support.film import SCRIPT, cut_request, picture, put_picture, timing_of


def decode(path: Path) -> np.ndarray:
    """All frames as [n, h, w] uint8 grey."""
    import av

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    context = MemoryContext(tmp_path_factory.mktemp("film"))
    request = cut_request(context)
    return context, request, cut(request, context)


def test_streams_are_what_players_and_platforms_want(made):
    context, request, out = made
    facts = probe(context.path(out["video"]))
    assert (facts.video_codec, facts.audio_codec, facts.pixel_format) == ("h264", "aac", "yuv420p")
    assert (facts.width, facts.height, facts.fps) == (request.width, request.height, request.fps)
    assert facts.colour == "1/1/1"
    assert (facts.sample_rate, facts.channels) == (48_000, 2)
    assert facts.faststart
    assert facts.frames == round(request.seconds * request.fps)
    assert abs(facts.audio_seconds - facts.video_seconds) <= 1 / request.fps
    assert out["video"].facts["frames"] == facts.frames


def test_no_frame_is_black_and_none_is_frozen(made):
    context, request, out = made
    frames = decode(context.path(out["video"])).astype(np.int16)
    assert frames.mean(axis=(1, 2)).min() > 18
    assert frames.std(axis=(1, 2)).min() > 4
    moved = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    window = request.fps // 2
    calm = np.convolve(moved, np.ones(window) / window, mode="valid")
    assert calm.min() > 0.05


def test_captions_start_with_their_words_and_are_the_script(made):
    context, request, out = made
    blocks = context.path(out["captions"]).read_text(encoding="utf-8").strip().split("\n\n")
    text, starts = "", []
    last = 0.0
    for number, block in enumerate(blocks, start=1):
        head, times, *rows = block.split("\n")
        assert head == str(number)
        assert 1 <= len(rows) <= 2
        match = re.fullmatch(r"(\d\d):(\d\d):(\d\d),(\d{3}) --> (\d\d):(\d\d):(\d\d),(\d{3})", times)
        assert match
        h, m, s, ms, *end = map(int, match.groups())
        start = h * 3600 + m * 60 + s + ms / 1000
        stop = end[0] * 3600 + end[1] * 60 + end[2] + end[3] / 1000
        assert last <= start < stop <= request.seconds
        last = stop
        starts.append((start, len(text)))
        text += "".join(rows)
    assert text == "".join(SCRIPT["zh"])
    spoken = [
        (word["start"] + request.lead_in, word["text"])
        for sentence in context.read_json(request.timing)["sentences"]
        for word in sentence["words"]
    ]
    plain = re.sub(r"\W", "", text)
    for start, at in starts:
        before = len(re.sub(r"\W", "", text[:at]))
        count, index = 0, 0
        while count < before:
            count += len(re.sub(r"\W", "", spoken[index][1]))
            index += 1
        assert count == before, "a cue begins inside a word"
        assert abs(spoken[index][0] - start) <= 0.3
    assert plain


def test_cover_has_the_films_size_and_a_picture(made):
    from PIL import Image

    context, request, out = made
    with Image.open(context.path(out["cover"])) as image:
        assert image.size == (request.width, request.height)
        assert np.asarray(image.convert("L")).std() > 15


def test_same_request_gives_the_same_bytes_and_another_seed_may_not(made, tmp_path):
    context, request, out = made
    again = MemoryContext(tmp_path)
    for name in ("audience_copy", "timing", "mix", "palette", "photo", "cutout"):
        artifact = getattr(request, name)
        again.put_bytes(context.path(artifact).read_bytes(), artifact.kind, artifact.suffix)
    assert {k: v.sha256 for k, v in cut(request, again).items()} == {k: v.sha256 for k, v in out.items()}


def test_progress_is_told_per_frame_and_only_rises(tmp_path):
    context = MemoryContext(tmp_path)
    cut(cut_request(context, width=136, height=240), context)
    fractions = [fraction for fraction, _ in context.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) > 30


def test_cancel_stops_within_a_frame_and_leaves_nothing(tmp_path, monkeypatch):
    context = MemoryContext(tmp_path, cancel_after=12)
    request = cut_request(context)
    pids = []
    real = Encoder.__enter__
    monkeypatch.setattr(Encoder, "__enter__", lambda self: pids.append(self.pid) or real(self))
    with pytest.raises(Cancelled):
        cut(request, context)
    assert len(context.progress) <= 13
    assert list(context.scratch.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_failing_encoder_is_one_clear_error_and_leaves_nothing(tmp_path):
    form = VideoFormat(width=64, height=64, fps=10)
    frame = np.zeros((96, 64), np.uint8)

    def encode() -> None:
        with Encoder(tmp_path / "a.mp4", form=form, sound=tmp_path / "missing.wav", seconds=10) as encoder:
            for _ in range(100):
                encoder.write(frame)

    with pytest.raises(StepFailed, match="ffmpeg failed"):
        encode()
    assert list(tmp_path.iterdir()) == []


def test_frames_of_a_wrong_size_are_refused(tmp_path):
    form = VideoFormat(width=64, height=64, fps=10)
    with (
        pytest.raises(ValueError, match="contiguous"),
        Encoder(tmp_path / "a.mp4", form=form, sound=None, seconds=1) as encoder,
    ):
        encoder.write(np.zeros((64, 64), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"), [(15, 30, 450), (15.01, 30, 450), (15.02, 30, 451), (0.001, 10, 1)]
)
def test_frame_count_is_the_nearest_whole_number(seconds, fps, frames):
    assert frame_count(seconds, fps) == frames


def test_probe_refuses_what_is_no_film(tmp_path):
    path = tmp_path / "no.mp4"
    path.write_bytes(b"not a film")
    with pytest.raises(CorruptFile, match=r"no\.mp4"):
        probe(path)
    assert Path(ffmpeg_path()).exists()


@pytest.mark.parametrize(("width", "height"), [(480, 270), (300, 300), (272, 340)])
def test_other_shapes_are_cut_too(tmp_path, width, height):
    context = MemoryContext(tmp_path)
    out = cut(cut_request(context, language="en", width=width, height=height, fps=5), context)
    facts = probe(context.path(out["video"]))
    assert (facts.width, facts.height) == (width, height)


@pytest.mark.parametrize("missing", [("photo",), ("cutout",), ("photo", "cutout"), ("mix", "cutout")])
def test_missing_pictures_or_sound_still_make_a_film(tmp_path, missing):
    context = MemoryContext(tmp_path)
    request = cut_request(context, fps=5, width=136, height=240, **dict.fromkeys(missing))
    facts = probe(context.path(cut(request, context)["video"]))
    assert facts.frames == frame_count(request.seconds, 5)
    assert bool(facts.audio_codec) == ("mix" not in missing)


def test_a_voice_longer_than_the_film_is_not_cut_off(tmp_path):
    context = MemoryContext(tmp_path)
    request = cut_request(context, fps=5, width=136, height=240, mix=None, seconds=2.0)
    film = make_film(request, context)
    assert film.seconds > context.read_json(request.timing)["seconds"] + request.lead_in
    assert film.captions.cues[-1].end <= film.seconds


@pytest.mark.parametrize(
    "script", [("好。",), ("好。", "走。"), ("一二三四五六七八九十" * 12,), ("A" * 300 + "。", "立即尝鲜。")]
)
def test_odd_scripts_make_a_film(tmp_path, script):
    context = MemoryContext(tmp_path)
    film = make_film(cut_request(context, script=script), context)
    assert film.shots[0].start == 0
    assert film.shots[-1].kind == "end"
    assert film.shots[-1].end == film.seconds
    for before, after in itertools.pairwise(film.shots):
        assert before.start < before.end == after.start
    for time in np.arange(0, film.seconds, film.seconds / 12):
        assert film.frame(float(time)).rgb().std() > 3


def test_a_script_without_words_is_still_a_film(tmp_path):
    context = MemoryContext(tmp_path)
    film = make_film(cut_request(context, timing_document={"seconds": 0, "sentences": []}, seconds=4.0), context)
    assert [shot.kind for shot in film.shots] == ["hero", "end"]
    assert film.captions.cues == ()


@pytest.mark.parametrize(
    "timing",
    [
        {"seconds": 1},
        {"sentences": [{"text": "好"}]},
        {"sentences": [{"text": "好", "start": 2, "end": 1, "words": []}]},
        {"sentences": [{"text": "好", "start": 2, "end": 3}, {"text": "走", "start": 0, "end": 1}]},
        {"sentences": "好"},
    ],
)
def test_a_bad_timing_is_named(tmp_path, timing):
    context = MemoryContext(tmp_path)
    with pytest.raises(BadInput, match="timing"):
        make_film(cut_request(context, timing_document=timing, seconds=4.0), context)


def test_a_picture_that_is_none_is_named(tmp_path):
    context = MemoryContext(tmp_path)
    bad = context.put_bytes(b"no picture", "image", ".png")
    with pytest.raises(BadInput, match="picture"):
        cut(cut_request(context, photo=bad), context)
    assert list(context.scratch.iterdir()) == []


@pytest.mark.parametrize("change", [{"width": 271}, {"height": 64}, {"fps": 0}, {"seconds": 601.0}, {"language": "fr"}])
def test_bad_requests_are_refused(tmp_path, change):
    good = cut_request(MemoryContext(tmp_path))
    with pytest.raises(ValidationError):
        CutRequest(**{**dict(good), **change})


def test_a_poor_cutout_gives_way_to_the_photograph(tmp_path):
    context = MemoryContext(tmp_path)
    poor = put_picture(context, picture(alpha=True), quality="poor", box=[0.4, 0.1, 0.6, 0.9])
    film = make_film(cut_request(context, cutout=poor), context)
    assert film._director.props.cutout is None
    assert film._director.props.focus == pytest.approx((0.5, 0.5))


def test_moviepy_sees_the_same_film(tmp_path):
    context = MemoryContext(tmp_path)
    film = make_film(cut_request(context, width=136, height=240), context)
    clip = film.as_clip(fps=10)
    assert (clip.w, clip.h, clip.duration) == (136, 240, film.seconds)
    assert np.array_equal(clip.get_frame(1.0), film.frame(1.0).rgb())


def test_text_of_a_brief_is_never_markup(tmp_path):
    context = MemoryContext(tmp_path)
    odd = Product(name='#panic("x") $a$ *b*', facts=("#set page()",), price="`¥1`", offer="//x")
    request = cut_request(context, product=odd, width=136, height=240, fps=5)
    assert cut(request, context)["video"].facts["frames"] > 0


def test_memory_of_captions_does_not_grow_with_their_number(tmp_path):
    """A hundred cues keep one bitmap ready, the rest compressed."""
    context = MemoryContext(tmp_path)
    script = tuple(f"第{n}句话说的是今天的天气真好。" for n in range(100))
    document = timing_of(script, language="zh", pace=0.05)
    film = make_film(cut_request(context, timing_document=document), context)
    assert len(film.captions.cues) >= 100
    for time in np.arange(0, 20, 0.5):
        film.frame(float(time))
    kept = sum(len(line.png) for line in film.captions._set)
    assert kept < 4_000_000
    assert len(film._scenes) <= 2
