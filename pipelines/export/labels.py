"""The machine-readable AI label: written into each format's own place and read back.

Design:
- One `AIGC` value a file, plain JSON with string values (GB 45438-2025, Annex E); where it goes follows the
  TC260 practice guides of 2025: PNG in XMP, PDF in the document information, WAV in a RIFF chunk, MP4 in
  `moov.udta.meta` keys, Markdown in its front matter, SVG in its `metadata` element.
- Pictures and documents also say IPTC `DigitalSourceType`, which is what C2PA and search engines read.
- Containers are edited, never re-encoded. Every writer has a reader, and `write_label` fails when the reader
  does not find what was written: muxers are known to drop labels silently.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from pydantic import BaseModel, ConfigDict, Field

from models.errors import CorruptFile, StepFailed

TC260_NS = "http://www.tc260.org.cn/ns/AIGC/1.0/"
IPTC_NS = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_ASCII = r"^[!#-\[\]-~]+$"  # 0x21-0x7E without quote and backslash


class AigcLabel(BaseModel):
    """The `AIGC` value. `Label` "1" = is AI-generated; producer and id are printable ASCII, never empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    Label: str = Field("1", pattern="^[123]$")
    ContentProducer: str = Field(pattern=_ASCII, max_length=64)
    ProduceID: str = Field(pattern=_ASCII, max_length=128)
    ReservedCode1: str = ""
    ContentPropagator: str = ""
    PropagateID: str = ""
    ReservedCode2: str = ""

    def text(self) -> str:
        return json.dumps(self.model_dump(), separators=(",", ":"))


def write_label(source: Path, target: Path, label: AigcLabel) -> None:
    """Write `source` with its label to `target` (another path), then read it back.

    Raises `StepFailed` when the format has no place for a label or the label is not found afterwards.
    """
    suffix = source.suffix.lower()
    if suffix not in _WRITERS:
        raise StepFailed(f"No place for an AI label in {suffix} files.")
    _WRITERS[suffix](source, target, label)
    if read_label(target) != label:
        raise StepFailed(f"The AI label written to {target.name} could not be read back.")


def can_label(suffix: str) -> bool:
    return suffix.lower() in _WRITERS


def read_label(path: Path) -> AigcLabel | None:
    """The label of a file, or None. Raises `CorruptFile` when the file is not of its format."""
    text = _READERS[path.suffix.lower()](path)
    return AigcLabel.model_validate_json(text) if text else None


# -- XMP ----------------------------------------------------------------------------------------------------------


def _xmp(label: AigcLabel) -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:TC260="{TC260_NS}" xmlns:Iptc4xmpExt="{IPTC_NS}">'
        f"<TC260:AIGC>{escape(label.text())}</TC260:AIGC>"
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def _from_xmp(xml: str | bytes) -> str | None:
    try:
        root = ET.fromstring(xml)
    except ET.ParseError as error:
        raise CorruptFile(f"Unreadable XMP: {error}") from error
    node = root.find(f".//{{{TC260_NS}}}AIGC")
    if node is not None:
        return node.text
    for element in root.iter():
        if f"{{{TC260_NS}}}AIGC" in element.attrib:
            return element.attrib[f"{{{TC260_NS}}}AIGC"]
    return None


# -- PNG ----------------------------------------------------------------------------------------------------------

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp\x00\x00\x00\x00\x00"


def _png_chunks(data: bytes, name: str) -> list[tuple[bytes, bytes]]:
    if not data.startswith(_PNG_MAGIC):
        raise CorruptFile(f"{name} is not a PNG file.")
    chunks, at = [], len(_PNG_MAGIC)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _write_png(source: Path, target: Path, label: AigcLabel) -> None:
    out = [_PNG_MAGIC]
    for kind, body in _png_chunks(source.read_bytes(), source.name):
        if kind == b"iTXt" and body.startswith(_XMP_KEYWORD):
            continue  # exactly one label a file
        out.append(_png_chunk(kind, body))
        if kind == b"IHDR":
            out.append(_png_chunk(b"iTXt", _XMP_KEYWORD + _xmp(label).encode()))
    target.write_bytes(b"".join(out))


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read_png(path: Path) -> str | None:
    for kind, body in _png_chunks(path.read_bytes(), path.name):
        if kind == b"iTXt" and body.startswith(_XMP_KEYWORD):
            return _from_xmp(body[len(_XMP_KEYWORD) :])
    return None


