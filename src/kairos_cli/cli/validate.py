"""`kairos validate`: are these files what kairos expects?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give
from kairos_cli.cli.exit_codes import ExitCode


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@answer_options
def command(*, files: tuple[Path, ...], format_: str | None, output: Path | None, quiet: bool) -> int:
    """Check profiles and scenarios; all problems at once, with their lines.

    The kind of a file follows from its `schema`: kairos.model/1, kairos.prices/1, kairos.mix/1 or
    kairos.scenario/1. Exits with 2 if any file is wrong.

    \b
    kairos validate examples/01_rm2_budget.toml
    kairos validate my/models/*.toml my/prices/*.toml
    """
    from kairos_cli.report.validation import validation_document, validation_sections

    document = validation_document([_checked(path) for path in files])
    give(
        Answer(document, lambda: validation_sections(document), lambda: document["files"]),
        format_,
        output,
        quiet,
    )
    for each in document["files"]:
        for problem in each["problems"]:
            click.echo(problem, err=True)
    return ExitCode.YES if all(each["valid"] for each in document["files"]) else ExitCode.NO_ANSWER


def _checked(path: Path) -> tuple[Path, str, Any]:
    """Return a file, its schema, and what it holds or the error that stopped it."""
    from kairos_cli.errors import InputError
    from kairos_cli.loading import mix, model, prices, scenario
    from kairos_cli.loading.toml_file import TomlFile

    loaders = {
        model.SCHEMA: model.load_model,
        prices.SCHEMA: prices.load_prices,
        mix.SCHEMA: mix.load_mix,
        scenario.SCHEMA: scenario.load_scenario,
    }
    schema = ""
    try:
        schema = TomlFile(path).expect_schema(*loaders)
        return path, schema, loaders[schema](path)
    except InputError as error:
        return path, schema, error
