"""The step that cuts the film: script, voice and pictures in; a captioned vertical video, its SRT and cover out.

Design:
- The script's sentences are the scenes, the voice's word times are the clock: what is shown is what is being said.
- Frames are composed in process on YUV planes (`planes`) and go through one pipe into one encode (`media.Encoder`).
- Look: three depths in motion on the brand's palette, type by the posters' typefaces, captions with the spoken word
  lit, an end card with price and call to action. What stands where is in `stage`, what happens in `direct`.
- The AI label opens the film at full size and stays, small, to its end.

Modules: timing (words in film time), storyboard (scenes of the script), stage (zones, colours, pictures), type (lines
of type), reveal (how a layer enters), scenes and direct (compositions), transitions, captions, film (any frame).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from models.errors import BadInput, CorruptFile
from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step
from pipelines.steps.vocabulary import Brand, Label, Language, Palette, Product
from pipelines.steps.write_copy.document import AudienceCopy

if TYPE_CHECKING:
    import numpy as np

    from pipelines.steps.cut.film import Film


class CutRequest(StepRequest):
    """What the film is made of.

    Attributes:
        audience_copy: The audience's copy, JSON of `AudienceCopy`.
        timing: The voice's timing document.
        mix: The finished sound; `None` makes a silent film.
        palette: Palette document.
        photo, cutout, backdrop: Pictures; any may be missing.
        width, height: px, both even.
        seconds: Length; 0 = the mix's (or, without one, the voice's and its lead-in). A mix or voice that is longer
            than this is never cut off: the film is as long as it.
        lead_in: Seconds before the voice begins.
    """

    audience_copy: Artifact  # json: AudienceCopy
    timing: Artifact
    mix: Artifact | None = None
    palette: Artifact
    photo: Artifact | None = None
    cutout: Artifact | None = None
    backdrop: Artifact | None = None
    brand: Brand
    product: Product
    call_to_action: str
    language: Language
    width: int = Field(1080, ge=128, le=4096)
    height: int = Field(1920, ge=128, le=4096)
    fps: int = Field(30, ge=5, le=60)
    seconds: float = Field(0.0, ge=0, le=600)
    lead_in: float = Field(0.4, ge=0, le=10)
    label: Label = Label()
    seed: int = 0

    @model_validator(mode="after")
    def _even(self) -> CutRequest:
        if self.width % 2 or self.height % 2:
            raise ValueError(f"width and height must be even, not {self.width}x{self.height}")
        return self


@step(version=1, request=CutRequest, outputs=("video", "captions", "cover"), claim=Claim(cores=2, memory_mb=650))
def cut(request: CutRequest, context: StepContext) -> dict[str, Artifact]:
    """Cut the film. Cancel takes effect within a frame; nothing half-written is left."""
    from pipelines.steps.cut.captions import to_srt
    from pipelines.steps.media import Encoder, VideoFormat, frame_count, probe

    control = context.control
    control.progress(0.0, "scenes")
    film = make_film(request, context)
    frames = frame_count(film.seconds, request.fps)
    form = VideoFormat(width=request.width, height=request.height, fps=request.fps)
    path = context.scratch / "film.mp4"
    sound = context.path(request.mix) if request.mix is not None else None
    with _one_thread(), Encoder(path, form=form, sound=sound, seconds=frames / request.fps) as encoder:
        for index in range(frames):
            control.check()
            encoder.write(film.frame(index / request.fps).data)
            control.progress((index + 1) / (frames + 1), f"frame {index + 1}/{frames}")
    facts = probe(path)
    if facts.frames != frames:
        raise CorruptFile(f"The film has {facts.frames} frames instead of {frames}.")
    scenes = [shot.kind for shot in film.shots]
    video = context.put_file(path, "video", facts={**facts.as_facts(), "scenes": scenes})
    srt = to_srt(film.captions.cues).encode("utf-8")
    captions = context.put_bytes(srt, "subtitle", ".srt", facts={"cues": len(film.captions.cues)})
    cover = context.put_bytes(_png(film.cover()), "image", ".png", facts={"width": form.width, "height": form.height})
    control.progress(1.0, "done")
    return {"video": video, "captions": captions, "cover": cover}


def make_film(request: CutRequest, context: StepContext) -> Film:
    """The film of a request, ready to draw; raises `BadInput` for a document or picture that cannot be used."""
    from pipelines.steps.cut.film import Film
    from pipelines.steps.cut.scenes import SceneWords
    from pipelines.steps.cut.stage import Props, Stage
    from pipelines.steps.cut.timing import read_timing

    copy = AudienceCopy.model_validate(context.read_json(request.audience_copy))
    palette = Palette.model_validate(context.read_json(request.palette))
    document = context.read_json(request.timing)
    sentences = read_timing(document, lead_in=request.lead_in, language=request.language)
    spoken = sentences[-1].end if sentences else 0.0
    mixed = float((request.mix.facts if request.mix else {}).get("seconds", 0.0))
    seconds = max(request.seconds, mixed) or spoken + 0.8
    seconds = max(seconds, spoken + 0.3)
    cut_facts = request.cutout.facts if request.cutout is not None else {}
    box = cut_facts.get("box")
    good = cut_facts.get("quality", "good") == "good"  # a poor cut-out looks worse than the photograph it is from
    props = Props(
        palette=palette,
        photo=_picture(request.photo, context, "RGB"),
        cutout=_picture(request.cutout, context, "RGBA") if good or request.photo is None else None,
        backdrop=_picture(request.backdrop, context, "RGB"),
        subject=tuple(box) if box else None,
    )
    words = SceneWords(
        brand=request.brand.name,
        product=request.product.name,
        headline=copy.headline,
        subhead=copy.subhead,
        price=request.product.price,
        offer=request.product.offer,
        call_to_action=request.call_to_action,
        language=request.language,
    )
    return Film(
        stage=Stage(request.width, request.height),
        props=props,
        words=words,
        product=request.product,
        sentences=sentences,
        label=request.label,
        seconds=seconds,
        seed=request.seed,
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV on one thread: the other core is the encoder's, and splitting such small work costs more than it gains."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _picture(artifact: Artifact | None, context: StepContext, mode: str) -> np.ndarray | None:
    if artifact is None:
        return None
    import numpy as np
    from PIL import Image

    path: Path = context.path(artifact)
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInput(f"A picture of the film cannot be read: {error}") from error


def _png(rgb: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
