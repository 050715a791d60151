"""Photographs as people give them, and the product cut out of them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from models.control import Control
from models.errors import BadInput, Cancelled
from models.image.fake import FakeMatting, FakeUpscaling
from pipelines.steps.cutout import cut_out, foreground
from pipelines.steps.photo import decode, enlarge, enlargement
from pipelines.steps.prepare_photo import PreparePhotoRequest, prepare_photo
from tests.support.context import MemoryContext


def product(size: tuple[int, int] = (400, 300), box: tuple[int, int, int, int] = (120, 60, 280, 240)) -> Image.Image:
    """A red can on a plain table, smooth edges."""
    large = Image.new("RGB", (size[0] * 4, size[1] * 4), (232, 226, 216))
    ImageDraw.Draw(large).ellipse([side * 4 for side in box], fill=(170, 30, 40))
    return large.resize(size, Image.Resampling.LANCZOS)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def read(path: Path) -> Image.Image:
    return decode(path, longest_side=2400).image


class TestDecode:
    def test_exif_orientation(self, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        photo = decode(saved(product(), tmp_path / "a.jpg", exif=exif), longest_side=2400)
        assert photo.image.size == (300, 400)
        assert photo.source == (300, 400)

    @pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1", "I;16", "I", "F"])
    def test_every_mode_becomes_srgb(self, tmp_path: Path, mode: str) -> None:
        image = product()
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        elif mode in ("I", "F"):
            image = Image.fromarray(np.asarray(image.convert("L")).astype({"I": np.int32, "F": np.float32}[mode]))
        else:
            image = image.convert(mode)
        out = read(saved(image, tmp_path / "a.tiff"))
        assert out.mode == "RGB"
        grey = np.asarray(out.convert("L"), float)
        assert grey[5:40, 5:40].mean() - grey[130:170, 180:220].mean() > 60, "the table is still lighter than the can"

    def test_sixteen_bits_are_scaled_not_clipped(self, tmp_path: Path) -> None:
        values = np.linspace(0, 65535, 128 * 128).reshape(128, 128).astype(np.uint16)
        out = np.asarray(read(saved(Image.fromarray(values), tmp_path / "a.png")))[..., 0]
        assert int(out[64, 64]) == pytest.approx(128, abs=2)

    def test_profile_is_converted_and_a_broken_one_ignored(self, tmp_path: Path) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        good = read(saved(product(), tmp_path / "a.png", icc_profile=profile))
        broken = read(saved(product(), tmp_path / "b.png", icc_profile=b"no profile at all"))
        assert np.abs(np.asarray(good, int) - np.asarray(broken, int)).max() <= 2

    def test_own_transparency(self, tmp_path: Path) -> None:
        image = product()
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        photo = decode(saved(image, tmp_path / "a.png"), longest_side=2400)
        assert photo.alpha is not None
        assert photo.alpha.size == photo.image.size
        assert np.asarray(photo.image)[0].min() > 245, "what is clear lies on white"
        opaque = product().convert("RGBA")
        assert decode(saved(opaque, tmp_path / "b.png"), longest_side=2400).alpha is None

    @pytest.mark.parametrize("name", ["text", "empty", "truncated", "nul", "svg"])
    def test_no_picture(self, tmp_path: Path, name: str) -> None:
        buffer = io.BytesIO()
        product().save(buffer, "JPEG")
        data = {
            "text": b"hello",
            "empty": b"",
            "truncated": buffer.getvalue()[:900],
            "nul": b"\0" * 4000,
            "svg": b"<svg/>",
        }
        path = tmp_path / "photo.jpg"
        path.write_bytes(data[name])
        with pytest.raises(BadInput, match=r"product\.photo") as error:
            read(path)
        assert error.value.hint

    def test_animation_and_tiny_picture(self, tmp_path: Path) -> None:
        frames = [product(), product(box=(10, 10, 90, 90))]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        with pytest.raises(BadInput, match=r"product\.photo.*animation"):
            read(tmp_path / "a.gif")
        with pytest.raises(BadInput, match=r"product\.photo.*1×1"):
            read(saved(Image.new("RGB", (1, 1)), tmp_path / "b.png"))

    def test_a_bomb_is_judged_by_its_header(self, tmp_path: Path) -> None:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
        (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
        with pytest.raises(BadInput, match=r"product\.photo: .* 175 megapixels"):
            read(tmp_path / "bomb.png")

    def test_a_large_jpeg_is_decoded_reduced(self, tmp_path: Path) -> None:
        path = saved(Image.new("L", (8000, 6400), 120), tmp_path / "large.jpg", quality=60)
        photo = decode(path, longest_side=1000)
        assert photo.source == (8000, 6400)
        assert 1000 <= max(photo.image.size) < 2500


class TestEnlarge:
    @pytest.mark.parametrize(
        ("size", "scale"),
        [
            ((600, 400), 4),
            ((1000, 700), 3),
            ((1200, 900), 2),
            ((2200, 1000), 1),
            ((1500, 1100), 1),
            ((300, 200), 4),
            ((5000, 300), 1),
        ],
    )
    def test_scale(self, size: tuple[int, int], scale: int) -> None:
        assert enlargement(size, 2400, (2, 3, 4)) == scale

    @pytest.mark.parametrize("size", [(600, 400), (2300, 900), (3200, 2000), (1500, 1100), (200, 90)])
    def test_size(self, size: tuple[int, int]) -> None:
        out = enlarge(product(size, (10, 10, 80, 80)), longest_side=2400, model=FakeUpscaling(), control=Control())
        assert max(out.size) <= 2400
        assert max(out.size) >= min(2400, 4 * max(size)) or min(size) >= 1080
        assert out.width / out.height == pytest.approx(size[0] / size[1], rel=0.01)


class TestCutout:
    def cut(self, alpha: np.ndarray) -> tuple[str, tuple[str, ...]]:
        photo = Image.fromarray(np.full((*alpha.shape, 3), 120, np.uint8))
        result = cut_out(photo, alpha.astype(np.float32))
        return result.quality, result.reasons

    def ellipse(self, box: tuple[int, int, int, int]) -> np.ndarray:
        large = Image.new("L", (1600, 1200), 0)
        ImageDraw.Draw(large).ellipse([side * 4 for side in box], fill=255)
        return np.asarray(large.resize((400, 300), Image.Resampling.BOX)) / 255

    def test_good(self) -> None:
        assert self.cut(self.ellipse((100, 40, 300, 280))) == ("good", ())

    def test_poor_and_why(self) -> None:
        import cv2

        good = self.ellipse((100, 40, 300, 280))
        cases = {
            "takes only": self.ellipse((190, 140, 215, 165)),
            "takes 1": np.ones((300, 400)),
            "several pieces": np.maximum(self.ellipse((20, 40, 180, 280)), self.ellipse((220, 40, 380, 280))),
            "not crisp": cv2.GaussianBlur(good, (0, 0), 9),
            "cut off at the left": self.ellipse((-120, 40, 200, 280)),
            "no subject": np.zeros((300, 400)),
        }
        for reason, alpha in cases.items():
            quality, reasons = self.cut(alpha)
            assert quality == "poor"
            assert any(reason in line for line in reasons), (reason, reasons)

    def test_standing_on_the_lower_edge_is_fine(self) -> None:
        assert self.cut(self.ellipse((100, 120, 300, 400)))[0] == "good"

    def test_islands_are_dropped(self) -> None:
        alpha = np.maximum(self.ellipse((100, 40, 300, 280)), self.ellipse((370, 10, 380, 20)))
        result = cut_out(Image.new("RGB", (400, 300)), alpha.astype(np.float32))
        assert result.box[2] < 0.8
        assert result.quality == "good"

    def test_the_old_background_leaves_no_fringe(self) -> None:
        import cv2

        alpha = cv2.GaussianBlur(self.ellipse((100, 40, 300, 280)).astype(np.float32), (0, 0), 2)
        red, green = np.float32([0.7, 0.1, 0.1]), np.float32([0.1, 0.8, 0.2])
        mixed = alpha[..., None] * red + (1 - alpha[..., None]) * green
        edge = (alpha > 0.15) & (alpha < 0.85)
        before = np.abs(mixed[edge] - red).mean()
        after = np.abs(foreground(mixed.astype(np.float32), alpha)[edge] - red).mean()
        assert after < before / 6


class TestStep:
    def run(self, tmp_path: Path, image: Image.Image, **more: object) -> tuple[MemoryContext, dict[str, object]]:
        context = MemoryContext(tmp_path, models={"matting": FakeMatting(), "upscaling": FakeUpscaling()}, **more)
        photo = context.add_file(saved(image, tmp_path / "photo.png"), "image")
        return context, prepare_photo(PreparePhotoRequest(photo=photo, longest_side=1200), context)

    def test_photo_and_cutout(self, tmp_path: Path) -> None:
        context, out = self.run(tmp_path, product())
        photo, cutout = out["photo"], out["cutout"]
        assert (photo.facts["width"], photo.facts["height"]) == (1200, 900)
        assert (photo.facts["source_width"], photo.facts["source_height"]) == (400, 300)
        assert cutout.facts["quality"] == "good"
        assert cutout.facts["coverage"] == pytest.approx(3.1416 * 80 * 90 / 120_000, rel=0.05)
        assert cutout.facts["box"] == pytest.approx([0.3, 0.2, 0.7, 0.8], abs=0.02)
        with Image.open(context.path(cutout)) as image:
            assert image.mode == "RGBA"
            assert image.size == (cutout.facts["width"], cutout.facts["height"])
            assert image.getpixel((image.width // 2, image.height // 2))[3] == 255
            assert image.getpixel((1, 1))[3] == 0
        assert context.leases == ["upscaling", "matting"]

    def test_same_bytes_again(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        one, other = self.run(tmp_path / "a", product())[1], self.run(tmp_path / "b", product())[1]
        assert one == other

    def test_own_alpha_needs_no_matting(self, tmp_path: Path) -> None:
        image = product()
        mask = Image.new("L", image.size, 0)
        ImageDraw.Draw(mask).rectangle((100, 50, 300, 250), fill=255)
        image.putalpha(mask)
        context, out = self.run(tmp_path, image)
        assert context.leases == ["upscaling"]
        assert out["cutout"].facts["coverage"] == pytest.approx(0.335, abs=0.02)

    def test_no_subject_is_poor(self, tmp_path: Path) -> None:
        _, out = self.run(tmp_path, Image.new("RGB", (400, 300), (200, 200, 200)))
        assert out["cutout"].facts["quality"] == "poor"
        assert out["cutout"].facts["reasons"] == ["no subject was found"]

    def test_cancel(self, tmp_path: Path) -> None:
        with pytest.raises(Cancelled):
            self.run(tmp_path, product(), cancel_after=1)
