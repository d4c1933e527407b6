"""Independent pieces of work on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from typing import TypeVar

Result = TypeVar("Result")


def side_by_side(
    tasks: Sequence[Callable[[], Result]], advance: Callable[[], None], executor: Executor | None = None
) -> list[Result]:
    """Return what the tasks return, in their order; `advance` is called after each, Ctrl-C waits for none.

    In threads, if nobody else is to do it, because what takes the time, the compiled simulation and the solver, runs
    outside Python's lock: twice as fast on two cores as one after the other, and no slower than in processes.
    """
    workers = executor or ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        futures = [workers.submit(task) for task in tasks]
        for each in as_completed(futures):
            each.result()
            advance()
        return [each.result() for each in futures]
    finally:
        workers.shutdown(wait=False, cancel_futures=True)
