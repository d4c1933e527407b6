"""Waking tasks on the tenth of a millisecond.

Event loops round their timers up to a whole millisecond, a tenth of what a small model takes. Here one thread sleeps
for all tasks of a loop, as exactly as the system can, and wakes the loop. What is left between the time asked for and
the task's next step, the loop's turn, is learned from the last wakings and taken off.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections import deque
from time import perf_counter
from typing import Self

#: Wakings are corrected by the median lateness of so many of the last ones.
_REMEMBERED = 31
#: A correction never makes a task so many seconds early: a loop that was busy says nothing about the next time.
_LARGEST_CORRECTION_S = 0.001


class Alarm:
    """Wakes tasks of the running event loop at given times of `time.perf_counter`.

    `late_s` holds by how much each waking was late, of the last million.
    """

    def __init__(self) -> None:
        self.late_s: deque[float] = deque(maxlen=1_000_000)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._ended = False
        self._lag_s: deque[float] = deque([0.0], maxlen=_REMEMBERED)
        self._thread = threading.Thread(target=self._sleep, name="alarm", daemon=True)

    async def __aenter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """End the thread; what still waits is never woken."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    async def until(self, time_s: float) -> None:
        """Return at a time, or at once if it has passed."""
        aim = time_s - min(sorted(self._lag_s)[len(self._lag_s) // 2], _LARGEST_CORRECTION_S)
        if aim <= perf_counter():
            return
        woken: asyncio.Future[None] = self._loop.create_future()
        with self._changed:
            heapq.heappush(self._waiting, (aim, next(self._number), woken))
            if self._waiting[0][2] is woken:
                self._changed.notify()
        await woken
        now = perf_counter()
        self._lag_s.append(max(now - aim, 0.0))
        self.late_s.append(now - time_s)

    def _sleep(self) -> None:
        """Wait for the earliest time and wake its task, until all ends; runs in the thread."""
        while not self._ended:
            with self._changed:
                wait_s = self._waiting[0][0] - perf_counter() if self._waiting else None
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                _, _, woken = heapq.heappop(self._waiting)
            self._loop.call_soon_threadsafe(_wake, woken)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
