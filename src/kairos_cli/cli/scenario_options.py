"""The options that state a scenario; every command that takes a scenario has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from kairos_cli.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

# Six digits are more machines than any provider has of a type.
_TYPE_AND_COUNT = re.compile(r"(?P<name>[^=]+)=(?P<count>\d{1,6})")


def _profile_names(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a shell completion of the names of a kind of profile."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from kairos_cli.loading.locate import profiles_by_name

        return [name for name in profiles_by_name(kind, None) if name.startswith(incomplete)]

    return complete


class _FlagOrVariable(click.Option):
    """An option that is called by its environment variable where its value came from there."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return the name that click gives in messages about the value."""
        variable = _variables(ctx).get(self.name or "") if ctx else None
        return f"'{variable}'" if variable else super().get_error_hint(ctx)


def _variables(ctx: click.Context) -> dict[str, str]:
    """Return the environment variables that gave values in place of flags, by the name of the value."""
    return {
        option.name: str(option.envvar)
        for option in ctx.command.params
        if option.name and ctx.get_parameter_source(option.name) is ParameterSource.ENVIRONMENT
    }


_option = partial(click.option, cls=_FlagOrVariable)

#: The folder of profiles, for commands that take no scenario by flags.
profiles_option = click.option(
    "--profiles",
    envvar="KAIROS_PROFILES",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Your own folder of models/, prices/ and mixes/.",
)


def scenario_options(command: Command) -> Command:
    """Add the scenario argument and the flags that override its values."""
    options = [
        click.argument("scenario", required=False, type=click.Path(path_type=Path), metavar="[SCENARIO.toml]"),
        _option(
            "--model",
            envvar="KAIROS_MODEL",
            metavar="NAME",
            shell_complete=_profile_names("models"),
            help="Model profile, by name or path.",
        ),
        _option(
            "--prices",
            envvar="KAIROS_PRICES",
            metavar="NAME",
            shell_complete=_profile_names("prices"),
            help="Price list, by name or path.",
        ),
        _option(
            "--mix",
            envvar="KAIROS_MIX",
            metavar="NAME",
            shell_complete=_profile_names("mixes"),
            help="Query mix, by name or path (TOML, or a trace as CSV).",
        ),
        _option(
            "--budget",
            "budget_usd_per_hour",
            envvar="KAIROS_BUDGET",
            type=float,
            metavar="USD",
            help="Most that the pool may cost, in $ per hour.",
        ),
        _option(
            "--qos",
            envvar="KAIROS_QOS",
            metavar="TARGET",
            help='Latency target, such as "p99<350ms".  [default: the model\'s]',
        ),
        _option(
            "--min-qps",
            envvar="KAIROS_MIN_QPS",
            type=float,
            metavar="QPS",
            help="Load to carry; without a budget, asks for the cheapest pool.",
        ),
        _option("--only", multiple=True, metavar="TYPE", help="Use this instance type; may be repeated."),
        _option(
            "--max", "max_instances", multiple=True, metavar="TYPE=N", help="Use at most N of a type; may be repeated."
        ),
        _option(
            "--purchase",
            multiple=True,
            metavar="OPTION",
            help="Buy on-demand, spot or reserved instances; may be repeated.  [default: on-demand]",
        ),
        _option(
            "--max-spot-share",
            envvar="KAIROS_MAX_SPOT_SHARE",
            metavar="SHARE",
            help="At most this share of the instances may be spot ones: 0.5 or 50%.",
        ),
        _option(
            "--min-types", envvar="KAIROS_MIN_TYPES", type=int, metavar="N", help="Buy at least N different types."
        ),
        _option(
            "--min-zones",
            envvar="KAIROS_MIN_ZONES",
            type=int,
            metavar="N",
            help="Buy instances that can stand in at least N zones.",
        ),
        _option(
            "--tolerate-loss",
            envvar="KAIROS_TOLERATE_LOSS",
            type=int,
            metavar="K",
            help="Rate pools by what they serve after the loss of any K instances.",
        ),
        _option(
            "--merge/--no-merge",
            envvar="KAIROS_MERGE",
            default=None,
            help="Whether servers take several queries in one batch.  [default: no-merge]",
        ),
        _option(
            "--split/--no-split",
            envvar="KAIROS_SPLIT",
            default=None,
            help="Whether a query may be served in parts.  [default: no-split]",
        ),
        _option(
            "--largest-batch",
            envvar="KAIROS_LARGEST_BATCH",
            type=int,
            metavar="N",
            help="Most items that servers take in one batch.  [default: as measured]",
        ),
        _option("--seed", envvar="KAIROS_SEED", type=int, metavar="N", help="Seed of all random draws.  [default: 0]"),
        _option(
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
    flags["variables"] = _variables(click.get_current_context())
    flags["only"] = list(values["only"]) or None
    flags["purchase"] = list(values["purchase"]) or None
    flags["max_instances"] = dict(_type_and_count(text, "--max") for text in values["max_instances"]) or None
    return flags


def _type_and_count(text: str, flag: str) -> tuple[str, int]:
    """Return the two parts of `TYPE=N`."""
    match = _TYPE_AND_COUNT.fullmatch(text)
    if match is None:
        raise InputError.of(f"cannot read {text[:80]!r}", flag, f"write it as {flag} g4dn.xlarge=2")
    return match["name"], int(match["count"])


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
