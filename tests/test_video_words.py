"""Words in the film: times, line breaks, cues, scenes of the script. No pictures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.cut.captions import make_cues, to_srt
from pipelines.steps.cut.planes import Canvas, Layer, Picture, colour_yuv
from pipelines.steps.cut.stage import contrast, needed_shade, readable, shaded
from pipelines.steps.cut.storyboard import spoken_at, storyboard
from pipelines.steps.cut.timing import read_timing
from pipelines.steps.cut.type import CLOSING, break_lines, em_width, words_of
from pipelines.steps.vocabulary import Product
from tests.support.film import timing_of

PRODUCT = Product(name="冷萃咖啡", facts=("0糖0脂", "30秒速溶", "低温慢萃12小时"), price="¥9.9", offer="首单立减5元")

chinese = st.text(alphabet="今天早上冷萃咖啡现在只要好喝不贵的，。、！0123456789%¥", min_size=1, max_size=60)
english = st.lists(st.from_regex(r"[A-Za-z0-9$]{1,9}[,.!]?", fullmatch=True), min_size=1, max_size=20).map(" ".join)


@given(chinese)
@settings(max_examples=60, deadline=None)
def test_chinese_words_join_to_the_text_and_never_start_with_a_closing_mark(text):
    words = words_of(text, language="zh")
    assert "".join(words) == text
    assert all(word[0] not in CLOSING for word in words[1:])


@given(english)
@settings(max_examples=60, deadline=None)
def test_english_words_join_to_the_text(text):
    assert "".join(words_of(text, language="en")) == text


@pytest.mark.parametrize(
    ("text", "whole"),
    [("现在只要¥9.9，首单立减5元", "¥9.9"), ("低温慢萃12小时", "12小"), ("用AI写Python代码", "Python")],
)
def test_figures_and_latin_words_are_not_cut(text, whole):
    assert any(whole[:2] in word and whole[:3] in word for word in words_of(text, language="zh"))


@given(
    st.lists(st.sampled_from(["咖啡", "好", "现在，", "Python ", "30秒", "会议。"]), min_size=1, max_size=30),
    st.integers(1, 4),
)
@settings(max_examples=80, deadline=None)
def test_lines_hold_every_word_once_in_order(words, lines):
    rows = break_lines(words, width=12, lines=lines)
    assert [i for row in rows for i in row] == list(range(len(words)))
    assert len(rows) <= lines
    total = sum(em_width(word) for word in words)
    if total <= 12:
        assert len(rows) == 1


def test_a_balanced_break_is_chosen():
    words = words_of("会议之前先醒三十秒", language="zh")
    rows = ["".join(words[i] for i in row) for row in break_lines(words, width=6, lines=2)]
    assert [len(row) for row in rows] in ([4, 5], [5, 4])


@given(st.lists(chinese.filter(lambda t: any(c.isalnum() for c in t)), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_cues_hold_the_script_begin_with_their_words_and_do_not_overlap(script):
    document = timing_of(tuple(text.strip() for text in script), language="zh")
    sentences = read_timing(document, lead_in=0.5, language="zh")
    seconds = document["seconds"] + 1.5
    cues = make_cues(sentences, ems=13, seconds=seconds)
    assert "".join(cue.text for cue in cues) == "".join(text.strip() for text in script)
    for cue in cues:
        assert cue.start == cue.words[0].start
        assert 1 <= len(cue.lines) <= 2
        assert cue.start < cue.end <= seconds
    for before, after in itertools.pairwise(cues):
        assert before.end <= after.start + 1e-6


def test_srt_is_numbered_and_timed():
    sentences = read_timing(timing_of(("好的。", "走吧。"), language="zh"), lead_in=1.0, language="zh")
    text = to_srt(make_cues(sentences, ems=13, seconds=10))
    assert text.startswith("1\n00:00:01,000 --> ")
    assert "\n\n2\n" in text


def test_words_that_are_spoken_otherwise_share_the_sentences_time():
    document = {
        "sentences": [
            {"text": "只要¥9.9。", "start": 1, "end": 3, "words": [{"text": "九块九", "start": 1, "end": 3}]},
        ]
    }
    (sentence,) = read_timing(document, lead_in=0, language="zh")
    assert "".join(word.text for word in sentence.words) == "只要¥9.9。"
    assert sentence.words[0].start == 1
    assert sentence.words[-1].end == pytest.approx(3)


def script(*texts: str, closing: bool = True):
    document = timing_of(texts, language="zh")
    if closing:
        document["sentences"][-1]["role"] = "closing"
    return read_timing(document, lead_in=0.5, language="zh"), document["seconds"] + 1.5


def test_scenes_follow_what_is_said():
    sentences, seconds = script(
        "早上九点会议还没开始呢。",
        "不用排队也不用等待就有。",
        "0糖0脂，30秒速溶真的好。",
        "现在只要¥9.9，首单立减5元。",
        "立即尝鲜。",
    )
    shots = storyboard(sentences, PRODUCT, seconds=seconds, seed=1)
    assert shots[0].kind == "hero"
    assert [shot.kind for shot in shots][2:] == ["facts", "price", "end"]
    assert [moment.text for moment in shots[2].moments] == ["0糖0脂", "30秒速溶"]
    assert shots[-1].end == seconds
    assert shots[-1].end - shots[-1].start >= 2


def test_the_end_card_begins_with_the_closing_line_even_when_a_notice_follows():
    document = timing_of(
        ("早上九点会议还没开始呢。", "不用排队也不用等待。", "立即尝鲜。", "本内容由人工智能生成。"), language="zh"
    )
    document["sentences"][2]["role"] = "closing"
    document["sentences"][3]["role"] = "notice"
    sentences = read_timing(document, lead_in=0.5, language="zh")
    shots = storyboard(sentences, PRODUCT, seconds=document["seconds"] + 1, seed=1)
    assert shots[-1].kind == "end"
    assert shots[-1].start <= sentences[2].start


def test_a_figure_is_found_as_a_number_of_its_own():
    sentences, _ = script("低温慢萃12小时只留下香气。")
    assert spoken_at("2小时低温慢萃", sentences[0]) is None
    assert spoken_at("低温慢萃12小时", sentences[0]) == sentences[0].words[0].start
    assert spoken_at("慢萃足足12小时", sentences[0]) is not None
    assert spoken_at("首单立减5元", sentences[0]) is None
    assert spoken_at("", sentences[0]) is None


def test_moments_are_when_they_are_said():
    sentences, _ = script("0糖0脂，30秒速溶。")
    words = {word.text.strip("，。"): word.start for word in sentences[0].words}
    at = spoken_at("30秒速溶", sentences[0])
    assert at == next(start for text, start in words.items() if text.startswith("30"))


# Planes


@pytest.mark.parametrize("colour", ["#ff0000", "#00ff00", "#0000ff", "#ffffff", "#000000", "#ffb347", "#12263a"])
def test_colours_survive_the_planes(colour):
    canvas = Canvas(8, 8)
    canvas.fill(colour)
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    assert np.abs(canvas.rgb()[4, 4].astype(int) - wanted).max() <= 3
    assert 16 <= colour_yuv(colour)[0] <= 235


def test_a_layer_lands_where_it_is_put_whole_or_between_pixels():
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 255, 255
    layer = Layer.of(rgba)
    still, moved = Canvas(80, 80), Canvas(80, 80)
    for canvas in (still, moved):
        canvas.fill("#000000")
    layer.draw(still, 30, 40)
    layer.draw(moved, 30.5, 40)
    assert still.y[40:60, 30:50].min() == still.y[50, 40] > 40
    assert still.y[39, 40] == still.y[60, 40] == 16
    assert 16 < moved.y[50, 30] < moved.y[50, 40]
    half = Canvas(80, 80)
    half.fill("#000000")
    layer.draw(half, 30, 40, opacity=0.5)
    assert abs(int(half.y[50, 40]) - (16 + (int(still.y[50, 40]) - 16) / 2)) <= 1


@given(st.floats(-60, 120), st.floats(-60, 120), st.floats(0.05, 3), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_layer_may_stand_anywhere(x, y, scale, opacity):
    layer = Layer.of(np.full((18, 22, 4), 200, np.uint8))
    canvas = Canvas(64, 48)
    canvas.fill("#204060")
    layer.draw(canvas, x, y, scale=scale, opacity=opacity)
    layer.draw(canvas, x, y, scale=scale, opacity=opacity, clip=(10, 10, 20, 20))


def test_a_camera_moves_by_less_than_a_pixel_without_jumps():
    import cv2

    noise = np.random.default_rng(1).normal(128, 90, (200, 400, 3)).astype(np.float32)
    picture = Picture.of(np.clip(cv2.GaussianBlur(noise, (0, 0), 3) * 4 - 384, 0, 255).astype(np.uint8))
    canvas, frames = Canvas(100, 60), []
    for step in range(20):
        picture.view(canvas, centre=(150 + step * 0.25, 100), zoom=1.0)
        frames.append(canvas.y.astype(np.float32))
    moved = [float(np.abs(b - a).mean()) for a, b in itertools.pairwise(frames)]
    assert min(moved) > 0.1
    assert max(moved) < 1.6 * min(moved)


def test_type_is_readable_on_what_it_stands_on():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert readable("#777777", "#888888") in ("#ffffff", "#0b0d12")
    bright = np.full((100, 60, 3), 240, np.uint8)
    dark = shaded(bright, "#ffffff", "#0b1e3b", until=0.4)
    assert contrast("#ffffff", "#" + "".join(f"{v:02x}" for v in dark[20, 30])) >= 4.5
    assert np.array_equal(dark[80:], bright[80:])
    assert needed_shade(np.zeros((50, 50, 3), np.uint8), "#ffffff", "#000000", least=4.5) == 0
