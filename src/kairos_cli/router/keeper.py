"""Looks after the servers of a pool: probes them, takes out those that are gone, and lets them back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from kairos_cli.router.journal import Journal
from kairos_cli.router.members import Instance
from kairos_cli.router.servers import Servers

#: Whether a server says that it is ready; None if it says nothing, which a busy one may have no time for.
Probe = Callable[[Instance], Awaitable[bool | None]]

#: How often a server is probed while it is in use, and while it is not.
_UP_S, _AWAY_S = 1.0, 0.25
#: So many bad probes in a row take a server out that nothing else is known against.
_MOST_MISSES = 2
#: What a server that answers probes and fails at queries is left alone for, at most.
_LONGEST_REST_S = 16.0


class Keeper:
    """One task for each server."""

    def __init__(self, servers: Servers, probe: Probe, journal: Journal) -> None:
        self._servers, self._probe, self._journal = servers, probe, journal
        self._tasks: dict[Instance, asyncio.Task[None]] = {}
        self._alarm: dict[Instance, asyncio.Event] = {}

    def watch(self, instance: Instance) -> None:
        """Look after an instance as long as it is a member."""
        self._alarm[instance] = asyncio.Event()
        self._tasks[instance] = asyncio.create_task(self._look_after(instance))

    def hear(self, instance: Instance, error: Exception) -> None:
        """Look at an instance now: its server was lost or failed."""
        self._journal.tell("backend_failed", backend=instance.name, error=str(error) or type(error).__name__)
        if instance in self._alarm:
            self._alarm[instance].set()

    async def looked(self, timeout_s: float) -> None:
        """Wait until every server was probed once, or for a time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while any(each.why == NOT_PROBED for each in self._servers.members):
                    await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Look after nothing any more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _look_after(self, instance: Instance) -> None:
        try:
            misses = 0
            while self._is_member(instance):
                ready = await self._probe(instance)
                if ready is None and instance.serving is not None and instance.state == "up":
                    ready = True
                misses = 0 if ready else misses + 1
                self._judge(instance, bool(ready), misses)
                await self._rest(instance)
        finally:
            self._tasks.pop(instance, None)
            self._alarm.pop(instance, None)

    def _judge(self, instance: Instance, ready: bool, misses: int) -> None:
        """Take a server out or let it back, by its last probes."""
        if ready and instance.state == "quarantined":
            self._journal.tell("backend_up", backend=instance.name, type=self._servers.name_of(instance))
            self._servers.restore(instance)
        elif not ready and instance.state == "up" and misses >= _MOST_MISSES:
            self._journal.tell("backend_down", backend=instance.name, type=self._servers.name_of(instance))
            self._servers.quarantine(instance, "not ready")
        elif not ready and instance.why == NOT_PROBED:
            self._journal.tell("backend_down", backend=instance.name, type=self._servers.name_of(instance))
            instance.why = "not ready"

    async def _rest(self, instance: Instance) -> None:
        """Wait until the next probe is due; not before one that fails at queries has had a rest."""
        alarm = self._alarm[instance]
        with suppress(TimeoutError):
            async with asyncio.timeout(_UP_S if instance.state == "up" else _AWAY_S):
                await alarm.wait()
        alarm.clear()
        if instance.state == "quarantined" and instance.faults:
            await asyncio.sleep(min(_AWAY_S * 2**instance.faults, _LONGEST_REST_S))

    def _is_member(self, instance: Instance) -> bool:
        members = self._servers.members
        return instance.name in members and members[instance.name] is instance


#: Why a new instance gets no work yet.
NOT_PROBED = "not probed yet"
