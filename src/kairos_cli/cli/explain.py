"""`kairos explain`: why not that pool?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give
from kairos_cli.cli.carried_scenario import nothing_beside_the_plan
from kairos_cli.cli.effort_options import effort, effort_options, measuring
from kairos_cli.cli.plan import POLICY
from kairos_cli.cli.pool_check import check_pool
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import pool_of, scenario_flags, scenario_options
from kairos_cli.cli.search_options import countdown, time_limit_option
from kairos_cli.errors import InputError


@click.command("explain")
@scenario_options
@click.option("--pool", "pool_text", metavar="TYPE=N,…", help="The pool to explain.")
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE",
    help="A saved plan: the scenario and the recommended pool.",
)  # fmt: skip
@time_limit_option
@effort_options
@answer_options
def command(
    *, scenario: Path | None, profiles: Path | None, pool_text: str | None, plan_file: Path | None, queries: int,
    replications: int, time_limit_s: float, format_: str | None, output: Path | None, quiet: bool, **flags: Any,
) -> None:  # fmt: skip
    """Set any pool beside the one that kairos plan recommends: why not that one?

    It tells what the pool runs out of, the smallest change that lets it serve what the recommended pool
    serves (or the load asked for), and trades of instances that keep its rate and cut its cost. A pool
    that breaks the scenario is explained too.

    \b
    kairos explain examples/01_rm2_budget.toml --pool g4dn.xlarge=2,r5n.large=9
    kairos explain examples/06_cheapest_for_a_load.toml --pool g4dn.xlarge=12 --format markdown
    kairos explain --plan plan.json --pool g4dn.xlarge=4 --json
    """
    from kairos_cli.planner.explanation import explanation, recommendation
    from kairos_cli.report.explanation_document import explanation_document, explanation_rows
    from kairos_cli.report.explanation_sections import explanation_sections

    question, recommended = _question(scenario, scenario_flags(flags), profiles, plan_file)
    if pool_text is None:
        raise InputError.of("no pool is given to explain", None, "--pool g4dn.xlarge=2,r5n.large=9")
    pool = pool_of(pool_text)
    check_pool(question, pool, "--pool")
    how_much = effort(queries, replications, question.seed)
    with progress("simulating pools", quiet) as advance:
        measure = measuring(POLICY, how_much, advance)
        best = recommended or recommendation(question, measure, countdown(time_limit_s))
        explained = explanation(question, pool, best, measure)
        of_this, of_recommended = _observed(explained, how_much)
    simulated = {"policy": POLICY, "queries": queries, "replications": replications, "seed": question.seed}
    document = explanation_document(explained, of_this, of_recommended, simulated)
    give(
        Answer(document, lambda: explanation_sections(document), lambda: explanation_rows(document)),
        format_, output, quiet,
    )  # fmt: skip


def _question(
    scenario: Path | None, given: dict[str, Any], profiles: Path | None, plan_file: Path | None
) -> tuple[Any, Any]:
    """Return the scenario, and the recommended pool if a saved plan gives it."""
    from kairos_cli.loading.plan_file import load_plan
    from kairos_cli.loading.scenario import load_scenario
    from kairos_cli.planner.conflict import smallest_conflict

    if plan_file is None:
        return load_scenario(scenario, given, profiles, conflict=smallest_conflict), None
    nothing_beside_the_plan(scenario, given)
    saved = load_plan(plan_file)
    check_pool(saved.scenario, saved.pool, str(plan_file))
    seed = saved.scenario.seed if given["seed"] is None else given["seed"]
    return replace(saved.scenario, seed=seed), saved.pool


def _observed(explained: Any, how_much: Any) -> list[Any]:
    """Return what happens on what is left of the two pools at the lower of the rates they serve; None where none."""
    from kairos_cli.planner.capacity import shadow_prices
    from kairos_cli.simulate.measure import long_enough, simulator
    from kairos_cli.simulate.observe import observation

    def observed(rated: Any) -> Any:
        left = explained.table.counts(rated.present) - explained.table.counts(rated.lost)
        enough = long_enough(how_much, explained.table, rated.capacity_qps)
        simulation = simulator(explained.table, enough, shadow_prices)
        return observation(simulation, left, POLICY, rated.measured.option, min(rates))

    pools = [explained.pool, explained.recommended]
    serving = [bool(each and each.measured and each.measured.qps > 0) for each in pools]
    rates = [each.measured.qps for each, serves in zip(pools, serving, strict=True) if serves]
    return [observed(each) if serves else None for each, serves in zip(pools, serving, strict=True)]
