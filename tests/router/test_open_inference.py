"""Bodies of the Open Inference Protocol: the specification's own examples, what is refused, and garbage."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kairos_cli.router.open_inference import HEADER_LENGTH, Body, Message, batch_size, parse
from kairos_cli.router.refused import Refused
from kairos_cli.router.tensor import Tensor
from tests.router.messages import Known, known_messages

#: The example of the specification, but that `input1`, which there has the shape [3] and one value, has three.
REQUEST = b"""{
  "id" : "42",
  "inputs" : [
    { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ] },
    { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true, false, true ] }
  ],
  "outputs" : [ { "name" : "output0" } ]
}"""
#: The example of the binary tensor data extension: 16 bytes of `input0`, 3 of `input1`.
BINARY_REQUEST = b"""{
  "model_name" : "mymodel",
  "inputs" : [
    { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "parameters" : { "binary_data_size" : 16 } },
    { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "parameters" : { "binary_data_size" : 3 } }
  ],
  "outputs" : [ { "name" : "output0", "parameters" : { "binary_data" : true } } ]
}"""


def request(**tensor: Any) -> bytes:
    """Return a request with one input, a good one but for what is given."""
    described = {"name": "x", "shape": [2], "datatype": "INT32", "data": [1, 2]} | tensor
    return json.dumps({"inputs": [{key: value for key, value in described.items() if value is not None}]}).encode()


def refusal(content: bytes, header_bytes: int | None = None) -> str:
    with pytest.raises(Refused) as caught:
        parse(Body(content, header_bytes), "inputs")
    assert 400 == caught.value.status
    return caught.value.message


def test_the_example_of_the_specification() -> None:
    """A JSON request is read: its tensors, and everything else as it stands."""
    message = parse(Body(REQUEST), "inputs")

    assert (
        Tensor("input0", "UINT32", (2, 2), (b"1", b"2", b"3", b"4")),
        Tensor("input1", "BOOL", (3,), (b"true", b"false", b"true")),
    ) == message.tensors
    assert {"id": "42", "outputs": [{"name": "output0"}]} == message.fields
    assert 2 == batch_size(Body(REQUEST))


def test_the_example_of_the_extension() -> None:
    """Binary data follow the JSON object in the order of the tensors."""
    content = BINARY_REQUEST + struct.pack("<4I", 1, 2, 3, 4) + b"\x01\x00\x01"
    body = Body.received(content, {HEADER_LENGTH: str(len(BINARY_REQUEST))})
    message = parse(body, "inputs")

    assert (
        Tensor("input0", "UINT32", (2, 2), b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
        Tensor("input1", "BOOL", (3,), b"\1\0\1"),
    ) == message.tensors
    assert 2 == batch_size(body)


def test_an_answer_is_written() -> None:
    """The answer of the extension's example, with a written output beside it, as its bytes and headers."""
    floats = struct.pack("<6f", 1.0, 1.1, 2.0, 2.1, 3.0, 3.1)
    message = Message(
        "outputs",
        (
            Tensor("output0", "FP32", (3, 2), floats),
            Tensor("label", "BYTES", (3, 1), (b'"a"', b'"b"', b'"c"'), nested=True),
        ),
        {"id": "42"},
    )
    text = (
        b'{"id":"42","outputs":[{"name":"output0","shape":[3,2],"datatype":"FP32","parameters":{"binary_data_size":24}},'
        b'{"name":"label","shape":[3,1],"datatype":"BYTES","data":[["a"],["b"],["c"]]}]}'
    )

    assert Body(text + floats, len(text)) == message.body()
    assert {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(text))} == message.body().headers
    assert message == parse(message.body(), "outputs")


@given(known_messages())
def test_what_is_written_is_read(known: Known) -> None:
    """Every datatype, written or binary, flat or nested, is read as it was written."""
    (message, *_) = known.messages

    assert message == parse(message.body(), "inputs")
    assert message.rows == batch_size(message.body())


