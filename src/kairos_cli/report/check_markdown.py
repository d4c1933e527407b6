"""A check as Markdown for a comment on a pull request: the verdict and what broke; the rest is folded."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.check_sections import LIMIT_COLUMNS, head_lines, limit_rows
from kairos_cli.report.check_text import changed_lines, instead_lines, name_text, title
from kairos_cli.report.document import Document
from kairos_cli.report.sections import Section, markdown_text


def check_markdown(document: Document) -> str:
    """Return GitHub-flavoured Markdown of a few lines, with all limits in a folded part."""
    lines = [f"- {each}" for each in _lines(document)]
    limits = markdown_text([Section("Limits", LIMIT_COLUMNS, limit_rows(document), head_lines(document))])
    folded = f"<details>\n<summary>All limits</summary>\n\n{limits.strip()}\n\n</details>\n"
    return "\n\n".join([f"### {title(document)}", *(["\n".join(lines)] if lines else []), folded])


def _lines(document: Document) -> Iterator[str]:
    for each in document["limits"]:
        if each["status"] != "pass":
            yield f"**{each['status']}** {name_text(each)}: {each['message']}"
    if document["verdict"] != "pass":
        yield from (f"changed: {line}" for line in changed_lines(document))
        instead = "; ".join(instead_lines(document))
        yield from [f"buy instead: {instead}"] if instead else []
