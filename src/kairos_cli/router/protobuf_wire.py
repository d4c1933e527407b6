"""The wire format of protocol buffers: fields found in bytes without decoding the message that they are of.

A *field* is a number, a wire type, and where its payload stands; a varint's payload is its value. What has the
wrong wire type is for the caller to pass over, as protocol buffers do with fields that they do not know.

Source: the encoding guide of protocol buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kairos_cli.router.refused import Refused

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_MOST_VARINT_BITS = 64
_UINT64 = 2**64 - 1
_LARGEST_TAG = 2**32 - 1


class Field(NamedTuple):
    """A field: its payload is `content[start:end]`, or for a varint the number `start`."""

    number: int
    wire: int
    start: int
    end: int


def fields(content: bytes, at: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message `content[at:end]` in their order; raises Refused where there is none."""
    while at < end:
        tag, at = varint(content, at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0 or tag > _LARGEST_TAG:
            raise Refused(f"the request is no protocol buffer: no field at byte {at}")
        if wire == VARINT:
            value, at = varint(content, at, end)
            yield Field(number, wire, value, at)
            continue
        if wire == LENGTH:
            length, at = varint(content, at, end)
        elif wire in _FIXED_BYTES:
            length = _FIXED_BYTES[wire]
        else:
            raise Refused(f"the request is no protocol buffer of this protocol: wire type {wire} at byte {at}")
        if length > end - at:
            raise Refused(f"the request is no protocol buffer: it breaks off after byte {at}")
        yield Field(number, wire, at, at + length)
        at += length


def varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at a place and where it ends; raises Refused where there is none."""
    value = bits = 0
    while at < end and bits < _MOST_VARINT_BITS:
        byte = content[at]
        value |= (byte & 127) << bits
        at, bits = at + 1, bits + 7
        if byte < 128:
            return value & _UINT64, at
    raise Refused(f"the request is no protocol buffer: it breaks off, or a number does not end, at byte {at}")


def varint_bytes(value: int) -> bytes:
    """Return a number that is not negative as a varint."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)


def field_bytes(number: int, payload: bytes | int) -> bytes:
    """Return a field: a varint for a number, else its bytes with their length; nothing for an empty payload."""
    if not payload:
        return b""
    if isinstance(payload, int):
        return varint_bytes(number << 3 | VARINT) + varint_bytes(payload)
    return element_bytes(number, payload)


def element_bytes(number: int, payload: bytes) -> bytes:
    """Return an element of a repeated field: its bytes with their length, which may be none."""
    return varint_bytes(number << 3 | LENGTH) + varint_bytes(len(payload)) + payload
