"""The servers of a pool at work: one batch at a time each, and what happens when one fails, comes or goes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from kairos_cli.policies.state import Service
from kairos_cli.router.knowledge import Knowledge
from kairos_cli.router.members import Instance, Members
from kairos_cli.router.refused import Refused
from kairos_cli.router.tally import Tally
from kairos_cli.router.work import Answer, BackendFailed, BackendLost, Batch, Piece

Send = Callable[[Instance, Batch], Awaitable[Sequence[Answer]]]

#: A server that fails fast is always idle, and would draw all queries to itself.
_MOST_FAULTS = 3


class Servers:
    """Has batches served by `send`; pieces that were not go back `again`, and whenever a server frees, `decide`.

    `told` hears of an instance whose server was lost or failed; it is quarantined until somebody restores it.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        tally: Tally,
        send: Send,
        again: Callable[[Sequence[Piece]], None],
        decide: Callable[[], None],
        told: Callable[[Instance, Exception], None],
        now_ms: Callable[[], float],
    ) -> None:
        self.members = Members(len(knowledge.table.names))
        self._knowledge, self._tally = knowledge, tally
        self._send, self._again, self._decide, self._told = send, again, decide, told
        self._now_ms, self._loop = now_ms, asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def name_of(self, instance: Instance) -> str:
        """Return the name of an instance's type."""
        return self._knowledge.table.names[instance.type]

    def give(self, instance: Instance, batch: Batch, service: Service) -> None:
        """Let an instance serve a batch: at once if it is idle, else after what it was given before."""
        mean_ms = float(service.mean_ms[instance.type, batch.size])
        instance.free_at_ms = max(instance.free_at_ms, self._now_ms()) + mean_ms
        if instance.serving is None:
            self._start(instance, batch)
        else:
            instance.line.append(batch)

    def _start(self, instance: Instance, batch: Batch) -> None:
        instance.serving, instance.started_ms = batch, self._now_ms()
        for piece in batch.pieces:
            piece.query.in_hand()
        task = self._loop.create_task(self._serve(instance, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, instance: Instance, batch: Batch) -> None:
        """Have a batch served, whatever comes of it, and give its instance the next one."""
        try:
            answers = await self._send(instance, batch)
            self._learn(instance, batch, answers)
            for piece, answer in zip(batch.pieces, answers, strict=True):
                piece.query.settle(piece.start, piece.items, answer)
        except BackendLost as error:
            self._lost(batch)
            self._suspect(instance, error)
        except Refused as error:
            _refuse(batch, error)
            if isinstance(error, BackendFailed):
                instance.faults += 1
                self._suspect(instance, error)
        except Exception as error:
            instance.faults += 1
            _refuse(batch, BackendFailed(f"{type(error).__name__} while it was served", 500))
            self._suspect(instance, error)
        self._freed(instance)

    def _learn(self, instance: Instance, batch: Batch, answers: Sequence[Answer]) -> None:
        """Take in how long a server took, if it did the work; one that fails too often is looked at."""
        if any(answer.fault for answer in answers):
            instance.faults += 1
            if instance.faults >= _MOST_FAULTS and self._fails_alone(instance):
                self._suspect(instance, BackendFailed(f"failed {instance.faults} times in a row", 502))
        if not all(answer.good for answer in answers):
            return
        took_ms = self._now_ms() - instance.started_ms
        predicted_ms = float(self._knowledge.table.mean_ms[instance.type, batch.size])
        instance.did(self._knowledge.learned.observe(instance.type, batch.size, took_ms))
        self._tally.measured(instance.type, sum(piece.items for piece in batch.pieces), took_ms, predicted_ms)

    def _fails_alone(self, instance: Instance) -> bool:
        """Tell whether another server does its work: where all fail, it may be the queries."""
        return any(each.faults == 0 for each in self.members.up if each is not instance)

    def _freed(self, instance: Instance) -> None:
        """Let an instance whose server has nothing in hand start the next of its line."""
        instance.serving, instance.free_at_ms = None, self._now_ms()
        while instance.line and not instance.line[0].wanted:
            instance.line.popleft()
        if instance.line:
            mean_ms = self._knowledge.table.mean_ms[instance.type]
            instance.free_at_ms += float(sum(mean_ms[batch.size] for batch in instance.line))
            self._start(instance, instance.line.popleft())
        elif instance.state == "draining":
            self.members.forget(instance)
        self._decide()

    def _lost(self, batch: Batch) -> None:
        """Let what a lost server had in hand be served by another."""
        for piece in batch.pieces:
            piece.query.attempts += 1
        self._tally.resubmitted += len(batch.pieces)
        self._again(batch.pieces)

    def _suspect(self, instance: Instance, error: Exception) -> None:
        """Send nothing more to an instance until somebody has looked at its server."""
        self.quarantine(instance, str(error) or type(error).__name__)
        self._told(instance, error)

    def add(self, instance: Instance) -> None:
        """Take an instance in; one that is up gets work at once."""
        instance.free_at_ms = self._now_ms()
        self.members.add(instance)
        self._decide()

    def quarantine(self, instance: Instance, why: str) -> None:
        """Give an instance no more work, and what waits in its line to others."""
        if instance.state == "up":
            instance.state, instance.why = "quarantined", why
            self._tally.quarantined += 1
            self._withdraw(instance)

    def restore(self, instance: Instance) -> None:
        """Give an instance work again."""
        if instance.state == "quarantined":
            instance.state, instance.why = "up", ""
            self.members.changed()
            self._decide()

    def drain(self, instance: Instance) -> None:
        """Let an instance finish what its server has in hand, and then forget it."""
        instance.state = "draining"
        if instance.serving is None:
            self.members.forget(instance)
        self._withdraw(instance)

    def remove(self, instance: Instance) -> None:
        """Forget an instance at once; those whose query its server has in hand still get their answer."""
        instance.state = "draining"
        self.members.forget(instance)
        self._withdraw(instance)

    def _withdraw(self, instance: Instance) -> None:
        """Let the pool go on without an instance, and what waits in its line wait for others."""
        self.members.changed()
        line, instance.line = instance.line, deque()
        for batch in line:
            self._again(batch.pieces)
        self._decide()


def _refuse(batch: Batch, error: Refused) -> None:
    for piece in batch.pieces:
        piece.query.refuse(error)
