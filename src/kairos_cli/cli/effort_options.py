"""The options that say how much is simulated."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def effort_options(command: Command) -> Command:
    """Add `--queries` and `--replications`."""
    options = [
        click.option(
            "--queries",
            type=click.IntRange(min=100, max=10_000_000),
            default=10_000,
            show_default=True,
            metavar="N",
            help="Queries in one replication of a simulation.",
        ),
        click.option(
            "--replications",
            type=click.IntRange(min=2, max=1000),
            default=5,
            show_default=True,
            metavar="N",
            help="Replications; they give the confidence interval.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def measuring(policy: str, how_much: Any, told: Callable[[], None] = lambda: None) -> Any:
    """Return the way to measure pools that the planner is given: simulation, with the planner's shadow prices."""
    from kairos_cli.planner.capacity import shadow_prices
    from kairos_cli.simulate import measure

    return measure.measuring(policy, how_much, told, shadow_prices)


def effort(queries: int, replications: int, seed: int) -> Any:
    """Return the effort in the simulator's terms, with a thread for each core."""
    from kairos_cli.simulate.measure import Effort

    return Effort(queries, replications, seed, workers=min(os.cpu_count() or 1, replications))
