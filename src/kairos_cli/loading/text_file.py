"""Text files and CSV tables: what cannot be read is refused in words, with its line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kairos_cli.errors import InputError, NoSuchFile, Source

#: A profile of a hundred instance types takes about 1 MB; far larger files are not profiles.
LARGEST_FILE_BYTES = 20_000_000


def read_text(path: Path, largest_bytes: int = LARGEST_FILE_BYTES) -> str:
    """Return the text of a file; raises InputError for what is no readable, non-empty text file."""
    try:
        text = _content(path, largest_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        hint = f"byte {error.start} is 0x{error.object[error.start]:02x}; save the file as UTF-8"
        raise InputError.of("is not a UTF-8 text file", Source(str(path), line), hint) from None
    if not text.strip():
        raise InputError.of("is empty", path, "see `kairos validate --help` for the kinds of files")
    return text


def _content(path: Path, largest_bytes: int) -> bytes:
    """Return the bytes of a file, or of a pipe until its end; raises InputError if they are too many."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # A pipe or a device tells no size beforehand: one byte over the limit is enough to know.
            content = b"" if size > largest_bytes else file.read(size or largest_bytes + 1)
    except IsADirectoryError:
        raise InputError.of("is a directory, not a file", path, "name a file in it") from None
    except (FileNotFoundError, ValueError):  # ValueError: a null character, which no file has in its name
        hint = "check the path; names are relative to where you are"
        raise NoSuchFile.of("no such file", path, hint) from None
    except OSError as error:
        raise InputError.of(f"cannot be read: {error.strerror}", path) from None
    size = max(size, len(content))
    if size > largest_bytes:
        hint = f"the limit is {largest_bytes / 1e6:g} MB; is this the right file?"
        raise InputError.of(f"is {size / 1e6:.0f} MB large, too large to be read", path, hint)
    return content


@contextmanager
def named_at(source: Source) -> Iterator[None]:
    """While reading a file that another file or a flag names: if there is none, blame the one that named it."""
    try:
        yield
    except NoSuchFile as error:
        hint = "check the path; in a file it starts from that file's folder, in a flag from where you are"
        raise InputError.of(f"there is no file {error.problems[0].source}", source, hint) from None


def csv_rows(path: Path, largest_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of each row of a CSV file, the header first and blank lines left out."""
    rows = csv.reader(io.StringIO(read_text(path, largest_bytes), newline=""))
    try:
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise InputError.of(f"not CSV: {error}", Source(str(path), rows.line_num)) from None
