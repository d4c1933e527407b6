"""Queries that share a batch, and queries served in parts: rows put together, and handed back.

Requests are put together when they are of one kind: the same inputs in all but their rows, the same parameters, the
same outputs wanted. A request that belongs to a sequence, or whose inputs are no batches of one size, stands alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from kairos_cli.router.open_inference import Message
from kairos_cli.router.refused import Refused
from kairos_cli.router.tensor import concatenated, cut

_SEQUENCE = ("sequence_id", "sequence_start", "sequence_end")


def kind(message: Message) -> tuple[object, ...] | None:
    """Return what messages must have alike to be put together; None for one that stands alone."""
    parameters = message.fields.get("parameters")
    if isinstance(parameters, dict) and any(parameters.get(key) for key in _SEQUENCE):
        return None
    if len({tensor.rows for tensor in message.tensors}) != 1 or message.rows == 0:
        return None
    others = {key: value for key, value in message.fields.items() if key != "id"}
    tensors = sorted((tensor.kind for tensor in message.tensors), key=repr)
    return message.tensors_are, json.dumps(others, sort_keys=True), *tensors


def together(messages: Sequence[Message]) -> Message:
    """Return one message with the rows of all, in their order and without an id; raises Refused if kinds differ."""
    kinds = {kind(message) for message in messages}
    if len(kinds) != 1 or None in kinds:
        raise Refused("messages of different kinds cannot share a batch")
    by_name = [{tensor.name: tensor for tensor in message.tensors} for message in messages]
    tensors = tuple(concatenated([each[tensor.name] for each in by_name]) for tensor in messages[0].tensors)
    others = {key: value for key, value in messages[0].fields.items() if key != "id"}
    return Message(messages[0].tensors_are, tensors, others)


def apart(message: Message, sizes: Sequence[int], ids: Sequence[str | None] = ()) -> list[Message]:
    """Return messages of so many rows each, with these ids, which are the rows of `message` in their order.

    Raises Refused where a tensor does not have as many rows as are asked for: of an answer that is its server's fault.
    """
    status = 502 if message.tensors_are == "outputs" else 400
    for tensor in message.tensors:
        if tensor.rows != sum(sizes):
            raise Refused(f"{tensor.name!r} has the shape {list(tensor.shape)}, not {sum(sizes)} rows", status)
    parts = zip(*(cut(tensor, sizes) for tensor in message.tensors), strict=True)
    named = ids or [None] * len(sizes)
    others = {key: value for key, value in message.fields.items() if key != "id"}
    return [
        replace(message, tensors=tensors, fields=others if name is None else {"id": name, **others})
        for tensors, name in zip(parts, named, strict=True)
    ]
