"""A check as workflow commands of GitHub Actions: one annotation for each limit that does not hold.

Format: GitHub's documentation, "Workflow commands for GitHub Actions", `::error file=…,line=…,title=…::message`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from kairos_cli.errors import Problem
from kairos_cli.report.check_text import name_text, verdict_line
from kairos_cli.report.document import Document

_COMMAND = {"fail": "error", "warn": "warning"}


def github_text(document: Document, folder: str = "") -> str:
    """Return the annotations, at the line of a limit in a file, else at the plan; a notice if all limits hold.

    GitHub knows files by their path in the repository; `folder` is where relative paths start in it.
    """
    lines = [_of_limit(document, each, folder) for each in document["limits"] if each["status"] != "pass"]
    return "".join(f"{line}\n" for line in lines or [f"::notice title=kairos check::{_data(verdict_line(document))}"])


def problems_text(problems: Sequence[Problem], folder: str = "") -> str:
    """Return an annotation for each thing that kept a check from being made, at its line if that is known."""
    return "".join(f"{_of_problem(each, folder)}\n" for each in problems)


def _of_limit(document: Document, limit: Document, folder: str) -> str:
    file = limit["file"] or document["plan_file"] or document["scenario_file"]
    place = {"file": _joined(folder, file), "line": limit["line"], "title": f"kairos check: {name_text(limit)}"}
    return _command(_COMMAND[limit["status"]], place, limit["message"])


def _of_problem(problem: Problem, folder: str) -> str:
    """Return the annotation of a problem; one of a flag has no place in a file, and says the flag."""
    source, title = problem.source, "kairos check cannot be made"
    if source is None or source.name.startswith("-"):
        return _command("error", {"title": title}, f"{source}: {problem.message}" if source else problem.message)
    place = {"file": _joined(folder, source.name), "line": source.line, "title": title}
    return _command("error", place, problem.message)


def _joined(folder: str, file: str) -> str:
    return posixpath.normpath(posixpath.join(folder, file.replace("\\", "/")))


def _command(name: str, place: Mapping[str, object], message: str) -> str:
    given = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value is not None)
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
