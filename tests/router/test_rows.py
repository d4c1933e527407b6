"""Rows put together and handed back, bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.router.open_inference import Message, parse
from kairos_cli.router.refused import Refused
from kairos_cli.router.rows import apart, kind, together
from kairos_cli.router.tensor import Tensor
from tests.router.messages import Known, known_messages


def numbers(name: str, rows: int, **more: Any) -> Tensor:
    return Tensor(name, "INT32", (rows, 1), tuple(b"%d" % each for each in range(rows)), **more)


@given(known_messages())
def test_a_batch_has_the_rows_of_all_in_their_order(known: Known) -> None:
    """Putting messages together puts the rows of each tensor one after the other."""
    batch = together(known.messages)

    assert sum(message.rows for message in known.messages) == batch.rows
    for number, tensor in enumerate(batch.tensors):
        rows = [row for values in known.rows for row in values[number]]
        flat = tuple(each for row in rows for each in row)
        assert (b"".join(flat) if isinstance(tensor.values, bytes) else flat) == tensor.values


@given(known_messages("outputs"))
def test_each_gets_its_own_rows_back(known: Known) -> None:
    """What is put together, sent, received and taken apart is what it was, id and form included."""
    received = parse(together(known.messages).body(), "outputs")
    sizes = [message.rows for message in known.messages]

    assert known.messages == apart(received, sizes, [message.fields["id"] for message in known.messages])


@given(known_messages("inputs", most=1), st.data())
def test_parts_put_together_are_the_whole(known: Known, data: st.DataObject) -> None:
    """A message cut anywhere is the same when put together."""
    (message,) = known.messages
    first = data.draw(st.integers(1, message.rows))
    sizes = [first, message.rows - first] if first < message.rows else [first]

    whole = together(apart(message, sizes))

    assert message.tensors == whole.tensors


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Message("inputs", (numbers("y", 2),)), id="name"),
        pytest.param(Message("outputs", (numbers("x", 2),)), id="outputs"),
        pytest.param(Message("inputs", (Tensor("x", "INT64", (2, 1), (b"0", b"1")),)), id="datatype"),
        pytest.param(Message("inputs", (Tensor("x", "INT32", (2, 2), (b"0",) * 4),)), id="shape"),
        pytest.param(Message("inputs", (Tensor("x", "INT32", (2, 1), bytes(8)),)), id="binary"),
        pytest.param(Message("inputs", (numbers("x", 2, parameters={"a": 1}),)), id="tensor parameters"),
        pytest.param(Message("inputs", (numbers("x", 2),), {"parameters": {"timeout": 1}}), id="parameters"),
        pytest.param(Message("inputs", (numbers("x", 2),), {"outputs": [{"name": "z"}]}), id="outputs wanted"),
        pytest.param(Message("inputs", (numbers("x", 2), numbers("y", 2))), id="another input"),
    ],
)
def test_messages_of_different_kinds_do_not_share_a_batch(other: Message) -> None:
    """Whatever differs but rows and id keeps requests apart."""
    message = Message("inputs", (numbers("x", 2),))

    assert kind(message) != kind(other)
    with pytest.raises(Refused, match="messages of different kinds cannot share a batch"):
        together([message, other])


def test_the_order_of_inputs_does_not_matter() -> None:
    """Inputs go by their names."""
    one = Message("inputs", (numbers("x", 1), numbers("y", 1)), {"id": "1"})
    two = Message("inputs", (numbers("y", 2), numbers("x", 2)), {"id": "2"})

    batch = together([one, two])

    assert kind(one) == kind(two)
    assert [("x", (b"0", b"0", b"1")), ("y", (b"0", b"0", b"1"))] == [
        (each.name, each.values) for each in batch.tensors
    ]
    assert {} == batch.fields


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message("inputs", (numbers("x", 2), numbers("y", 3))), id="inputs of different sizes"),
        pytest.param(Message("inputs", (Tensor("x", "INT8", (), (b"1",)),)), id="no dimension"),
        pytest.param(Message("inputs", (Tensor("x", "INT8", (0,), ()),)), id="no row"),
        pytest.param(Message("inputs", (numbers("x", 2),), {"parameters": {"sequence_id": 7}}), id="a sequence"),
    ],
)
def test_some_requests_stand_alone(message: Message) -> None:
    """What is no batch of independent rows has no kind, and is not put together even with itself."""
    assert kind(message) is None
    with pytest.raises(Refused):
        together([message, message])


@pytest.mark.parametrize(("tensors_are", "status"), [("outputs", 502), ("inputs", 400)])
def test_an_answer_with_other_rows_than_asked_for_is_its_servers_fault(tensors_are: Any, status: int) -> None:
    """An answer that does not have a row for each row sent cannot be handed out."""
    with pytest.raises(Refused) as caught:
        apart(Message(tensors_are, (numbers("x", 3),)), [1, 1])

    assert ("'x' has the shape [3, 1], not 2 rows", status) == (caught.value.message, caught.value.status)
