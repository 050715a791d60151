"""Upscaling with Real-ESRGAN through ncnn, on the CPU or a Vulkan device, tile by tile.

Design:
- A card names one network for each scale in `defaults.networks` ({"4": "NAME"}, files NAME.param and NAME.bin).
  Networks are opened when their scale is first asked for and stay open until `close`.
- Tiles overlap by a margin wider than the picture area that decides a pixel in practice and are cropped to their
  own area, so that no seam shows; edges are padded by reflection. The cancel token is looked at every tile.
- `ncnn.Mat(array)` borrows the array's memory and an output Mat dies with its extractor: both are copied.
- Alpha is enlarged by Lanczos: networks are trained on colour. Colour hidden under alpha 0 is kept as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, CorruptFile, ModelMissing, UnsupportedArgument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

TILE = 192  # px of the source, margins not counted
MARGIN = 12  # px of the source around each tile

# Every set of networks a Real-ESRGAN card may hold; `options["variant"]` chooses, "fast" when it says nothing.
VARIANTS: dict[str, dict[int, str]] = {
    "fast": {scale: f"REALESRGAN_ANIMAVIDEOV3_UP{scale}X" for scale in (2, 3, 4)},
    "quality": {4: "REALESRGAN_X4PLUS_UP4X"},
    "drawing": {4: "REALESRGAN_X4PLUSANIME_UP4X"},
}


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> NcnnUpscaling:
    """`options`: `networks` ({scale: name}) or `variant` (fast, quality, drawing), `threads`, `tile` (px)."""
    variant = str(options.get("variant", "fast"))
    if variant not in VARIANTS:
        raise UnsupportedArgument(f"{card.id}: unknown variant {variant!r}.", hint=f"Known: {', '.join(VARIANTS)}.")
    networks = {int(scale): str(name) for scale, name in (options.get("networks") or VARIANTS[variant]).items()}
    for name in networks.values():
        for suffix in (".param", ".bin"):
            if not (folder / f"{name}{suffix}").is_file():
                raise ModelMissing(f"{card.id}: {name}{suffix} is not here.", hint=f"studio models pull {card.id}")
    return NcnnUpscaling(
        card.id,
        {scale: folder / name for scale, name in sorted(networks.items())},
        threads=int(options.get("threads", 2)),
        tile=int(options.get("tile", TILE)),
    )


@dataclass(frozen=True)
class Tile:
    """A tile of the source: its own area, px, end exclusive."""

    left: int
    top: int
    right: int
    bottom: int


def tiles(width: int, height: int, size: int) -> Iterator[Tile]:
    """Cover width x height with tiles of about equal area, none wider or higher than `size`."""
    columns, rows = -(-width // size), -(-height // size)
    for row in range(rows):
        for column in range(columns):
            yield Tile(
                left=column * width // columns,
                top=row * height // rows,
                right=(column + 1) * width // columns,
                bottom=(row + 1) * height // rows,
            )


class NcnnUpscaling:
    """Real-ESRGAN networks, one for each scale."""

    def __init__(self, card_id: str, networks: Mapping[int, Path], *, threads: int, tile: int) -> None:
        self.card_id = card_id
        self.scales = tuple(networks)
        self._paths = dict(networks)
        self._threads = threads
        self._tile = tile
        self._open: dict[int, Any] = {}

    def upscale(self, image: Image.Image, *, scale: int, control: Control | None = None) -> Image.Image:
        """The picture at `scale` times its size, RGB, or RGBA when it has alpha."""
        import numpy as np
        from PIL import Image as Pictures

        if scale not in self._paths:
            known = ", ".join(str(s) for s in self.scales)
            raise UnsupportedArgument(f"{self.card_id}: scale {scale} is not one of {known}.")
        control = control or Control()
        has_alpha = "A" in image.getbands() or "transparency" in image.info
        source = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
        large = self._upscale_rgb(np.ascontiguousarray(source[..., :3]), scale, control)
        result = Pictures.fromarray(large)
        if has_alpha:
            alpha = Pictures.fromarray(np.ascontiguousarray(source[..., 3]))
            result.putalpha(alpha.resize(result.size, Pictures.Resampling.LANCZOS))
        return result

    def _upscale_rgb(self, source: NDArray[np.uint8], scale: int, control: Control) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 -> (h * scale, w * scale, 3) uint8."""
        import numpy as np

        network = self._network(scale)
        height, width = source.shape[:2]
        padded = np.pad(source, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
        if min(height, width) > MARGIN:  # reflection needs more pixels than it mirrors
            padded = np.pad(source, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="reflect")
        large = np.empty((height * scale, width * scale, 3), np.uint8)
        pieces = list(tiles(width, height, self._tile))
        edge = MARGIN * scale
        for index, piece in enumerate(pieces):
            control.check()
            control.progress(index / len(pieces), f"{index}/{len(pieces)}")
            part = padded[piece.top : piece.bottom + 2 * MARGIN, piece.left : piece.right + 2 * MARGIN]
            out = self._run(network, part)[edge:-edge, edge:-edge]
            large[piece.top * scale : piece.bottom * scale, piece.left * scale : piece.right * scale] = out
        control.progress(1.0)
        return large

    def _run(self, network: Any, part: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import ncnn
        import numpy as np

        planes = np.ascontiguousarray(part.transpose(2, 0, 1), dtype=np.float32) / 255.0
        extractor = network.create_extractor()
        extractor.input("data", ncnn.Mat(planes).clone())
        code, output = extractor.extract("output")
        if code != 0:
            raise AdapterFailed(f"{self.card_id}: ncnn failed with code {code}.")
        values = np.array(output, dtype=np.float32, copy=True)  # (3, h * scale, w * scale)
        return np.ascontiguousarray((np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8).transpose(1, 2, 0))

    def _network(self, scale: int) -> Any:
        if scale not in self._open:
            import ncnn

            path = self._paths[scale]
            network = ncnn.Net()
            network.opt.num_threads = self._threads
            network.opt.use_vulkan_compute = False
            if network.load_param(str(path) + ".param") or network.load_model(str(path) + ".bin"):
                raise CorruptFile(
                    f"{self.card_id}: {path.name} is no usable ncnn network.",
                    hint=f"studio models remove {self.card_id} && studio models pull {self.card_id}",
                )
            self._open[scale] = network
        return self._open[scale]

    def close(self) -> None:
        for network in self._open.values():
            network.clear()
        self._open.clear()
