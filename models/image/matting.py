"""Matting with ONNX networks: the subject's alpha at the full resolution of the picture.

Design:
- A card says what its file is by `defaults.kind`: `product` (U2-Net: any salient thing) or `portrait` (MODNet: people,
  finer edges); or it names both files in `defaults.networks` ({kind: file}). With both, the general matte decides
  what the subject is; the portrait matte is taken only where the two agree (intersection over union >= 0.85),
  because away from people it is guesswork.
- Networks see 320 or 512 px. Their matte is brought to full size by a colour guided filter: alpha becomes a local
  linear function of the picture's colour, so edges fall where the picture has them, not where the network's grid does.
- The filter works on a band around the edge in effect: solid inside and outside stay solid by a soft threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, BadInput, CorruptFile, ModelMissing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    Matte = NDArray[Any]  # float32; OpenCV's stubs know no better

AGREEMENT = 0.85  # intersection over union from which the portrait matte speaks of the same subject
CRISP = (0.26, 0.74)  # refined alpha that becomes 0 and 1 along a hard outline
SOFT = (0.10, 0.90)  # the same along hair


@dataclass(frozen=True)
class Network:
    """How a network wants its picture.

    Attributes:
        size: px; of both sides when `square`, else of the shortest side, the other keeping the aspect.
        multiple: Sides are rounded to a multiple of this many px.
        mean, deviation: Per channel (RGB), of values in [0, 1].
        stretch: Whether its output is relative and has to be stretched to [0, 1].
    """

    size: int
    square: bool
    multiple: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    stretch: bool


NETWORKS: dict[str, Network] = {
    "product": Network(320, True, 1, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), True),
    "portrait": Network(512, False, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), False),
}


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> OnnxMatting:
    """Open the card's networks. `options`: `networks` ({kind: file}), `threads`."""
    import onnxruntime

    files = _network_files(card, options)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(options.get("threads", 2))
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    cuda = options.get("device") == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    providers = [*(["CUDAExecutionProvider"] if cuda else []), "CPUExecutionProvider"]
    sessions: dict[str, Any] = {}
    for kind, name in files.items():
        path = folder / name
        if not path.is_file():
            raise ModelMissing(f"{card.id}: {name} is not here.", hint=f"studio models pull {card.id}")
        try:
            sessions[kind] = onnxruntime.InferenceSession(str(path), settings, providers=providers)
        except Exception as error:  # onnxruntime raises pybind types that share no base class
            raise CorruptFile(
                f"{card.id}: {name} is no usable ONNX file: {str(error).splitlines()[0]}",
                hint=f"studio models remove {card.id} && studio models pull {card.id}",
            ) from error
    return OnnxMatting(card.id, sessions)


def _network_files(card: Card, options: Mapping[str, Any]) -> dict[str, str]:
    """Kind of network -> file name."""
    files = dict(options.get("networks") or {})
    if not files:
        names = [file.name for file in card.files if file.name.endswith(".onnx")]
        files = {str(options.get("kind", "product")): names[0] if names else f"{card.id}.onnx"}
    unknown = sorted(set(files) - set(NETWORKS))
    if unknown:
        raise BadInput(f"{card.id}: unknown kind of matting {unknown[0]!r}.", hint=f"Known: {', '.join(NETWORKS)}.")
    return files


class OnnxMatting:
    """One or two matting networks. See the module's docstring for how they work together."""

    def __init__(self, card_id: str, sessions: Mapping[str, Any]) -> None:
        self.card_id = card_id
        self._sessions = dict(sessions)

    def matte(self, image: Image.Image, *, control: Control | None = None) -> Matte:
        """Alpha of the subject, (height, width) float32 in [0, 1]."""
        import numpy as np

        control = control or Control()
        if not self._sessions:
            raise AdapterFailed(f"{self.card_id}: the model was closed.", retryable=False)
        rgb = np.asarray(image.convert("RGB"), dtype=np.float32) / 255.0  # (h, w, 3)
        mattes: dict[str, Matte] = {}
        for index, (kind, session) in enumerate(self._sessions.items()):
            control.check()
            control.progress(index / (len(self._sessions) + 1), kind)
            mattes[kind] = run_network(session, NETWORKS[kind], rgb)
        control.check()
        chosen = _choose(mattes)
        alpha = refine(mattes[chosen], rgb, crisp=chosen == "product")
        control.progress(1.0)
        return alpha

    def close(self) -> None:
        self._sessions.clear()


