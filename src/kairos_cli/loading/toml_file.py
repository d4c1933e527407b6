"""One TOML file being read: its values, where they stand, and what is wrong with them.

A loader asks for values one after the other; a value that is missing or of the wrong kind is noted and
None is returned, so that the loader can go on and `finish` reports all problems together.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli

from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.limits import broken_rule
from kairos_cli.loading.text_file import read_text
from kairos_cli.loading.toml_lines import line_by_path

Key = str | int

#: What to do about a table where there should be a value: TOML takes a dot in a bare key for one.
QUOTE_HINT = 'quote a name that has a dot in it: "g4dn.xlarge" = …'
_LONGEST_MESSAGE = 200

_KIND = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "a table", bool: "true or false"}


def near_name(name: str, known: Iterable[str], what: str = "known") -> str:
    """Return a hint that names the nearest of the known names, or all of them if none is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"{what}: {', '.join(names)}" if names else f"{what}: none"


def _within_64_bits(value: Any) -> Any:
    """Return a TOML value in which whole numbers beyond 64 bits, which TOML does not have, are floats.

    No whole number is then too large for an array or a conversion, and one that was is refused like any
    other number of the wrong kind or size.
    """
    if isinstance(value, dict):
        return {key: _within_64_bits(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_within_64_bits(each) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(max(-(10**300), min(value, 10**300)))
    return value


class TomlFile:
    """A parsed TOML file and the problems found in it so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.text = read_text(path)
        try:
            self.data: dict[str, Any] = _within_64_bits(tomli.loads(self.text))
        except tomli.TOMLDecodeError as error:
            source = Source(str(path), getattr(error, "lineno", None))
            hint = "the text up to there is fine; look for a missing quote, bracket or comma"
            raise InputError.of(f"not TOML: {getattr(error, 'msg', error)}", source, hint) from None
        except RecursionError:
            raise InputError.of("not TOML: nested too deeply", path) from None
        except ValueError:
            raise InputError.of("not TOML: a number has more digits than can be read", path) from None

    @cached_property
    def lines(self) -> dict[tuple[Key, ...], int]:
        """The line of each value; made only when a problem has to be placed."""
        return line_by_path(self.text)

    def source(self, *at: Key) -> Source:
        """Return the place of a value, or of the nearest table around it."""
        for end in range(len(at), 0, -1):
            if at[:end] in self.lines:
                return Source(str(self.path), self.lines[at[:end]])
        return Source(str(self.path), 1)

    def problem(self, message: str, *at: Key, hint: str | None = None) -> None:
        """Note that the value at `at` is wrong."""
        self.problems.append(Problem(message[:_LONGEST_MESSAGE], self.source(*at), hint))

    def missing(self, *at: Key, hint: str | None = None) -> None:
        """Note that there is no value at `at`."""
        self.problem(f"{at[-1]!r} is missing", *at, hint=hint)

    def finish(self) -> None:
        """Raise InputError if any problem was noted."""
        if self.problems:
            raise InputError(self.problems)

    def expect_schema(self, *schemas: str) -> str:
        """Return the file's `schema`; raises InputError at once where it is none of `schemas`."""
        found = self.data.get("schema")
        wanted = " or ".join(f'"{schema}"' for schema in schemas)
        if found is None:
            raise InputError.of("has no schema", self.source(), f"the first line should be: schema = {wanted}")
        if found not in schemas:
            raise InputError.of(f"schema is {found!r}, expected {wanted}", self.source("schema"))
        return str(found)

    def expect_keys(self, known: Iterable[str], *at: Key) -> None:
        """Note each key of the table at `at` that is not known: a misspelt key must not be lost."""
        names = list(known)
        table = self.value(*at)
        for key in table if isinstance(table, dict) else ():
            if key not in names:
                self.problem(f"unknown key {key!r}", *at, key, hint=near_name(key, names, "keys here"))

    def value(self, *at: Key) -> Any:
        """Return the raw value at a path, or None if there is none."""
        value: Any = self.data
        for key in at:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def of_type(self, kind: type, *at: Key, required: bool = True, hint: str | None = None) -> Any:
        """Return the value at `at` if it is of the kind; note a problem and return None otherwise."""
        value = self.value(*at)
        if value is None:
            if required:
                self.missing(*at, hint=hint)
            return None
        accepted = (int, float) if kind is float else (kind,)
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            self.problem(f"{at[-1]!r} must be {_KIND[kind]}, got {value!r}", *at, hint=hint)
            return None
        return value

    def text_at(self, *at: Key, required: bool = True) -> str:
        """Return the text at `at`, or an empty one."""
        return str(self.of_type(str, *at, required=required) or "")

    def positive_at(self, *at: Key, what: str, unit: str = "", hint: str | None = None) -> float | None:
        """Return the number at `at`, which must be above zero and one that can be computed with."""
        value = self.of_type(float, *at)
        if value is None:
            return None
        rule = broken_rule(value)
        if rule:
            self.problem(f"{what} must be {rule}, got {value:g}{unit}", *at, hint=hint)
            return None
        return float(value)
