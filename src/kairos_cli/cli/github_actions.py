"""What a job of GitHub Actions sees of an answer besides the answer: annotations and the job summary."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kairos_cli.cli.answer import note


def tell_github(annotations: str, summary: str, annotated: bool) -> None:
    """Print the annotations on standard error, unless they are the answer, and append to the summary of the job.

    GitHub reads workflow commands from both streams. Outside GitHub Actions nothing happens.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    if not annotated:
        click.echo(annotations, nl=False, err=True)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary)
    except OSError as error:  # the verdict does not depend on it
        note(f"note: the job summary cannot be written: {error.strerror}")