def run_network(session: Any, network: Network, rgb: Matte) -> Matte:
    """The network's own matte at its own size, (h', w') in [0, 1], of a picture (h, w, 3) in [0, 1]."""
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    if network.square:
        size = (network.size, network.size)
    else:
        scale = network.size / min(height, width)
        # Very long pictures are squeezed: their working memory would grow without an edge getting better.
        sides = [min(side * scale, 3.0 * network.size) for side in (width, height)]
        width_in, height_in = (max(1, round(side / network.multiple)) * network.multiple for side in sides)
        size = (width_in, height_in)
    small: Matte = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if size[0] < width else cv2.INTER_LINEAR)
    small = (small - np.array(network.mean, np.float32)) / np.array(network.deviation, np.float32)
    try:
        output = session.run(None, {session.get_inputs()[0].name: small.transpose(2, 0, 1)[None].astype(np.float32)})
    except Exception as error:  # onnxruntime raises pybind types that share no base class
        raise AdapterFailed(f"Matting failed: {str(error).splitlines()[0]}") from error
    matte = np.asarray(output[0], dtype=np.float32)[0, 0]
    low, high = float(matte.min()), float(matte.max())
    if network.stretch and high > 0.35:  # a matte that is faint everywhere saw no subject: stretching would invent one
        matte = (matte - low) / max(high - low, 1e-6)
    return np.clip(matte, 0.0, 1.0)


def _choose(mattes: dict[str, Matte]) -> str:
    """Which matte to go on with: the general one, or the portrait one where both mean the same subject.

    Holes the portrait network leaves inside the subject (props, dark clothes) are filled from the general matte.
    """
    import cv2
    import numpy as np

    if len(mattes) == 1:
        return next(iter(mattes))
    portrait = mattes["portrait"]
    general: Matte = cv2.resize(mattes["product"], portrait.shape[::-1], interpolation=cv2.INTER_LINEAR)
    one, other = general > 0.5, portrait > 0.5
    union = np.count_nonzero(one | other)
    if np.count_nonzero(one & other) < AGREEMENT * max(int(union), 1):
        return "product"
    inside = cv2.erode(general, np.ones((15, 15), np.uint8))
    mattes["portrait"] = np.maximum(portrait, np.where(inside > 0.9, general, 0.0)).astype(np.float32)
    return "portrait"


def refine(matte: Matte, rgb: Matte, *, crisp: bool = True) -> Matte:
    """Bring a coarse matte to the picture's resolution along the picture's own edges.

    Args:
        matte: (h', w') in [0, 1].
        rgb: (h, w, 3) in [0, 1].
        crisp: Whether the outline is hard, as a product's; hair wants False.

    Returns:
        (h, w) float32 in [0, 1].
    """
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    work = min(1.0, 1024 / max(height, width))  # coefficients are smooth: they are found on a small picture
    size = (max(1, round(width * work)), max(1, round(height * work)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(matte, size, interpolation=cv2.INTER_CUBIC if matte.shape[1] < size[0] else cv2.INTER_AREA)
    alpha = np.clip(alpha, 0.0, 1.0)
    # The window has to reach across what the network left undecided: about two cells of its own grid.
    radius = max(2, round(max(size) / 150), round(1.6 * max(size) / max(matte.shape)))
    slope, offset = _guided_coefficients(small, alpha, radius=radius, epsilon=1e-4)
    slope = cv2.resize(slope, (width, height), interpolation=cv2.INTER_LINEAR)
    offset = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
    refined = np.einsum("hwc,hwc->hw", slope, rgb) + offset
    # Only the band around the edge is refined: texture inside the subject must not show through as holes.
    coarse = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    reach = 2 * max(2, round(radius / work)) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    solid = cv2.erode((coarse > 0.95).astype(np.float32), brush)
    empty = cv2.erode((coarse < 0.05).astype(np.float32), brush)
    soft = (reach | 1, reach | 1)
    solid, empty = cv2.GaussianBlur(solid, soft, 0), cv2.GaussianBlur(empty, soft, 0)
    refined = np.clip(refined, 0.0, 1.0) * (1.0 - solid - empty) + solid
    if crisp:  # what is left of the ground's texture along the outline is smoothed away
        refined = cv2.GaussianBlur(refined, (0, 0), max(0.6, max(height, width) / 1600))
    # The fit of a soft matte to a hard edge falls short of 0 and 1 on its two sides: stretched back.
    low, high = CRISP if crisp else SOFT
    return np.asarray(np.clip((refined - low) / (high - low), 0.0, 1.0), dtype=np.float32)


def _guided_coefficients(guide: Matte, alpha: Matte, *, radius: int, epsilon: float) -> tuple[Matte, Matte]:
    """Slope (h, w, 3) and offset (h, w) of the local linear model alpha = slope . colour + offset."""
    import cv2
    import numpy as np

    window = (2 * radius + 1, 2 * radius + 1)

    def mean(value: Matte) -> Matte:
        return np.asarray(cv2.boxFilter(value, -1, window, borderType=cv2.BORDER_REFLECT))

    mean_guide, mean_alpha = mean(guide), mean(alpha)
    covariance = mean(guide * alpha[..., None]) - mean_guide * mean_alpha[..., None]  # (h, w, 3)
    spread = np.empty((*alpha.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            value = mean(guide[..., i] * guide[..., j]) - mean_guide[..., i] * mean_guide[..., j]
            spread[..., i, j] = spread[..., j, i] = value
    spread += np.eye(3, dtype=np.float32) * epsilon
    slope = np.linalg.solve(spread, covariance[..., None])[..., 0].astype(np.float32)
    offset = mean_alpha - np.einsum("hwc,hwc->hw", slope, mean_guide)
    return mean(slope), mean(np.asarray(offset, dtype=np.float32))
