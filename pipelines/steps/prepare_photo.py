"""Step: a person's photograph made ready for posters and film, and its product cut out.

Design:
- `photo` is upright sRGB at about `longest_side` px; `cutout` is RGBA, trimmed, without its old shadow and without
  a fringe of its old background. Whether the cut-out can stand alone is told in its facts.
- A file that brings its own transparency is its own matte: no network knows better than the person who cut it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pydantic import Field

from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step

if TYPE_CHECKING:
    from PIL import Image


class PreparePhotoRequest(StepRequest):
    """`longest_side` in px of the photograph that comes out."""

    photo: Artifact
    longest_side: int = Field(2400, ge=256, le=6000)


@step(
    version=1,
    request=PreparePhotoRequest,
    outputs=("photo", "cutout"),
    claim=Claim(cores=2, memory_mb=900, models=("matting", "upscaling")),
)
def prepare_photo(request: PreparePhotoRequest, context: StepContext) -> dict[str, Artifact]:
    """Raises `BadInput` naming `product.photo` for a file that is no usable picture."""
    import numpy as np
    from PIL import Image as Pictures

    from pipelines.steps.cutout import cut_out
    from pipelines.steps.photo import decode, enlarge

    control = context.control
    photo = decode(context.path(request.photo), longest_side=request.longest_side)
    control.check()
    with context.lease("upscaling") as upscaler:
        large = enlarge(photo.image, longest_side=request.longest_side, model=upscaler, control=control.part(0.05, 0.7))
    control.check()
    if photo.alpha is not None:
        own = photo.alpha.resize(large.size, Pictures.Resampling.LANCZOS)
        alpha = np.asarray(own, dtype=np.float32) / 255.0
    else:
        with context.lease("matting") as matting:
            alpha = matting.matte(large, control=control.part(0.7, 0.9))
    control.check()
    cutout = cut_out(large, alpha)
    control.progress(0.95)
    facts = {"width": large.width, "height": large.height, "source_width": photo.source[0]}
    made = context.put_bytes(_jpeg(large), "image", ".jpg", facts={**facts, "source_height": photo.source[1]})
    return {
        "photo": made,
        "cutout": context.put_bytes(
            _png(cutout.image),
            "image",
            ".png",
            facts={
                "width": cutout.image.width,
                "height": cutout.image.height,
                "coverage": round(cutout.coverage, 4),
                "edge_width": round(cutout.edge_width, 5),
                "box": [round(side, 5) for side in cutout.box],
                "quality": cutout.quality,
                "reasons": list(cutout.reasons),
            },
        ),
    }


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=94, subsampling=0, optimize=True)
    return buffer.getvalue()


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
