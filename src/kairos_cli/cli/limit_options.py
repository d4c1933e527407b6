"""The options that state the limits of `kairos check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_HELP = {
    "max_cost": ("USD", "The pool costs at most this, in $ per hour."),
    "max_cost_increase": ("SHARE", "It costs at most this much more than the plan of --baseline: 5%."),
    "min_qps": ("QPS", "It serves this load in simulation."),
    "qos": ("TARGET", 'At the load it keeps this target, such as "p99<350ms"; may be repeated.'),
    "min_headroom": ("SHARE", "The load lies at least this far below the rate served: 20%."),
    "max_gap": ("SHARE", "No pool can be better by more than this: 5%."),
    "tolerate_loss": ("K", "The load is still served after the loss of any K instances."),
    "fresh_prices": ("AGE", "Warn if the price list is older: 30d."),
    "pool_unchanged": ("SHARE", "The pool recommended now is better by at most this: 5%."),
}


def limit_options(command: Command) -> Command:
    """Add a flag for each limit; all are read as text (loading.limits_table)."""
    for name, (metavar, text) in reversed(_HELP.items()):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, name, metavar=metavar, help=text, multiple=name == "qos")(command)
    return command
