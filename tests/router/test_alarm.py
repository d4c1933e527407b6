"""Tasks woken at their times."""

from __future__ import annotations

import asyncio
from time import perf_counter

from kairos_cli.router.alarm import Alarm
from kairos_cli.router.event_loop import run


def test_tasks_wake_in_the_order_of_their_times() -> None:
    """Whatever the order in which they went to sleep, and none more than a millisecond early."""
    woken: list[tuple[int, float]] = []

    async def sleep(alarm: Alarm, number: int, time_s: float) -> None:
        await alarm.until(time_s)
        woken.append((number, perf_counter() - time_s))

    async def main() -> None:
        async with Alarm() as alarm:
            start_s = perf_counter()
            await asyncio.gather(*(sleep(alarm, each, start_s + each / 100) for each in (5, 2, 4, 1, 3)))

    run(main())

    assert [1, 2, 3, 4, 5] == [number for number, _ in woken]
    assert all(late_s >= -0.0011 for _, late_s in woken)


def test_a_time_that_has_passed_is_now() -> None:
    """It is not waited for, and not counted as a waking that was late."""

    async def main() -> int:
        async with Alarm() as alarm:
            await alarm.until(perf_counter() - 1)
            return len(alarm.late_s)

    assert 0 == run(main())


def test_a_cancelled_task_disturbs_no_other() -> None:
    """Its waking finds nobody."""

    async def main() -> bool:
        async with Alarm() as alarm:
            start_s = perf_counter()
            gone = asyncio.create_task(alarm.until(start_s + 0.02))
            await asyncio.sleep(0)
            gone.cancel()
            await alarm.until(start_s + 0.04)
            return gone.cancelled()

    assert run(main())


def test_lateness_that_comes_back_is_taken_off() -> None:
    """What most wakings were late by is what the next one is made earlier by."""

    async def main() -> float:
        async with Alarm() as alarm:
            for _ in range(60):
                await alarm.until(perf_counter() + 0.002)
            return sorted(list(alarm.late_s)[-29:])[14]

    median_s = run(main())

    assert abs(median_s) < 0.001
