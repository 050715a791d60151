"""The diffusers adapter beyond what every picture generator has to do, on a tiny pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import AdapterFailed, CorruptFile, ModelMissing, UnsupportedArgument
from models.image import diffusers
from models.image.base import ImageRequest
from tests.conformance.subjects import card_of
from tests.support.tiny import tiny_diffusion_pipeline

OPTIONS = {"steps": 2, "width": 64, "height": 64, "guidance_scale": 5.0, "threads": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_diffusion_pipeline(tmp_path_factory.mktemp("sd") / "pipeline")


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[Any]:
    loaded = diffusers.load(card_of("sd-1.5"), folder, options=OPTIONS)
    yield loaded
    loaded.close()


def picture(model: Any, **more: Any) -> np.ndarray:
    return np.asarray(model.generate(ImageRequest(**{"prompt": "cup", "seed": 1, **more})).images[0])


def test_the_cards_defaults_apply(model: Any) -> None:
    assert picture(model).shape == (64, 64, 3)
    assert np.array_equal(picture(model), picture(model, steps=2, guidance_scale=5.0))
    assert not np.array_equal(picture(model), picture(model, guidance_scale=1.0))


def test_the_negative_prompt_counts(model: Any) -> None:
    assert not np.array_equal(picture(model), picture(model, negative_prompt="blur"))


def test_sides_that_do_not_fit(model: Any) -> None:
    with pytest.raises(UnsupportedArgument, match="width=70") as error:
        picture(model, width=70)
    assert "72" in error.value.hint


def test_too_weak_to_do_anything(model: Any) -> None:
    with pytest.raises(UnsupportedArgument, match="strength"):
        picture(model, init_image=Image.new("RGB", (64, 64)), strength=0.1, steps=2)


def test_strength_decides_how_much_is_left(model: Any) -> None:
    init = Image.effect_noise((64, 64), 90).convert("RGB")
    weak, strong = (picture(model, init_image=init, strength=s, steps=10) for s in (0.1, 1.0))
    start = picture(model, init_image=init, strength=0.11, steps=10)
    assert np.abs(weak.astype(int) - start).mean() <= np.abs(strong.astype(int) - start).mean()


def test_the_initial_picture_gives_the_size(model: Any) -> None:
    assert picture(model, init_image=Image.new("RGB", (130, 66)), strength=0.5, steps=2).shape == (64, 128, 3)


def test_both_ways_share_the_weights(model: Any) -> None:
    picture(model, init_image=Image.new("RGB", (64, 64)), strength=0.5, steps=2)
    assert model._from_image.unet is model._pipeline.unet


def test_arguments_a_pipeline_lacks_are_named(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        vae_scale_factor = 8

        def __call__(
            self, prompt: str, num_inference_steps: int, width: int, height: int, output_type: str
        ) -> None: ...

    monkeypatch.setattr(model, "_pipeline", Plain())
    with pytest.raises(UnsupportedArgument, match="guidance_scale"):
        picture(model)


def test_files(folder: Path, tmp_path: Path) -> None:
    card = card_of("sd-1.5")
    with pytest.raises(ModelMissing) as missing:
        diffusers.load(card, tmp_path, options=OPTIONS)
    assert missing.value.hint == "studio models pull sd-1.5"
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(CorruptFile):
        diffusers.load(card, tmp_path, options=OPTIONS)
    (tmp_path / "model_index.json").write_text((folder / "model_index.json").read_text())
    with pytest.raises(CorruptFile):
        diffusers.load(card, tmp_path, options=OPTIONS)


def test_pickles_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    import shutil

    import torch
    from safetensors.torch import load_file

    copy = tmp_path / "pickled"
    shutil.copytree(folder, copy)
    weights = copy / "unet/diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), copy / "unet/diffusion_pytorch_model.bin")
    weights.unlink()
    with pytest.raises(CorruptFile):
        diffusers.load(card_of("sd-1.5"), copy, options=OPTIONS)


def test_a_safety_checker_that_was_not_downloaded(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "sd"
    shutil.copytree(folder, copy)
    index = json.loads((copy / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (copy / "model_index.json").write_text(json.dumps(index))
    loaded = diffusers.load(card_of("sd-1.5"), copy, options=OPTIONS)
    assert picture(loaded).shape == (64, 64, 3)
    loaded.close()
    with pytest.raises(AdapterFailed, match="closed"):
        picture(loaded)
