"""What a job of GitHub Actions sees besides the answer: annotations and the job summary; elsewhere nothing."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kairos_cli.cli.answer import note


def annotate(annotations: str) -> None:
    """Print annotations on standard error: GitHub reads workflow commands from both streams."""
    if _in_actions():
        click.echo(annotations, nl=False, err=True)


def summarize(summary: str) -> None:
    """Append to the summary of the job."""
    path = os.environ.get("GITHUB_STEP_SUMMARY") if _in_actions() else None
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary)
    except OSError as error:  # the verdict does not depend on it
        note(f"note: the job summary cannot be written: {error.strerror}")


def folder_in_repository() -> str:
    """Return the path of the working directory in the repository that the job has checked out."""
    workspace = os.environ.get("GITHUB_WORKSPACE") if _in_actions() else None
    here = Path.cwd()
    return here.relative_to(workspace).as_posix() if workspace and here.is_relative_to(workspace) else ""


def _in_actions() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
