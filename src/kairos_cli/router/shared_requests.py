"""Pieces of queries in one request, and its reply taken apart again; the answers of parts made one.

A batch comes from a policy, which knows sizes only. Pieces whose requests differ in more than their rows, in protocol,
model, tensors, parameters or wanted outputs, cannot share a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from kairos_cli.router.open_inference import Message
from kairos_cli.router.refused import Refused
from kairos_cli.router.rows import apart, kind, together
from kairos_cli.router.work import BackendFailed, Piece


class AnyRequest(Protocol):
    """A request as its protocol has it; `target` is what requests must have alike beside their tensors."""

    @property
    def target(self) -> object:
        """Where it goes."""

    @property
    def message(self) -> Message:
        """What it says, in tensors; raises Refused."""

    def holding(self, message: Message) -> Self:
        """Return the request that says something else."""


class AnyReply(Protocol):
    """A reply as its protocol has it."""

    @property
    def good(self) -> bool:
        """Whether the server did the work."""

    @property
    def fault(self) -> bool:
        """Whether the server failed at it."""

    @property
    def message(self) -> Message:
        """What it says, in tensors; raises Refused."""

    def holding(self, message: Message) -> Self:
        """Return the reply that says something else."""


Post = Callable[[Any], Awaitable[AnyReply]]
Reply = TypeVar("Reply", bound=AnyReply)


class Share(NamedTuple):
    """A piece's place in its batch, its rows as a message, and the request that they are of."""

    place: int
    rows: Message
    request: AnyRequest


async def sent_together(pieces: Sequence[Piece], post: Post) -> list[AnyReply]:
    """Return the reply to each piece, in as few requests as can be; raises what `post` does, or Refused.

    Pieces that cannot share a request, being of different kinds, are sent one after the other.
    """
    replies: dict[int, AnyReply] = {}
    for group in _groups(pieces):
        replies |= await _send_group(group, post)
    return [replies[place] for place in range(len(pieces))]


async def _send_group(group: Sequence[Share], post: Post) -> dict[int, AnyReply]:
    """Send pieces in one request; each alone if that is refused, for one may spoil it for the others."""
    rows = together([share.rows for share in group]) if len(group) > 1 else group[0].rows
    reply = await post(group[0].request.holding(rows))
    if reply.good or len(group) == 1:
        return _replies_of(reply, group)
    replies: dict[int, AnyReply] = {}
    for share in group:
        replies |= await _send_group([share], post)
    return replies


def _groups(pieces: Sequence[Piece]) -> list[list[Share]]:
    """Return the pieces in groups that can share a request; raises Refused for a part that cannot be cut out."""
    found: dict[object, list[Share]] = {}
    for place, piece in enumerate(pieces):
        request: AnyRequest = piece.query.content
        alike = kind(request.message)
        share = Share(place, _rows(piece, request, splittable=alike is not None), request)
        found.setdefault((request.target, alike) if alike is not None else place, []).append(share)
    return list(found.values())


def _rows(piece: Piece, request: AnyRequest, splittable: bool) -> Message:
    """Return the rows of a piece."""
    if piece.items == piece.query.items:
        return request.message
    if not splittable:
        raise Refused("this request cannot be served in parts: its inputs are no batch, or it is one of a sequence")
    sizes = [piece.start, piece.items, piece.query.items - piece.start - piece.items]
    return apart(request.message, sizes)[1]


def _replies_of(reply: AnyReply, group: Sequence[Share]) -> dict[int, AnyReply]:
    """Return the reply to each piece, by place; raises BackendFailed for an answer that cannot be taken apart."""
    if not reply.good:
        return {share.place: reply for share in group}
    sizes, ids = [share.rows.rows for share in group], [_name(share.request) for share in group]
    try:
        parts = apart(reply.message, sizes, ids)
    except Refused as error:
        raise BackendFailed(f"its answer is of no use: {error}", 502) from None
    return {share.place: reply.holding(part) for share, part in zip(group, parts, strict=True)}


def joined(replies: Sequence[Reply], request: AnyRequest) -> Reply:
    """Return the one reply to a query that was served in parts: the first that is not good, or all rows."""
    bad = next((reply for reply in replies if not reply.good), None)
    if bad is not None or len(replies) == 1:
        return bad or replies[0]
    try:
        whole = together([reply.message for reply in replies])
    except Refused as error:
        raise BackendFailed(f"the answers to its parts do not fit together: {error}", 502) from None
    name = _name(request)
    return replies[0].holding(whole if name is None else replace(whole, fields={"id": name, **whole.fields}))


def _name(request: AnyRequest) -> str | None:
    """Return the id that the client gave a request."""
    found = request.message.fields.get("id")
    return found if isinstance(found, str) else None
