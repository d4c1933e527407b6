"""Pieces of queries in one request, and its reply taken apart again; the answers of parts made one.

A batch comes from a policy, which knows sizes only. Pieces whose requests differ in more than their rows, in model,
tensors, parameters or wanted outputs, cannot share a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from kairos_cli.router.http_message import Reply, Request
from kairos_cli.router.open_inference import Body, Message, parse
from kairos_cli.router.refused import Refused
from kairos_cli.router.rows import apart, kind, together
from kairos_cli.router.work import BackendFailed, Piece

#: Headers that tell of one body's form, and of the forms that may come back: the router makes its own.
_OF_THE_BODY = {"content-type", "content-encoding", "inference-header-content-length", "accept-encoding"}


class Share(NamedTuple):
    """A piece's place in its batch, its rows as a message, and the request that they are of."""

    place: int
    rows: Message
    request: Request


def groups(pieces: Sequence[Piece]) -> list[list[Share]]:
    """Return the pieces in groups that can share a request; raises Refused for a part that cannot be cut out."""
    found: dict[object, list[Share]] = {}
    for place, piece in enumerate(pieces):
        request: Request = piece.query.content
        alike = kind(request.message)
        share = Share(place, _rows(piece, request, splittable=alike is not None), request)
        found.setdefault((request.target, alike) if alike is not None else place, []).append(share)
    return list(found.values())


def _rows(piece: Piece, request: Request, splittable: bool) -> Message:
    """Return the rows of a piece."""
    if piece.items == piece.query.items:
        return request.message
    if not splittable:
        raise Refused("this request cannot be served in parts: its inputs are no batch, or it is one of a sequence")
    sizes = [piece.start, piece.items, piece.query.items - piece.start - piece.items]
    return apart(request.message, sizes)[1]


def in_one_request(group: Sequence[Share]) -> Request:
    """Return the request for a group."""
    first = group[0].request
    body = together([share.rows for share in group]).body() if len(group) > 1 else group[0].rows.body()
    kept = [(name, value) for name, value in first.headers if name.lower() not in _OF_THE_BODY]
    return Request(first.target, [*kept, *body.headers.items()], body)


def replies_of(reply: Reply, group: Sequence[Share]) -> dict[int, Reply]:
    """Return the reply to each piece, by place; raises BackendFailed for an answer that cannot be taken apart."""
    if not reply.good:
        return {share.place: reply for share in group}
    sizes, ids = [share.rows.rows for share in group], [share.request.id for share in group]
    try:
        parts = apart(_message(reply), sizes, ids)
    except Refused as error:
        raise BackendFailed(f"its answer is of no use: {error}", 502) from None
    return {share.place: _reply(part, reply) for share, part in zip(group, parts, strict=True)}


def joined(replies: Sequence[Reply], request: Request) -> Reply:
    """Return the one reply to a query that was served in parts: the first that is not good, or all rows."""
    bad = next((reply for reply in replies if not reply.good), None)
    if bad is not None or len(replies) == 1:
        return bad or replies[0]
    try:
        whole = together([_message(reply) for reply in replies])
    except Refused as error:
        raise BackendFailed(f"the answers to its parts do not fit together: {error}", 502) from None
    fields = whole.fields if request.id is None else {"id": request.id, **whole.fields}
    return _reply(replace(whole, fields=fields), replies[0])


def _message(reply: Reply) -> Message:
    return parse(Body.received(reply.content, _by_title(reply.headers)), "outputs")


def _by_title(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {name.title(): value for name, value in headers}


def _reply(message: Message, reply: Reply) -> Reply:
    body = message.body()
    kept = [(name, value) for name, value in reply.headers if name.lower() not in _OF_THE_BODY]
    return Reply(200, [*kept, *body.headers.items()], body.content)
