"""Where each value of a TOML text stands.

tomli gives the values but not their lines, and a problem such as a negative latency is found only after
parsing. This walks a text that tomli has already accepted, so it checks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import tomli

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<newline>\n)"
    r"|(?P<mark>[\[\]{},=])"
    r"|(?P<bare>[^\s\[\]{},=#\"']+)",
    re.DOTALL,
)


def line_by_path(text: str) -> dict[Path, int]:
    """Return the line of each key, table and array element of `text`, counted from 1."""
    return _Walker(text).walk()


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    """Yield what TOML is made of, but no white space or comments, and an empty token at the end."""
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "comment":
            yield _Token(match.lastgroup or "", match.group(), line)
        line += match.group().count("\n")
    yield _Token("end", "", line)


@dataclass(slots=True)
class _Open:
    """An array or inline table that the cursor is in, and how many elements of an array it has passed."""

    path: Path
    is_array: bool
    elements: int = 0


class _Walker:
    """A cursor over the tokens of one text; it keeps a stack, since values may be nested very deeply."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.table: Path = ()
        self.last_table: dict[Path, int] = {}
        self.open: list[_Open] = []
        self.line_by_path: dict[Path, int] = {}

    def walk(self) -> dict[Path, int]:
        """Return the line of every entry, table and element."""
        while (token := self.tokens[self.at]).kind != "end":
            if token.kind == "newline" or token.text == ",":
                self.at += 1
            elif token.text in ("]", "}"):
                self.open.pop()
                self.at += 1
            elif self.open and self.open[-1].is_array:
                self.element()
            elif token.text == "[":
                self.header()
            else:
                self.entry()
        return self.line_by_path

    def header(self) -> None:
        """Enter the table of `[a.b]`, or the next one of `[[a.b]]`."""
        line = self.tokens[self.at].line
        many = self.tokens[self.at + 1].text == "["
        self.at += 1 + many
        *parents, name = self.key()
        self.at += 1 + many
        path = (*self.latest(parents), name)
        if many:
            number = self.last_table[path] = self.last_table.get(path, -1) + 1
            path = (*path, number)
        self.table = path
        self.mark(path, line)

    def latest(self, parents: list[str]) -> Path:
        """Return the path that a header's parents stand for: of an array of tables, its latest one."""
        path: Path = ()
        for name in parents:
            path = (*path, name)
            if path in self.last_table:
                path = (*path, self.last_table[path])
        return path

    def entry(self) -> None:
        """Walk over `key =` and the value, or into it."""
        line = self.tokens[self.at].line
        path = (*(self.open[-1].path if self.open else self.table), *self.key())
        self.at += 1  # the equals sign
        self.mark(path, line)
        self.value(path)

    def element(self) -> None:
        """Walk over an element of an array, or into it."""
        array = self.open[-1]
        path = (*array.path, array.elements)
        array.elements += 1
        self.line_by_path[path] = self.tokens[self.at].line
        self.value(path)

    def value(self, path: Path) -> None:
        """Walk over a plain value, or into an array or inline table."""
        opening = self.tokens[self.at].text
        if opening in ("[", "{"):
            self.open.append(_Open(path, is_array=opening == "["))
            self.at += 1
        else:
            self.words()

    def key(self) -> list[str]:
        """Walk over a dotted key and return its parts."""
        return [part for token in self.words() for part in _parts(token)]

    def words(self) -> list[_Token]:
        """Walk over a key or a plain value; `a."b c"` and `1979-05-27 07:32:00` are two tokens each."""
        start = self.at
        while self.tokens[self.at].kind in ("bare", "string"):
            self.at += 1
        return self.tokens[start : self.at]

    def mark(self, path: Path, line: int) -> None:
        """Note the line of what is at `path`, and of tables around it that were not named before."""
        for end in range(1, len(path)):
            self.line_by_path.setdefault(path[:end], line)
        self.line_by_path[path] = line


def _parts(token: _Token) -> list[str]:
    """Return the parts of a key in a token: one without its quotes and escapes, or bare ones between dots."""
    if token.kind == "string":
        return [str(tomli.loads(f"key = {token.text}")["key"])]
    return [part for part in token.text.split(".") if part]
