"""The fonts that posters are set in, and the characters they have.

Design:
- Fonts come in two wheels that are ordinary dependencies; the machine's own fonts are never used, so that a poster
  is the same on every machine.
- What no font can draw (emoji, scripts without a font here) is taken out of the text before setting and reported;
  a poster never shows an empty box for a character.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.errors import StepFailed

PACKAGES = ("manimgx_fonts_cjk", "pylopdf_fonts_zh_cn")

# Joiners and selectors that only make sense inside emoji, and marks that change the direction of text.
_INVISIBLE = {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x20E3, *range(0xFE00, 0xFE10), *range(0xE0000, 0xE0080)}


def font_folders() -> list[Path]:
    """Folders of the font wheels."""
    folders = []
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise StepFailed(f"The font package {package} is not installed.", hint="pip install aigc-studio again.")
        folders.append(Path(spec.origin).parent)
    return folders


@lru_cache(maxsize=1)
def typst_fonts() -> Any:
    """The fonts as Typst holds them (`typst.Fonts`); read once in a process."""
    import typst

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(f) for f in font_folders()]
    )


@lru_cache(maxsize=1)
def drawable() -> frozenset[int]:
    """Code points that the sans face, which every text falls back to, can draw."""
    from fontTools.ttLib import TTFont

    path = next(font_folders()[0].glob("*.ttc"))
    with TTFont(path, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap())


def clean(text: str) -> tuple[str, str]:
    """Text that can be set, in NFC with single spaces, and the characters that had to be left out."""
    known = drawable()
    kept, dropped = [], []
    for character in unicodedata.normalize("NFC", text):
        code = ord(character)
        if character.isspace():
            kept.append(" ")
        elif code in known and code not in _INVISIBLE and unicodedata.category(character)[0] != "C":
            kept.append(character)
        else:
            dropped.append(character)
    return " ".join("".join(kept).split()), "".join(c for c in dropped if ord(c) not in _INVISIBLE)
