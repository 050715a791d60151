"""Make an ONNX synthesiser tell how long each of its input symbols is spoken.

Design:
- Kokoro, and what is distilled from it, predicts a number of frames for each symbol, rounds it and clips it at one:
  the tensor after `Round -> Clip` decides the alignment, so times taken from it are exact, not estimated.
- The tensor is made a graph output in memory; the file, and with it its digest, stays as it is. In protobuf a second
  `graph` message is merged into the first when read, so a few appended bytes do it and the model is never parsed.
- `durations_only` keeps the nodes up to that tensor: a model that measures a sentence without speaking it.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.errors import CorruptFile

# Field numbers of onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE = 1
_GRAPH_OUTPUT = 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP = 1, 2, 4
_VALUE_NAME = 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def with_durations(model: bytes) -> tuple[bytes, str]:
    """The model with the durations as one more output, and that output's name."""
    name = _find(model)[0]
    output = _message(_GRAPH_OUTPUT, _message(_VALUE_NAME, name.encode()))
    return model + _message(_MODEL_GRAPH, output), name


def durations_only(model: bytes) -> tuple[bytes, str]:
    """A model that computes the durations and nothing after them, and its output's name."""
    name, last = _find(model)
    kept: list[bytes] = []
    for number, _, value, raw in _fields(memoryview(model)):
        if number != _MODEL_GRAPH:
            kept.append(bytes(raw))
            continue
        parts: list[bytes] = []
        nodes = 0
        for inner, _, _, piece in _fields(value):
            if inner == _GRAPH_NODE:
                nodes += 1
                if nodes > last + 1:
                    continue
            if inner != _GRAPH_OUTPUT:
                parts.append(bytes(piece))
        parts.append(_message(_GRAPH_OUTPUT, _message(_VALUE_NAME, name.encode())))
        kept.append(_message(_MODEL_GRAPH, b"".join(parts)))
    return b"".join(kept), name


def _find(model: bytes) -> tuple[str, int]:
    """Name of the first tensor made by `Round -> Clip`, and the index of its node."""
    try:
        rounded: set[str] = set()
        for number, _, graph, _ in _fields(memoryview(model)):
            if number != _MODEL_GRAPH:
                continue
            index = -1
            for inner, _, node, _ in _fields(graph):
                if inner != _GRAPH_NODE:
                    continue
                index += 1
                op, inputs, outputs = _node(node)
                if op == "Round":
                    rounded.update(outputs)
                elif op == "Clip" and inputs and inputs[0] in rounded:
                    return outputs[0], index
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise CorruptFile(f"This is not an ONNX model: {error}.", hint="Pull the model again.") from error
    raise CorruptFile("The model predicts no durations (no Round followed by Clip).", hint="Pull the model again.")


def _node(node: memoryview) -> tuple[str, list[str], list[str]]:
    op = ""
    inputs: list[str] = []
    outputs: list[str] = []
    for number, kind, value, _ in _fields(node):
        if kind != _BYTES or number not in (_NODE_INPUT, _NODE_OUTPUT, _NODE_OP):
            continue
        text = bytes(value).decode()
        if number == _NODE_OP:
            op = text
        else:
            (inputs if number == _NODE_INPUT else outputs).append(text)
    return op, inputs, outputs


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """Of each field: its number, wire type, value and the whole of it with its tag."""
    at = 0
    while at < len(data):
        begin = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        start = at
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            size, start = _varint(data, at)
            at = start + size
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if at > len(data) or number == 0:
            raise ValueError("the file is cut short or damaged")
        yield number, kind, data[start:at], data[begin:at]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")


def _message(number: int, value: bytes) -> bytes:
    tag, size = number << 3 | _BYTES, len(value)
    return _encode(tag) + _encode(size) + value


def _encode(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
