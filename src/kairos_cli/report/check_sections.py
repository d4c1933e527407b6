"""A check for people: the verdict, each limit with its result, what changed, what to buy instead."""

from __future__ import annotations

from kairos_cli.report.check_text import (
    actual_text,
    asked_text,
    changed_lines,
    effort_text,
    instead_lines,
    name_text,
    served_text,
    title,
)
from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import question_text
from kairos_cli.report.sections import Section

LIMIT_COLUMNS = ("limit", ">asked for", ">found", "status")


def check_sections(document: Document) -> list[Section]:
    """Return the sections of `kairos.check/1`; a section that would be empty is left out."""
    more = [
        Section("Changed since the plan was made", lines=list(changed_lines(document))),
        Section("Buy instead", lines=list(instead_lines(document))),
    ]
    lines = [f"{name_text(each)}: {each['message']}" for each in document["limits"] if each["status"] != "pass"]
    limits = Section("Limits", LIMIT_COLUMNS, limit_rows(document), lines)
    return [Section(title(document), lines=head_lines(document)), limits, *(each for each in more if each.lines)]


def head_lines(document: Document) -> list[str]:
    """Return what was checked: the question, the pool's cost and rate, how much was simulated."""
    return [question_text(document["scenario"]), served_text(document), effort_text(document)]


def limit_rows(document: Document) -> list[tuple[str, ...]]:
    """Return a row of text for each limit."""
    return [(name_text(each), asked_text(each), actual_text(each), each["status"]) for each in document["limits"]]
