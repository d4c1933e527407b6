"""What the load generator sends, and how it knows its rows again."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.router.load_bodies import Input, LoadBodies
from kairos_cli.router.open_inference import Body, Message, parse
from kairos_cli.router.refused import Refused
from kairos_cli.router.tensor import BYTES_BY_DATATYPE, Tensor
from tests.router.messages import Known, known_messages

ROW = {"name": "row", "datatype": "INT64", "shape": [-1, 1]}
EMULATED = {"platform": "kairos_emulation", "inputs": [ROW]}


def held(answer: Message, **asked: Any) -> int | None:
    """Return what the generator makes of an answer to query 7, whose rows are those from 100 on."""
    body = answer.body()
    query = {"number": 7, "first_row": 100, "rows": 2} | asked
    bodies = LoadBodies.of(EMULATED if query.pop("echoes", True) else {"inputs": [ROW]}, binary=False)
    return bodies.rows_from(body.content, body.headers, **query)


def answer(*values: bytes, rows: int = 2, **fields: Any) -> Message:
    return Message("outputs", (Tensor("row", "INT64", (rows, 1), values),), fields)


def test_each_row_of_an_emulated_model_has_a_number_of_its_own() -> None:
    """As JSON by default."""
    bodies = LoadBodies.of(EMULATED, binary=False)

    assert (
        b'{"id":"7","inputs":[{"name":"row","shape":[3,1],"datatype":"INT64","data":[100,101,102]}]}'
    ) == bodies.request(7, 100, 3).content


def test_binary_rows_are_sent_and_asked_for() -> None:
    """Little-endian, eight bytes each."""
    message = parse(LoadBodies.of(EMULATED, binary=True).request(7, 100, 2), "inputs")

    assert struct.pack("<2q", 100, 101) == message.tensors[0].values
    assert {"binary_data_output": True} == message.fields["parameters"]


@given(st.booleans(), st.integers(1, 5))
def test_any_model_gets_inputs_that_fit(binary: bool, rows: int) -> None:
    """Every datatype, every shape: a length that is left open is one."""
    inputs = [{"name": name, "datatype": name, "shape": [-1, 2, -1]} for name in BYTES_BY_DATATYPE]
    message = parse(LoadBodies.of({"platform": "onnxruntime", "inputs": inputs}, binary).request(0, 0, rows), "inputs")

    assert [(name, (rows, 2, 1)) for name in BYTES_BY_DATATYPE] == [(each.name, each.shape) for each in message.tensors]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ([], "the model's metadata name no inputs"),
        ({"inputs": []}, "the model's metadata name no inputs"),
        ({"inputs": [1]}, "the model's metadata describe an input without name, datatype or shape"),
        ({"inputs": [{"name": "x"}]}, "the model's metadata describe an input without name, datatype or shape"),
        ({"inputs": [ROW | {"shape": ["a", "b"]}]},
         "the model's metadata describe an input without name, datatype or shape"),
        ({"inputs": [ROW | {"datatype": "FP8"}]}, "input 'row' of the model has the unknown datatype 'FP8'"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_say_what_it_takes_is_refused(metadata: Any, message: str) -> None:
    """There is nothing that could be sent to it."""
    with pytest.raises(Refused) as caught:
        LoadBodies.of(metadata, binary=False)

    assert message == caught.value.message


def test_own_rows_are_known_again() -> None:
    """With the id or without, which some servers leave out; as numbers or as bytes."""
    assert 100 == held(answer(b"100", b"101", id="7"))
    assert 100 == held(answer(b"100", b"101"))
    assert 100 == held(Message("outputs", (Tensor("row", "INT64", (2, 1), struct.pack("<2q", 100, 101)),)))


def test_rows_of_others_are_told_apart() -> None:
    """The first row says whose they are; an answer to another query, of another size or of nonsense is nobody's."""
    assert 102 == held(answer(b"102", b"103"))
    assert held(answer(b"100", b"103")) is None
    assert held(answer(b"100", b"1.5")) is None
    assert held(answer(b"100", b"101", id="8")) is None
    assert held(answer(b"100", rows=1)) is None


def test_of_a_real_model_only_id_and_number_of_rows_can_be_checked() -> None:
    """What its outputs mean is not known."""
    assert 100 == held(answer(b"5", b"5", id="7"), echoes=False)
    assert held(answer(b"5", b"5", id="8"), echoes=False) is None
    assert held(answer(b"5", rows=1), echoes=False) is None


@given(known_messages("outputs"), st.booleans())
def test_any_answer_is_somebodys_or_nobodys(known: Known, echoes: bool) -> None:
    """Whatever tensors an answer has, nothing goes wrong; rows that were not sent are not taken for one's own."""
    (message, *_) = known.messages
    body, bodies = message.body(), LoadBodies([Input("row", "INT64", (1,))], echoes, binary=False)
    number = message.fields["id"]

    assert bodies.rows_from(body.content, body.headers, number, 10**6, message.rows + 1) is None
    own = 10**6 == bodies.rows_from(body.content, body.headers, number, 10**6, message.rows)
    assert own is not echoes


def test_garbage_is_nobodys() -> None:
    """An answer that cannot be read is not an answer."""
    bodies = LoadBodies([Input("row", "INT64", (1,))], echoes=True, binary=False)

    assert bodies.rows_from(b"<html>", {}, 7, 100, 2) is None
    assert bodies.rows_from(Body(b"{}").content, {"Inference-Header-Content-Length": "9"}, 7, 100, 2) is None
