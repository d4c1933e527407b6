"""A check as workflow commands of GitHub Actions: one annotation for each limit that does not hold.

Format: GitHub's documentation, "Workflow commands for GitHub Actions", `::error file=…,line=…,title=…::message`.
"""

from __future__ import annotations

from kairos_cli.report.check_text import name_text, verdict_line
from kairos_cli.report.document import Document

_COMMAND = {"fail": "error", "warn": "warning"}


def github_text(document: Document) -> str:
    """Return the annotations, at the line of a limit in a file, else at the plan; a notice if all limits hold."""
    lines = [_annotation(document, each) for each in document["limits"] if each["status"] != "pass"]
    return "".join(f"{line}\n" for line in lines or [f"::notice title=kairos check::{_data(verdict_line(document))}"])


def _annotation(document: Document, limit: Document) -> str:
    file = limit["file"] or document["plan_file"] or document["scenario_file"]
    place = {"file": file, "line": limit["line"], "title": f"kairos check: {name_text(limit)}"}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value is not None)
    return f"::{_COMMAND[limit['status']]} {given}::{_data(limit['message'])}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
