"""Photographs given by people: decoded safely, upright, in sRGB, and large enough for a poster.

Design:
- A picture is judged by its header before a pixel is decoded; a JPEG of many megapixels is decoded reduced.
- Whatever goes wrong is a `BadInput` that names the field the file came from.
- Colour profiles are converted, not dropped; 16-bit and floating point greys are scaled, not clipped.
- Enlarging is new detail only where pixels are missing: a photograph that already fills the largest poster is
  merely resampled. A share of the plain enlargement and a trace of grain are kept, because the upscaler's own
  picture is too clean for a photograph.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.control import Control
from models.errors import BadInput

if TYPE_CHECKING:
    from PIL import Image

    from models.image.base import UpscalingModel

SHORTEST_SIDE = 64  # px; less than this is no photograph
LARGE = 50_000_000  # px; more than this is decoded reduced where the format can
LARGEST = 175_000_000  # px; more than this is refused: decoding alone would take gigabytes
ENOUGH = 1080  # px of the shortest side from which resampling alone serves every channel
DETAIL = 0.72  # share of the upscaler's picture in an enlarged photograph
GRAIN = 1.4  # standard deviation of the grain of an enlarged photograph, in 8-bit levels


@dataclass(frozen=True)
class Photo:
    """A decoded photograph.

    Attributes:
        image: RGB, sRGB, upright.
        alpha: L, same size, when the file brought its own transparency; else None.
        source: Size in the file as it is to be seen (width, height), px.
    """

    image: Image.Image
    alpha: Image.Image | None
    source: tuple[int, int]


def decode(path: Path, *, longest_side: int, field: str = "product.photo") -> Photo:
    """Read a photograph. Raises `BadInput` naming `field` for anything that is none."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of large pictures; they are judged here
            with Image.open(path) as opened:
                _judge(opened, field)
                size = opened.size
                if size[0] * size[1] > LARGE:
                    opened.draft("RGB", (longest_side, longest_side))
                opened.load()
                profile = opened.info.get("icc_profile")
                image = ImageOps.exif_transpose(opened)
    except Image.DecompressionBombError as error:
        raise _too_large(field) from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise BadInput(
            f"{field}: the file is not a picture that can be read.", hint="Give a PNG, JPEG, WebP or TIFF photograph."
        ) from error
    upright = size if (image.width >= image.height) == (size[0] >= size[1]) else size[::-1]
    alpha = _own_alpha(image)
    return Photo(image=_to_srgb(image, profile), alpha=alpha, source=upright)


def _judge(image: Image.Image, field: str) -> None:
    width, height = image.size
    if getattr(image, "is_animated", False):
        raise BadInput(f"{field}: the file is an animation.", hint="Give a still picture.")
    if min(width, height) < SHORTEST_SIDE:
        raise BadInput(
            f"{field}: the picture is {width}×{height} px, less than {SHORTEST_SIDE} px on a side.",
            hint="Give a photograph of at least 600 px.",
        )
    if width * height > LARGEST:
        raise _too_large(field)


def _too_large(field: str) -> BadInput:
    return BadInput(
        f"{field}: the picture has more than {LARGEST // 1_000_000} megapixels.",
        hint="Save a smaller copy; 2400 px on the longest side is plenty.",
    )


def _own_alpha(image: Image.Image) -> Image.Image | None:
    """The file's own transparency, when it is more than a stray pixel."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    clear = sum(alpha.histogram()[:128])
    return alpha if clear > 0.02 * alpha.width * alpha.height else None


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB; transparency is laid on white."""
    import numpy as np
    from PIL import Image as Pictures
    from PIL import ImageCms

    if image.mode.startswith(("I", "F")):  # 16-bit, 32-bit and floating point greys
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        top = float(values.max())
        scale = next((s for s in (1.0, 255.0, 65535.0) if top <= s), max(top, 1.0))
        image = Pictures.fromarray((np.clip(values / scale, 0, 1) * 255 + 0.5).astype(np.uint8))
        return image.convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        flat = Pictures.new("RGBA", rgba.size, (255, 255, 255, 255))
        flat.alpha_composite(rgba)
        image = flat.convert("RGB")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            return converted if converted is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile, or one of another mode, says nothing about the colours
    return image.convert("RGB")


def enlargement(size: tuple[int, int], longest_side: int, scales: tuple[int, ...]) -> int:
    """By which of `scales` a picture of `size` px is to be upscaled; 1 = it has pixels enough."""
    wanted = longest_side / max(size)
    if wanted <= 1.15 or min(size) >= ENOUGH or not scales:
        return 1
    return min((scale for scale in scales if scale >= wanted * 0.9), default=max(scales))


def enlarge(image: Image.Image, *, longest_side: int, model: UpscalingModel, control: Control) -> Image.Image:
    """The picture with its longest side at `longest_side` px, or as near as the upscaler's scales come."""
    import numpy as np
    from PIL import Image as Pictures

    scale = enlargement(image.size, longest_side, tuple(model.scales))
    factor = longest_side / max(image.size)
    if scale == 1:
        return (
            _resized(image, min(factor, 1.0)) if factor < 1.0 or min(image.size) >= ENOUGH else _resized(image, factor)
        )
    detailed = model.upscale(image, scale=scale, control=control)
    plain = image.resize(detailed.size, Pictures.Resampling.LANCZOS)
    mixed = Pictures.blend(plain, detailed.convert("RGB"), DETAIL)
    mixed = _resized(mixed, min(1.0, longest_side / max(mixed.size)))
    values = np.asarray(mixed, dtype=np.float32)
    grain = np.random.default_rng(7).standard_normal(values.shape[:2], dtype=np.float32)
    middle = 1.0 - np.abs(values.mean(axis=2) / 127.5 - 1.0) ** 2  # film grains least in black and white
    values = values + (GRAIN * grain * middle)[..., None]
    return Pictures.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))


def _resized(image: Image.Image, factor: float) -> Image.Image:
    from PIL import Image as Pictures

    if abs(factor - 1.0) < 1e-6:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Pictures.Resampling.LANCZOS)
