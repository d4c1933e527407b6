"""A check as Markdown for a comment on a pull request: the verdict and what broke; the rest is folded."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.check_sections import check_sections
from kairos_cli.report.check_text import changed_lines, instead_lines, name_text, title
from kairos_cli.report.document import Document
from kairos_cli.report.sections import markdown_text


def check_markdown(document: Document) -> str:
    """Return GitHub-flavoured Markdown of a few lines, with all limits in a folded part."""
    _, *sections = check_sections(document)
    lines = [f"- {each}" for each in _lines(document)]
    folded = f"<details>\n<summary>All limits</summary>\n\n{markdown_text(sections)}\n</details>\n"
    return "\n\n".join([f"### {title(document)}", *(["\n".join(lines)] if lines else []), folded])


def _lines(document: Document) -> Iterator[str]:
    for each in document["limits"]:
        if each["status"] != "pass":
            yield f"**{each['status']}** {name_text(each)}: {each['message']}"
    if document["verdict"] != "pass":
        yield from (f"changed: {line}" for line in changed_lines(document))
        yield from (f"buy instead: {line}" for line in instead_lines(document))
