"""The options that say how the pool is chosen, and for how long it is searched for."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

choose_option = click.option(
    "--choose",
    envvar="KAIROS_CHOOSE",
    metavar="RULE",
    help="Rule of choice: verified (by simulation), capacity (the exact bound) or published (the paper's)."
    "  [default: verified]",
)

time_limit_option = click.option(
    "--time-limit",
    "time_limit_s",
    type=click.FloatRange(min=0.1, max=1e6),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to search where pools are too many to list; the best one found is told with its gap.",
)


def countdown(time_limit_s: float) -> Callable[[], float]:
    """Return the function that tells how many seconds are left from now on."""
    end = time.monotonic() + time_limit_s
    return lambda: end - time.monotonic()
