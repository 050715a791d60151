"""Text-to-image and image-to-image through diffusers, from a local folder or a hub download.

Design:
- One set of weights serves both ways: the image-to-image pipeline is made from the text-to-image one's parts.
- Every picture has a generator of its own (seed, seed + 1, ...), always on the CPU, so that a picture can be made
  again alone and the same on any device of a kind.
- The cancel token is looked at after every diffusion step; progress is told there too.
- Weights are safetensors only. What a pipeline's call does not take is refused by name, never dropped.
- On CUDA: half precision, memory-efficient attention by xformers where it is installed, else torch's own.
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import (
    AdapterFailed,
    BadInput,
    Cancelled,
    CorruptFile,
    ModelMissing,
    OutOfMemory,
    UnsupportedArgument,
)
from models.image.base import ImageRequest, ImageResult

if TYPE_CHECKING:
    from PIL import Image


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> DiffusersImage:
    """Load a pipeline.

    Options: device ("cpu", "cuda"), dtype (default float16 on CUDA, float32 on CPUs), variant ("fp16", ...), threads,
    and the defaults of a request: width, height, steps, guidance_scale.
    """
    import diffusers
    import torch

    if not (folder / "model_index.json").is_file():
        raise ModelMissing(f"{card.id}: there is no pipeline in its folder.", hint=f"studio models pull {card.id}")
    device = str(options.get("device", "cpu"))
    cuda = device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        raise UnsupportedArgument(f"{card.id}: device {device!r} was asked for, but there is no CUDA device.")
    if not cuda:
        torch.set_num_threads(int(options.get("threads", 2)))
    dtype = getattr(torch, str(options.get("dtype") or ("float16" if cuda else "float32")), None)
    if dtype is None:
        raise UnsupportedArgument(f"{card.id}: unknown dtype {options['dtype']!r}.")
    extra: dict[str, Any] = {"variant": options["variant"]} if options.get("variant") else {}
    if "safety_checker" in _parts(folder) and not (folder / "safety_checker").is_dir():
        extra["safety_checker"] = None  # the export's own gate looks at pictures; this one was not downloaded
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True, **extra
        ).to(device)
    except torch.cuda.OutOfMemoryError as error:
        raise OutOfMemory(f"{card.id} does not fit the GPU.", hint="Choose a smaller model.") from error
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        raise CorruptFile(
            f"{card.id}: the folder cannot be loaded: {_line(error)}", hint=f"studio models check {card.id}"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    if cuda and importlib.util.find_spec("xformers") is not None:
        pipeline.enable_xformers_memory_efficient_attention()
    if cuda and hasattr(pipeline, "vae") and hasattr(pipeline.vae, "enable_slicing"):
        pipeline.vae.enable_slicing()
    defaults = {key: options[key] for key in ("width", "height", "steps", "guidance_scale") if key in options}
    return DiffusersImage(card.id, pipeline=pipeline, defaults=defaults)


def _parts(folder: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads((folder / "model_index.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CorruptFile(f"{folder.name}: model_index.json cannot be read.", hint="Pull the model again.") from error


class DiffusersImage:
    """A loaded diffusion pipeline. Requests wait for one another."""

    def __init__(self, card_id: str, *, pipeline: Any, defaults: Mapping[str, Any]) -> None:
        self.card_id = card_id
        self._pipeline = pipeline
        self._from_image: Any = None  # made from the same parts when first asked for
        self._defaults = dict(defaults)
        self._lock = threading.Lock()

    def generate(self, request: ImageRequest, *, control: Control | None = None) -> ImageResult:
        """Make `count` pictures, one after another."""
        import torch

        control = control or Control()
        control.check()
        with self._lock:
            if self._pipeline is None:
                raise AdapterFailed(f"{self.card_id}: the model was closed.", retryable=False)
            pipeline = self._pipeline if request.init_image is None else self._image_to_image()
            arguments, steps = self._arguments(request, pipeline)
            seeds = tuple((request.seed + index) % 2**32 for index in range(request.count))
            images = []
            for index, seed in enumerate(seeds):
                part = control.part(index / len(seeds), (index + 1) / len(seeds))
                generator = torch.Generator("cpu").manual_seed(seed)
                images.append(self._run(pipeline, {**arguments, "generator": generator}, steps, part))
            control.progress(1.0)
            return ImageResult(images=tuple(images), seeds=seeds, model=self.card_id)

    def close(self) -> None:
        """Give the memory back."""
        import torch

        with self._lock:
            self._pipeline = self._from_image = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    # -- inside ------------------------------------------------------------------------------------------------

    def _image_to_image(self) -> Any:
        if self._from_image is None:
            import diffusers

            try:
                self._from_image = diffusers.AutoPipelineForImage2Image.from_pipe(self._pipeline)
            except ValueError as error:
                raise UnsupportedArgument(f"{self.card_id}: init_image is not for this kind of model.") from error
            self._from_image.set_progress_bar_config(disable=True)
        return self._from_image

    def _arguments(self, request: ImageRequest, pipeline: Any) -> tuple[dict[str, Any], int]:
        """Arguments of the pipeline's call, and how many steps it will run."""
        steps = request.steps or int(self._defaults.get("steps", 30))
        guidance = (
            request.guidance_scale if request.guidance_scale is not None else self._defaults.get("guidance_scale")
        )
        asked: dict[str, Any] = {"prompt": request.prompt, "num_inference_steps": steps, "output_type": "pil"}
        if guidance is not None:
            asked["guidance_scale"] = float(guidance)
        if request.negative_prompt:
            asked["negative_prompt"] = request.negative_prompt
        size = self._size(request, pipeline)
        if request.init_image is None:
            asked |= {"width": size[0], "height": size[1]}
        else:
            asked |= {"image": _fitted(request.init_image, size), "strength": request.strength}
            running = int(steps * request.strength)
            if running < 1:
                raise UnsupportedArgument(f"strength={request.strength} of {steps} steps is less than one step.")
            steps = running
        taken = set(inspect.signature(pipeline.__call__).parameters)
        names = {"num_inference_steps": "steps", "image": "init_image"}
        for name in asked:
            if name not in taken:
                raise UnsupportedArgument(f"{self.card_id}: {names.get(name, name)} is not an argument of this model.")
        if "callback_on_step_end" not in taken:
            raise UnsupportedArgument(f"{self.card_id}: {type(pipeline).__name__} cannot be cancelled step by step.")
        return asked, steps

    def _size(self, request: ImageRequest, pipeline: Any) -> tuple[int, int]:
        """Width and height, px: asked for, else the initial picture's, else the card's; multiples of the block."""
        block = int(getattr(pipeline, "vae_scale_factor", 8))
        init = request.init_image
        own = int(getattr(getattr(getattr(pipeline, "unet", None), "config", None), "sample_size", 64) or 64) * block
        sides = []
        for name in ("width", "height"):
            side = getattr(request, name)
            if side and side % block:
                raise UnsupportedArgument(
                    f"{self.card_id}: {name}={side} is not a multiple of {block} px.",
                    hint=f"Nearest: {max(block, round(side / block) * block)}.",
                )
            if not side and init is not None:
                side = max(block, round(getattr(init, name) / block) * block)
            sides.append(side or int(self._defaults.get(name, own)))
        return sides[0], sides[1]

    def _run(self, pipeline: Any, arguments: dict[str, Any], steps: int, control: Control) -> Image.Image:
        import torch

        try:
            result = pipeline(**arguments, callback_on_step_end=_watch(steps, control))
        except Cancelled:
            raise
        except torch.cuda.OutOfMemoryError as error:
            raise OutOfMemory(
                f"{self.card_id}: the picture does not fit the GPU's memory.", hint="Make it smaller."
            ) from error
        except (ValueError, TypeError) as error:
            raise BadInput(f"{self.card_id}: {_line(error)}") from error
        except RuntimeError as error:
            raise AdapterFailed(f"{self.card_id}: {_line(error)}") from error
        picture: Image.Image = result.images[0]
        return picture


def _watch(steps: int, control: Control) -> Callable[..., dict[str, Any]]:
    """What the pipeline calls after every step."""

    def step_ended(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        control.check()
        control.progress(min((step + 1) / steps, 1.0), f"{step + 1}/{steps}")
        return tensors

    return step_ended


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The initial picture at `size`, cropped around its middle where the shapes differ."""
    from PIL import Image as Pictures
    from PIL import ImageOps

    return ImageOps.fit(image.convert("RGB"), size, Pictures.Resampling.LANCZOS)


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
