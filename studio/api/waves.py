"""Small conversions for players: a waveform's outline and browser captions.

Design:
- Peaks are read from PCM WAV in blocks and kept by path (an artifact's bytes never change).
- WebVTT differs from SRT by its header and decimal point; cue text is escaped, since browsers read tags in it.
"""

from __future__ import annotations

import re
import sys
import wave
from array import array
from functools import lru_cache
from pathlib import Path

BARS = 96


@lru_cache(maxsize=128)
def peaks(path: Path, bars: int = BARS) -> list[float]:
    """Loudest sample of each of `bars` equal stretches, 0..1 against the loudest of all; [] for other formats."""
    try:
        with wave.open(str(path), "rb") as sound:
            if sound.getsampwidth() != 2 or not sound.getnframes():
                return []
            each = max(1, sound.getnframes() // bars)
            found = []
            for _ in range(bars):
                samples = array("h", sound.readframes(each))
                if sys.byteorder == "big":
                    samples.byteswap()
                found.append(max((abs(value) for value in samples), default=0))
    except (wave.Error, EOFError):
        return []
    top = max(found) or 1
    return [round(value / top, 3) for value in found]


_TIME = re.compile(r"(\d{2}:\d{2}:\d{2}),(\d{3})")


def vtt(srt: str) -> str:
    """SubRip as WebVTT."""
    cues = []
    for block in re.split(r"\n\s*\n", srt.replace("\r\n", "\n").strip()):
        lines = block.split("\n")
        at = next((number for number, line in enumerate(lines) if "-->" in line), None)
        if at is None:
            continue
        words = "\n".join(lines[at + 1 :]).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        times = _TIME.sub(r"\1.\2", lines[at])
        cues.append(f"{times}\n{words}")
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n"
