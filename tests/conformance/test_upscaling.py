"""What every upscaler has to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.control import CancelToken, Control
from models.errors import Cancelled, UnsupportedArgument
from models.image.base import UpscalingModel
from models.settings import ASSETS
from tests.conformance.subjects import opened, params


@pytest.fixture(scope="module", params=params("upscaling"))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(request.param, tmp_path_factory.mktemp("upscaling")) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.open(ASSETS / "briefs/photos/chelsea.png").convert("RGB").crop((120, 60, 220, 130))


class TestUpscaling:
    def test_is_an_upscaling_model(self, model: Any) -> None:
        assert isinstance(model, UpscalingModel)
        assert model.scales

    def test_every_scale(self, model: Any, photo: Image.Image) -> None:
        for scale in model.scales:
            large = model.upscale(photo, scale=scale)
            assert (large.size, large.mode) == ((photo.width * scale, photo.height * scale), "RGB")
            back = np.asarray(large.resize(photo.size, Image.Resampling.BOX), np.float32)
            assert np.abs(back - np.asarray(photo, np.float32)).mean() < 8, "it is still the same picture"

    def test_tiny_and_odd_pictures(self, model: Any) -> None:
        for size in ((1, 1), (5, 9), (31, 17)):
            image = Image.new("RGB", size, (200, 60, 30))
            assert model.upscale(image, scale=model.scales[-1]).size == tuple(s * model.scales[-1] for s in size)

    def test_alpha_is_kept(self, model: Any, photo: Image.Image) -> None:
        cut = photo.copy()
        cut.putalpha(Image.linear_gradient("L").resize(photo.size))
        large = model.upscale(cut, scale=model.scales[0])
        assert large.mode == "RGBA"
        alpha = np.asarray(large.getchannel("A"))
        assert alpha[0].mean() < 16
        assert alpha[-1].mean() > 239

    def test_unknown_scale(self, model: Any, photo: Image.Image) -> None:
        with pytest.raises(UnsupportedArgument, match="7"):
            model.upscale(photo, scale=7)

    def test_cancel(self, model: Any, photo: Image.Image) -> None:
        control = Control(cancel=CancelToken())
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            model.upscale(photo, scale=model.scales[0], control=control)


@pytest.mark.parametrize("subject", params("upscaling"))
def test_close_twice(subject: Any, tmp_path: Any) -> None:
    with opened(subject, tmp_path) as model:
        model.close()
