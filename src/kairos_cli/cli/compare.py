"""`kairos compare`: the paper's table, every scheme at its best pool, and the same for servers that batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.effort_options import effort, effort_options
from kairos_cli.cli.engine import engine_option, executor_of
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import scenario_flags, scenario_options
from kairos_cli.cli.schemes import rows
from kairos_cli.cli.side_by_side import side_by_side


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

    First every query is served whole and alone, as in the paper. A second table is for servers that batch, where
    each scheme merges or splits too: as --merge and --split say, or else by merging, if the model allows it.

    \b
    kairos compare examples/01_rm2_budget.toml
    kairos compare examples/01_rm2_budget.toml --split
    kairos compare --model wnd --prices ec2-us-east-1 --mix deeprecsys --budget 2.5 --format markdown
    """
    from kairos_cli.domain.serving import ONE_AT_A_TIME
    from kairos_cli.loading.scenario import load_scenario
    from kairos_cli.planner.comparison import pools
    from kairos_cli.planner.conflict import smallest_conflict
    from kairos_cli.report.comparison import comparison_document, comparison_rows, comparison_sections

    asked = load_scenario(scenario, scenario_flags(flags), profiles, conflict=smallest_conflict)
    question, batching = replace(asked, serving=ONE_AT_A_TIME), _batching(asked)
    among = [pools(each) for each in (question, batching) if each is not None]
    if isinstance(among[0], str):
        note(f"no pool fits: {among[0]}")
        return ExitCode.NO
    how_much = effort(queries, replications, asked.seed)
    work = [rows(each, how_much) for each in among if not isinstance(each, str)]
    with executor_of(engine) as executor, progress("comparing schemes", quiet, sum(map(len, work))) as advance:
        found = side_by_side([task for block in work for task in block], advance, executor)
    blocks = [[each for each in found[: len(work[0])] if each], [each for each in found[len(work[0]) :] if each]]
    simulated = {"queries": queries, "replications": replications, "seed": asked.seed}
    document = comparison_document(question, blocks[0], simulated, batching, blocks[1])
    give(
        Answer(document, lambda: comparison_sections(document), lambda: comparison_rows(document)),
        format_, output, quiet,
    )  # fmt: skip
    return ExitCode.YES


def _batching(asked: Any) -> Any:
    """Return the question for servers that batch, as asked for or as the model allows; None where it allows nothing."""
    model, serving = asked.model, asked.serving
    if not serving.one_at_a_time:
        return asked
    if not (model.mergeable or model.splittable):
        return None
    return replace(asked, serving=replace(serving, merge=model.mergeable, split=not model.mergeable))
