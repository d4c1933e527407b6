"""Tensors in messages over gRPC: found, put together, cut and written, against Google's own library."""

from __future__ import annotations

import struct
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.router.grpc_tensors import parse, written
from kairos_cli.router.protobuf_wire import field_bytes
from kairos_cli.router.refused import Refused
from kairos_cli.router.rows import apart, kind, together
from kairos_cli.router.tensor import BYTES_BY_DATATYPE
from tests.router.protocol import message

#: Each datatype that may have typed contents, their name, and what they hold.
TYPED = {
    "BOOL": ("bool_contents", st.booleans()),
    "INT8": ("int_contents", st.integers(-128, 127)),
    "INT64": ("int64_contents", st.integers(-(2**63), 2**63 - 1)),
    "UINT32": ("uint_contents", st.integers(0, 2**32 - 1)),
    "UINT64": ("uint64_contents", st.integers(0, 2**64 - 1)),
    "FP32": ("fp32_contents", st.floats(width=32, allow_nan=False)),
    "FP64": ("fp64_contents", st.floats(allow_nan=False)),
    "BYTES": ("bytes_contents", st.binary(max_size=3)),
}
RAW = ("BOOL", "FP16", "BF16", "INT64", "FP32", "BYTES")


def raw_element(draw: st.DrawFn, datatype: str) -> bytes:
    """Return any bits as one element."""
    size = BYTES_BY_DATATYPE[datatype]
    if size is not None:
        return draw(st.binary(min_size=size, max_size=size))
    text = draw(st.binary(max_size=3))
    return struct.pack("<I", len(text)) + text


@st.composite
def requests(draw: st.DrawFn, most: int = 3) -> list[Any]:
    """Return requests of one kind, of some rows each, with raw or typed contents, parameters and wanted outputs."""
    raw = draw(st.booleans())
    datatypes = st.sampled_from(RAW if raw else tuple(TYPED))
    tensors = draw(st.lists(st.tuples(datatypes, st.lists(st.integers(1, 3), max_size=2)), min_size=1, max_size=2))
    model, wanted, number = draw(st.text(max_size=4)), draw(st.text(max_size=4)), draw(st.integers(0, 9))
    found = []
    for place in range(draw(st.integers(1, most))):
        request, rows = message("ModelInferRequest")(model_name=model, id=f"q{place}"), draw(st.integers(1, 3))
        request.parameters["k"].int64_param = number
        request.outputs.add(name=wanted)
        for each, (datatype, tail) in enumerate(tensors):
            tensor = request.inputs.add(name=f"x{each}", datatype=datatype, shape=[rows, *tail])
            tensor.parameters["p"].string_param = model
            elements = rows * prod(tail)
            if raw:
                values = [raw_element(draw, datatype) for _ in range(elements)]
                request.raw_input_contents.append(b"".join(values))
            else:
                name, strategy = TYPED[datatype]
                getattr(tensor.contents, name).extend(draw(strategy) for _ in range(elements))
        found.append(request)
    return found


def read(content: bytes) -> Any:
    return message("ModelInferRequest").FromString(content)


@given(requests(most=1))
def test_what_is_written_says_what_was_read(made: list[Any]) -> None:
    """Reading and writing a message loses nothing: tensors, id, parameters, outputs and model are those it had."""
    (request,) = made

    assert request == read(written(parse(request.SerializeToString(), "inputs")))


@given(requests())
def test_requests_put_together_and_cut_again_are_the_same(made: list[Any]) -> None:
    """One request with all rows, in their order, from which each gets back its own, to the bit."""
    messages = [parse(request.SerializeToString(), "inputs") for request in made]
    rows = [request.inputs[0].shape[0] for request in made]
    whole = together(messages)

    assert [sum(rows)] * len(whole.tensors) == [each.shape[0] for each in read(written(whole)).inputs]
    assert made == [read(written(each)) for each in apart(whole, rows, [request.id for request in made])]


def test_an_unpacked_shape_and_unpacked_contents_are_read() -> None:
    """Old writers do not pack repeated numbers."""
    contents = b"".join(b"\x18" + bytes([each]) for each in (1, 2))
    tensor = field_bytes(1, b"x") + field_bytes(2, b"INT64") + b"\x18\x02" + field_bytes(5, contents)
    request = read(written(parse(field_bytes(5, tensor), "inputs")))

    assert ([2], [1, 2]) == (request.inputs[0].shape, request.inputs[0].contents.int64_contents)


def test_requests_that_differ_in_a_parameter_are_of_different_kinds_and_sequences_stand_alone() -> None:
    """What is no tensor decides by its bytes."""

    def of(**parameters: int) -> Any:
        request = message("ModelInferRequest")(model_name="m")
        request.inputs.add(name="x", datatype="FP32", shape=[1]).contents.fp32_contents.append(1.0)
        for name, value in parameters.items():
            request.parameters[name].int64_param = value
        return kind(parse(request.SerializeToString(), "inputs"))

    assert of(a=1) == of(a=1) != of(a=2)
    assert of(sequence_id=1) is None


def tensor(datatype: str, shape: bytes, contents: bytes = b"") -> bytes:
    given = field_bytes(1, b"x") + field_bytes(2, datatype.encode()) + field_bytes(3, shape)
    return field_bytes(5, given + field_bytes(5, contents))


BAD = {
    "no_inputs": (b"", "the message has no inputs"),
    "too_few": (
        tensor("FP32", b"\x02") + field_bytes(7, b"1234"),
        "tensor 'x' has 4 bytes, its shape [2] of FP32 needs 8",
    ),
    "one_raw_for_two": (
        tensor("FP32", b"\x01") * 2 + field_bytes(7, b"1234"),
        "the message has raw contents for 1 of 2 inputs, or typed ones beside",
    ),
    "raw_and_typed": (
        tensor("FP32", b"\x01", field_bytes(6, b"1234")) + field_bytes(7, b"1234"),
        "the message has raw contents for 1 of 1 inputs, or typed ones beside",
    ),
    "another_datatype": (
        tensor("FP32", b"\x01", field_bytes(3, b"\x01")), "the contents of tensor 'x' are not such of FP32",
    ),
    "half_a_number": (
        tensor("FP32", b"\x01", field_bytes(6, b"123")), "the contents of tensor 'x' are not such of FP32",
    ),
    "a_number_for_bytes": (
        tensor("BYTES", b"\x01", b"\x40\x01"), "the contents of tensor 'x' are not such of BYTES",
    ),
    "unknown": (
        tensor("FP8", b"\x01", field_bytes(8, b"1")),
        f"tensor 'x' has the unknown datatype 'FP8'; known are {', '.join(BYTES_BY_DATATYPE)}",
    ),
    "negative": (tensor("FP32", b"\xff" * 9 + b"\x01"), "the shape of tensor 'x' has a number below 0"),
    "no_text": (field_bytes(5, field_bytes(1, b"\xff")), "a name is no UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_tensors_is_told(content: bytes, said: str) -> None:
    """Each mistake has its message."""
    with pytest.raises(Refused) as caught:
        parse(content, "inputs")

    assert said == caught.value.message


@given(requests(most=1), st.data())
def test_any_bytes_are_read_or_refused(made: list[Any], data: st.DataObject) -> None:
    """A message cut short, or with a byte changed: Refused and nothing else, or it can be written again."""
    content = made[0].SerializeToString()
    place, byte = data.draw(st.integers(0, len(content) - 1)), data.draw(st.binary(max_size=1))
    try:
        said = parse(content[:place] + byte + content[place + 1 :], "inputs")
    except Refused:
        return

    assert said == parse(written(said), "inputs")
