"""Pictures as BT.709 Y, U and V planes, and how they are put over one another.

Design:
- The compositor works where the encoder works: full-size Y, half-size U and V, 8 bits, limited range. A frame is
  1.5 bytes a pixel instead of 3, nothing is converted per frame, and the canvas' buffer is the bytes that go to
  ffmpeg.
- Layers are premultiplied by their alpha in the same planes: over = layer + canvas * (1 - alpha). Blending is
  linear, so this holds for Y, U and V alike.
- Movement is sub-pixel: whatever stands off the even pixel grid, or is scaled, goes through `cv2.warpAffine`
  with float transforms; what stands still on the grid is blended straight.
- Only the rectangle a layer covers is touched.

Shapes: `Canvas.data` is [height * 3 / 2, width] uint8 (I420); a `Layer` has y, a [h, w] and u, v, c [h/2, w/2],
h and w even, `c` being alpha at the size of the colour planes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

BAND = 128  # rows worked on at a time where floats are needed; even

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in canvas pixels


def yuv_of(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[h, w, 3] RGB (uint8 or float 0..255) -> float32 Y, U, V [h, w] in BT.709 limited range."""
    r, g, b = (rgb[..., index].astype(np.float32) for index in range(3))
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    u = (b - y) / 1.8556
    v = (r - y) / 1.5748
    return 16 + y * (219 / 255), 128 + u * (224 / 255), 128 + v * (224 / 255)


def _half(plane: np.ndarray) -> np.ndarray:
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _byte(plane: np.ndarray) -> np.ndarray:
    return np.clip(plane + 0.5, 0, 255).astype(np.uint8)


