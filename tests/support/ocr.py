"""Reading posters back, line by line.

Design:
- A recogniser of lines is given each line where the boxes say it stands, turned upright: that proves the text and its
  box at once, and spares the guessing of a page's reading order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def _reader() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR()


def plain(text: str) -> str:
    """For comparing: one width, one yen sign, no spaces, no case."""
    return "".join(unicodedata.normalize("NFKC", text).replace("￥", "¥").split()).casefold()


def read_lines(pixels: NDArray[np.uint8], marks: Sequence[Mapping[str, Any]]) -> str:
    """What a reader sees where the `marks` of a poster's boxes are; `pixels` is RGB, (height, width, 3)."""
    return plain("".join(_read(_line(pixels, mark)) for mark in marks))


def _read(line: NDArray[np.uint8]) -> str:
    found = _reader()(np.ascontiguousarray(line[..., ::-1]), use_det=False, use_cls=False, use_rec=True)
    return "".join(found.txts or ())


def _line(pixels: NDArray[np.uint8], mark: Mapping[str, Any]) -> NDArray[np.uint8]:
    """One line of type, turned upright and on a plain border: what a recogniser of lines wants."""
    import cv2

    height, width = pixels.shape[:2]
    wide, tall = mark.get("flat") or (mark["w"], mark["h"])
    centre = (mark["x"] + mark["w"] / 2, mark["y"] + mark["h"] / 2)
    turn = cv2.getRotationMatrix2D(centre, mark.get("turn", 0.0), 1.0)
    upright = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_CUBIC)
    air = 0.06 * tall
    x0, y0 = max(int(centre[0] - wide / 2 - air), 0), max(int(centre[1] - tall / 2 - air), 0)
    line = upright[y0 : int(centre[1] + tall / 2 + air) + 1, x0 : int(centre[0] + wide / 2 + air) + 1]
    line = cv2.resize(line, None, fx=64 / line.shape[0], fy=64 / line.shape[0], interpolation=cv2.INTER_AREA)
    edge = np.median(np.concatenate([line[0], line[-1]]), axis=0)
    return np.asarray(cv2.copyMakeBorder(line, 8, 8, 24, 24, cv2.BORDER_CONSTANT, value=edge.tolist()))
