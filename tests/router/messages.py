"""Inference messages whose rows are known, each row apart from the others, for property tests."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from hypothesis import strategies as st

from kairos_cli.router.open_inference import Message
from kairos_cli.router.tensor import BYTES_BY_DATATYPE, Tensor
from tests import strategies  # noqa: F401 - sets how hypothesis draws

Draw = Callable[[st.SearchStrategy[Any]], Any]

#: Numbers as people and programs write them: no float would keep all of these texts.
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "1.10",
        "-2.50e+3",
        "1E5",
        "0.1000000000000000055511151231257827",
        "18446744073709551615",
        "true",
        "NaN",
    ]
)
STRINGS = st.sampled_from(['""', '"a,b"', '"]\\"["', '"\\u00fc"', '"ü"', '"{\\\\"', '"\\ud800"'])


@dataclass(frozen=True)
class Known:
    """Messages of one kind, and the values of each by tensor: one piece for each row."""

    messages: list[Message]
    rows: list[list[list[Any]]]


def element(draw: Draw, datatype: str, binary: bool) -> bytes:
    """Return one element as it travels."""
    size = BYTES_BY_DATATYPE[datatype]
    if not binary:
        return str(draw(STRINGS if size is None else NUMBERS)).encode()
    if size is not None:
        return bytes(draw(st.binary(min_size=size, max_size=size)))
    content = draw(st.binary(max_size=5))
    return struct.pack("<I", len(content)) + content


@st.composite
def known_messages(draw: Draw, tensors_are: Any = "inputs", most: int = 4) -> Known:
    """Return messages that may share a batch."""
    tensors = []
    for number in range(draw(st.integers(1, 3))):
        datatype = draw(st.sampled_from(sorted(BYTES_BY_DATATYPE)))
        tail = draw(st.lists(st.integers(0, 3), max_size=2))
        binary = draw(st.booleans())
        nested = bool(tail) and not binary and draw(st.booleans())
        tensors.append((f"x{number}", datatype, tuple(tail), binary, nested))
    messages, rows = [], []
    for number in range(draw(st.integers(1, most))):
        size = draw(st.integers(1, 4))
        made, values = [], []
        for name, datatype, tail, binary, nested in tensors:
            pieces = [[element(draw, datatype, binary) for _ in range(prod(tail))] for _ in range(size)]
            flat = tuple(each for piece in pieces for each in piece)
            made.append(Tensor(name, datatype, (size, *tail), b"".join(flat) if binary else flat, nested))
            values.append(pieces)
        messages.append(Message(tensors_are, tuple(made), {"id": f"q{number}", "parameters": {"k": 1}}))
        rows.append(values)
    return Known(messages, rows)
