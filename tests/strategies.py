"""Hypothesis strategies: TOML texts whose lines are known, latency profiles, weights of batch sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from kairos_cli.domain.latency_profile import LatencyProfile

# No test is timed, and every run draws the same examples.
settings.register_profile("kairos", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("kairos")

Path = tuple[str | int, ...]

#: Values that hold the characters by which TOML is cut into pieces, or more than one line.
SCALARS = [
    "1", "-3.5", "1_000", "1e-3", "0xff", "inf", "-nan", "true",
    "1979-05-27", "1979-05-27 07:32:00.5", "1979-05-27T07:32:00Z", "07:32:00",
    '""', "''", '"a]b}c#d=e,f"', "'[[x]]'", r'"a\"]"', r"'\'", r'"\\"', '"# no comment"', '"ü \u2028 \U0001f600"',
    '""""""', "''''''", '"""a"""', '"""\n[t]\nk = 1\n"""', "'''\n[[t]]\n# no comment\n'''",
    '""""quoted""""', '"""""two"""""', "''''quoted''''", '"""a\\\n   b"""', r'"""a\"""b"""',
]  # fmt: skip

#: How the key of a given number may be written.
KEYS: list[Callable[[int], tuple[str, str]]] = [
    lambda number: (f"k{number}", f"k{number}"),
    lambda number: (f"{number}", f"{number}"),
    lambda number: (f"-{number}_", f"-{number}_"),
    lambda number: (f'"k.{number} ]#="', f"k.{number} ]#="),
    lambda number: (f"'k\"{number}\\'", f'k"{number}\\'),
    lambda number: (f'"ü{number}"', f"ü{number}"),
    lambda number: (f'"\\u006b\\"{number}"', f'k"{number}'),
]


@dataclass
class TomlWriter:
    """A TOML text as it grows, and the line of each key and array element in it."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    text: str = ""
    line_by_path: dict[Path, int] = field(default_factory=dict)
    keys: int = 0

    def mark(self, path: Path) -> None:
        """Note that what is at `path` stands on the present line."""
        self.line_by_path[path] = self.text.count("\n") + 1

    def key(self) -> tuple[str, str]:
        """Return a new key as it is written, and as it is read."""
        self.keys += 1
        return self.draw(st.sampled_from(KEYS))(self.keys)

    def entries(self, table: Path, most: int) -> None:
        """Write some `key = value` lines of a table, with comments and blank lines between them."""
        for _ in range(self.draw(st.integers(0, most))):
            self.text += self.draw(st.sampled_from(["", "\n", "# [x]\n", '  # """\n', "\t"]))
            self.entry(table, 2)
            self.text += self.draw(st.sampled_from(["\n", "  # 'why'\n", "\n\n"]))

    def entry(self, table: Path, depth: int) -> None:
        """Write one `key = value`; the key may be dotted."""
        parts = [self.key() for _ in range(self.draw(st.sampled_from([1, 1, 1, 2, 3])))]
        path = (*table, *(read for _, read in parts))
        self.mark(path)
        self.text += self.draw(st.sampled_from([".", " . "])).join(written for written, _ in parts)
        self.text += self.draw(st.sampled_from([" = ", "="]))
        self.value(path, depth)

    def value(self, path: Path, depth: int) -> None:
        """Write a value: a plain one, an array or an inline table."""
        kind = self.draw(st.sampled_from(["scalar", "array", "table"])) if depth else "scalar"
        if kind == "scalar":
            self.text += self.draw(st.sampled_from(SCALARS))
        elif kind == "array":
            self.array(path, depth)
        else:
            self.inline_table(path, depth)

    def array(self, path: Path, depth: int) -> None:
        """Write an array, over several lines or on one, with or without a comma at its end."""
        gap = st.sampled_from(["", " ", "\n", "\n  # ] no end\n  "])
        self.text += "["
        length = self.draw(st.integers(0, 3))
        for index in range(length):
            self.text += self.draw(gap)
            self.mark((*path, index))
            self.value((*path, index), depth - 1)
            self.text += self.draw(gap) + ("," if index < length - 1 else self.draw(st.sampled_from(["", ","])))
        self.text += self.draw(gap) + "]"

    def inline_table(self, path: Path, depth: int) -> None:
        """Write an inline table."""
        self.text += "{"
        for index in range(self.draw(st.integers(0, 2))):
            self.text += ", " if index else " "
            self.entry(path, depth - 1)
        self.text += " }"

    def table(self, parent: Path, prefix: str, depth: int) -> None:
        """Write a table or an array of tables with a header, and perhaps tables inside of it."""
        written, read = self.key()
        header = f"{prefix}{written}"
        many = self.draw(st.booleans())
        for index in range(self.draw(st.integers(1, 2)) if many else 1):
            path = (*parent, read, index) if many else (*parent, read)
            self.mark(path)
            self.text += f"[[{header}]]" if many else f"[{header}]"
            self.text += self.draw(st.sampled_from(["\n", " # [[x]]\n"]))
            self.entries(path, 2)
            for _ in range(self.draw(st.integers(0, 1)) if depth else 0):
                self.table(path, f"{header}.", depth - 1)


@st.composite
def toml_texts(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[str, dict[Path, int]]:
    """Return a TOML text, and the line on which each of its keys, array elements and tables stands."""
    writer = TomlWriter(draw)
    writer.entries((), 3)
    for _ in range(draw(st.integers(0, 2))):
        writer.table((), "", 2)
    text = writer.text.replace("\n", "\r\n") if draw(st.booleans()) else writer.text
    return text, writer.line_by_path


@st.composite
def latency_profiles(draw: Callable[[st.SearchStrategy[Any]], Any]) -> LatencyProfile:
    """Return a profile of one to five batch sizes; latencies are multiples of 1/64 ms, some of them equal."""
    sizes = sorted(draw(st.sets(st.integers(1, 1000), min_size=1, max_size=5)))
    inner = sorted(draw(st.sets(st.integers(1, 99), max_size=5)))
    level = np.array([0, *inner, 100]) / 100
    row = st.lists(st.integers(1, 6400), min_size=len(level), max_size=len(level)).map(sorted)
    quantile_ms = np.array([draw(row) for _ in sizes]) / 64
    share = np.array([draw(st.floats(0, 1)) for _ in sizes])
    mean_ms = quantile_ms[:, 0] + share * (quantile_ms[:, -1] - quantile_ms[:, 0])
    return LatencyProfile("any", np.array(sizes, dtype=np.int64), mean_ms, level, quantile_ms)


#: Weights by batch size, at least one of them above zero.
weights_by_size = st.dictionaries(
    st.integers(1, 1000), st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=20
).filter(lambda weights: any(weights.values()))
