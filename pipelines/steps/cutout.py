"""The product cut out of its photograph, and whether the cut-out is good enough to stand alone.

Design:
- Colour along the edge is a mix of subject and background. It is unmixed (foreground and background are estimated
  by alpha-weighted blurs, coarse then fine), so that no fringe of the old background shows on a new one.
- A cut-out is judged by what the eye would mind: too little or nearly everything, several pieces, mushy edges, a
  body chopped off at the side of the photograph. A poor one is still handed on, with its reasons, so that a
  template can use the whole photograph instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

COVERAGE = (0.04, 0.85)  # share of the photograph a cut-out takes
MAIN_SHARE = 0.92  # of the cut-out's area in its largest piece
ISLAND = 0.08  # pieces smaller than this share of the largest are dropped
EDGE_WIDTH = 0.009  # mean width of the soft edge, as a fraction of the cut-out's longest side
CHOPPED = 0.15  # share of the left, right or top side of the photograph that the subject may touch


@dataclass(frozen=True)
class Cutout:
    """A subject on transparency, trimmed.

    Attributes:
        image: RGBA.
        box: Where it was in the photograph: left, top, right, bottom as fractions of width and height.
        coverage: Share of the photograph's area.
        edge_width: Mean width of the soft edge as a fraction of the cut-out's longest side.
        reasons: Why it is poor; empty = good.
    """

    image: Image.Image
    box: tuple[float, float, float, float]
    coverage: float
    edge_width: float
    reasons: tuple[str, ...]

    @property
    def quality(self) -> str:
        return "poor" if self.reasons else "good"


def cut_out(photo: Image.Image, alpha: NDArray[np.float32]) -> Cutout:
    """Cut the subject out of `photo` (RGB) by `alpha` (height, width) in [0, 1]."""
    import numpy as np
    from PIL import Image as Pictures

    rgb = np.asarray(photo.convert("RGB"), dtype=np.float32) / 255.0
    alpha, main_share = _main_pieces(np.asarray(alpha, dtype=np.float32))
    height, width = alpha.shape
    coverage = float((alpha > 0.5).mean())
    rows, columns = np.flatnonzero((alpha > 0.02).any(axis=1)), np.flatnonzero((alpha > 0.02).any(axis=0))
    if not rows.size:
        empty = Pictures.new("RGBA", (1, 1), (0, 0, 0, 0))
        return Cutout(empty, (0.0, 0.0, 0.0, 0.0), 0.0, 0.0, ("no subject was found",))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    edge = _edge_width(alpha) / max(bottom - top, right - left)
    reasons = _judge(alpha, coverage=coverage, main_share=main_share, edge=edge)
    piece = (slice(top, bottom), slice(left, right))
    colours = foreground(rgb[piece], alpha[piece])
    rgba = np.dstack([colours, alpha[piece]])
    return Cutout(
        image=Pictures.fromarray((np.clip(rgba, 0, 1) * 255 + 0.5).astype(np.uint8)),
        box=(left / width, top / height, right / width, bottom / height),
        coverage=coverage,
        edge_width=edge,
        reasons=reasons,
    )


def foreground(rgb: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The subject's own colour where it mixes with the background, (h, w, 3) in [0, 1]."""
    import cv2
    import numpy as np

    longest = max(alpha.shape)
    weight = alpha[..., None]
    front = back = rgb
    for share in (0.03, 0.006):
        window = (2 * max(1, round(longest * share)) + 1,) * 2

        def blur(value: NDArray[np.float32], window: tuple[int, int] = window) -> NDArray[np.float32]:
            return np.asarray(cv2.blur(value, window))

        front_mean = blur(front * weight) / (blur(alpha)[..., None] + 1e-4)
        back_mean = blur(back * (1 - weight)) / (blur(1 - alpha)[..., None] + 1e-4)
        front = np.clip(front_mean + weight * (rgb - weight * front_mean - (1 - weight) * back_mean), 0, 1)
        back = back_mean
    # Inside, the photograph is right as it is.
    inside = np.clip((weight - 0.9) / 0.1, 0, 1)
    return np.asarray(front * (1 - inside) + rgb * inside, dtype=np.float32)


def _main_pieces(alpha: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Alpha without islands, and the share of the subject's area that its largest piece has."""
    import cv2
    import numpy as np

    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.5).astype(np.uint8), connectivity=8)
    if count <= 1:
        return alpha, 0.0
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(areas.max())
    kept = np.isin(labels, 1 + np.flatnonzero(areas >= ISLAND * largest)).astype(np.float32)
    reach = max(3, round(max(alpha.shape) * 0.015)) | 1
    near = cv2.dilate(kept, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    near = cv2.GaussianBlur(near, (reach, reach), 0)
    return np.asarray(alpha * near, dtype=np.float32), largest / float(areas.sum())


def _edge_width(alpha: NDArray[np.float32]) -> float:
    """Mean width of the soft edge, px: the area that is neither in nor out over the length of the outline."""
    import cv2
    import numpy as np

    outlines, _ = cv2.findContours((alpha > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    return float(np.count_nonzero((alpha > 0.1) & (alpha < 0.9))) / max(length, 1.0)


def _judge(alpha: NDArray[np.float32], *, coverage: float, main_share: float, edge: float) -> tuple[str, ...]:
    reasons = []
    if coverage < COVERAGE[0]:
        reasons.append(f"the subject takes only {coverage:.1%} of the photograph")
    if coverage > COVERAGE[1]:
        reasons.append(f"the subject takes {coverage:.0%} of the photograph")
    if main_share < MAIN_SHARE:
        reasons.append("the subject is in several pieces")
    if edge > EDGE_WIDTH:
        reasons.append("the subject's edges are not crisp")
    sides = {"left": alpha[:, :2], "right": alpha[:, -2:], "top": alpha[:2]}
    chopped = [name for name, strip in sides.items() if float((strip > 0.5).mean()) > CHOPPED]
    if chopped:
        reasons.append(f"the subject is cut off at the {' and '.join(chopped)} of the photograph")
    return tuple(reasons)
