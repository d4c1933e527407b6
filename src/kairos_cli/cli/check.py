"""`kairos check`: does the pool still fit its limits?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options_with, give, note
from kairos_cli.cli.check_subject import Given, subject
from kairos_cli.cli.effort_options import effort, effort_options, measuring
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.github_actions import annotate, folder_in_repository, summarize
from kairos_cli.cli.limit_options import limit_options
from kairos_cli.cli.plan import POLICY
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import profiles_option
from kairos_cli.cli.search_options import countdown, time_limit_option
from kairos_cli.errors import InputError


@click.command("check")
@click.argument("scenario", required=False, type=click.Path(path_type=Path), metavar="[SCENARIO.toml]")
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE",
    help="A saved plan: its pool, and without a SCENARIO its scenario too.",
)  # fmt: skip
@click.option("--pool", "pool_text", metavar="TYPE=N,…", help="The pool, in place of a plan.")
@limit_options
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="The plan that --max-cost-increase refers to."
)
@click.option("--warn-only", is_flag=True, help="Let limits warn that would fail.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if a limit fails.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of all draws.  [default: the scenario's]")
@profiles_option
@time_limit_option
@effort_options
@answer_options_with("github", "junit", "sarif")
def command(
    *, scenario: Path | None, plan_file: Path | None, pool_text: str | None, baseline: Path | None, warn_only: bool,
    exit_zero: bool, seed: int | None, profiles: Path | None, time_limit_s: float, queries: int, replications: int,
    format_: str | None, output: Path | None, quiet: bool, **limits: Any,
) -> int:  # fmt: skip
    """Hold a pool to limits of cost, latency and load: a gate for pull requests.

    The pool is that of a saved plan, or is given; its rate is simulated anew. Limits stand in a table [limits]
    of the scenario, or are given as flags, which take their place. Exits with 1 if a limit fails, and says what
    to buy instead.

    \b
    kairos check --plan plan.json --max-cost 2.5 --min-qps 100 --qos "p99<350ms"
    kairos check --plan plan.json scenario.toml --format markdown
    kairos check scenario.toml --pool g4dn.xlarge=1,r5n.large=13 --tolerate-loss 1
    """
    from kairos_cli.planner.instead import instead
    from kairos_cli.planner.limits import finding
    from kairos_cli.planner.pool_facts import PoolFacts
    from kairos_cli.report.check_document import check_document

    asked = _subject(Given(scenario, plan_file, pool_text, baseline, profiles, seed), limits)
    how_much = effort(queries, replications, asked.question.seed)
    with progress("simulating pools", quiet) as advance:
        measure, observe = measuring(POLICY, how_much, advance), _observing(how_much)
        facts = PoolFacts(asked.question, asked.pool, asked.around, measure, observe, countdown(time_limit_s))
        findings = [finding(facts, each) for each in asked.limits]
        better = instead(facts, findings)
    simulated = {"policy": POLICY, "queries": queries, "replications": replications, "seed": asked.question.seed}
    files = {"plan_file": plan_file, "scenario_file": scenario, "baseline_file": baseline}
    document = check_document(facts, findings, asked.changed, better, files, simulated, warn_only)
    _tell(document, format_, output, quiet)
    return ExitCode.NO if document["verdict"] == "fail" and not exit_zero else ExitCode.YES


def _subject(given: Given, limits: dict[str, Any]) -> Any:
    """Return what is asked, or raise InputError after showing GitHub where it cannot be told."""
    from kairos_cli.report.github import problems_text

    try:
        return subject(given, limits)
    except InputError as error:
        annotate(problems_text(error.problems, folder_in_repository()))
        raise


def _tell(document: dict[str, Any], format_: str | None, output: Path | None, quiet: bool) -> None:
    """Give the answer, and the verdict after it; a failing one even if nothing else is to be said."""
    from kairos_cli.report.check_document import check_rows
    from kairos_cli.report.check_markdown import check_markdown
    from kairos_cli.report.check_sections import check_sections
    from kairos_cli.report.check_text import verdict_line
    from kairos_cli.report.github import github_text
    from kairos_cli.report.junit import junit_text
    from kairos_cli.report.sarif import sarif_text

    shapes: dict[str, Callable[[], str]] = {
        "markdown": partial(check_markdown, document),
        "github": partial(github_text, document, folder_in_repository()),
        "junit": partial(junit_text, document),
        "sarif": partial(sarif_text, document),
    }
    give(Answer(document, lambda: check_sections(document), lambda: check_rows(document), shapes),
         format_, output, quiet)  # fmt: skip
    if format_ != "github" or output:
        annotate(shapes["github"]())
    summarize(check_markdown(document))
    note(verdict_line(document), quiet and document["verdict"] != "fail")


def _observing(how_much: Any) -> Any:
    """Return the way to look at pools that the planner is given: simulation at a rate."""
    from kairos_cli.planner.capacity import shadow_prices
    from kairos_cli.simulate.measure import long_enough, simulator
    from kairos_cli.simulate.observe import observation
    from kairos_cli.simulate.tuning import options

    def on(table: Any) -> Any:
        def latency_ms(counts: Any, capacity_qps: float, rate_qps: float) -> Any:
            simulation = simulator(table, long_enough(how_much, table, capacity_qps), shadow_prices)
            option = options(POLICY, table, counts)[0]
            return observation(simulation, counts, POLICY, option, rate_qps).latency_ms

        return latency_ms

    return on
