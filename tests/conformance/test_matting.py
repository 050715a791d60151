"""What every matting model has to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.control import CancelToken, Control
from models.errors import Cancelled
from models.image.base import MattingModel
from models.settings import ASSETS
from tests.conformance.subjects import opened, params


@pytest.fixture(scope="module", params=params("matting"))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(request.param, tmp_path_factory.mktemp("matting")) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    """A person before a wall: both kinds of network know what is meant."""
    source = Image.open(Path(ASSETS) / "briefs/photos/astronaut.png").convert("RGB")
    return source.crop((0, 0, 340, 512))


class TestMatting:
    def test_is_a_matting_model(self, model: Any) -> None:
        assert isinstance(model, MattingModel)

    def test_shape_and_range(self, model: Any, portrait: Image.Image) -> None:
        for image in (portrait, portrait.resize((700, 200)), portrait.convert("RGBA"), portrait.convert("L")):
            alpha = model.matte(image)
            assert alpha.shape == (image.height, image.width)
            assert alpha.dtype == np.float32
            assert 0 <= alpha.min() <= alpha.max() <= 1

    def test_finds_the_subject(self, model: Any, portrait: Image.Image) -> None:
        if model.card_id.startswith("fake"):  # it knows plain grounds only
            product = Image.new("RGB", (200, 200), (230, 226, 218))
            product.paste((160, 40, 30), (60, 60, 140, 160))
            alpha = model.matte(product)
            assert alpha[80:140, 80:120].mean() > 0.95
            assert alpha[:40].mean() < 0.05
            return
        alpha = model.matte(portrait)
        assert alpha[260:480, 120:230].mean() > 0.8, "the suit"
        assert alpha[0:60, 290:335].mean() < 0.2, "the wall beside her head"

    def test_same_picture_same_matte(self, model: Any, portrait: Image.Image) -> None:
        assert np.array_equal(model.matte(portrait), model.matte(portrait))

    def test_cancel(self, model: Any, portrait: Image.Image) -> None:
        control = Control(cancel=CancelToken())
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            model.matte(portrait, control=control)


@pytest.mark.parametrize("subject", params("matting"))
def test_close_twice(subject: Any, tmp_path: Any) -> None:
    with opened(subject, tmp_path) as model:
        model.close()
