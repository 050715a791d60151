"""What every painter of backgrounds has to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest

from models.control import CancelToken, Control
from models.errors import BadInput, Cancelled
from models.image.base import BackdropModel, BackdropRequest, BackdropStyle
from tests.conformance.subjects import opened, params

PALETTE = ("#0b1e3b", "#ffb347")


@pytest.fixture(scope="module", params=params("backdrop"))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(request.param, tmp_path_factory.mktemp("backdrop")) as loaded:
        yield loaded


def ask(**more: Any) -> BackdropRequest:
    return BackdropRequest(**{"style": "mesh", "palette": PALETTE, "width": 120, "height": 160, "seed": 3, **more})


class TestBackdrop:
    def test_is_a_backdrop_model(self, model: Any) -> None:
        assert isinstance(model, BackdropModel)

    @pytest.mark.parametrize("mood", ["light", "dark", "vivid"])
    @pytest.mark.parametrize("style", get_args(BackdropStyle))
    def test_every_style_and_mood(self, model: Any, style: str, mood: str) -> None:
        picture = model.paint(ask(style=style, mood=mood))
        assert (picture.size, picture.mode) == ((120, 160), "RGB")
        assert np.asarray(picture).std() > 1

    @pytest.mark.parametrize("size", [(8, 8), (8, 300), (300, 8), (333, 77)])
    def test_odd_sizes(self, model: Any, size: tuple[int, int]) -> None:
        assert model.paint(ask(width=size[0], height=size[1])).size == size

    @pytest.mark.parametrize("palette", [("#000000",), ("#ffffff",), ("#ff0000", "#00ff00", "#0000ff") * 2])
    def test_extreme_palettes(self, model: Any, palette: tuple[str, ...]) -> None:
        for mood in ("light", "dark", "vivid"):
            assert np.asarray(model.paint(ask(palette=palette, mood=mood))).shape == (160, 120, 3)

    def test_the_seed_decides(self, model: Any) -> None:
        one, again, other = (np.asarray(model.paint(ask(seed=seed))) for seed in (1, 1, 2))
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)

    def test_bad_colour_is_named(self, model: Any) -> None:
        with pytest.raises(BadInput, match="palette"):
            model.paint(ask(palette=("#12345g",)))

    def test_cancel(self, model: Any) -> None:
        control = Control(cancel=CancelToken())
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            model.paint(ask(), control=control)
