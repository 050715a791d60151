"""Matting: the matte follows the picture's edges, two networks work together, bad files are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.errors import BadInput, CorruptFile, ModelMissing
from models.image import matting
from tests.conformance.subjects import card_of


class Session:
    """Stands in for an ONNX session: remembers its input, answers with a fixed matte."""

    def __init__(self, answer: np.ndarray) -> None:
        self.answer = answer
        self.seen: Any = None

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "x"})]

    def run(self, outputs: None, feeds: dict[str, Any]) -> list[Any]:
        self.seen = feeds["x"]
        return [self.answer[None, None].astype(np.float32)]


def disc(size: int = 600, radius: int = 200) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.clip(radius - np.hypot(x - size / 2, y - size / 2) + 0.5, 0, 1).astype(np.float32)


def test_refining_sharpens_a_coarse_matte() -> None:
    truth = disc()
    red, blue = np.float32([0.8, 0.2, 0.1]), np.float32([0.1, 0.2, 0.5])
    rng = np.random.default_rng(0)
    picture = truth[..., None] * red + (1 - truth[..., None]) * blue
    picture = np.clip(picture + rng.normal(0, 0.02, picture.shape), 0, 1).astype(np.float32)
    coarse = cv2.GaussianBlur(cv2.resize(truth, (80, 80), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    before = np.abs(cv2.resize(coarse, (600, 600)) - truth).mean()
    after = np.abs(matting.refine(coarse, picture) - truth).mean()
    assert after < before / 3


def test_texture_inside_leaves_no_holes() -> None:
    truth = disc()
    picture = np.repeat((np.indices((600, 600)).sum(axis=0) // 24 % 2).astype(np.float32)[..., None], 3, axis=2)
    refined = matting.refine(cv2.resize(truth, (80, 80), interpolation=cv2.INTER_AREA), picture)
    assert refined[disc(radius=150) > 0.5].min() > 0.98
    assert refined[disc(radius=260) < 0.5].max() < 0.02


def test_networks_get_what_they_were_trained_on() -> None:
    picture = np.full((300, 900, 3), 0.5, np.float32)
    product, portrait = Session(disc(320, 100)), Session(disc(512, 100))
    matting.run_network(product, matting.NETWORKS["product"], picture)
    matting.run_network(portrait, matting.NETWORKS["portrait"], picture)
    assert product.seen.shape == (1, 3, 320, 320)
    assert product.seen[0, :, 0, 0] == pytest.approx(
        [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225], abs=1e-4
    )
    assert portrait.seen.shape == (1, 3, 512, 1536)
    assert portrait.seen[0, 0, 0, 0] == pytest.approx(0.0, abs=1e-5)


def test_a_faint_matte_is_not_stretched_into_a_subject() -> None:
    picture = np.zeros((64, 64, 3), np.float32)
    assert matting.run_network(Session(disc(320, 90) * 0.2), matting.NETWORKS["product"], picture).max() < 0.25
    assert matting.run_network(
        Session(disc(320, 90) * 0.7), matting.NETWORKS["product"], picture
    ).max() == pytest.approx(1)


def test_portrait_network_speaks_only_where_both_agree() -> None:
    hole = disc(512, 158) - disc(512, 20)
    mattes = {"product": disc(320, 100), "portrait": hole}
    assert matting._choose(mattes) == "portrait"
    assert mattes["portrait"][256, 256] > 0.9, "the hole is filled"
    assert matting._choose({"product": disc(320, 100), "portrait": disc(512, 60)}) == "product"
    assert matting._choose({"portrait": disc(512, 60)}) == "portrait"


def test_hair_stays_soft_and_products_get_crisp() -> None:
    soft = cv2.GaussianBlur(disc(), (0, 0), 6)
    picture = np.repeat(soft[..., None], 3, axis=2).astype(np.float32)
    widths = [((a > 0.1) & (a < 0.9)).sum() for a in (matting.refine(soft, picture, crisp=c) for c in (True, False))]
    assert widths[0] < 0.75 * widths[1]


def test_files(tmp_path: Path) -> None:
    card = card_of("u2netp-modnet")
    with pytest.raises(ModelMissing, match=r"u2netp\.onnx") as missing:
        matting.load(card, tmp_path, options={})
    assert missing.value.hint == "studio models pull u2netp-modnet"
    (tmp_path / "u2netp.onnx").write_bytes(b"not a network")
    with pytest.raises(CorruptFile, match="u2netp"):
        matting.load(card, tmp_path, options={})
    with pytest.raises(BadInput, match="'cats'"):
        matting.load(card, tmp_path, options={"kind": "cats"})
