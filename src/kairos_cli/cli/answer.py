"""How an answer leaves the program: its format, and whether it goes to the terminal or a file.

Standard output carries the answer and nothing else; everything said about it goes to standard error.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from kairos_cli.errors import InputError

FORMATS = ("table", "json", "csv", "markdown")
_FORMAT_BY_SUFFIX = {".json": "json", ".csv": "csv", ".md": "markdown", ".xml": "junit", ".sarif": "sarif"}
# Not to be replaced by a file: what was printed before, or is printed later, would be lost.
_STANDARD_OUTPUT = Path("/dev/stdout")
#: Where there is no terminal to ask, and in files.
WIDTH = 110

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer in all its shapes, each made only if it is wanted.

    `texts` are the formats that this answer has besides, or has in a way of its own, by name.
    """

    document: Mapping[str, Any]
    sections: Callable[[], Sequence[Any]]
    rows: Callable[[], Sequence[Mapping[str, Any]]]
    texts: Mapping[str, Callable[[], str]] = field(default_factory=dict)


def answer_options(command: Command) -> Command:
    """Add the options of every command that answers."""
    return answer_options_with()(command)


def answer_options_with(*formats: str) -> Callable[[Command], Command]:
    """Return the decorator that adds the options of a command that answers, in these formats besides."""
    return partial(_add_options, formats=formats)


def _add_options(command: Command, formats: Sequence[str]) -> Command:
    options = [
        click.option(
            "--format",
            "format_",
            type=click.Choice([*FORMATS, *formats]),
            default=None,
            help="How to answer. [default: by the name of -o, else table]",
        ),
        click.option("--json", "format_", flag_value="json", help="Short for --format json."),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write the answer to a file, whole or not at all.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but the answer and errors."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def give(answer: Answer, format_: str | None, output: Path | None, quiet: bool = False) -> None:
    """Print the answer, or write it to a file."""
    if format_ is None:
        by_name = _FORMAT_BY_SUFFIX.get(output.suffix, "table") if output else "table"
        format_ = by_name if by_name in (*FORMATS, *answer.texts) else "table"
    if output is None and format_ == "table" and sys.stdout.isatty():
        _print_table(answer)
    else:
        deliver(_text(answer, format_), output, f"wrote {output}", quiet)


def deliver(text: str, output: Path | None, said: str, quiet: bool = False) -> None:
    """Print a text, or write it to a file and say so; raises InputError for a text that no file can hold."""
    try:
        if output is None or output == _STANDARD_OUTPUT:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_whole(output, text)
            note(said, quiet)
    except UnicodeEncodeError:
        hint = "a name or text on the command line is not UTF-8"
        raise InputError.of("the answer holds bytes that are no text", output, hint) from None


def note(message: str, quiet: bool = False) -> None:
    """Say something about the answer on standard error."""
    if not quiet:
        click.echo(message, err=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; raises InputError where it cannot be written.

    A link stays one, and the file it leads to is written; into a pipe or a device the text is just written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
        else:
            _replace(Path(os.path.realpath(path)), text)
    except OSError as error:
        raise InputError.of(f"cannot be written: {error.strerror}", path, "choose another file with -o") from None


def _replace(path: Path, text: str) -> None:
    """Put a new file in the place of the one at `path`, if there is one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - a descriptor
            file.write(text)
        os.chmod(name, 0o666 & ~_umask())  # noqa: PTH101 - mkstemp makes files for the owner alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _text(answer: Answer, format_: str) -> str:
    from kairos_cli.report.document import csv_text, json_text
    from kairos_cli.report.sections import markdown_text

    if format_ in answer.texts:
        return answer.texts[format_]()
    if format_ == "json":
        return json_text(dict(answer.document))
    if format_ == "csv":
        return csv_text(answer.rows())
    if format_ == "markdown":
        return markdown_text(answer.sections())
    return _table_text(answer)


def _table_text(answer: Answer) -> str:
    """Return the table as plain text of a fixed width."""
    from rich.console import Console

    from kairos_cli.report.sections import rich_parts

    out = io.StringIO()
    console = Console(file=out, highlight=False, width=WIDTH, force_terminal=False, no_color=True)
    console.print(*rich_parts(answer.sections()), sep="\n")
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _print_table(answer: Answer) -> None:
    """Print to the terminal at its width, with what colour it and NO_COLOR allow."""
    from rich.console import Console

    from kairos_cli.report.sections import rich_parts

    Console(highlight=False).print(*rich_parts(answer.sections()), sep="\n")
    sys.stdout.flush()
