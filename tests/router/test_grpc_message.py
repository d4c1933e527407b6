"""What is read from an inference request over gRPC, against Google's own library."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.router.grpc_message import NO, YES, asked, model_question, passed_on, says_yes
from kairos_cli.router.grpc_status import retry_metadata
from kairos_cli.router.protobuf_wire import Field, field_bytes, fields, varint, varint_bytes
from kairos_cli.router.refused import Refused
from kairos_cli.router.work import NotServed
from tests.router.protocol import infer_request, message

TEXTS = st.text(max_size=8)
SHAPES = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """Return any request: parameters of all kinds, tensors with typed or raw contents, requested outputs."""
    request = message("ModelInferRequest")(model_name=draw(TEXTS), model_version=draw(TEXTS), id=draw(TEXTS))
    for name in draw(st.lists(TEXTS, max_size=2)):
        request.parameters[name].int64_param = draw(st.integers(-(2**63), 2**63 - 1))
    for _ in range(draw(st.integers(0, 3))):
        tensor = request.inputs.add(name=draw(TEXTS), datatype="INT64", shape=draw(SHAPES))
        tensor.parameters[draw(TEXTS)].string_param = draw(TEXTS)
        if draw(st.booleans()):
            tensor.contents.int64_contents.extend(draw(SHAPES))
            tensor.contents.bytes_contents.extend(draw(st.lists(st.binary(max_size=4), max_size=2)))
    for name in draw(st.lists(TEXTS, max_size=2)):
        request.outputs.add(name=name)
    request.raw_input_contents.extend(draw(st.lists(st.binary(max_size=200), max_size=3)))
    return request


@given(requests())
def test_model_version_and_rows_are_those_that_were_written(request: Any) -> None:
    """The walk reads what protobuf reads; a first input without a dimension above 0 is refused."""
    question = asked(request.SerializeToString())

    assert (request.model_name, request.model_version) == (question.model, question.version)
    if request.inputs and request.inputs[0].shape and request.inputs[0].shape[0] > 0:
        assert request.inputs[0].shape[0] == question.batch_size
    else:
        with pytest.raises(Refused):
            _ = question.batch_size


@given(requests(), requests())
def test_messages_written_one_after_the_other_are_one(first: Any, second: Any) -> None:
    """Protocol buffers merge so: of a single field the last counts, of repeated ones the first comes first."""
    content = first.SerializeToString() + second.SerializeToString()
    merged = message("ModelInferRequest").FromString(content)
    question = asked(content)

    assert (merged.model_name, merged.model_version) == (question.model, question.version)
    if merged.inputs and merged.inputs[0].shape and merged.inputs[0].shape[0] > 0:
        assert merged.inputs[0].shape[0] == question.batch_size


@given(st.binary(max_size=60) | requests().map(lambda each: each.SerializeToString()), st.data())
def test_any_bytes_are_read_or_refused(content: bytes, data: st.DataObject) -> None:
    """Whatever comes, also a message cut short or with a byte changed: Refused and nothing else."""
    if content:
        place = data.draw(st.integers(0, len(content) - 1))
        content = data.draw(
            st.sampled_from([content, content[:place], content[:place] + b"\xff" + content[place + 1 :]])
        )
    try:
        assert asked(content).batch_size > 0
    except Refused as error:
        assert 400 == error.status


@given(st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=3))
def test_a_shape_may_be_written_number_by_number(shape: list[int]) -> None:
    """Old writers do not pack repeated numbers; readers must take both."""
    tensor = message("Unpacked")(name="x", datatype="FP32", shape=shape).SerializeToString()

    assert shape[0] == asked(field_bytes(5, tensor)).batch_size


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_a_number_is_read_as_it_was_written(value: int, more: bytes) -> None:
    """varint_bytes and varint undo each other, whatever follows."""
    written = varint_bytes(value)

    assert (value, len(written)) == varint(written + more, 0, len(written + more))


@given(st.text(min_size=1), st.text())
def test_the_question_about_a_model_is_protobuf(model: str, version: str) -> None:
    """ModelReady is asked with name and version."""
    read = message("ModelReadyRequest").FromString(model_question(model, version))

    assert (model, version) == (read.name, read.version)


def test_yes_and_no_are_protobuf() -> None:
    """What the router says itself, and how it reads what servers say."""
    ready = message("ServerReadyResponse")

    assert (True, False) == (ready.FromString(YES).ready, ready.FromString(NO).ready)
    assert (True, False) == tuple(says_yes(ready(ready=each).SerializeToString()) for each in (True, False))
    assert not says_yes(b"\xff")


BAD = {
    "broken_off": (b"\x0a\x05ab", "the request is no protocol buffer: it breaks off after byte 2"),
    "no_field": (b"\x00\x00", "the request is no protocol buffer: no field at byte 1"),
    "group": (b"\x0b", "the request is no protocol buffer of this protocol: wire type 3 at byte 1"),
    "endless": (
        b"\xff" * 12, "the request is no protocol buffer: it breaks off, or a number does not end, at byte 10",
    ),
    "no_text": (b"\x0a\x01\xff", "the model's name is no UTF-8"),
    "empty": (b"", "the request has no inputs"),
    "no_shape": (
        infer_request(1).SerializeToString().replace(b"\x1a\x02\x01\x01", b"\x1a\x00\x1a\x00"),
        "the first input has no dimension that could be the batch: its shape is []",
    ),
    "batch_0": (infer_request(0).SerializeToString(), "the batch size must be at least 1, got 0"),
    "negative": (
        field_bytes(5, message("Tensor")(shape=[-3]).SerializeToString()), "the batch size must be at least 1, got -3",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_request_is_told(content: bytes, said: str) -> None:
    """Each mistake has its message."""
    with pytest.raises(Refused) as caught:
        _ = asked(content).batch_size

    assert said == caught.value.message


def test_fields_are_found_where_they_stand() -> None:
    """A varint's value, and the place of the others' payload; a field of a wrong wire type is passed over."""
    content = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x1d\x01\x02\x03\x04" + b"\x21" + bytes(8)

    assert [Field(1, 0, 150, 3), Field(2, 2, 5, 7), Field(3, 5, 8, 12), Field(4, 1, 13, 21)] == list(
        fields(content, 0, len(content))
    )
    assert ("", 1) == (asked(b"\x08\x01" + field_bytes(5, b"\x1d1234\x18\x01")).model, 1)


def test_metadata_of_one_connection_are_not_passed_on() -> None:
    """What the libraries on both sides make anew stays behind; the client's own, and rich errors, go on."""
    metadata = [
        ("x-trace", "t"), ("user-agent", "u"), ("grpc-timeout", "1S"),
        ("grpc-status-details-bin", b"1"), ("k-bin", b"2"),
    ]  # fmt: skip

    assert (("x-trace", "t"), ("grpc-status-details-bin", b"1"), ("k-bin", b"2")) == passed_on(metadata)
    assert () == passed_on(None)


def test_when_to_come_back_is_told_as_clients_read_it() -> None:
    """The delay for retry policies, in milliseconds, and google.rpc.RetryInfo; or nothing."""
    metadata = dict(retry_metadata(NotServed("too many queries wait", 503, 3)))
    status = message("Status").FromString(metadata["grpc-status-details-bin"])

    assert "3000" == metadata["grpc-retry-pushback-ms"]
    assert (14, "too many queries wait") == (status.code, status.message)
    assert "type.googleapis.com/google.rpc.RetryInfo" == status.details[0].type_url
    assert 3 == message("RetryInfo").FromString(status.details[0].value).retry_delay.seconds
    assert () == retry_metadata(Refused("no"))
