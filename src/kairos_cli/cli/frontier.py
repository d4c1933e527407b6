"""`kairos frontier`: what each budget buys, as a curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.budgets import budgets_of
from kairos_cli.cli.effort_options import effort, effort_options, measuring
from kairos_cli.cli.engine import engine_option, executor_of
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.plan import POLICY, remarks
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import scenario_flags, scenario_options
from kairos_cli.cli.search_options import choose_option, countdown, time_limit_option
from kairos_cli.cli.side_by_side import side_by_side
from kairos_cli.errors import InputError, Problem, Source


@click.command("frontier")
@scenario_options
@click.option(
    "--budgets",
    envvar="KAIROS_BUDGETS",
    metavar="RANGE",
    help="The budgets in $ per hour, as start:stop:step, or a list such as 1,2.5,5.",
)
@choose_option
@time_limit_option
@effort_options
@engine_option
@answer_options
def command(
    *, scenario: Path | None, profiles: Path | None, queries: int, replications: int, engine: str,
    time_limit_s: float, format_: str | None, output: Path | None, quiet: bool, **flags: Any,
) -> int:  # fmt: skip
    """Draw throughput against budget: the plan at each of several budgets.

    Each budget is planned as `kairos plan` would, with a --time-limit of its own, but a search ends where no
    other pool can serve 1 % more; --budgets takes the place of the scenario's budget. A richer budget never
    shows a worse pool: where its search found one, the cheaper pool is kept. The knee is the budget after
    which a dollar adds clearly less. With a load (--min-qps) the smallest budget that carries it is marked;
    if none does, the exit code is 1.

    \b
    kairos frontier examples/01_rm2_budget.toml --budgets 0.5:5:0.5
    kairos frontier examples/03_wnd_budget.toml --budgets 1,2.5,5 --min-qps 1000 --format csv
    """
    from kairos_cli.planner.frontier import frontier
    from kairos_cli.report.frontier_document import frontier_document, frontier_rows
    from kairos_cli.report.frontier_sections import frontier_sections

    question, budgets = _asked(scenario, scenario_flags(flags), profiles)
    for each in remarks(question):
        note(f"note: {each}", quiet)
    measure = _measuring(question, queries, replications)
    with executor_of(engine) as executor, progress("planning budgets", quiet, len(budgets)) as advance:
        searches = _searches(question, budgets, measure, time_limit_s)
        found = frontier(question, side_by_side(searches, advance, executor))
    simulated = {"queries": queries, "replications": replications, "seed": question.seed}
    document = frontier_document(found, POLICY, simulated if question.choose == "verified" else None)
    give(
        Answer(document, lambda: frontier_sections(document), lambda: frontier_rows(document)),
        format_, output, quiet,
    )  # fmt: skip
    if found.peak.best is None:
        note(f"no pool fits any of the budgets: {found.points[-1].reason}")
        return ExitCode.NO
    if question.min_qps and found.carrying is None:
        note(f"no budget carries {question.min_qps:g} queries/s: the best rate is {found.peak.served_qps:.1f}")
        return ExitCode.NO
    return ExitCode.YES


def _asked(scenario: Path | None, flags: dict[str, Any], profiles: Path | None) -> tuple[Any, list[float]]:
    """Return the scenario and the budgets; raises InputError with all that is wrong with either."""
    from kairos_cli.loading.limits import LARGEST
    from kairos_cli.loading.scenario import load_scenario
    from kairos_cli.planner.conflict import smallest_conflict

    variables = flags["variables"]
    budgets, problems = budgets_of(flags["budgets"], Source(variables.get("budgets", "--budgets")))
    if flags["budget_usd_per_hour"] is not None and "budget_usd_per_hour" not in variables:
        message = "a curve takes its budgets from --budgets"
        problems.append(Problem(message, Source("--budget"), "leave --budget out"))
    try:
        # A budget that rules nothing out: what contradicts itself at any budget is an error, but those of the curve
        # are rows where they are too small.
        flags = flags | {"budget_usd_per_hour": LARGEST}
        question = load_scenario(scenario, flags, profiles, conflict=smallest_conflict)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    return question, budgets


def _searches(question: Any, budgets: Sequence[float], measure: Any, time_limit_s: float) -> list[Callable[[], Any]]:
    """Return the work, one piece a budget: the richest first, since they take longest."""
    from kairos_cli.planner.frontier import searched

    def search(budget: float) -> Callable[[], Any]:
        return lambda: searched(question, budget, measure, countdown(time_limit_s))

    return [search(budget) for budget in reversed(budgets)]


def _measuring(question: Any, queries: int, replications: int) -> Any:
    """Return the way to measure pools for all budgets, or None if the rule of choice needs none."""
    if question.choose != "verified":
        return None
    from kairos_cli.planner.measured_once import measured_once

    # The budgets are simulated side by side, not the replications of one.
    return measured_once(measuring(POLICY, replace(effort(queries, replications, question.seed), workers=0)))
