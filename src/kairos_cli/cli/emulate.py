"""`kairos emulate`: servers that take as long as real ones were measured to take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import note
from kairos_cli.cli.scenario_options import pool_of, profiles_option
from kairos_cli.errors import InputError


@click.command("emulate")
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE", help="Emulate the pool of a saved plan."
)
@click.option("--model", envvar="KAIROS_MODEL", metavar="NAME", help="Model profile, by name or path.")
@click.option("--pool", "pool_text", metavar="TYPE=N,…", help="The pool, in place of a plan's.")
@click.option(
    "--slow", type=click.FloatRange(min=0, min_open=True, max=1000), default=1.0, metavar="X",
    help="Take X times as long as was measured.  [default: 1]",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port-from", type=click.IntRange(0, 65535), default=9000, show_default=True, metavar="PORT",
    help="Port of the first instance, each other has the next; 0 for any that are free.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of all draws.  [default: the plan's, or 0]")
@profiles_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the flags for kairos serve, and errors.")
def command(
    *, plan_file: Path | None, model: str | None, pool_text: str | None, slow: float, host: str, port_from: int,
    seed: int | None, profiles: Path | None, quiet: bool,
) -> None:  # fmt: skip
    """Run a server for each instance of a pool that takes as long as a real one was measured to take.

    They speak the Open Inference Protocol over HTTP, serve one query at a time and answer with the rows they were
    sent. Prints the flags by which `kairos serve` finds them, and runs until Ctrl-C.

    \b
    kairos emulate --plan plan.json
    kairos emulate --model rm2 --pool g4dn.xlarge=1,r5n.large=2 --slow 5 --port-from 9100
    """
    from kairos_cli.router import event_loop

    event_loop.check_installed("kairos emulate")
    profile, pool, planned_seed = _emulated(plan_file, model, pool_text, profiles)
    seed = planned_seed if seed is None else seed
    if port_from and port_from + pool.size - 1 > 65535:
        raise InputError.of(f"{pool.size} ports from {port_from} on go beyond 65535", "--port-from", "give a lower one")
    note(f"emulating {profile.name} on {pool}, {slow:g} x as slow, seed {seed}; Ctrl-C ends it", quiet)
    event_loop.run(_serve(profile.slowed(slow), pool, seed, host, port_from, quiet))


async def _serve(model: Any, pool: Any, seed: int, host: str, port_from: int, quiet: bool) -> None:
    """Serve until the process is told to end, and tell how exactly time was kept."""
    from kairos_cli.router.emulated_pool import emulated_pool
    from kairos_cli.router.event_loop import until_terminated

    async with emulated_pool(model, pool, seed, host, port_from) as running:
        click.echo(running.backends)
        try:
            await until_terminated()
        finally:
            note(_summary(running), quiet)


def _summary(running: Any) -> str:
    """Return how many queries were taken, and by how much answers were late."""
    import numpy as np

    taken = sum(server.taken for server in running.servers)
    if not running.alarm.late_s:
        return f"took {taken} queries"
    p50, p99 = np.percentile(np.array(running.alarm.late_s) * 1000, (50, 99))
    return f"took {taken} queries; their ends were late by {p50:.2f} ms at the median, {p99:.2f} ms at p99"


def _emulated(plan_file: Path | None, model: str | None, pool_text: str | None, profiles: Path | None) -> Any:
    """Return the model profile, the pool and the seed; raises InputError where one is not told, or told twice."""
    from kairos_cli.loading.plan_file import load_plan

    pool = pool_of(pool_text) if pool_text else None
    if plan_file is not None:
        if model is not None:
            raise InputError.of("both --plan and --model name a model", None, "give one of them")
        saved = load_plan(plan_file)
        profile, pool, seed = saved.scenario.model, pool or saved.pool, saved.scenario.seed
    elif model is None or pool is None:
        hint = "give --plan plan.json, or --model rm2 --pool g4dn.xlarge=1,r5n.large=2"
        raise InputError.of("nothing says what to emulate", None, hint)
    else:
        profile, seed = _profile(model, profiles), 0
    _check_measured(profile, pool)
    return profile, pool, seed


def _profile(model: str, profiles: Path | None) -> Any:
    from kairos_cli.loading.locate import locate
    from kairos_cli.loading.model import load_model

    return load_model(locate("models", model, own_folder=profiles, relative_to=Path()))


def _check_measured(profile: Any, pool: Any) -> None:
    """Raise InputError for a type of the pool that the model was not measured on."""
    from kairos_cli.domain.prices import machine_of
    from kairos_cli.loading.toml_file import near_name

    for name in pool.by_type:
        if machine_of(name) not in profile.latency:
            hint = near_name(name, list(profile.latency), "types measured")
            raise InputError.of(f"there is no latency profile of {profile.name} for {name}", "--pool", hint)
