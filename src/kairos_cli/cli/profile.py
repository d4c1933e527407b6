"""`kairos profile`: latency profiles from measured samples, or from what a router has learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.admin_options import admin_options, admin_token
from kairos_cli.cli.answer import deliver, note
from kairos_cli.errors import InputError

#: With fewer samples than this in a row, its 99th percentile is its largest sample.
FEW_SAMPLES = 50


@click.group("profile")
def command() -> None:
    """Make latency profiles from measured samples, or from what a router has learned."""


@command.command("import")
@click.argument("samples", type=click.Path(path_type=Path), metavar="SAMPLES.csv")
@click.option("--model", required=True, metavar="NAME", help="Which model of the file; also the profile's name.")
@click.option("--qos", metavar="TARGET", help='Usual latency target of the model, such as "p99<350ms".')
@click.option("--source", default="", metavar="TEXT", help="Who measured it, how and when.")
@click.option("--licence", default="", metavar="TEXT", help="Terms under which the samples may be used.")
@click.option(
    "--not-mergeable",
    "mergeable",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Queries of the model may not share a batch.",
)
@click.option(
    "--not-splittable",
    "splittable",
    is_flag=True,
    flag_value=False,
    default=True,
    help="A query of the model may not be served in parts.",
)
@click.option(
    "--largest-batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most items that its servers take in one batch.  [default: as measured]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the profile goes.  [default: standard output]",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the answer and errors.")
def import_command(
    *, samples: Path, model: str, qos: str | None, source: str, licence: str, mergeable: bool, splittable: bool,
    largest_batch: int | None, output: Path | None, quiet: bool,
) -> None:  # fmt: skip
    """Make a model profile from a CSV of measured latencies.

    The columns are model,instance,batch_size and then any number of samples, each a service latency in
    milliseconds. The profile keeps the mean and twelve quantiles of each row.

    \b
    kairos profile import samples.csv --model ranker -o profiles/models/ranker.toml
    kairos profile import samples.csv --model ranker --qos "p99<40ms" --source "load test, May 2026"
    kairos profile import samples.csv --model ranker --not-splittable --largest-batch 512
    """
    from kairos_cli.domain.qos import QosTarget
    from kairos_cli.loading.samples import import_samples, profile_text

    try:
        target = QosTarget.parse(qos) if qos else None
    except ValueError as error:
        raise InputError.of(str(error), "--qos", 'write it as "p99<350ms"') from None
    imported = import_samples(samples, model, target, source, licence)
    _expect_measured(largest_batch, imported.model)
    if imported.fewest_samples < FEW_SAMPLES:
        note(f"note: a row has only {imported.fewest_samples} samples; its tail is uncertain", quiet)
    said = f"wrote {output}: {model} on {', '.join(imported.model.latency)}"
    profile = replace(imported.model, mergeable=mergeable, splittable=splittable, largest_batch=largest_batch)
    deliver(profile_text(profile), output, said, quiet)


def _expect_measured(largest_batch: int | None, model: Any) -> None:
    """Raise InputError for a largest batch that is larger than any that was measured."""
    from kairos_cli.loading.limits import BEYOND_THE_PROFILE_HINT, beyond_the_profile

    measured = max(each.largest for each in model.latency.values())
    if largest_batch is not None and largest_batch > measured:
        raise InputError.of(beyond_the_profile(largest_batch, measured), "--largest-batch", BEYOND_THE_PROFILE_HINT)


@command.command("refresh")
@admin_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Where the profile goes.  [default: standard output]",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the answer and errors.")
def refresh_command(*, admin_url: str, admin_token_file: Path, output: Path | None, quiet: bool) -> None:
    """Write what a running router has learned of latencies as a model profile.

    It has all types of the plan, at the batch sizes of the mix. Types that have not served are as they were planned.

    \b
    kairos profile refresh --admin http://127.0.0.1:8100 --admin-token-file token -o profiles/models/ranker.toml
    """
    from kairos_cli.router import event_loop

    event_loop.check_installed("kairos profile refresh")
    from kairos_cli.loading.latency_document import model_of
    from kairos_cli.loading.samples import profile_text
    from kairos_cli.router.http_question import ask_once
    from kairos_cli.router.status import LATENCY_SCHEMA

    token = admin_token(admin_token_file)
    document = event_loop.run(ask_once(admin_url, token, "/v1/latency", LATENCY_SCHEMA))
    model = model_of(document)
    for name, measured in document["measured"].items():
        if measured < FEW_SAMPLES:
            note(f"note: {name} has served {measured} batches; its latencies are mostly those of the plan", quiet)
    deliver(profile_text(model), output, f"wrote {output}: {model.name} on {', '.join(model.latency)}", quiet)
