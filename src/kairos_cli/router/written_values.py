"""The JSON data of a tensor as one text for each element, and back.

Numbers are never turned into floats and back: what a client wrote is what the server reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from math import prod
from typing import Any

from kairos_cli.router.refused import Refused

# NaN and Infinity are no JSON, but Python's clients and servers write and read them.
_NUMBER = rb"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|NaN|-?Infinity)"
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'


def _flat(element: bytes) -> re.Pattern[bytes]:
    """Return the pattern of an array of such elements."""
    space = rb"[ \t\r\n]*+"
    return re.compile(rb"\[%s(?:%s%s(?:,%s%s%s)*+)?+\]" % (space, element, space, space, element, space))


_NUMBERS, _STRINGS = _flat(_NUMBER), _flat(_STRING)
_EACH_STRING = re.compile(_STRING)


def read(text: bytes, name: str, datatype: str, shape: Sequence[int]) -> tuple[tuple[bytes, ...], bool]:
    """Return the elements of the array `text`, and whether it was an array of arrays as deep as `shape`.

    Raises Refused for what is no such array.
    """
    strings = datatype == "BYTES"
    nested = not (_STRINGS if strings else _NUMBERS).fullmatch(text)
    if nested and not (len(shape) > 1 and _is_nested(text, shape, str if strings else (int, float))):
        what = "strings" if strings else "numbers"
        raise Refused(f"the data of tensor {name!r} is no array of {what} of the shape {list(shape)}")
    return tuple(_each_string(text) if strings else _each_number(text)), nested


def _each_string(text: bytes) -> list[bytes]:
    return _EACH_STRING.findall(text)


def _each_number(text: bytes) -> list[bytes]:
    """Return the numbers of an array, nested or not; twice as fast as looking for them by a pattern."""
    inside = text.translate(None, b"[] \t\r\n")
    return inside.split(b",") if inside.strip(b",") else []


def write(written: Sequence[bytes], shape: Sequence[int], nested: bool) -> bytes:
    """Return the elements as a JSON array: flat, or of arrays as deep as `shape`."""
    if not nested or len(shape) <= 1:
        return b"[" + b",".join(written) + b"]"
    size = prod(shape[1:])
    rows = (write(written[row * size : (row + 1) * size], shape[1:], nested) for row in range(shape[0]))
    return b"[" + b",".join(rows) + b"]"


def _is_nested(text: bytes, shape: Sequence[int], of: Any) -> bool:
    """Tell whether a text is an array of arrays of such a shape with elements of a type or of some types."""
    try:
        return _fits(json.loads(text), shape, of)
    except ValueError:
        return False


def _fits(values: Any, shape: Sequence[int], of: Any) -> bool:
    if not shape:
        return isinstance(values, of)
    return isinstance(values, list) and len(values) == shape[0] and all(_fits(each, shape[1:], of) for each in values)
