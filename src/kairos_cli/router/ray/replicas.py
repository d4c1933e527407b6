"""The replicas of a deployment as instances of a pool: who is there, of which type, and whether it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import ray

from kairos_cli.router.distributor import Distributor
from kairos_cli.router.journal import Journal
from kairos_cli.router.keeper import Keeper
from kairos_cli.router.members import Instance
from kairos_cli.router.ray.asked import Prepared
from kairos_cli.router.ray.hand_over import HandOver, Request
from kairos_cli.router.ray.query_size import items
from kairos_cli.router.ray.replica import INSTANCE_TYPE, type_of
from kairos_cli.router.work import Answer, BackendLost, NotServed

#: A replica that does not say within so many seconds what it has is not known to be ready.
_PROBE_S = 1.0
#: How often measured latencies are taken into account.
_LEARN_S = 1.0


class Replicas:
    """One distributor over the replicas of one deployment; it is made and used within one event loop."""

    def __init__(self, prepared: Prepared, journal: Journal) -> None:
        self._hands = HandOver()
        self.distributor = Distributor(
            prepared.decision, prepared.knowledge, self._hands.send, prepared.rules, self._hear, time.perf_counter
        )
        self._keeper = Keeper(self.distributor.servers, self._probe, journal)
        self._in_ray = ray.is_initialized()
        self._journal, self._argument = journal, prepared.argument
        self._strangers: dict[str, object] = {}
        self._learning: asyncio.Task[None] | None = None

    async def choose(self, pending: Any, *, is_retry: bool) -> Any:
        """Return the replica that is to serve a query now; raises Refused for one that is not served."""
        return await self._hands.choose(pending, self._serve, is_retry=is_retry)

    async def _serve(self, request: Request) -> list[Answer]:
        if self._strangers and not len(self.distributor.servers.members):
            told = ", ".join(sorted({str(each) for each in self._strangers.values()}))
            raise NotServed(f"no replica is of a type of the plan: they tell {told}")
        size = items(request.pending.args, request.pending.kwargs, self._argument)
        return await self.distributor.serve(size, request)

    def over(self, name: str, request_id: str) -> None:
        """Let a replica go whose query is over, well or not."""
        self._hands.over(name, request_id)

    def lost(self, name: str, why: str) -> None:
        """Send nothing more to a replica until it answers again; what it had in hand ends without an answer."""
        self._hands.lost(name, why)
        if name in self.distributor.servers.members:
            instance = self.distributor.servers.members[name]
            self.distributor.servers.quarantine(instance, why)
            self._hear(instance, BackendLost(why))

    def _hear(self, instance: Instance, error: Exception) -> None:
        self._keeper.hear(instance, error)

    def update(self, replicas: Iterable[Any]) -> None:
        """Take in the replicas that there are now; those that are gone finish what they have."""
        listed = {each.replica_id.unique_id: each for each in replicas}
        servers = self.distributor.servers
        for instance in list(servers.members):
            if instance.name not in listed and instance.state != "draining":
                servers.drain(instance)
        self._strangers = {name: told for name, told in self._strangers.items() if name in listed}
        for name, replica in listed.items():
            if name in servers.members:
                self._still_there(servers.members[name], replica)
            elif name not in self._strangers:
                self._add(name, replica)
        if listed and self._learning is None:
            self._learning = asyncio.get_running_loop().create_task(self._learn())

    def _still_there(self, instance: Instance, replica: Any) -> None:
        """Go on with a replica; one that was gone, and still had a query in hand, is back."""
        instance.sender = replica
        if instance.state == "draining":
            instance.state = "quarantined"
            self.distributor.servers.restore(instance)

    def _add(self, name: str, replica: Any) -> None:
        names = self.distributor.knowledge.planned.names
        kind = type_of(replica, names)
        if kind is None:
            told = self._strangers[name] = replica.replica_metadata.get(INSTANCE_TYPE)
            self._journal.tell("no_such_type", replica=name, type=told, types=names)
            return
        instance = Instance(name, kind, sender=replica)
        self._journal.tell("replica_up", replica=name, type=names[kind])
        self.distributor.servers.add(instance)
        self._keeper.watch(instance)

    async def _learn(self) -> None:
        """Take what was measured into account, as long as there are replicas."""
        while len(self.distributor.servers.members):
            await asyncio.sleep(_LEARN_S)
            await self.distributor.relearn()
        self._learning = None

    async def _probe(self, instance: Instance) -> bool | None:
        """Return whether a replica has room for a query, or has the one that it was given."""
        if self._in_ray and not ray.is_initialized():  # it was left, and a call would start another cluster to ask
            return False
        replica = instance.sender
        try:
            async with asyncio.timeout(_PROBE_S):
                ongoing = await replica.get_queue_len(deadline_s=_PROBE_S)
        except TimeoutError:
            return None
        except Exception:  # of an actor that is gone Ray says so by one of several classes, the bare one among them
            return False
        return instance.serving is not None or bool(ongoing < replica.max_ongoing_requests)
