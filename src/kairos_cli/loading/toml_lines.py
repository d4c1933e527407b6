"""Where each value of a TOML text stands.

tomli gives the values but not their lines, and a problem such as a negative latency is found only after
parsing. This walks a text that tomli has already accepted, so it checks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<newline>\n)"
    r"|(?P<mark>\[\[|\]\]|[\[\]{},=.])"
    r"|(?P<bare>[^\s\[\]{},=.#\"']+)",
    re.DOTALL,
)


def line_by_path(text: str) -> dict[Path, int]:
    """Return the line of each key and array element of `text`, counted from 1."""
    return dict(_Walker(text).document())


class _Walker:
    """A cursor over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        line = 1
        for match in _TOKEN.finditer(text):
            if match.lastgroup != "comment":
                self.tokens.append((match.lastgroup or "", match.group(), line))
            line += match.group().count("\n")
        self.tokens.append(("end", "", line))
        self.at = 0

    def document(self) -> Iterator[tuple[Path, int]]:
        """Yield the path and line of every entry."""
        table: Path = ()
        seen_tables: dict[Path, int] = {}
        while (token := self.tokens[self.at])[0] != "end":
            kind, text, line = token
            if kind == "newline":
                self.at += 1
            elif text in ("[", "[["):
                self.at += 1
                table = self.key()
                self.at += 1  # the closing bracket or brackets
                if text == "[[":
                    number = seen_tables[table] = seen_tables.get(table, -1) + 1
                    table = (*table, number)
                yield table, line
            else:
                yield from self.entry(table)

    def entry(self, table: Path) -> Iterator[tuple[Path, int]]:
        """Yield `key = value` and what is inside the value."""
        line = self.tokens[self.at][2]
        path = (*table, *self.key())
        self.at += 1  # the equals sign
        yield path, line
        yield from self.value(path)

    def key(self) -> Path:
        """Return the dotted key under the cursor, and move behind it."""
        parts: list[str | int] = []
        while self.tokens[self.at][0] in ("bare", "string") or self.tokens[self.at][1] == ".":
            kind, text, _ = self.tokens[self.at]
            if text != ".":
                parts.append(text[1:-1] if kind == "string" else text)
            self.at += 1
        return tuple(parts)

    def value(self, path: Path) -> Iterator[tuple[Path, int]]:
        """Yield what is inside the value under the cursor, and move behind it."""
        opening = self.tokens[self.at][1]
        if opening in ("[", "[["):
            yield from self.array(path)
        elif opening == "{":
            yield from self.inline_table(path)
        else:
            while self.tokens[self.at][0] in ("bare", "string") or self.tokens[self.at][1] == ".":
                self.at += 1

    def array(self, path: Path) -> Iterator[tuple[Path, int]]:
        """Yield the elements of an array; `[[` and `]]` are two brackets here."""
        self.split_double_bracket()
        self.at += 1
        index = 0
        while True:
            self.split_double_bracket()
            kind, text, line = self.tokens[self.at]
            if text == "]":
                self.at += 1
                return
            if kind == "newline" or text == ",":
                self.at += 1
                continue
            yield (*path, index), line
            yield from self.value((*path, index))
            index += 1

    def inline_table(self, path: Path) -> Iterator[tuple[Path, int]]:
        """Yield the entries of an inline table."""
        self.at += 1
        while self.tokens[self.at][1] != "}":
            if self.tokens[self.at][1] == "," or self.tokens[self.at][0] == "newline":
                self.at += 1
            else:
                yield from self.entry(path)
        self.at += 1

    def split_double_bracket(self) -> None:
        """Cut a doubled bracket in two: only at the start of a line does it open a table."""
        kind, text, line = self.tokens[self.at]
        if text in ("[[", "]]"):
            self.tokens[self.at : self.at + 1] = [(kind, text[0], line), (kind, text[0], line)]
