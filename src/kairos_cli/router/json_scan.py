"""Where things stand in a JSON text, without decoding it.

A tensor of a thousand rows is a megabyte of digits. Its shape stands beside it, and its numbers are passed on as they
are written: both need only the places where values begin and end. One regular expression runs from a bracket to the
one that closes it; whether what lies between them is JSON is not asked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from kairos_cli.router.refused import Refused

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING_BYTES = rb'"(?:[^"\\]++|\\.)*+"'
_STRING = re.compile(_STRING_BYTES, re.DOTALL)
_SCALAR = re.compile(rb'[^\[\]{}",: \t\r\n]++')
#: How deep brackets may be nested; no tensor has so many dimensions.
DEEPEST = 16


def _brackets() -> re.Pattern[bytes]:
    """Return the pattern of an array or object, nested as deep as may be; brackets of either kind count alike."""
    inside = rb'[^\[\]{}"]++|' + _STRING_BYTES
    pattern = rb"[\[{](?:%s)*+[\]}]" % inside
    for _ in range(DEEPEST - 1):
        pattern = rb"[\[{](?:%s|%s)*+[\]}]" % (inside, pattern)
    return re.compile(pattern, re.DOTALL)


_BRACKETS = _brackets()


def members(text: bytes, start: int) -> Iterator[tuple[str, int]]:
    """Yield the key and the start of the value of each member of the object at `start`.

    Raises Refused where there is no object or where it breaks off.
    """
    for at in _parts(text, start, b"{"):
        key = _STRING.match(text, at)
        colon = _after_space(text, key.end()) if key else len(text)
        if key is None or text[colon : colon + 1] != b":":
            raise _malformed(at)
        value = _after_space(text, colon + 1)
        yield _key(key.group()), value


def elements(text: bytes, start: int) -> Iterator[int]:
    """Yield the start of each element of the array at `start`; raises Refused where there is none."""
    yield from _parts(text, start, b"[")


def end_of(text: bytes, start: int) -> int:
    """Return where the value at `start` ends."""
    first = text[start : start + 1]
    if first in (b"[", b"{"):
        found = _BRACKETS.match(text, start)
        if found is None:
            raise Refused(f"the body is no JSON: it breaks off, or is nested deeper than {DEEPEST}")
        return found.end()
    found = _STRING.match(text, start) if first == b'"' else _SCALAR.match(text, start)
    if found is None:
        raise _malformed(start)
    return found.end()


def _parts(text: bytes, start: int, opening: bytes) -> Iterator[int]:
    """Yield the start of each part of the array or object at `start`, of a member that of its key."""
    at = _after_space(text, start)
    if text[at : at + 1] != opening:
        raise _malformed(at)
    closing = b"]" if opening == b"[" else b"}"
    at = _after_space(text, at + 1)
    if text[at : at + 1] == closing:
        return
    while True:
        yield at
        if opening == b"{":
            at = _after_space(text, _after_space(text, end_of(text, at)) + 1)
        at = _after_space(text, end_of(text, at))
        if text[at : at + 1] == closing:
            return
        if text[at : at + 1] != b",":
            raise _malformed(at)
        at = _after_space(text, at + 1)


def _after_space(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _key(written: bytes) -> str:
    """Return a key as it is read."""
    try:
        return str(json.loads(written)) if b"\\" in written else written[1:-1].decode()
    except ValueError:
        raise Refused(f"the body is no JSON: the key {written.decode(errors='replace')} is none") from None


def _malformed(at: int) -> Refused:
    return Refused(f"the body is no JSON, or not the object expected, at byte {at}")
