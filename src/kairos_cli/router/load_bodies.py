"""What the load generator sends, and how it knows its rows again.

To an emulated model each row of the whole run is a number of its own, so that an answer tells whose rows it holds. A
real model gets zeros in the inputs that it names; of its answer only the id and the number of rows can be checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from kairos_cli.router.open_inference import Body, Message, parse
from kairos_cli.router.refused import Refused
from kairos_cli.router.tensor import BYTES_BY_DATATYPE, Tensor

#: The platform that an emulated model names: it answers with the rows that it was sent.
EMULATED = "kairos_emulation"
_TEXT = b"kairos"


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a model: `row_shape` is its shape without the batch."""

    name: str
    datatype: str
    row_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LoadBodies:
    """The bodies for one model; `echoes` says that its answers hold the rows of their requests."""

    inputs: Sequence[Input]
    echoes: bool
    binary: bool

    @classmethod
    def of(cls, metadata: Any, binary: bool) -> LoadBodies:
        """Return the bodies for a model that describes itself so; raises Refused where it names no usable input."""
        described = metadata.get("inputs") if isinstance(metadata, dict) else None
        if not isinstance(described, list) or not described:
            raise Refused("the model's metadata name no inputs")
        return cls([_input(each) for each in described], metadata.get("platform") == EMULATED, binary)

    def request(self, number: int, first_row: int, rows: int) -> Body:
        """Return the request of the query of a number, whose rows are numbered from `first_row` on."""
        tensors = [self._numbered(each, first_row, rows) if self.echoes else self._zeros(each, rows)
                   for each in self.inputs]  # fmt: skip
        wanted = {"parameters": {"binary_data_output": True}} if self.binary else {}
        return Message("inputs", tuple(tensors), {"id": str(number), **wanted}).body()

    def rows_from(
        self, content: bytes, headers: Mapping[str, str], number: int, first_row: int, rows: int
    ) -> int | None:
        """Return the first row that an answer holds; None for one that is not an answer to this query at all.

        An answer of a model that does not echo is taken to hold the rows of its query.
        """
        try:
            message = parse(Body.received(content, headers), "outputs")
        except Refused:
            return None
        if str(message.fields.get("id", number)) != str(number) or any(each.rows != rows for each in message.tensors):
            return None
        return _first_of(message.tensors[0], rows) if self.echoes else first_row

    def _numbered(self, each: Input, first_row: int, rows: int) -> Tensor:
        shape, numbers = (rows, *each.row_shape), np.arange(first_row, first_row + rows, dtype="<i8")
        values = numbers.tobytes() if self.binary else tuple(str(number).encode() for number in numbers.tolist())
        return Tensor(each.name, each.datatype, shape, values)

    def _zeros(self, each: Input, rows: int) -> Tensor:
        shape, size = (rows, *each.row_shape), BYTES_BY_DATATYPE[each.datatype]
        if size is None:
            one = len(_TEXT).to_bytes(4, "little") + _TEXT if self.binary else json.dumps(_TEXT.decode()).encode()
        else:
            one = bytes(size) if self.binary else (b"false" if each.datatype == "BOOL" else b"0")
        values = one * prod(shape) if self.binary else (one,) * prod(shape)
        return Tensor(each.name, each.datatype, shape, values)


def _first_of(tensor: Tensor, rows: int) -> int | None:
    """Return the first number of a column of consecutive numbers; None for any other."""
    try:
        if isinstance(tensor.values, bytes):
            numbers = np.frombuffer(tensor.values, dtype="<i8").tolist()
        else:
            numbers = [int(each) for each in tensor.values]
    except ValueError:
        return None
    first = numbers[0] if numbers else 0
    return first if numbers == list(range(first, first + rows)) else None


def _input(described: Any) -> Input:
    try:
        name, datatype, shape = described["name"], described["datatype"], described["shape"]
        row_shape = tuple(max(int(each), 1) for each in shape[1:])  # -1 stands for any length: one will do
    except (TypeError, KeyError, ValueError):
        raise Refused("the model's metadata describe an input without name, datatype or shape") from None
    if datatype not in BYTES_BY_DATATYPE:
        raise Refused(f"input {name!r} of the model has the unknown datatype {datatype!r}")
    return Input(str(name), datatype, row_shape)
