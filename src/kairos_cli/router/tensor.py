"""A tensor as it travels: its values as they are written, never decoded, so that rows keep every bit.

Vocabulary: the first dimension of a tensor is the batch, a *row* is one item of it. The values are in row-major order,
either *binary*, little-endian bytes (the binary tensor data extension; an element of BYTES is preceded by its length in
four bytes), or *written*, one JSON text for each element.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import prod
from typing import Any

from kairos_cli.router.refused import Refused

#: Bytes of an element by datatype; an element of BYTES has its own length. BF16 is an addition of Triton.
BYTES_BY_DATATYPE: Mapping[str, int | None] = {
    "BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8,
    "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8, "BYTES": None,
}  # fmt: skip
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output; its values are bytes if they are binary, a tuple if they are written.

    `parameters` are those of the request or answer but the size of the binary data; `nested` says that the JSON
    array was written as one of arrays, as deep as the shape.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: bytes | tuple[bytes, ...]
    nested: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The first dimension; 0 for a tensor that has none."""
        return self.shape[0] if self.shape else 0

    @property
    def kind(self) -> tuple[object, ...]:
        """What must be alike for tensors to be put together: all but the values and the number of rows."""
        parameters = json.dumps(self.parameters, sort_keys=True)
        return self.name, self.datatype, self.shape[1:], isinstance(self.values, bytes), parameters


def check_fit(tensor: Tensor) -> None:
    """Raise Refused unless the values are as many as the shape says and of a known datatype."""
    if tensor.datatype not in BYTES_BY_DATATYPE:
        known = ", ".join(BYTES_BY_DATATYPE)
        raise Refused(f"tensor {tensor.name!r} has the unknown datatype {tensor.datatype!r}; known are {known}")
    size, what, expected = BYTES_BY_DATATYPE[tensor.datatype], "values", prod(tensor.shape)
    found = len(tensor.values)
    if isinstance(tensor.values, bytes):
        if size is None:
            found = len(_ends_of_bytes(tensor.name, tensor.values))
        else:
            what, expected = "bytes", expected * size
    if expected != found:
        needs = f"its shape {list(tensor.shape)} of {tensor.datatype} needs {expected}"
        raise Refused(f"tensor {tensor.name!r} has {found} {what}, {needs}")


def concatenated(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensor with the rows of all, which are of one kind, one after the other."""
    first, values = tensors[0], [tensor.values for tensor in tensors]
    shape = (sum(tensor.rows for tensor in tensors), *first.shape[1:])
    if isinstance(first.values, bytes):
        return replace(first, shape=shape, values=b"".join(values))  # type: ignore[arg-type]
    return replace(first, shape=shape, values=tuple(chain.from_iterable(values)))  # type: ignore[arg-type]


def cut(tensor: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """Return tensors of so many rows each, which together are all rows of the tensor, in their order."""
    at, parts, first = _starts_of_rows(tensor), [], 0
    for size in sizes:
        values = tensor.values[at(first) : at(first + size)]
        parts.append(replace(tensor, shape=(size, *tensor.shape[1:]), values=values))
        first += size
    return parts


def _starts_of_rows(tensor: Tensor) -> Callable[[int], int]:
    """Return the function row -> index in the values at which it starts."""
    per_row = prod(tensor.shape[1:])
    if not isinstance(tensor.values, bytes):
        return lambda row: row * per_row
    size = BYTES_BY_DATATYPE[tensor.datatype]
    if size is not None:
        return lambda row: row * per_row * size
    starts = [0, *_ends_of_bytes(tensor.name, tensor.values)]
    return lambda row: starts[row * per_row]


def _ends_of_bytes(name: str, values: bytes) -> list[int]:
    """Return where each element of binary BYTES ends; raises Refused where the last one breaks off."""
    ends, at = [], 0
    while at < len(values):
        at += _LENGTH_BYTES + int.from_bytes(values[at : at + _LENGTH_BYTES], "little")
        ends.append(at)
    if at != len(values):
        raise Refused(f"the binary data of tensor {name!r} breaks off inside an element of BYTES")
    return ends
