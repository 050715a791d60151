"""What every picture generator has to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.control import CancelToken, Control
from models.errors import Cancelled
from models.image.base import ImageModel, ImageRequest
from tests.conformance.subjects import opened, params


@pytest.fixture(scope="module", params=params("image"))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(request.param, tmp_path_factory.mktemp("image")) as loaded:
        yield loaded


def ask(**more: Any) -> ImageRequest:
    return ImageRequest(**{"prompt": "a red cup", "width": 64, "height": 64, "steps": 2, "seed": 5, **more})


class TestImage:
    def test_is_an_image_model(self, model: Any) -> None:
        assert isinstance(model, ImageModel)

    def test_size_and_mode(self, model: Any) -> None:
        result = model.generate(ask(width=96, height=64))
        assert [(image.size, image.mode) for image in result.images] == [((96, 64), "RGB")]
        assert result.model == model.card_id

    def test_zero_means_the_cards_own_size(self, model: Any) -> None:
        (image,) = model.generate(ask(width=0, height=0)).images
        assert min(image.size) >= 64

    def test_each_picture_has_its_own_seed(self, model: Any) -> None:
        three = model.generate(ask(count=3))
        assert three.seeds == (5, 6, 7)
        again = model.generate(ask(seed=6))
        assert np.array_equal(np.asarray(three.images[1]), np.asarray(again.images[0]))
        assert not np.array_equal(np.asarray(three.images[0]), np.asarray(three.images[1]))

    def test_the_last_seed_wraps_around(self, model: Any) -> None:
        assert model.generate(ask(seed=2**32 - 1, count=2)).seeds == (2**32 - 1, 0)

    def test_the_prompt_matters(self, model: Any) -> None:
        one, other = model.generate(ask()), model.generate(ask(prompt="blue sea at dusk"))
        assert not np.array_equal(np.asarray(one.images[0]), np.asarray(other.images[0]))

    def test_image_to_image(self, model: Any) -> None:
        init = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
        (image,) = model.generate(ask(init_image=init, strength=0.5, steps=4, width=0, height=0)).images
        assert image.size == (64, 64)
        (other,) = model.generate(ask(init_image=init.rotate(180), strength=0.5, steps=4, width=0, height=0)).images
        assert not np.array_equal(np.asarray(image), np.asarray(other))

    def test_progress_rises_to_one(self, model: Any) -> None:
        told: list[float] = []
        model.generate(ask(count=2), control=Control(progress=lambda fraction, note="": told.append(fraction)))
        assert told == sorted(told)
        assert told[-1] == 1.0

    def test_cancelled_within_a_step(self, model: Any) -> None:
        token, told = CancelToken(), []

        def progress(fraction: float, note: str = "") -> None:
            told.append(fraction)
            token.cancel()

        with pytest.raises(Cancelled):
            model.generate(ask(steps=50), control=Control(cancel=token, progress=progress))
        assert len(told) == 1


@pytest.mark.parametrize("subject", params("image"))
def test_close_twice(subject: Any, tmp_path: Any) -> None:
    with opened(subject, tmp_path) as model:
        model.close()
