"""`kairos validate`: are these files what kairos expects?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.errors import InputError


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@answer_options
def command(*, files: tuple[Path, ...], format_: str | None, output: Path | None, quiet: bool) -> int:
    """Check profiles and scenarios; all problems at once, with their lines.

    The kind of a file follows from its `schema`: kairos.model/1, kairos.prices/1, kairos.mix/1 or
    kairos.scenario/1. Of a scenario it is also told if no pool can keep its constraints together. Exits with 2
    if any file is wrong.

    \b
    kairos validate examples/01_rm2_budget.toml
    kairos validate my/models/*.toml my/prices/*.toml
    """
    from kairos_cli.report.validation import validation_document, validation_sections

    checked = [_checked(path) for path in files]
    document = validation_document(checked)
    give(
        Answer(document, lambda: validation_sections(document), lambda: document["files"]),
        format_,
        output,
        quiet,
    )
    errors = [found for _, _, found in checked if isinstance(found, InputError)]
    for error in errors:
        click.echo(str(error), err=True)
    return ExitCode.NO_ANSWER if errors else ExitCode.YES


def _checked(path: Path) -> tuple[Path, str, Any]:
    """Return a file, its schema, and what it holds or the error that stopped it.

    The file is opened once, so that it may be a pipe.
    """
    from kairos_cli.loading import mix, model, prices, scenario, scenario_values
    from kairos_cli.loading.toml_file import TomlFile
    from kairos_cli.planner.conflict import smallest_conflict

    readers: dict[str, Callable[[TomlFile], Any]] = {
        model.SCHEMA: model.read_model,
        prices.SCHEMA: prices.read_prices,
        mix.SCHEMA: mix.read_mix,
        scenario_values.SCHEMA: partial(scenario.read_scenario, conflict=smallest_conflict),
    }
    schema = ""
    try:
        file = TomlFile(path)
        schema = file.expect_schema(*readers)
        return path, schema, readers[schema](file)
    except InputError as error:
        return path, schema, error
