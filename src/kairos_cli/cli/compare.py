"""`kairos compare`: the paper's table, every scheme at its best pool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.effort_options import effort, effort_options, measuring
from kairos_cli.cli.engine import engine_option, executor_of
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import scenario_flags, scenario_options
from kairos_cli.cli.side_by_side import side_by_side

#: Each scheme whose best pool is searched, and its policy.
SCHEMES = {
    "Ribbon": "fcfs",
    "DeepRecSys": "deeprecsys",
    "Clockwork": "clockwork",
    "greedy": "greedy",
    "least loaded": "least_loaded",
    "instance aware": "instance_aware",
    "Kairos, verified choice": "kairos",
    "shadow, verified choice": "shadow",
}
PUBLISHED = "Kairos, published choice"
OURS = "shadow"


@click.command("compare")
@scenario_options
@effort_options
@engine_option
@answer_options
def command(
    *, scenario: Path | None, profiles: Path | None, queries: int, replications: int, engine: str,
    format_: str | None, output: Path | None, quiet: bool, **flags: Any,
) -> int:  # fmt: skip
    """Set Kairos beside the published schemes, each at the pool that is best for it.

    The search for each scheme's pool is exact: pools are ruled out by their capacity only, which no
    policy can exceed. The homogeneous pool has the published policy that serves it best;
    beside it stands the same under shadow, to tell what is won by mixing and what by sharing out.

    \b
    kairos compare examples/01_rm2_budget.toml
    kairos compare --model wnd --prices ec2-us-east-1 --mix deeprecsys --budget 2.5 --format markdown
    """
    from kairos_cli.loading.scenario import load_scenario
    from kairos_cli.planner.comparison import pools
    from kairos_cli.planner.conflict import smallest_conflict
    from kairos_cli.report.comparison import comparison_document, comparison_sections

    question = load_scenario(scenario, scenario_flags(flags), profiles, conflict=smallest_conflict)
    among = pools(question)
    if isinstance(among, str):
        note(f"no pool fits: {among}")
        return ExitCode.NO
    how_much = effort(queries, replications, question.seed)
    with executor_of(engine) as executor, progress("comparing schemes", quiet, len(SCHEMES) + 3) as advance:
        rows = side_by_side(_tasks(among, how_much), advance, executor)
    results = [each for each in rows if each is not None]
    simulated = {"queries": queries, "replications": replications, "seed": question.seed}
    document = comparison_document(question, results, simulated)
    give(
        Answer(document, lambda: comparison_sections(document), lambda: document["schemes"]),
        format_, output, quiet,
    )  # fmt: skip
    return ExitCode.YES


def _tasks(among: Any, how_much: Any) -> list[Callable[[], Any]]:
    """Return the work, one piece a row of the table."""
    from dataclasses import replace

    from kairos_cli.planner.comparison import HOMOGENEOUS, HOMOGENEOUS_OURS, best_homogeneous, best_pool, published_pool

    alone = replace(how_much, workers=0)  # the rows are simulated side by side instead

    def measure(policy: str) -> Any:
        return measuring(policy, alone)(among.table)

    def row(scheme: str, policy: str) -> Callable[[], Any]:
        return lambda: best_pool(among, scheme, policy, measure(policy))

    published = [policy for policy in SCHEMES.values() if policy != OURS]
    searched = [row(scheme, policy) for scheme, policy in SCHEMES.items()]
    return [
        lambda: best_homogeneous(among, HOMOGENEOUS, {policy: measure(policy) for policy in published}),
        lambda: best_homogeneous(among, HOMOGENEOUS_OURS, {OURS: measure(OURS)}),
        *searched[:-2],
        lambda: published_pool(among, PUBLISHED, "kairos", measure("kairos")),
        *searched[-2:],
    ]
