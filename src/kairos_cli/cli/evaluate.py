"""`kairos evaluate`: would the pool hold?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.carried_scenario import nothing_beside_the_plan
from kairos_cli.cli.effort_options import effort, effort_options
from kairos_cli.cli.engine import engine_option, executor_of
from kairos_cli.cli.plan import POLICY
from kairos_cli.cli.pool_check import table_of_pool
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import pool_of, scenario_flags, scenario_options
from kairos_cli.errors import InputError, Source
from kairos_cli.policies import NAMES


@click.command("evaluate")
@scenario_options
@click.option("--pool", "pool_text", metavar="TYPE=N,…", help="The pool.  [default: the one kairos plan finds]")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE", help="The pool of a saved plan.")
@click.option(
    "--policy", "policies", multiple=True, type=click.Choice([*NAMES, "all"]), default=[POLICY], show_default=True,
    help="How queries are distributed; may be repeated.",
)  # fmt: skip
@click.option("--rate", "rate_qps", type=float, metavar="QPS", help="Look at this rate.  [default: the allowable one]")
@click.option(
    "--trace", "trace_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Replay real queries: CSV or Parquet with arrival_s,batch_size.",
)  # fmt: skip
@click.option(
    "--shards", type=click.IntRange(min=1), default=1, metavar="K",
    help="Split the pool among K routers that know nothing of each other, and tell what is lost.  [default: 1]",
)  # fmt: skip
@effort_options
@engine_option
@answer_options
def command(
    *, scenario: Path | None, profiles: Path | None, pool_text: str | None, plan_file: Path | None, shards: int,
    policies: tuple[str, ...], rate_qps: float | None, trace_file: Path | None, queries: int, replications: int,
    engine: str, format_: str | None, output: Path | None, quiet: bool, **flags: Any,
) -> None:  # fmt: skip
    """Simulate a pool: the rate at which it keeps the target, and what happens at a rate.

    \b
    kairos evaluate examples/01_rm2_budget.toml
    kairos evaluate examples/01_rm2_budget.toml --pool g4dn.xlarge=1,r5n.large=13 --policy all
    kairos evaluate --plan plan.json --rate 100
    kairos evaluate examples/01_rm2_budget.toml --pool g4dn.xlarge=4,r5n.large=52 --shards 4
    kairos evaluate examples/01_rm2_budget.toml --trace queries.csv --json
    """
    from kairos_cli.cli.shards import one_router, sharded, split
    from kairos_cli.report.evaluation_document import evaluation_document
    from kairos_cli.report.evaluation_sections import evaluation_sections
    from kairos_cli.report.evaluation_shards import with_shards
    from kairos_cli.simulate.evaluation import evaluate

    if pool_text and plan_file:
        raise InputError.of("both --pool and --plan name a pool", None, "give one of them")
    question, pool = _question(scenario, flags, profiles, pool_text, plan_file)
    trace = _trace(trace_file)
    if trace is not None:
        question = replace(question, mix=trace.mix())
        _expect_serving(question, pool, str(trace_file))
    table, bought = table_of_pool(question, pool, "--pool" if pool_text else str(plan_file or "the plan"))
    counts = table.present(bought)
    for remark in _remarks(question, pool, table.pool(counts)):
        note(f"note: {remark}", quiet)
    question = replace(question, constraints=replace(question.constraints, tolerate_loss=0))
    capacity_qps = _capacity(table, counts, rate_qps)
    how_much = effort(queries, replications, question.seed)
    if trace is not None and rate_qps is None:
        rate_qps = trace.rate_qps
        _capacity(table, counts, rate_qps)
    names = list(NAMES) if "all" in policies else list(dict.fromkeys(policies))
    with executor_of(engine) as executor, progress("simulating policies", quiet, len(names)) as advance:
        simulation = _simulator(table, trace, replace(how_much, executor=executor), capacity_qps)
        into = split(table, counts, shards, rate_qps) if shards > 1 else None
        simulated_so = sharded(simulation, into, question.seed) if into else simulation
        ceiling_qps = into.capacity_qps if into else capacity_qps
        results = evaluate(simulated_so, counts, names, ceiling_qps, rate_qps, advance)
        together = one_router(simulation, counts, names, capacity_qps) if into else None
    simulated: dict[str, Any] = {"queries": len(simulation.streams[0].size), "replications": len(simulation.streams)}
    simulated |= {"seed": question.seed, "trace": trace.name if trace else None}
    document = evaluation_document(
        question, table, (table.pool(bought), table.pool(counts)), capacity_qps, results, simulated
    )
    if into and together:
        document = with_shards(document, [table.pool(each) for each in into.pools], into.share, together)
    latency_ms = next((each.observed.latency_ms for each in results if each.observed), None)
    give(
        Answer(document, lambda: evaluation_sections(document, latency_ms), lambda: _rows(document["results"])),
        format_, output, quiet,
    )  # fmt: skip
    for each in results:
        if each.allowable.qps <= 0:
            note(f"{each.policy} keeps {question.qos} on this pool at no rate", quiet)


def _question(
    scenario: Path | None, flags: dict[str, Any], profiles: Path | None, pool_text: str | None, plan_file: Path | None
) -> tuple[Any, Any]:
    """Return the scenario and the pool to look at."""
    from kairos_cli.loading.plan_file import load_plan
    from kairos_cli.loading.scenario import load_scenario

    given = scenario_flags(flags)
    if plan_file is not None:
        saved = load_plan(plan_file)
        if scenario is None and given["model"] is None:
            nothing_beside_the_plan(None, given)
            seed = saved.scenario.seed if given["seed"] is None else given["seed"]
            return replace(saved.scenario, seed=seed), saved.pool
        return load_scenario(scenario, given, profiles, pool_given=True), saved.pool
    if pool_text is not None:
        return load_scenario(scenario, given, profiles, pool_given=True), pool_of(pool_text)
    from kairos_cli.planner.conflict import smallest_conflict
    from kairos_cli.planner.plan import NoPlan, plan

    question = load_scenario(scenario, given, profiles, conflict=smallest_conflict)
    found = plan(replace(question, choose="capacity"))
    if isinstance(found, NoPlan):
        raise InputError.of(f"no pool fits: {found.reason}", scenario, found.hint)
    return question, found.chosen.pool


def _remarks(question: Any, pool: Any, present: Any) -> Iterator[str]:
    """Yield how what is simulated differs from what is bought or was planned."""
    for name, count in pool.by_type.items():
        there = present.by_type.get(name, 0)
        if there < count:
            often = f"{question.qos.percentile:g} % of the time"
            yield f"of {count} × {name}, {there} are there at least {often}; these are simulated"
    lost = question.constraints.tolerate_loss
    if lost:
        yield f"the pool is simulated whole; its plan is rated after the loss of any {lost}"


def _capacity(table: Any, counts: Any, rate_qps: float | None) -> float:
    """Return the capacity; raises InputError for a pool or a rate that cannot hold in the long run."""
    from kairos_cli.planner.capacity import CapacityProgram

    capacity_qps = CapacityProgram(table).solve(counts).qps
    if capacity_qps <= 0:
        raise InputError.of(
            f"the pool cannot keep {table.qos} at any rate",
            None,
            "it lacks a type that is fast enough for large batches",
        )
    if rate_qps is not None and rate_qps <= 0:
        raise InputError.of(f"the rate must be > 0, got {rate_qps:g}", "--rate")
    if rate_qps is not None and rate_qps > capacity_qps:
        raise InputError.of(
            f"unstable: offered {rate_qps:g}, capacity {capacity_qps:.1f} queries/s", "--rate", "give a lower rate"
        )
    return capacity_qps


def _expect_serving(question: Any, pool: Any, source: str) -> None:
    """Raise InputError for a trace that cannot be served in the batches asked for; its sizes are not the mix's."""
    from kairos_cli.domain.prices import machine_of
    from kairos_cli.loading.serving import serving_problems

    machines = [name for name in map(machine_of, pool.by_type) if name in question.model.latency]
    blamed = dict.fromkeys(("model", "largest_batch"), Source(source))
    problems = list(serving_problems(question, blamed, machines)) if machines else []
    if problems:
        raise InputError(problems)


def _trace(path: Path | None) -> Any:
    from kairos_cli.loading.trace import load_trace

    return load_trace(path) if path else None


def _simulator(table: Any, trace: Any, how_much: Any, capacity_qps: float) -> Any:
    """Return a simulator on Poisson streams, or on the arrivals of a trace."""
    from kairos_cli.planner.capacity import shadow_prices
    from kairos_cli.simulate.measure import long_enough, simulator, trace_simulator

    if trace is None:
        return simulator(table, long_enough(how_much, table, capacity_qps), shadow_prices)
    return trace_simulator(table, trace.arrival_s * trace.rate_qps, trace.batch_size, how_much, shadow_prices)


def _rows(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results without what does not fit in a cell."""
    left_out = ("curve", "size_classes", "option", "ci95_qps", "utilisation")
    return [
        {key: value for key, value in each.items() if key not in left_out}
        | {"ci95_low_qps": each["ci95_qps"][0], "ci95_high_qps": each["ci95_qps"][1]}
        for each in results
    ]
