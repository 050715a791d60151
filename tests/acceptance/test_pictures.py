"""Pictures on the real embedded models: the sample photographs enlarged, cut out, judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from models.control import Control
from models.settings import ASSETS
from pipelines.steps.photo import enlarge
from pipelines.steps.prepare_photo import PreparePhotoRequest, prepare_photo
from tests.conformance.subjects import Subject, open_model
from tests.support.context import MemoryContext

pytestmark = pytest.mark.acceptance
PHOTOS = ASSETS / "briefs/photos"


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    model = open_model(Subject("realesrgan"), tmp_path_factory.mktemp("up"))
    yield model
    model.close()


@pytest.fixture(scope="module")
def matting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    model = open_model(Subject("u2netp-modnet"), tmp_path_factory.mktemp("matting"))
    yield model
    model.close()


def prepared(tmp_path: Path, name: str, upscaler: Any, matting: Any) -> tuple[MemoryContext, dict[str, Any]]:
    context = MemoryContext(tmp_path, models={"upscaling": upscaler, "matting": matting})
    photo = context.add_file(PHOTOS / f"{name}.png", "image")
    return context, dict(prepare_photo(PreparePhotoRequest(photo=photo), context))


@pytest.mark.parametrize(
    ("name", "quality", "reason"),
    [
        ("coffee", "good", ""),
        ("astronaut", "good", ""),
        ("chelsea", "poor", "cut off"),
        ("rocket", "poor", "takes only"),
    ],
)
def test_sample_photographs(tmp_path: Path, upscaler: Any, matting: Any, name: str, quality: str, reason: str) -> None:
    _, out = prepared(tmp_path, name, upscaler, matting)
    facts = out["cutout"].facts
    assert facts["quality"] == quality, facts
    assert any(reason in line for line in facts["reasons"]) or not reason
    assert max(out["photo"].facts[side] for side in ("width", "height")) >= 1800


def test_the_cup_is_whole_and_its_outline_clean(tmp_path: Path, upscaler: Any, matting: Any) -> None:
    context, out = prepared(tmp_path, "coffee", upscaler, matting)
    with Image.open(context.path(out["cutout"])) as image:
        rgba = np.asarray(image).astype(np.float32) / 255
    alpha = rgba[..., 3]
    count, _, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.5).astype(np.uint8))
    assert stats[1:, cv2.CC_STAT_AREA].max() / stats[1:, cv2.CC_STAT_AREA].sum() > 0.99
    outline = max(cv2.findContours((alpha > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0], key=len)
    hull = cv2.convexHull(outline)
    assert cv2.contourArea(outline) / cv2.contourArea(hull) > 0.96, "a cup on a saucer is nearly convex"
    assert count >= 2


def test_enlarged_is_sharper_than_resampled_and_the_same_picture(upscaler: Any) -> None:
    source = Image.open(PHOTOS / "chelsea.png").convert("RGB").crop((100, 40, 340, 220))
    large = enlarge(source, longest_side=960, model=upscaler, control=Control())
    plain = source.resize(large.size, Image.Resampling.BICUBIC)

    def edges(image: Image.Image) -> float:
        grey = cv2.GaussianBlur(np.asarray(image.convert("L"), np.float32), (0, 0), 1.2)  # grain is not sharpness
        return float(np.percentile(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)), 97))

    assert edges(large) > 1.1 * edges(plain)
    back = np.asarray(large.resize(source.size, Image.Resampling.BOX), np.float32)
    assert np.abs(back - np.asarray(source, np.float32)).mean() < 6


def test_tiles_leave_no_seam(upscaler: Any) -> None:
    """A real network's pixels depend on far surroundings a little: a seam would be a line of larger differences."""
    source = Image.open(PHOTOS / "coffee.png").convert("RGB").crop((150, 50, 390, 210))
    whole = np.asarray(upscaler.upscale(source, scale=2), np.float32)
    small = open_model(Subject("realesrgan", options={"tile": 80}), Path())
    tiled = np.asarray(small.upscale(source, scale=2), np.float32)
    small.close()
    gap = np.abs(whole - tiled)
    assert gap.mean() < 0.5
    assert gap.max() < 24


def test_the_photographers_network(upscaler: Any) -> None:
    model = open_model(Subject("realesrgan", options={"variant": "quality"}), Path())
    source = Image.open(PHOTOS / "astronaut.png").convert("RGB").crop((200, 60, 264, 108))
    large = model.upscale(source, scale=4)
    model.close()
    assert large.size == (256, 192)
    back = np.asarray(large.resize(source.size, Image.Resampling.BOX), np.float32)
    assert np.abs(back - np.asarray(source, np.float32)).mean() < 8
