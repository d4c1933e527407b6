"""`kairos diff`: what changed between two plans?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give
from kairos_cli.cli.exit_codes import ExitCode


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD.json")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW.json")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the plans differ.  [default: 0 in any case]")
@answer_options
def command(
    *, old: Path, new: Path, exit_code: bool, format_: str | None, output: Path | None, quiet: bool
) -> int:  # fmt: skip
    """Set two plans side by side: pool, cost, rates, who serves what, and what changed in the inputs.

    The trades between the pools come in words, with what each costs at the new prices and what it does to the
    load, by capacity under the new inputs. Plans differ if their pools, costs, rates or inputs do.

    \b
    kairos diff old.json new.json
    kairos diff old.json new.json --format markdown
    kairos diff old.json new.json --exit-code -q -o diff.json
    """
    from kairos_cli.loading.plan_file import load_plan
    from kairos_cli.planner.exchange import exchanges
    from kairos_cli.report.diff_document import diff_document
    from kairos_cli.report.diff_sections import diff_sections

    was, now = load_plan(old), load_plan(new)
    exchanged = exchanges(was.pool, now.pool, was.scenario, now.scenario)
    document: dict[str, Any] = diff_document(
        dict(was.document), dict(now.document), was.scenario, now.scenario, exchanged
    )
    give(Answer(document, lambda: diff_sections(document), lambda: document["pool"]), format_, output, quiet)
    return ExitCode.NO if exit_code and document["differ"] else ExitCode.YES
