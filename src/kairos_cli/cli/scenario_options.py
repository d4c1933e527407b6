"""The options that state a scenario; every command that takes a scenario has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kairos_cli.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])


def _profile_names(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a shell completion of the names of a kind of profile."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from kairos_cli.loading.locate import profiles_by_name

        return [name for name in profiles_by_name(kind, None) if name.startswith(incomplete)]

    return complete


def scenario_options(command: Command) -> Command:
    """Add the scenario argument and the flags that override its values."""
    options = [
        click.argument("scenario", required=False, type=click.Path(path_type=Path), metavar="[SCENARIO.toml]"),
        click.option(
            "--model",
            envvar="KAIROS_MODEL",
            metavar="NAME",
            shell_complete=_profile_names("models"),
            help="Model profile, by name or path.",
        ),
        click.option(
            "--prices",
            envvar="KAIROS_PRICES",
            metavar="NAME",
            shell_complete=_profile_names("prices"),
            help="Price list, by name or path.",
        ),
        click.option(
            "--mix",
            envvar="KAIROS_MIX",
            metavar="NAME",
            shell_complete=_profile_names("mixes"),
            help="Query mix, by name or path (TOML, or a trace as CSV).",
        ),
        click.option(
            "--budget",
            "budget_usd_per_hour",
            envvar="KAIROS_BUDGET",
            type=float,
            metavar="USD",
            help="Most that the pool may cost, in $ per hour.",
        ),
        click.option(
            "--qos",
            envvar="KAIROS_QOS",
            metavar="TARGET",
            help='Latency target, such as "p99<350ms".  [default: the model\'s]',
        ),
        click.option(
            "--min-qps",
            envvar="KAIROS_MIN_QPS",
            type=float,
            metavar="QPS",
            help="Load to carry; without a budget, asks for the cheapest pool.",
        ),
        click.option("--only", multiple=True, metavar="TYPE", help="Use this instance type; may be repeated."),
        click.option(
            "--max", "max_instances", multiple=True, metavar="TYPE=N", help="Use at most N of a type; may be repeated."
        ),
        click.option(
            "--seed", envvar="KAIROS_SEED", type=int, metavar="N", help="Seed of all random draws.  [default: 0]"
        ),
        click.option(
            "--profiles",
            envvar="KAIROS_PROFILES",
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help="Your own folder of models/, prices/ and mixes/.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def scenario_flags(values: dict[str, Any]) -> dict[str, Any]:
    """Return the flags as loading.scenario takes them; raises InputError for a malformed `--max`."""
    flags = dict(values)
    flags["only"] = list(values["only"]) or None
    flags["max_instances"] = dict(_type_and_count(text, "--max") for text in values["max_instances"]) or None
    return flags


def _type_and_count(text: str, flag: str) -> tuple[str, int]:
    """Return the two parts of `TYPE=N`."""
    name, equals, count = text.partition("=")
    if not (name and equals and count.isdecimal()):
        raise InputError.of(f"cannot read {text!r}", flag, f"write it as {flag} g4dn.xlarge=2")
    return name, int(count)


def pool_of(text: str) -> Any:
    """Return the pool of a text such as `g4dn.xlarge=1,r5n.large=13`; raises InputError for any other."""
    from kairos_cli.domain.pool import Pool

    parts = [_type_and_count(part.strip(), "--pool") for part in text.split(",")]
    names = [name for name, _ in parts]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise InputError.of(f"{repeated} is named twice", "--pool", "add its counts up")
    pool = Pool.of(names, [count for _, count in parts])
    if not pool.size:
        raise InputError.of("the pool is empty", "--pool", "name at least one instance")
    return pool
