"""Takes what was measured into account, every so often, and says so where it differs much from the profile."""

from __future__ import annotations

import asyncio

from kairos_cli.router.distributor import Distributor
from kairos_cli.router.journal import Journal

#: From this factor on a drift of latencies is worth a line in the journal.
_DRIFT = 1.1


class Learning:
    """One task, from `start` to `stop`."""

    def __init__(self, distributor: Distributor, journal: Journal, every_s: float) -> None:
        self._distributor, self._journal, self._every_s = distributor, journal, every_s
        self._task: asyncio.Task[None] | None = None
        self._drifted: set[int] = set()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._learn())

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _learn(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            if await self._distributor.relearn():
                self._tell_drift()

    def _tell_drift(self) -> None:
        knowledge = self._distributor.knowledge
        for kind, drift in enumerate(knowledge.learned.drift()):
            drifted = max(drift.median, 1 / drift.median) >= _DRIFT
            if drifted != (kind in self._drifted):
                (self._drifted.add if drifted else self._drifted.discard)(kind)
                event = "drift" if drifted else "drift_over"
                self._journal.tell(event, type=knowledge.planned.names[kind], median=drift.median, high=drift.high)
