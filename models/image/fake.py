"""Fakes of the image tasks: seeded, instant, and meaningful enough for a person to tell what a test made.

Design:
- One factory serves the four tasks; the card says which.
- They keep every promise of the protocols (sizes, seeds, errors, cancel), so the same checks run on them as on
  the real adapters; only what the pictures show is trivial.
- The fake matting finds whatever differs from the picture's border: right for products on a plain ground.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import UnsupportedArgument
from models.image.base import BackdropRequest, ImageRequest, ImageResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> Any:
    kinds = {"image": FakeImage, "backdrop": FakeBackdrop, "matting": FakeMatting, "upscaling": FakeUpscaling}
    if card.task not in kinds:
        raise UnsupportedArgument(f"{card.id}: there is no fake picture model for the task {card.task!r}.")
    return kinds[card.task](card.id)


class _Fake:
    def __init__(self, card_id: str) -> None:
        self.card_id = card_id

    def close(self) -> None:
        """Nothing is held."""


class FakeImage(_Fake):
    """A soft two-colour picture whose colours come from the prompt and the seed."""

    steps = 4  # pretended diffusion steps, so that cancel and progress can be seen

    def __init__(self, card_id: str = "fake-image") -> None:
        super().__init__(card_id)

    def generate(self, request: ImageRequest, *, control: Control | None = None) -> ImageResult:
        from PIL import Image

        control = control or Control()
        steps = request.steps or self.steps
        seeds = tuple((request.seed + index) % 2**32 for index in range(request.count))
        images = []
        for index, seed in enumerate(seeds):
            for step in range(steps):
                control.check()
                control.progress((index + step / steps) / len(seeds), f"{step}/{steps}")
            init = request.init_image
            size = (request.width or (init.width if init else 512), request.height or (init.height if init else 512))
            said = hashlib.sha256(f"{request.prompt}\0{request.negative_prompt}\0{seed}".encode()).digest()
            picture = Image.linear_gradient("L").rotate(90 * (said[6] % 4)).resize(size)
            painted = Image.composite(
                Image.new("RGB", size, tuple(said[:3])), Image.new("RGB", size, tuple(said[3:6])), picture
            )
            if init is not None:
                painted = Image.blend(init.convert("RGB").resize(size), painted, request.strength)
            images.append(painted)
        control.progress(1.0)
        return ImageResult(images=tuple(images), seeds=seeds, model=self.card_id)


class FakeBackdrop(_Fake):
    """A straight run from the first colour of the palette to the last, with a hint of the seed."""

    def __init__(self, card_id: str = "fake-backdrop") -> None:
        super().__init__(card_id)

    def paint(self, request: BackdropRequest, *, control: Control | None = None) -> Image.Image:
        from PIL import Image, ImageColor

        from models.errors import BadInput

        control = control or Control()
        control.check()
        size = (request.width, request.height)
        try:
            first, last = (ImageColor.getrgb(request.palette[index]) for index in (0, -1))
        except ValueError as error:
            raise BadInput(f"palette: {error}.", hint='Write colours as "#rrggbb".') from error
        said = hashlib.sha256(f"{request.style}\0{request.mood}\0{request.seed}".encode()).digest()
        fall = Image.linear_gradient("L").point(lambda v: v * (200 + said[0] % 56) // 255).resize(size)
        picture = Image.composite(Image.new("RGB", size, last), Image.new("RGB", size, first), fall)
        picture.putpixel((said[1] % size[0], said[2] % size[1]), (said[3], said[4], said[5]))
        control.progress(1.0)
        return picture


class FakeMatting(_Fake):
    """Alpha of what differs from the mean colour of the picture's border."""

    def __init__(self, card_id: str = "fake-matting") -> None:
        super().__init__(card_id)

    def matte(self, image: Image.Image, *, control: Control | None = None) -> NDArray[np.float32]:
        import numpy as np

        control = control or Control()
        control.check()
        rgb = np.asarray(image.convert("RGB"), dtype=np.float32) / 255.0
        border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]]).mean(axis=0)
        gap = np.abs(rgb - border).max(axis=2)
        control.progress(1.0)
        return np.asarray(np.clip((gap - 0.08) / 0.12, 0.0, 1.0), dtype=np.float32)


class FakeUpscaling(_Fake):
    """Lanczos."""

    scales = (2, 3, 4)

    def __init__(self, card_id: str = "fake-upscaling") -> None:
        super().__init__(card_id)

    def upscale(self, image: Image.Image, *, scale: int, control: Control | None = None) -> Image.Image:
        from PIL import Image as Pictures

        if scale not in self.scales:
            raise UnsupportedArgument(f"{self.card_id}: scale {scale} is not one of 2, 3, 4.")
        control = control or Control()
        control.check()
        source = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
        large = source.resize((image.width * scale, image.height * scale), Pictures.Resampling.LANCZOS)
        control.progress(1.0)
        return large