# -- SVG ----------------------------------------------------------------------------------------------------------


def _write_svg(source: Path, target: Path, label: AigcLabel) -> None:
    text = source.read_text("utf-8")
    opening = re.search(r"<svg\b[^>]*>", text)
    if not opening:
        raise CorruptFile(f"{source.name} is not an SVG file.")
    at = opening.end()
    target.write_text(f"{text[:at]}<metadata>{_xmp(label)}</metadata>{text[at:]}", "utf-8")


def _read_svg(path: Path) -> str | None:
    found = re.search(r"<metadata>(<x:xmpmeta.*?</x:xmpmeta>)</metadata>", path.read_text("utf-8"), re.DOTALL)
    return _from_xmp(found.group(1)) if found else None


# -- PDF ----------------------------------------------------------------------------------------------------------


def _write_pdf(source: Path, target: Path, label: AigcLabel) -> None:
    import pikepdf

    try:
        with pikepdf.open(source) as pdf:
            with pdf.open_metadata(set_pikepdf_as_editor=False) as meta:
                meta[f"{{{IPTC_NS}}}DigitalSourceType"] = SOURCE_TYPE
            pdf.docinfo["/AIGC"] = label.text()
            pdf.save(target, deterministic_id=True)
    except pikepdf.PdfError as error:
        raise CorruptFile(f"{source.name} is not a PDF file: {error}") from error


def _read_pdf(path: Path) -> str | None:
    import pikepdf

    try:
        with pikepdf.open(path) as pdf:
            value = pdf.docinfo.get("/AIGC")
            return str(value) if value is not None else None
    except pikepdf.PdfError as error:
        raise CorruptFile(f"{path.name} is not a PDF file: {error}") from error


# -- WAV ----------------------------------------------------------------------------------------------------------


def _riff_chunks(data: bytes, name: str) -> list[tuple[bytes, bytes]]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise CorruptFile(f"{name} is not a WAV file.")
    chunks, at = [], 12
    while at + 8 <= len(data):
        (length,) = struct.unpack("<I", data[at + 4 : at + 8])
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def _write_wav(source: Path, target: Path, label: AigcLabel) -> None:
    chunks = [item for item in _riff_chunks(source.read_bytes(), source.name) if item[0] != b"AIGC"]
    chunks.append((b"AIGC", label.text().encode()))
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2) for kind, data in chunks)
    target.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def _read_wav(path: Path) -> str | None:
    for kind, data in _riff_chunks(path.read_bytes(), path.name):
        if kind == b"AIGC":
            return data.decode()
    return None


# -- MP4 ----------------------------------------------------------------------------------------------------------


def _write_mp4(source: Path, target: Path, label: AigcLabel) -> None:
    import imageio_ffmpeg

    # Without use_metadata_tags ffmpeg exits 0 and writes no label.
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i", str(source)]
    command += ["-map", "0", "-c", "copy", "-fflags", "+bitexact", "-metadata", f"AIGC={label.text()}"]
    command += ["-movflags", "+faststart+use_metadata_tags", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailed(f"Could not label {source.name}: {done.stderr.strip().splitlines()[-1:]}")


def _read_mp4(path: Path) -> str | None:
    import av

    try:
        with av.open(str(path)) as container:
            return container.metadata.get("AIGC")
    except av.error.FFmpegError as error:
        raise CorruptFile(f"{path.name} is not an MP4 file: {error}") from error


# -- Markdown -----------------------------------------------------------------------------------------------------


def _write_markdown(source: Path, target: Path, label: AigcLabel) -> None:
    target.write_text(f"---\nAIGC: {label.text()}\n---\n\n{source.read_text('utf-8')}", "utf-8")


def _read_markdown(path: Path) -> str | None:
    found = re.match(r"---\nAIGC: (\{.*\})\n---\n", path.read_text("utf-8"))
    return found.group(1) if found else None


_WRITERS: dict[str, Callable[[Path, Path, AigcLabel], None]] = {
    ".png": _write_png,
    ".svg": _write_svg,
    ".pdf": _write_pdf,
    ".wav": _write_wav,
    ".mp4": _write_mp4,
    ".md": _write_markdown,
}
_READERS: dict[str, Callable[[Path], str | None]] = {
    ".png": _read_png,
    ".svg": _read_svg,
    ".pdf": _read_pdf,
    ".wav": _read_wav,
    ".mp4": _read_mp4,
    ".md": _read_markdown,
}
