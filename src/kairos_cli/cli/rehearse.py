"""`kairos rehearse`: a plan carried out on one machine, live beside simulated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.plan import POLICY
from kairos_cli.cli.progress import progress
from kairos_cli.cli.round_robin import ROUND_ROBIN
from kairos_cli.errors import InputError
from kairos_cli.policies import NAMES

_SECONDS = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


def _seconds(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return the seconds of a time such as 30s, 500ms, 2m, or of a number."""
    if text is None:
        return None
    found = _SECONDS.fullmatch(text.strip())
    seconds = float(found[1]) * _UNIT_S[found[2]] if found else 0.0
    if seconds <= 0:
        raise click.BadParameter(f"{text!r} is no time; write it as 30s", context, option)
    return seconds


@click.command("rehearse")
@click.option(
    "--plan", "plan_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="The plan whose pool is emulated.",
)  # fmt: skip
@click.option("--rate", "rate_qps", required=True, type=float, metavar="QPS", help="Send so many queries a second.")
@click.option(
    "--duration", "duration_s", default="60s", show_default=True, callback=_seconds, metavar="TIME",
    help="For so long.",
)  # fmt: skip
@click.option(
    "--policy", "policies", multiple=True, type=click.Choice([*NAMES, ROUND_ROBIN]), default=[POLICY],
    show_default=True, help="How queries are distributed; may be repeated: the first one decides the exit code.",
)  # fmt: skip
@click.option(
    "--slow", type=click.FloatRange(min=0, min_open=True, max=1000), default=1.0, metavar="X",
    help="Stretch all latencies and the target, so that this machine can keep up.  [default: 1]",
)  # fmt: skip
@click.option(
    "--kill-every", "kill_every_s", callback=_seconds, metavar="TIME",
    help="Kill a server so often, such as 30s, and start it again.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of all draws.  [default: the plan's]")
@answer_options
def command(
    *, plan_file: Path, policies: tuple[str, ...], slow: float, kill_every_s: float | None, format_: str | None,
    output: Path | None, quiet: bool, **given: Any,
) -> int:  # fmt: skip
    """Carry a plan out on this machine: its pool emulated, the router before it, a load, live beside simulated.

    The router is a real `kairos serve`. Under `round_robin` there is none: clients ask the servers in turn, and what a
    server that dies had in hand is lost. Simulated are the very same queries, without deaths. Exits with 1 if the first
    policy misses the target, or loses a query.

    \b
    kairos rehearse --plan plan.json --rate 24 --slow 5
    kairos rehearse --plan plan.json --rate 24 --slow 5 --policy shadow --policy least_loaded --policy round_robin
    kairos rehearse --plan plan.json --rate 20 --slow 5 --kill-every 30s --duration 10m --json
    """
    from kairos_cli.router import event_loop

    event_loop.check_installed("kairos rehearse")
    from kairos_cli.report.rehearsal_document import rehearsal_rows
    from kairos_cli.report.rehearsal_sections import rehearsal_sections, verdict_line

    setting = _setting(plan_file, slow, kill_every_s, given)
    document = _rehearsed(setting, list(dict.fromkeys(policies)), quiet)
    give(Answer(document, lambda: rehearsal_sections(document), lambda: rehearsal_rows(document)),
         format_, output, quiet)  # fmt: skip
    first = document["results"][0]
    good = document["target_kept"] and not first["lost"] and not first["duplicated"]
    note(verdict_line(document), quiet and good)
    return ExitCode.YES if good else ExitCode.NO


def _setting(plan_file: Path, slow: float, kill_every_s: float | None, given: dict[str, Any]) -> Any:
    """Return what is rehearsed; raises InputError where it cannot be."""
    from kairos_cli.cli.load_question import Given, question
    from kairos_cli.cli.pool_check import check_pool
    from kairos_cli.cli.rehearsal import MOST_INSTANCES, Setting

    nothing = dict.fromkeys(("model", "mix", "trace_file", "qos", "profiles"))
    asked = question(Given(**nothing, **given, plan_file=plan_file, slow=slow))
    assert asked.scenario is not None
    assert asked.pool is not None
    check_pool(asked.scenario, asked.pool, "--plan")
    if asked.pool.size > MOST_INSTANCES:
        message = f"a pool of {asked.pool.size} instances is too large for one machine"
        raise InputError.of(message, "--plan", f"the limit is {MOST_INSTANCES}; kairos evaluate simulates larger ones")
    return Setting(asked, asked.scenario, asked.pool, plan_file, slow, kill_every_s)


def _rehearsed(setting: Any, policies: list[str], quiet: bool) -> Any:
    """Return the document: what the router adds, then policy after policy, live and then simulated."""
    import numpy as np

    from kairos_cli.cli.rehearsal import added_latency_ms, to_the_end
    from kairos_cli.report.rehearsal_document import rehearsal_document
    from kairos_cli.router import event_loop

    asked = setting.asked
    through = next((policy for policy in policies if policy != ROUND_ROBIN), POLICY)
    with progress("what the router adds", quiet):
        directly, routed = np.percentile(
            event_loop.run(to_the_end(added_latency_ms(setting, through))), (50, 99), axis=1
        ).T
    results = [_result(setting, policy, quiet) for policy in policies]
    about = {"model": asked.model, "mix": asked.mix.name, "pool": setting.pool.by_type, "slow": setting.slow}
    about |= {"duration_s": asked.duration_s, "seed": asked.seed, "kill_every_s": setting.kill_every_s}
    added_ms = tuple((routed - directly).tolist())
    return rehearsal_document({**about, "warm_up": asked.warm_up}, asked.qos, asked.rate_qps, added_ms, results)


def _result(setting: Any, policy: str, quiet: bool) -> Any:
    """Return what became of the queries under a policy, with the simulation beside it."""
    from kairos_cli.cli.load_remarks import remark
    from kairos_cli.cli.load_simulation import simulated
    from kairos_cli.cli.rehearsal import live, to_the_end
    from kairos_cli.report.rehearsal_document import Rehearsed
    from kairos_cli.router import event_loop
    from kairos_cli.router.load_client import End
    from kairos_cli.simulate.felt import felt

    asked = setting.asked
    with progress(f"queries under {policy}", quiet, len(asked.arrival_s)) as advance:
        outcomes = event_loop.run(
            to_the_end(live(setting, policy, advance, lambda server: note(f"killed {server}", quiet)))
        )
    remark(outcomes, quiet)
    counted = slice(asked.warm_up, None)
    measured = felt(outcomes.answered_ms[counted], asked.batch_size[counted], asked.mix, asked.qos)
    with progress(f"simulating {policy}", quiet):
        beside = simulated(asked, policy, quiet)
    answered = outcomes.number(End.ANSWERED)
    return Rehearsed(policy, len(outcomes.end), answered, outcomes.duplicated, measured, beside and beside[1])
