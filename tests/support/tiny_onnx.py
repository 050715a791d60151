"""A synthesiser of a few nodes, written byte by byte: the form of Kokoro without its weights.

Inputs tokens (1, n) int64, style (1, 256) float32, speed (1,) float32; output audio (m,) float32: a constant. Every
symbol lasts four frames of 600 samples at speed 1, found through Round and Clip as in the real model.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

FRAMES = 4  # of each symbol at speed 1
LEVEL = 0.1

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType


def write_voice_model(folder: Path, *, voices: tuple[str, ...] = ("zf_xiaoxiao", "af_heart", "ff_siwis")) -> Path:
    """A folder with model.onnx, vocab.json and voices, as the Kokoro adapter opens it."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(tiny_model())
    symbols = (
        " ;:,.!?—…()AIOQSTWYabcdefhijklmnopqstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵊᵻʦʨꭧ"
    )
    vocabulary = {symbol: number for number, symbol in enumerate(symbols, 1)}
    (folder / "vocab.json").write_text(json.dumps({"vocab": vocabulary}), encoding="utf-8")
    for number, voice in enumerate(voices):
        np.full((510, 1, 256), number / 10, dtype="<f4").tofile(folder / "voices" / f"{voice}.bin")
    return folder


def tiny_model(*, durations: bool = True) -> bytes:
    """The model's bytes; without `durations` it rounds nothing."""
    rounded = _node("Round", ["quotient"], ["rounded"]) if durations else _node("Floor", ["quotient"], ["rounded"])
    nodes = [
        _node("Cast", ["tokens"], ["numbers"], to=_FLOAT),
        _node("Mul", ["numbers", "zero"], ["nothing"]),
        _node("Add", ["nothing", "frames"], ["even"]),
        _node("Div", ["even", "speed"], ["quotient"]),
        rounded,
        _node("Clip", ["rounded", "one"], ["clipped"]),
        _node("ReduceSum", ["clipped"], ["sum"], keepdims=0),
        _node("Mul", ["sum", "frame"], ["samples"]),
        _node("Cast", ["samples"], ["count"], to=_INT64),
        _node("Reshape", ["count", "flat"], ["shape"]),
        _node("ConstantOfShape", ["shape"], ["silence"]),
        _node("Add", ["silence", "level"], ["audio"]),
    ]
    floats = {"zero": 0.0, "frames": float(FRAMES), "one": 1.0, "frame": 600.0, "level": LEVEL}
    tensors = [_tensor(name, _FLOAT, struct.pack("<f", value)) for name, value in floats.items()]
    tensors.append(_tensor("flat", _INT64, struct.pack("<q", 1), dims=[1]))
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"tiny")
    graph += b"".join(_bytes(5, tensor) for tensor in tensors)
    graph += _bytes(11, _value("tokens", _INT64, [1, "n"])) + _bytes(11, _value("style", _FLOAT, [1, 256]))
    graph += _bytes(11, _value("speed", _FLOAT, [1])) + _bytes(12, _value("audio", _FLOAT, ["m"]))
    return _int(1, 8) + _bytes(7, graph) + _bytes(8, _int(2, 17))


def _node(op: str, inputs: list[str], outputs: list[str], **integers: int) -> bytes:
    node = b"".join(_bytes(1, name.encode()) for name in inputs)
    node += b"".join(_bytes(2, name.encode()) for name in outputs) + _bytes(4, op.encode())
    for name, value in integers.items():
        node += _bytes(5, _bytes(1, name.encode()) + _int(3, value) + _int(20, 2))
    return node


def _tensor(name: str, kind: int, raw: bytes, *, dims: list[int] | None = None) -> bytes:
    return b"".join(_int(1, size) for size in dims or []) + _int(2, kind) + _bytes(8, name.encode()) + _bytes(9, raw)


def _value(name: str, kind: int, shape: list[int | str]) -> bytes:
    sizes = b"".join(_bytes(1, _int(1, size) if isinstance(size, int) else _bytes(2, size.encode())) for size in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _int(1, kind) + _bytes(2, sizes)))


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
