"""Between the distributor, which chooses, and Ray, which sends.

A query is with the distributor from its arrival to its end. When the policy gives it to a replica, Ray is told which
one, and the replica counts as busy until Ray tells that the query is over. Ray names it by the replica and an id, so
each query that was handed over has a Hand, kept under these two in the order of sending.

Invariant: for every replica that Ray was told there is one Hand, and Ray tells of each once that it is over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from kairos_cli.router.members import Instance
from kairos_cli.router.work import Answer, BackendFailed, BackendLost, Batch


@dataclass(frozen=True, slots=True)
class Over:
    """The end of a query whose answer Ray has; not good if it was never sent."""

    good: bool = True
    fault: bool = False


@dataclass(slots=True, eq=False)
class Hand:
    """One query with a replica: `over` is set at its end, and `lost` says why if the replica did not live to see it."""

    key: tuple[str, str]
    over: asyncio.Future[Over]
    lost: str = ""

    def end(self, over: Over) -> None:
        """Let the replica go, unless it went before."""
        if not self.over.done():
            self.over.set_result(over)


@dataclass(slots=True, eq=False)
class Request:
    """A query of Ray's, as the distributor has it in hand: `placed` is set to the replica that is to serve it."""

    pending: Any
    placed: asyncio.Future[Any]
    hand: Hand | None = None
    task: asyncio.Task[list[Answer]] | None = None


#: Has a query served by the distributor, to its end.
Serve = Callable[[Request], Coroutine[Any, Any, list[Answer]]]


class HandOver:
    """All queries that the distributor has of Ray; `send` is for the distributor, the other methods are for Ray."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests: dict[int, Request] = {}
        self._hands: dict[tuple[str, str], deque[Hand]] = {}
        self._with: dict[str, Hand] = {}

    async def choose(self, pending: Any, serve: Serve, *, is_retry: bool) -> Any:
        """Return the replica that is to serve a query now; raises what the distributor refuses it with.

        On a retry the replica that was chosen before has not taken it.
        """
        request = self._again(pending) if is_retry else None
        if request is None:
            request = self._enter(pending, serve)
        try:
            return await request.placed
        except asyncio.CancelledError:
            self._take_back(request)
            raise

    async def send(self, instance: Instance, batch: Batch) -> Sequence[Over]:
        """Tell Ray who is to serve a query, and wait until it is over.

        Raises BackendLost if the replica had no room for it, BackendFailed if it was lost with it.
        """
        request: Request = batch.pieces[0].query.content
        if request.placed.done():
            return [Over(good=False)]
        key = instance.name, request.pending.metadata.internal_request_id
        hand = request.hand = self._with[instance.name] = Hand(key, self._loop.create_future())
        self._hands.setdefault(key, deque()).append(hand)
        request.placed.set_result(instance.sender)
        try:
            over = await hand.over
        finally:
            if self._with.get(instance.name) is hand:
                del self._with[instance.name]
        if hand.lost:
            raise BackendFailed(hand.lost, 502)
        return [over]

    def over(self, name: str, request_id: str) -> None:
        """Let a replica go whose query is over, well or not."""
        hands = self._hands.get((name, request_id))
        if hands:
            self._forget(hands[0]).end(Over())

    def lost(self, name: str, why: str) -> None:
        """Note that a replica was lost; Ray tells of that right after telling that its query is over."""
        if name in self._with:
            self._with[name].lost = why

    def _enter(self, pending: Any, serve: Serve) -> Request:
        request = self._requests[id(pending)] = Request(pending, self._loop.create_future())
        request.task = self._loop.create_task(serve(request))
        request.task.add_done_callback(lambda task: self._ended(request, task))
        return request

    def _again(self, pending: Any) -> Request | None:
        """Let a query wait on whose replica had no room for it; None if it has ended with that replica."""
        request = self._requests.get(id(pending))
        if request is None or request.hand is None or request.hand.over.done():
            return None
        hand, request.hand = request.hand, None
        request.placed = self._loop.create_future()
        hand.over.set_exception(BackendLost("had no room"))
        return request

    def _take_back(self, request: Request) -> None:
        """End a query that nobody waits for any more and that was not sent."""
        if request.hand is not None:
            self._forget(request.hand).end(Over(good=False))
        elif request.task is not None:
            request.task.cancel()

    def _ended(self, request: Request, task: asyncio.Task[list[Answer]]) -> None:
        if self._requests.get(id(request.pending)) is request:
            del self._requests[id(request.pending)]
        error = None if task.cancelled() else task.exception()
        if error is not None and not request.placed.done():
            request.placed.set_exception(error)

    def _forget(self, hand: Hand) -> Hand:
        hands = self._hands[hand.key]
        hands.remove(hand)
        if not hands:
            del self._hands[hand.key]
        return hand