@given(known_messages())
def test_any_json_reader_reads_the_same(known: Known) -> None:
    """The written values are those that Python's own reader finds."""
    (message, *_) = known.messages
    described = json.loads(message.body().text, parse_float=str, parse_int=str, parse_constant=str)["inputs"]

    for tensor, read in zip(message.tensors, described, strict=True):
        if isinstance(tensor.values, bytes):
            assert len(tensor.values) == int(read["parameters"]["binary_data_size"])
            continue
        found = read["data"]
        while found and isinstance(found[0], list):
            found = [each for inner in found for each in inner]
        decoded = [json.loads(each, parse_float=str, parse_int=str, parse_constant=str) for each in tensor.values]
        assert decoded == found


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"inputs":[{"shape":[7,3],"data":[1,', id="data that break off"),
        pytest.param(
            b'{"id":"]}","x":[[{"inputs":[1]}]],"inputs":[{"name":"a\\"b","shape":[7]', id="brackets in strings"
        ),
        pytest.param(b'{"\\u0069nputs":[{"data":[[1,2],[3]],"shape":[7,1]', id="an escaped key"),
    ],
)
def test_the_batch_size_is_read_without_the_rest(content: bytes) -> None:
    """Nothing behind the shape of the first input is looked at."""
    assert 7 == batch_size(Body(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "the request has no inputs"),
        (b'{"inputs":[]}', "the request has no inputs"),
        (b'{"inputs":[{"name":"x"}]}', "the first input has no shape"),
        (request(shape=[]), "the first input has no dimension that could be the batch: its shape is []"),
        (request(shape=[0, 3]), "the batch size must be at least 1: the shape of the first input is [0, 3]"),
        (request(shape="2"), "the shape of the first input must be a list of whole numbers, none below 0"),
        (request(shape=[-1]), "the shape of the first input must be a list of whole numbers, none below 0"),
        (request(shape=[True]), "the shape of the first input must be a list of whole numbers, none below 0"),
        (request(shape=[2**63]), "the shape of the first input must be a list of whole numbers, none below 0"),
        (b"[1]", "the body is no JSON, or not the object expected, at byte 0"),
        (b"", "the body is no JSON, or not the object expected, at byte 0"),
        (b'{"inputs" [', "the body is no JSON, or not the object expected, at byte 1"),
        (b'{"a":1;', "the body is no JSON, or not the object expected, at byte 7"),
        (b'{"a":[1,', "the body is no JSON: it breaks off, or is nested deeper than 16"),
        (b'{"\\x":1}', 'the body is no JSON: the key "\\x" is none'),
    ],
)
def test_a_request_without_a_batch_size_is_refused(content: bytes, message: str) -> None:
    """The message says what is missing."""
    with pytest.raises(Refused) as caught:
        batch_size(Body(content))

    assert (message, 400) == (caught.value.message, caught.value.status)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"inputs":{}}', "the body is no JSON, or not the object expected, at byte 10"),
        (b'{"inputs":[1]}', "the body is no JSON, or not the object expected, at byte 11"),
        (b'{"outputs":[]}', "the message has no inputs"),
        (request(name=None), "every tensor must have a name and a datatype"),
        (request(datatype=3), "every tensor must have a name and a datatype"),
        (request(shape=None), "the shape of tensor 'x' must be a list of whole numbers, none below 0"),
        (request(parameters=[]), "the parameters of tensor 'x' must be an object"),
        (request(data=None), "tensor 'x' must have either data or binary_data_size"),
        (request(parameters={"binary_data_size": 8}), "tensor 'x' must have either data or binary_data_size"),
        (
            request(data=None, parameters={"binary_data_size": 8}),
            "tensor 'x' says it has 8 bytes of binary data, there are 0",
        ),
        (
            request(datatype="FP8"),
            "tensor 'x' has the unknown datatype 'FP8'; known are BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, "
            "INT32, INT64, FP16, BF16, FP32, FP64, BYTES",
        ),
        (request(shape=[3]), "tensor 'x' has 2 values, its shape [3] of INT32 needs 3"),
        (request(data=["1", "2"]), "the data of tensor 'x' is no array of numbers of the shape [2]"),
        (request(data=[1, None]), "the data of tensor 'x' is no array of numbers of the shape [2]"),
        (request(data="12"), "the data of tensor 'x' is no array of numbers of the shape [2]"),
        (request(data=[[1], [2]]), "the data of tensor 'x' is no array of numbers of the shape [2]"),
        (request(shape=[2, 1], data=[[1, 2]]), "the data of tensor 'x' is no array of numbers of the shape [2, 1]"),
        (request(datatype="BYTES"), "the data of tensor 'x' is no array of strings of the shape [2]"),
        (
            request(datatype="BYTES", shape=[2, 1], data=[["a"], [1]]),
            "the data of tensor 'x' is no array of strings of the shape [2, 1]",
        ),
        (request()[:-2] + b',{"name":"x","shape":[0],"datatype":"BOOL","data":[]}]}',
         "two of the inputs have the same name: x, x"),
        (request(name="\xff").replace(b"\\u00ff", b"\xff"), "the body is no JSON: it is not UTF-8"),
        (b'{"a":' + b"9" * 5000 + b"," + request()[1:], "the body is no JSON: a number in it is too long"),
        (
            b'{"a":' + b"[" * 17 + b"]" * 17 + b"," + request()[1:],
            "the body is no JSON: it breaks off, or is nested deeper than 16",
        ),
        (request() + b"x", "the body is no JSON: Extra data"),
    ],
)  # fmt: skip
def test_a_request_that_does_not_fit_is_refused(content: bytes, message: str) -> None:
    """Each thing wrong has its message."""
    assert message == refusal(content)


