"""Upscaling: tiles cover the picture once and join without a seam."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.control import CancelToken, Control
from models.errors import Cancelled, CorruptFile, ModelMissing, UnsupportedArgument
from models.image import upscaling
from models.image.upscaling import NcnnUpscaling, tiles
from tests.conformance.subjects import card_of


@given(st.integers(1, 900), st.integers(1, 900), st.integers(16, 300))
def test_tiles_cover_every_pixel_once(width: int, height: int, size: int) -> None:
    seen = np.zeros((height, width), int)
    for tile in tiles(width, height, size):
        assert 0 < tile.right - tile.left <= size
        assert 0 < tile.bottom - tile.top <= size
        seen[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert (seen == 1).all()


class Averaging(NcnnUpscaling):
    """The tiling with a stand-in network that, like real ones, looks at a pixel's surroundings."""

    def __init__(self, tile: int) -> None:
        super().__init__("stand-in", {2: Path("none")}, threads=1, tile=tile)

    def _network(self, scale: int) -> Any:
        return None

    def _run(self, network: Any, part: np.ndarray) -> np.ndarray:
        import cv2

        return cv2.resize(cv2.blur(part, (9, 9)), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)


def test_no_seams() -> None:
    picture = Image.effect_noise((200, 130), 80).convert("RGB")
    whole = Averaging(tile=1000).upscale(picture, scale=2)
    assert np.array_equal(np.asarray(Averaging(tile=37).upscale(picture, scale=2)), np.asarray(whole))


def test_cancelled_at_the_next_tile() -> None:
    token, told = CancelToken(), []

    def progress(fraction: float, note: str = "") -> None:
        told.append(note)
        token.cancel()

    with pytest.raises(Cancelled):
        Averaging(tile=20).upscale(
            Image.new("RGB", (100, 100)), scale=2, control=Control(cancel=token, progress=progress)
        )
    assert told == ["0/25"]


def test_files(tmp_path: Path) -> None:
    card = card_of("realesrgan")
    with pytest.raises(ModelMissing) as missing:
        upscaling.load(card, tmp_path, options={})
    assert missing.value.hint == "studio models pull realesrgan"
    with pytest.raises(UnsupportedArgument, match="'best'"):
        upscaling.load(card, tmp_path, options={"variant": "best"})
    for suffix in ("param", "bin"):
        (tmp_path / f"X.{suffix}").write_bytes(b"nothing of use")
    model = upscaling.load(card, tmp_path, options={"networks": {2: "X"}})
    with pytest.raises(CorruptFile, match="X"):
        model.upscale(Image.new("RGB", (8, 8)), scale=2)
