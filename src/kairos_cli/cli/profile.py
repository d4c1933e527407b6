"""`kairos profile`: latency profiles from measured samples."""

from __future__ import annotations

from pathlib import Path

import click

from kairos_cli.cli.answer import deliver, note
from kairos_cli.errors import InputError

#: With fewer samples than this in a row, its 99th percentile is its largest sample.
FEW_SAMPLES = 50


@click.group("profile")
def command() -> None:
    """Make latency profiles from measured samples."""


@command.command("import")
@click.argument("samples", type=click.Path(path_type=Path), metavar="SAMPLES.csv")
@click.option("--model", required=True, metavar="NAME", help="Which model of the file; also the profile's name.")
@click.option("--qos", metavar="TARGET", help='Usual latency target of the model, such as "p99<350ms".')
@click.option("--source", default="", metavar="TEXT", help="Who measured it, how and when.")
@click.option("--licence", default="", metavar="TEXT", help="Terms under which the samples may be used.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the profile goes.  [default: standard output]",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the answer and errors.")
def import_command(
    *, samples: Path, model: str, qos: str | None, source: str, licence: str, output: Path | None, quiet: bool
) -> None:
    """Make a model profile from a CSV of measured latencies.

    The columns are model,instance,batch_size and then any number of samples, each a service latency in
    milliseconds. The profile keeps the mean and twelve quantiles of each row.

    \b
    kairos profile import samples.csv --model ranker -o profiles/models/ranker.toml
    kairos profile import samples.csv --model ranker --qos "p99<40ms" --source "load test, May 2026"
    """
    from kairos_cli.domain.qos import QosTarget
    from kairos_cli.loading.samples import import_samples, profile_text

    try:
        target = QosTarget.parse(qos) if qos else None
    except ValueError as error:
        raise InputError.of(str(error), "--qos", 'write it as "p99<350ms"') from None
    imported = import_samples(samples, model, target, source, licence)
    if imported.fewest_samples < FEW_SAMPLES:
        note(f"note: a row has only {imported.fewest_samples} samples; its tail is uncertain", quiet)
    said = f"wrote {output}: {model} on {', '.join(imported.model.latency)}"
    deliver(profile_text(imported.model), output, said, quiet)