def test_binary_data_that_do_not_fit_are_refused() -> None:
    """Bytes must be as many as shape and datatype say, no more and no fewer, and BYTES must end where it says."""
    eight = request(data=None, parameters={"binary_data_size": 8})
    six = request(data=None, parameters={"binary_data_size": 6})
    text = request(data=None, parameters={"binary_data_size": 8}, datatype="BYTES", shape=[1])

    assert "1 bytes of binary data follow those of the tensors" == refusal(eight + bytes(9), len(eight))
    assert "tensor 'x' says it has 8 bytes of binary data, there are 7" == refusal(eight + bytes(7), len(eight))
    assert "tensor 'x' has 6 bytes, its shape [2] of INT32 needs 8" == refusal(six + bytes(6), len(six))
    assert "tensor 'x' has 2 values, its shape [1] of BYTES needs 1" == refusal(text + bytes(8), len(text))
    assert "the binary data of tensor 'x' breaks off inside an element of BYTES" == refusal(
        text + b"\5\0\0\0abcd", len(text)
    )


def test_bodies_too_large_or_at_odds_with_their_header_are_refused() -> None:
    """A body is held to its limit, and the header to the body."""
    for written in ("-1", "8", "x", "1_0", "9" * 30, "²"):
        with pytest.raises(Refused) as caught:
            Body.received(b"0123456", {HEADER_LENGTH: written})
        assert (
            f"Inference-Header-Content-Length must be a length within the 7 bytes of the body: {written!r}",
            400,
        ) == (caught.value.message, caught.value.status)
    with pytest.raises(Refused, match="Inference-Header-Content-Length is 0: a body without its JSON object"):
        Body.received(b"0123456", {HEADER_LENGTH: "0"})
    with pytest.raises(Refused) as caught:
        Body.received(bytes(11), {}, largest_bytes=10)
    assert ("the body has 11 bytes, at most 10 are taken", 413) == (caught.value.message, caught.value.status)
    assert b'{"error": "the body has 11 bytes, at most 10 are taken"}' == caught.value.body


@st.composite
def damaged(draw: Any) -> Body:
    """Return a good body with some of its bytes cut out, doubled or replaced."""
    body = draw(known_messages(most=1)).messages[0].body()
    content = body.content
    for _ in range(draw(st.integers(1, 3))):
        first, last = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        piece = draw(
            st.one_of(st.just(b""), st.sampled_from([b"[", b"}", b'"', b",", b"-", b"1e999"]), st.binary(max_size=3))
        )
        content = content[:first] + piece + content[min(last, first + 3) :]
    return Body(content, None if body.header_bytes is None else min(body.header_bytes, len(content)))


@given(st.one_of(damaged(), st.binary().map(Body)))
@example(Body(b"[" * 100_000))
@example(Body(b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}"))
@example(Body(b'{"inputs":[{"shape":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"))
@example(
    Body(b'{"inputs":[{"name":"x","datatype":"INT8","shape":[1,1],"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}")
)
@example(Body(b'{"a":' + b"9" * 10_000 + b',"inputs":[{"shape":[' + b"9" * 10_000 + b"]}]}"))
def test_garbage_is_refused_and_nothing_else_happens(body: Body) -> None:
    """Whatever the bytes are, they are read or refused."""
    for read in (batch_size, lambda body: parse(body, "inputs"), lambda body: parse(body, "outputs")):
        try:
            read(body)
        except Refused as refused:
            assert refused.message
            assert {"error": refused.message} == json.loads(refused.body)
