"""Sections: what a readable answer is made of, and the two ways to show them.

A section has a title, perhaps a table of text, perhaps lines under it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an answer. Columns whose name begins with `>` are aligned right."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = field(default_factory=tuple)
    #: Drawings are shown in a fixed-width block, lines as text.
    drawing: str = ""


def markdown_text(sections: Sequence[Section]) -> str:
    """Return the sections as GitHub-flavoured Markdown."""
    return "\n\n".join("\n\n".join(_markdown_parts(section)) for section in sections) + "\n"


def _markdown_parts(section: Section) -> Iterator[str]:
    yield f"### {section.title}"
    if section.columns:
        head = [column.lstrip(">") or " " for column in section.columns]
        rule = ["---:" if column.startswith(">") else "---" for column in section.columns]
        rows = [head, rule, *([cell.replace("|", "\\|") for cell in row] for row in section.rows)]
        yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if section.drawing:
        yield f"```text\n{section.drawing}\n```"
    if section.lines:
        yield "\n".join(f"- {line}" for line in section.lines)


def rich_parts(sections: Sequence[Section]) -> Iterator[RenderableType]:
    """Yield the sections for a rich console, a blank line between two."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    for number, section in enumerate(sections):
        if number:
            yield ""
        yield Text(section.title, style="bold")
        if section.columns:
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
            for column in section.columns:
                right = column.startswith(">")
                table.add_column(Text(column.lstrip(">")), justify="right" if right else "left", overflow="fold")
            for row in section.rows:
                table.add_row(*(Text(cell) for cell in row))
            yield Padding(table, (0, 0, 0, 2))
        if section.drawing:
            yield Padding(Text(section.drawing, no_wrap=True, overflow="ignore"), (0, 0, 0, 2))
        for line in section.lines:
            yield Padding(Text(line), (0, 0, 0, 2))