def colour_yuv(colour: str) -> tuple[int, int, int]:
    """ "#rrggbb" -> its Y, U, V bytes."""
    rgb = np.array([[[int(colour[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8)
    y, u, v = yuv_of(rgb)
    return round(float(y[0, 0])), round(float(u[0, 0])), round(float(v[0, 0]))


def _planes_of(rgb: np.ndarray, alpha: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[h, w, 3] uint8 (even sizes) -> Y [h, w], U and V [h/2, w/2] uint8, times alpha when given.

    In bands of rows: the float copies of a whole 2400 px photograph would be the largest thing in memory.
    """
    height, width = rgb.shape[:2]
    y = np.empty((height, width), np.uint8)
    u, v = (np.empty((height // 2, width // 2), np.uint8) for _ in range(2))
    for top in range(0, height, BAND):
        rows = slice(top, top + BAND)
        planes = yuv_of(rgb[rows])
        if alpha is not None:
            share = alpha[rows].astype(np.float32) / 255
            planes = (planes[0] * share, planes[1] * share, planes[2] * share)
        half = slice(top // 2, (top + BAND) // 2)
        y[rows], u[half], v[half] = _byte(planes[0]), _byte(_half(planes[1])), _byte(_half(planes[2]))
    return y, u, v


class Canvas:
    """One frame in the making; `data` is what the encoder takes."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.data = np.empty((height * 3 // 2, width), np.uint8)
        flat = self.data.reshape(-1)
        pixels = width * height
        self.y = flat[:pixels].reshape(height, width)
        self.u = flat[pixels : pixels * 5 // 4].reshape(height // 2, width // 2)
        self.v = flat[pixels * 5 // 4 :].reshape(height // 2, width // 2)

    def fill(self, colour: str, box: Box | None = None) -> None:
        """Paint a rectangle (snapped to even pixels); the whole canvas when no box is given."""
        y, u, v = colour_yuv(colour)
        x0, y0, x1, y1 = box or (0, 0, self.width, self.height)
        x0, y0, x1, y1 = (max(0, edge) // 2 * 2 for edge in (x0, y0, x1, y1))
        self.y[y0:y1, x0:x1] = y
        self.u[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2] = u
        self.v[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2] = v

    def copy_from(self, other: Canvas) -> None:
        np.copyto(self.data, other.data)

    def rgb(self) -> np.ndarray:
        """[height, width, 3] uint8 RGB of the frame."""
        y = (self.y.astype(np.float32) - 16) * (255 / 219)
        size = (self.width, self.height)
        u = cv2.resize(self.u, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) - 128
        v = cv2.resize(self.v, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) - 128
        u, v = u * (255 / 224), v * (255 / 224)
        return np.stack([_byte(y + 1.5748 * v), _byte(y - 0.1873 * u - 0.4681 * v), _byte(y + 1.8556 * u)], axis=-1)


@dataclass(frozen=True)
class Picture:
    """An opaque picture in planes, for full-frame backgrounds."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @classmethod
    def of(cls, rgb: np.ndarray, *, soft: bool = False) -> Picture:
        """From [h, w, 3] uint8 RGB; an odd last row or column is dropped.

        `soft`: the picture has no fine detail (a gradient, a blur); its Y is kept at half the size too, which
        makes it cheaper to move and rids it of grain that would cost bits.
        """
        rgb = rgb[: rgb.shape[0] // 4 * 4, : rgb.shape[1] // 4 * 4]
        y, u, v = _planes_of(rgb)
        return cls(y=cv2.resize(y, u.shape[::-1], interpolation=cv2.INTER_AREA) if soft else y, u=u, v=v)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.u.shape[1] * 2, self.u.shape[0] * 2

    def top_rgb(self, share: float) -> np.ndarray:
        """A small RGB copy of the upper part of the picture, for measuring. [48, 48, 3] uint8."""
        canvas = Canvas(48, 48)
        for plane, part in ((canvas.y, self.y), (canvas.u, self.u), (canvas.v, self.v)):
            rows = max(2, int(part.shape[0] * share))
            plane[...] = cv2.resize(part[:rows], plane.shape[::-1], interpolation=cv2.INTER_AREA)
        return canvas.rgb()

    def view(self, canvas: Canvas, *, centre: tuple[float, float], zoom: float, box: Box | None = None) -> None:
        """Fill a box of the canvas (default: all of it) with the picture around `centre`.

        Args:
            centre: Point of the picture (px) that comes to the middle of the box.
            zoom: Canvas pixels per picture pixel.
            box: Even pixels.
        """
        x0, y0, x1, y1 = box or (0, 0, canvas.width, canvas.height)
        width, height = x1 - x0, y1 - y0
        if width < 2 or height < 2:
            return
        scale = 1.0 / zoom
        bx, by = centre[0] - scale * (width - 1) / 2, centre[1] - scale * (height - 1) / 2
        half = (slice(y0 // 2, y1 // 2), slice(x0 // 2, x1 // 2))
        cx, cy = _chroma_offset(scale, bx), _chroma_offset(scale, by)
        if self.y.shape == self.u.shape:
            small = np.empty_like(canvas.u[half])
            _warp(self.y, small, scale, cx, cy, cv2.BORDER_REPLICATE)
            canvas.y[y0:y1, x0:x1] = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        else:
            _warp(self.y, canvas.y[y0:y1, x0:x1], scale, bx, by, cv2.BORDER_REPLICATE)
        _warp(self.u, canvas.u[half], scale, cx, cy, cv2.BORDER_REPLICATE)
        _warp(self.v, canvas.v[half], scale, cx, cy, cv2.BORDER_REPLICATE)


def _chroma_offset(scale: float, offset: float) -> float:
    # Sample i of a colour plane stands at pixel 2i + 0.5 of the full-size plane.
    return 0.25 * scale + offset / 2 - 0.25


def _warp(source: np.ndarray, target: np.ndarray, scale: float, bx: float, by: float, border: int) -> None:
    matrix = np.array([[scale, 0, bx], [0, scale, by]], np.float64)
    size = (target.shape[1], target.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    target[...] = cv2.warpAffine(source, matrix, size, flags=flags, borderMode=border)


@dataclass(frozen=True)
class Layer:
    """A picture with alpha, premultiplied, in planes. All sizes even."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    a: np.ndarray
    c: np.ndarray

    @classmethod
    def of(cls, rgba: np.ndarray) -> Layer:
        """From [h, w, 4] uint8 RGBA (straight alpha); padded to even sizes."""
        pad = ((0, rgba.shape[0] % 2), (0, rgba.shape[1] % 2), (0, 0))
        rgba = np.pad(rgba, pad)
        alpha = np.ascontiguousarray(rgba[..., 3])
        y, u, v = _planes_of(rgba[..., :3], alpha)
        return cls(y=y, u=u, v=v, a=alpha, c=_half(alpha))

    @property
    def width(self) -> int:
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        return int(self.y.shape[0])

    def draw(
        self,
        canvas: Canvas,
        x: float,
        y: float,
        *,
        scale: float = 1.0,
        opacity: float = 1.0,
        clip: Box | None = None,
    ) -> None:
        """Put the layer over the canvas.

        Args:
            x, y: Where its top-left corner comes to stand (px, may be fractions or outside).
            scale: Canvas pixels per layer pixel; grows from the top-left corner.
            opacity: 0..1.
            clip: Only this rectangle of the canvas is touched (snapped to even pixels).
        """
        if opacity <= 0.003 or scale <= 0.001:
            return
        x0, y0 = int(np.floor(x / 2)) * 2, int(np.floor(y / 2)) * 2
        x1 = int(np.ceil((x + self.width * scale) / 2)) * 2
        y1 = int(np.ceil((y + self.height * scale) / 2)) * 2
        left, top, right, bottom = clip or (0, 0, canvas.width, canvas.height)
        x0, y0 = max(x0, 0, left // 2 * 2), max(y0, 0, top // 2 * 2)
        x1, y1 = min(x1, canvas.width, right // 2 * 2), min(y1, canvas.height, bottom // 2 * 2)
        if x1 <= x0 or y1 <= y0:
            return
        full = _Place(x=x, y=y, scale=scale, box=(x0, y0, x1, y1), half=False)
        _over(full.take(self.y), full.take(self.a), full.of(canvas.y), opacity)
        half = _Place(x=x, y=y, scale=scale, box=(x0, y0, x1, y1), half=True)
        alpha = half.take(self.c)
        _over(half.take(self.u), alpha, half.of(canvas.u), opacity)
        _over(half.take(self.v), alpha, half.of(canvas.v), opacity)


@dataclass(frozen=True)
class _Place:
    """Where a plane of a layer meets the canvas; `half` for the colour planes."""

    x: float
    y: float
    scale: float
    box: Box
    half: bool

    def of(self, target: np.ndarray) -> np.ndarray:
        x0, y0, x1, y1 = (edge // 2 for edge in self.box) if self.half else self.box
        return target[y0:y1, x0:x1]

    def take(self, plane: np.ndarray) -> np.ndarray:
        """The part of the plane that covers the box, resampled where it is off the grid."""
        x0, y0, x1, y1 = self.box
        if self.scale == 1.0 and self.x % 2 == 0 and self.y % 2 == 0:
            left, top = x0 - int(self.x), y0 - int(self.y)
            if self.half:
                return plane[top // 2 : (top + y1 - y0) // 2, left // 2 : (left + x1 - x0) // 2]
            return plane[top : top + y1 - y0, left : left + x1 - x0]
        step = 1.0 / self.scale
        # Pixel centres: canvas pixel p shows the layer at (p + 0.5 - x) / scale - 0.5.
        bx = (x0 + 0.5 - self.x) * step - 0.5
        by = (y0 + 0.5 - self.y) * step - 0.5
        divide = 2 if self.half else 1
        out = np.empty(((y1 - y0) // divide, (x1 - x0) // divide), np.uint8)
        if self.half:
            bx, by = _chroma_offset(step, bx), _chroma_offset(step, by)
        _warp(plane, out, step, bx, by, cv2.BORDER_CONSTANT)
        return out


def _over(plane: np.ndarray, alpha: np.ndarray, target: np.ndarray, opacity: float) -> None:
    if opacity < 0.997:
        plane = cv2.convertScaleAbs(plane, alpha=opacity)
        alpha = cv2.convertScaleAbs(alpha, alpha=opacity)
    kept = cv2.multiply(target, cv2.bitwise_not(alpha), scale=1 / 255)
    target[...] = cv2.add(kept, plane)


def soft_shadow(
    rgba: np.ndarray, *, radius: float, opacity: float, dy: float = 0.0, colour: tuple[int, int, int] = (0, 0, 0)
) -> np.ndarray:
    """The picture with a soft shadow under it, on a canvas grown by three radii (and `dy`) on every side."""
    pad = int(np.ceil(radius * 3 + abs(dy))) // 2 * 2 + 2
    grown = np.pad(rgba, ((pad, pad), (pad, pad), (0, 0)))
    alpha = grown[..., 3].astype(np.float32) / 255
    shade = cv2.GaussianBlur(alpha, (0, 0), radius)
    shade = cv2.warpAffine(shade, np.array([[1, 0, 0], [0, 1, dy]], np.float64), shade.shape[::-1]) * opacity
    total = alpha + shade * (1 - alpha)
    weight = np.divide(alpha, total, out=np.zeros_like(alpha), where=total > 1e-4)[..., None]
    rgb = grown[..., :3] * weight + np.array(colour, np.float32) * (1 - weight)
    return np.dstack([_byte(rgb), _byte(total * 255)])
