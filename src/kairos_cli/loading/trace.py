"""Traces: the arrivals and batch sizes of real queries, as CSV or Parquet with `arrival_s,batch_size`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.limits import batch_size_problem
from kairos_cli.loading.text_file import csv_rows

_COLUMNS = ("arrival_s", "batch_size")
_LARGEST_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Queries in the order of arrival: `arrival_s` (N,), never falling, from 0; `batch_size` (N,)."""

    name: str
    arrival_s: Floats
    batch_size: NDArray[np.int64]

    @property
    def rate_qps(self) -> float:
        """The mean rate of arrival."""
        return (len(self.arrival_s) - 1) / float(self.arrival_s[-1])

    def mix(self) -> QueryMix:
        """Return the distribution of the sizes in it."""
        size, count = np.unique(self.batch_size, return_counts=True)
        return QueryMix(self.name, size.astype(np.int64), count / count.sum(), f"trace {self.name}")


def load_trace(path: Path) -> Trace:
    """Return the trace of a file; raises InputError with all its problems."""
    rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    problems: list[Problem] = []
    arrival_s, sizes = [], []
    last = -math.inf
    for line, arrival, size in rows:
        message = _problem(arrival, size, last)
        if message:
            problems.append(Problem(message, Source(str(path), line)))
            continue
        last = float(arrival)
        arrival_s.append(last)
        sizes.append(int(float(size)))
    if problems:
        raise InputError(problems)
    if len(sizes) < 2 or arrival_s[-1] <= arrival_s[0]:
        raise InputError.of("a trace needs two queries that arrive at different times", path)
    return Trace(path.stem, np.array(arrival_s) - arrival_s[0], np.array(sizes, dtype=np.int64))


def _problem(arrival: Any, size: Any, last: float) -> str | None:
    """Return what is wrong with one query, or None."""
    try:
        arrival_s, items = float(arrival), float(size)
    except (TypeError, ValueError):
        return f"arrival_s and batch_size must be numbers, got {arrival!r}, {size!r}"
    if not math.isfinite(arrival_s):
        return f"arrival_s must be finite, got {arrival}"
    if arrival_s < last:
        return f"arrival_s falls from {last:g} to {arrival_s:g}: a trace is in the order of arrival"
    if not items.is_integer() or items < 1:
        return f"batch_size must be a whole number >= 1, got {size}"
    return batch_size_problem(int(items))


def _csv(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, arrival and size of each row of a CSV file."""
    rows = csv_rows(path, _LARGEST_BYTES)
    line, header = next(rows)
    if any(column not in header for column in _COLUMNS):
        hint = f"the first line names the columns: {','.join(_COLUMNS)}"
        raise InputError.of(f"is no trace: its columns are {', '.join(header)[:80]}", Source(str(path), line), hint)
    arrival, size = (header.index(column) for column in _COLUMNS)
    for line, row in rows:
        whole = len(row) > max(arrival, size)
        yield line, row[arrival] if whole else "", row[size] if whole else ""


def _parquet(path: Path) -> list[tuple[int, Any, Any]]:
    """Return number, arrival and size of each row of a Parquet file; needs the extra `parquet`."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise InputError.of("Parquet needs pyarrow", path, 'pip install "kairos-cli[parquet]", or use CSV') from None
    try:
        table = parquet.read_table(path, columns=list(_COLUMNS))
    except (OSError, ArrowException) as error:
        raise InputError.of(f"cannot be read as Parquet: {str(error).splitlines()[0]}", path) from None
    if table.num_columns != len(_COLUMNS):
        raise InputError.of(f"is no trace: it lacks {' or '.join(_COLUMNS)}", path)
    columns = (table.column(name).to_pylist() for name in _COLUMNS)
    return [(number, *pair) for number, pair in enumerate(zip(*columns, strict=True), start=1)]
