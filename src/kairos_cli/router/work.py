"""What is served: queries, the pieces they are served in, and the batches that pieces go to a server in.

One whole query at a time a query is one piece, and a piece one batch. Where the servers merge, a batch has several
pieces; where queries are split, a query has several. A piece is a run of neighbouring items of one query.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from kairos_cli.router.refused import Refused


class Answer(Protocol):
    """What comes back for a piece; one that is not good, and no fault of the server's, is that of who asked."""

    @property
    def good(self) -> bool:
        """Whether the server did the work, so that the time it took says something."""

    @property
    def fault(self) -> bool:
        """Whether the server failed at it."""


class NotServed(Refused):
    """A query that is in order and is not served; to come back in `retry_after_s` may help, if it is given."""

    def __init__(self, message: str, status: int = 503, retry_after_s: int | None = None) -> None:
        super().__init__(message, status)
        self.retry_after_s = retry_after_s


class BackendLost(Exception):
    """The connection to a server broke: nobody knows whether it did the work, so another one is asked."""


class BackendFailed(NotServed):
    """A server took the work and gave no answer that can be used; it is not to be trusted until it is looked at."""


@dataclass(slots=True, eq=False)
class Query:
    """One query of so many items that arrived at a time; `content` is what the servers need to know of it.

    `answer` is set when all items are answered, to the answers of the pieces in the order of the items. `attempts`
    counts the servers that were lost while they had a piece of it.
    """

    items: int
    arrival_ms: float
    content: Any
    answer: asyncio.Future[list[Answer]]
    answered: dict[int, Answer] = field(default_factory=dict)
    left: int = 0
    attempts: int = 0
    limit: asyncio.TimerHandle | None = None

    def settle(self, start: int, items: int, answer: Answer) -> bool:
        """Take the answer of a piece; return whether it was the last one."""
        self.answered[start] = answer
        self.left -= items
        if self.left or self.answer.done():
            return False
        self.answer.set_result([self.answered[each] for each in sorted(self.answered)])
        return True

    def refuse(self, error: Exception) -> bool:
        """End the query without an answer; return False if it has ended before."""
        if self.answer.done():
            return False
        self.answer.set_exception(error)
        return True

    def in_hand(self) -> None:
        """Stop the time that the query may wait."""
        if self.limit is not None:
            self.limit.cancel()
            self.limit = None


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The items `start` to `start + items` of a query; `size` is the row of the table that stands for so many."""

    query: Query
    start: int
    items: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pieces that one server gets in one request; `size` is the row of the table for all their items together."""

    pieces: tuple[Piece, ...]
    size: int

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for an answer."""
        return any(not piece.query.answer.done() for piece in self.pieces)
