"""`kairos plan`: which pool to buy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.effort_options import effort, effort_options, measuring
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import scenario_flags, scenario_options
from kairos_cli.cli.search_options import choose_option, countdown, time_limit_option

#: The policy under which pools are measured.
POLICY = "shadow"


@click.command("plan")
@scenario_options
@choose_option
@time_limit_option
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="How many pools to list.  [default: 5]")
@effort_options
@answer_options
def command(
    *,
    scenario: Path | None,
    profiles: Path | None,
    format_: str | None,
    output: Path | None,
    quiet: bool,
    queries: int,
    replications: int,
    time_limit_s: float,
    **flags: Any,
) -> int:
    """Find the pool that serves most queries within a budget, or the cheapest for a load.

    Every value may stand in the scenario file. A flag overrides it, and so does a variable of the
    environment such as KAIROS_BUDGET; a flag overrides both.

    \b
    kairos plan examples/01_rm2_budget.toml
    kairos plan examples/01_rm2_budget.toml --budget 5 --max g4dn.xlarge=2 -o plan.json
    kairos plan examples/01_rm2_budget.toml --tolerate-loss 1 --min-types 2
    kairos plan --model wnd --prices ec2-us-east-1 --mix deeprecsys --min-qps 2000
    kairos plan examples/01_rm2_budget.toml --json | jq .pool
    """
    from kairos_cli.loading.scenario import load_scenario
    from kairos_cli.planner.conflict import smallest_conflict
    from kairos_cli.planner.plan import NoPlan, plan
    from kairos_cli.report.plan_document import plan_document
    from kairos_cli.report.plan_sections import plan_sections

    question = load_scenario(scenario, scenario_flags(flags), profiles, conflict=smallest_conflict)
    for each in remarks(question):
        note(f"note: {each}", quiet)
    with progress("simulating pools", quiet) as advance:
        found = plan(question, _measuring(question, queries, replications, advance), countdown(time_limit_s))
    document = plan_document(found, POLICY)
    give(
        Answer(document, lambda: plan_sections(document), lambda: document.get("ranking", [])),
        format_,
        output,
        quiet,
    )
    if isinstance(found, NoPlan):
        note(f"no pool fits: {found.reason}")
        return ExitCode.NO
    return ExitCode.YES


def _measuring(question: Any, queries: int, replications: int, advance: Any) -> Any:
    """Return the way to measure pools, or None if the rule of choice needs none: numba takes time to start."""
    if question.choose != "verified":
        return None
    return measuring(POLICY, effort(queries, replications, question.seed), advance)


def remarks(question: Any) -> list[str]:
    """Return what a user should know about how the profile was read."""
    smallest = min(int(profile.batch_size[0]) for profile in question.model.latency.values())
    if question.mix.batch_size[0] < smallest:
        return [f"batch sizes under {smallest}, the smallest profiled, are taken to cost as much as {smallest}"]
    return []
