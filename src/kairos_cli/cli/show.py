"""`kairos show`: what kairos knows."""

from __future__ import annotations

from pathlib import Path

import click

from kairos_cli.cli.answer import Answer, answer_options, give
from kairos_cli.cli.scenario_options import profiles_option

_KINDS = ("models", "prices", "mixes")


@click.command("show")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name", required=False)
@profiles_option
@answer_options
def command(
    *,
    kind: str,
    name: str | None,
    profiles: Path | None,
    format_: str | None,
    output: Path | None,
    quiet: bool,
) -> None:
    """List the models, prices and mixes that kairos knows, or look at one.

    \b
    kairos show models
    kairos show models rm2
    kairos show mixes my/mixes/evening.toml
    """
    from kairos_cli.loading.locate import locate, profiles_by_name
    from kairos_cli.loading.mix import load_mix
    from kairos_cli.loading.model import load_model
    from kairos_cli.loading.prices import load_prices
    from kairos_cli.report import profiles as report

    load = {"models": load_model, "prices": load_prices, "mixes": load_mix}[kind]
    if name is None:
        values = [load(path) for path in profiles_by_name(kind, profiles).values()]
        document = report.list_document(kind, values)
        sections = report.list_sections
    else:
        value = load(locate(kind, name, own_folder=profiles, relative_to=Path()))
        document = report.profile_document(value)
        sections = report.profile_sections
    give(
        Answer(document, lambda: sections(document), lambda: report.rows(document)),
        format_,
        output,
        quiet,
    )
