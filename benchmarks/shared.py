"""What the benchmarks share: questions over the shipped profiles, times, tables of text."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.loading.scenario import load_scenario
from kairos_cli.planner.comparison import Pools, pools

Result = TypeVar("Result")

MODELS = ("rm2", "wnd", "mtwnd", "dien", "ncf")
BUDGET_USD_PER_HOUR = 2.5


def shipped(model: str) -> Scenario:
    """Return the paper's question for a model: which pool for 2.5 $/h?"""
    profiles = {"model": model, "prices": "ec2-us-east-1", "mix": "deeprecsys"}
    return load_scenario(None, {**profiles, "budget_usd_per_hour": BUDGET_USD_PER_HOUR})


def shipped_pools(model: str) -> Pools:
    """Return the service table of a model, and all pools within that budget that can meet the target."""
    found = pools(shipped(model))
    if isinstance(found, str):
        raise SystemExit(f"{model}: {found}")
    return found


def shipped_table(model: str) -> ServiceTable:
    return shipped_pools(model).table


def best_times(work: Sequence[Callable[[], Result]], runs: int = 7) -> list[tuple[float, Result]]:
    """Return for each piece of work the shortest time of several runs in seconds, and its result.

    The pieces take turns, so that a busy moment of the machine hits all alike.
    """
    rounds = [[_timed(each) for each in work] for _ in range(runs)]
    return [
        (min(seconds for seconds, _ in runs_of_one), runs_of_one[-1][1]) for runs_of_one in zip(*rounds, strict=True)
    ]


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text in columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        print("  ".join(cells))
    print()
