"""The protocols of the image tasks: generate, paint a backdrop, matte, upscale.

Design:
- Pictures are `PIL.Image.Image` in sRGB; mattes are float32 arrays of shape (height, width) in [0, 1].
- One frozen request per operation; seeds make results repeatable on the same runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.control import Control

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


class ImageRequest(BaseModel):
    """Text-to-image, and with `init_image` image-to-image.

    `strength` is how much of the initial picture is replaced, 0 = none, 1 = all. Zero for `width`, `height`,
    `steps` and None for `guidance_scale` mean the card's defaults.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    prompt: str = Field(max_length=10_000)
    negative_prompt: str = ""
    width: int = Field(0, ge=0, le=8192)  # px
    height: int = Field(0, ge=0, le=8192)  # px
    steps: int = Field(0, ge=0, le=1000)
    guidance_scale: float | None = Field(None, ge=0, le=100)
    seed: int = Field(0, ge=0, lt=2**32)
    count: int = Field(1, ge=1, le=64)
    init_image: Any = None  # PIL.Image.Image | None
    strength: float = Field(0.6, gt=0, le=1)

    @model_validator(mode="after")
    def _finite(self) -> ImageRequest:
        if self.guidance_scale is not None and self.guidance_scale != self.guidance_scale:
            raise ValueError("guidance_scale is not a number")
        return self


@dataclass(frozen=True)
class ImageResult:
    """Pictures in the order of their seeds (seed, seed + 1, ...)."""

    images: tuple[Image.Image, ...]
    seeds: tuple[int, ...]
    model: str


@runtime_checkable
class ImageModel(Protocol):
    """A loaded picture generator."""

    card_id: str

    def generate(self, request: ImageRequest, *, control: Control | None = None) -> ImageResult:
        """Raises `UnsupportedArgument`, `Cancelled` (within one diffusion step), `AdapterFailed`."""
        ...

    def close(self) -> None: ...


BackdropStyle = Literal["gradient", "mesh", "light_leak", "bokeh", "waves", "paper", "studio_floor"]


class BackdropRequest(BaseModel):
    """A background painted from a palette.

    `palette` holds 1 to 8 colours "#rrggbb", most important first. `mood` shifts contrast and brightness.
    `floor_y` is where a studio floor meets the wall, as a fraction of the height.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: BackdropStyle
    palette: tuple[str, ...] = Field(min_length=1, max_length=8)
    width: int = Field(ge=8, le=8192)  # px
    height: int = Field(ge=8, le=8192)  # px
    mood: Literal["light", "dark", "vivid"] = "light"
    floor_y: float = Field(0.72, gt=0, lt=1)
    grain: float = Field(0.5, ge=0, le=1)
    seed: int = Field(0, ge=0, lt=2**32)


@runtime_checkable
class BackdropModel(Protocol):
    """A painter of backgrounds."""

    card_id: str

    def paint(self, request: BackdropRequest, *, control: Control | None = None) -> Image.Image:
        """An RGB picture of exactly `width` x `height`."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class MattingModel(Protocol):
    """Separates the subject from its background."""

    card_id: str

    def matte(self, image: Image.Image, *, control: Control | None = None) -> NDArray[np.float32]:
        """Alpha of the subject, (height, width) of the given picture, in [0, 1]."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class UpscalingModel(Protocol):
    """Makes a picture larger with new detail."""

    card_id: str
    scales: tuple[int, ...]

    def upscale(self, image: Image.Image, *, scale: int, control: Control | None = None) -> Image.Image:
        """The picture at `scale` times its size. Raises `UnsupportedArgument` for a scale it does not have."""
        ...

    def close(self) -> None: ...
