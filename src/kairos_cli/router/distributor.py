"""Shares live queries out over instances, by the very kernels that were simulated.

Invariants. A piece of a query is in exactly one place: waiting, in the line of an instance, with its server, or
answered. A server has one batch at a time. The policy is asked after every arrival, after every completion, when an
instance comes or goes, and when it asked to be. An instance is busy until its server has answered, however long
it takes, and even if those who asked have gone.

The distributor knows no protocol: `send` takes a batch to a server and brings its answers, one for each piece. Nor does
it read a clock of its own: `clock` tells the time in seconds, finer than some event loops do, and the loop wakes it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from kairos_cli.policies.state import Service
from kairos_cli.router.decision import Assignment, Decision
from kairos_cli.router.knowledge import Knowledge
from kairos_cli.router.members import Instance
from kairos_cli.router.refused import Refused
from kairos_cli.router.rules import Rules
from kairos_cli.router.servers import Send, Servers
from kairos_cli.router.tally import Tally
from kairos_cli.router.waiting import WaitingLine
from kairos_cli.router.work import Answer, BackendFailed, Batch, NotServed, Piece, Query


class Distributor:
    """One line of waiting queries and one pool; `told` hears of an instance whose server was lost or failed."""

    def __init__(
        self,
        decision: Decision,
        knowledge: Knowledge,
        send: Send,
        rules: Rules,
        told: Callable[[Instance, Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self.decision, self.knowledge, self.rules = decision, knowledge, rules
        self.tally = Tally.of(knowledge.table.qos.latency_ms, len(knowledge.table.names))
        self.servers = Servers(knowledge, self.tally, send, self._again, self._decide, told, self.now_ms)
        self.line = WaitingLine()
        self.stopping = False
        self._loop, self._clock = asyncio.get_running_loop(), clock
        self._in_hand = 0
        self._none_in_hand = asyncio.Event()
        self._none_in_hand.set()
        self._wake: asyncio.TimerHandle | None = None

    # Queries.

    async def serve(self, items: int, content: Any) -> list[Answer]:
        """Return the answers to the pieces of a query of so many items, in order; raises Refused.

        Cancelled, the query leaves the line; what a server already works on, it finishes for nobody.
        """
        size = self.knowledge.size(items)
        self.tally.arrived += 1
        if self.stopping or len(self.line) >= self.rules.most_waiting:
            self.tally.ended["refused"] += 1
            raise NotServed("shutting down" if self.stopping else "too many queries wait", 503, self._retry_after_s())
        query = Query(items, self.now_ms(), content, self._loop.create_future(), left=items)
        self._in_hand += 1
        self._none_in_hand.clear()
        self._wait(Piece(query, 0, items, size))
        self._decide()
        try:
            answers = await query.answer
        except asyncio.CancelledError:
            self._end(query, "cancelled")
            raise
        except Refused as error:
            self._end(query, "failed" if isinstance(error, BackendFailed) else "refused")
            raise
        query.in_hand()
        self.tally.served(self.now_ms() - query.arrival_ms)
        self._gone()
        return answers

    def now_ms(self) -> float:
        """Return the time."""
        return self._clock() * 1000

    def _at(self, ms: float, do: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        return self._loop.call_later(max(ms - self.now_ms(), 0.0) / 1000, do, *args)

    def _end(self, query: Query, how: str) -> None:
        """Count a query that was not served, and leave nothing of it in the line."""
        query.in_hand()
        query.answer.cancel()
        self.line.remove_query(query)
        self.tally.ended[how] += 1
        self._gone()

    def _gone(self) -> None:
        self._in_hand -= 1
        if not self._in_hand:
            self._none_in_hand.set()

    def _wait(self, piece: Piece) -> None:
        """Put a piece in the line, for as long as the rules say."""
        self.line.add(piece)
        query = piece.query
        if query.limit is None:
            until_ms = query.arrival_ms + self._patience_ms(piece.size)
            query.limit = self._at(until_ms, self._too_late, query)

    def _patience_ms(self, size: int) -> float:
        """Return how long a query of a size may wait to be served."""
        if self.rules.late == "serve" or not self.servers.members.up:
            return self.rules.longest_wait_ms
        fastest_ms = float(self.knowledge.service(self.servers.members.counts).fastest_ms[size])
        return min(max(self.tally.target_ms - fastest_ms, 0.0), self.rules.longest_wait_ms)

    def _too_late(self, query: Query) -> None:
        query.limit = None
        self.line.remove_query(query)
        waited = f"not served within {self.now_ms() - query.arrival_ms:.0f} ms"
        why = waited if self.servers.members.up else f"{waited}: no server is up"
        query.refuse(NotServed(why, 503, self._retry_after_s()))

    def _retry_after_s(self) -> int:
        """Return in how many seconds the line should be served, at least one."""
        if not self.servers.members.up:
            return 1
        rate_qps = float(self.servers.members.counts @ self.knowledge.service(self.servers.members.counts).rate_qps)
        return max(1, math.ceil(len(self.line) / rate_qps))

    # Decisions.

    def _decide(self) -> None:
        """Ask the policy, and do what it says."""
        while self.line and self.servers.members.up:
            service = self.knowledge.service(self.servers.members.counts)
            started, now_ms = time.perf_counter(), self.now_ms()
            decided = self.decision.ask(now_ms, self.line.view(), self.servers.members.pool(now_ms), service)
            self.tally.decided(time.perf_counter() - started)
            self._carry_out(decided.assignments, service)
            self._wake_at(decided.wake_ms)
            if not (decided.assignments and self.decision.one_a_call):
                return

    def _carry_out(self, assignments: Sequence[Assignment], service: Service) -> None:
        """Hand out what was assigned; the pieces for one instance are one batch."""
        given: dict[int, list[Piece]] = {}
        whole = []
        for place, instance, size in assignments:
            piece = self.line.pieces[place]
            items = min(int(self.knowledge.table.batch_size[size]), piece.items) if size < piece.size else piece.items
            if items == piece.items:
                whole.append(place)
            else:
                rest = piece.items - items
                self.line.replace(place, Piece(piece.query, piece.start + items, rest, self.knowledge.size(rest)))
                piece = Piece(piece.query, piece.start, items, size)
            given.setdefault(instance, []).append(piece)
        self.line.remove(whole)
        for instance, pieces in given.items():
            self.servers.give(self.servers.members.up[instance], self._batch(pieces), service)

    def _batch(self, pieces: Sequence[Piece]) -> Batch:
        """Return pieces as one batch; a single one keeps its size."""
        if len(pieces) == 1:
            return Batch((pieces[0],), pieces[0].size)
        return Batch(tuple(pieces), self.knowledge.size(sum(piece.items for piece in pieces)))

    def _wake_at(self, wake_ms: float) -> None:
        """Ask the policy again at a time; infinity for not."""
        if self._wake is not None:
            self._wake.cancel()
        self._wake = None if math.isinf(wake_ms) else self._at(wake_ms, self._decide)

    def _again(self, pieces: Sequence[Piece]) -> None:
        """Let pieces wait again that an instance could not serve; too many servers lost are the query's end."""
        for piece in pieces:
            query = piece.query
            if query.attempts >= self.rules.most_attempts:
                query.refuse(BackendFailed(f"{query.attempts} servers were lost while they served it", 502))
            elif not query.answer.done():
                self._wait(piece)

    async def relearn(self) -> bool:
        """Decide by what was measured from now on, if it differs from what is in use; tell whether it did."""
        counts = self.servers.members.counts
        found = await self._loop.run_in_executor(None, self.knowledge.relearned, counts)
        if found is None:
            return False
        self.knowledge.use(*found, counts)
        self._decide()
        return True

    async def finished(self, timeout_s: float) -> bool:
        """Accept no more queries; return whether all that were accepted ended in time."""
        self.stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._none_in_hand.wait()
        return self._none_in_hand.is_set()
