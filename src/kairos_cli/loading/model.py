"""Model profiles: `schema = "kairos.model/1"`.

    quantiles = [0, 0.5, 0.99, 1]

    [latency_ms]
    "g4dn.xlarge" = [
      # batch_size, mean, then one latency for each quantile
      [10, 5.39, 5.26, 5.37, 5.58, 5.59],
    ]

One row a line: a row reads well, a change to it shows well in a diff, and an error names its line.

What servers may do with the model's queries stands before the latencies; all may, and no limit but the
measured sizes, where nothing is said:

    mergeable = true       # several queries may be served in one batch
    splittable = true      # a query may be served in parts
    largest_batch = 512    # the most items that a server takes at once
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.qos import QosTarget
from kairos_cli.loading.limits import (
    BEYOND_THE_PROFILE_HINT,
    batch_size_problem,
    beyond_the_profile,
    broken_rule,
    is_number,
)
from kairos_cli.loading.toml_file import QUOTE_HINT, TomlFile

SCHEMA = "kairos.model/1"
_KEYS = [
    "schema", "name", "description", "source", "licence", "qos", "quantiles", "mergeable", "splittable",
    "largest_batch", "latency_ms",
]  # fmt: skip
_LATENCIES_HINT = 'give rows for each instance type: "g4dn.xlarge" = [[10, 5.4, …], …]'
_ROW_HINT = "batch size, mean, then one latency per quantile"
_MS_HINT = "latencies are in milliseconds; leave the row out if it was not measured"

#: A message and a hint.
Complaint = tuple[str, str | None]


def load_model(path: Path) -> ModelProfile:
    """Return the model profile of a file; raises InputError with all its problems."""
    return read_model(TomlFile(path))


def read_model(file: TomlFile) -> ModelProfile:
    """Return the model profile of an opened file; raises InputError with all its problems."""
    file.expect_schema(SCHEMA)
    file.expect_keys(_KEYS)
    name = file.text_at("name")
    qos = _qos(file)
    levels = _levels(file)
    rows_by_type = file.of_type(dict, "latency_ms", hint=_LATENCIES_HINT)
    if rows_by_type == {}:
        file.problem("no instance type has a latency profile", "latency_ms", hint=_LATENCIES_HINT)
    # Without levels nothing can be said about rows: how long they should be is not known.
    latency = [_profile(file, each, levels) for each in rows_by_type or ()] if levels else []
    description, source, licence = (file.text_at(key, required=False) for key in ("description", "source", "licence"))
    mergeable, splittable = (
        file.of_type(bool, key, required=False) is not False for key in ("mergeable", "splittable")
    )
    profiles = {each.instance_type: each for each in latency if each is not None}
    largest_batch = _largest_batch(file, profiles.values())
    file.finish()
    return ModelProfile(name, qos, profiles, description, source, licence, mergeable, splittable, largest_batch)


def _largest_batch(file: TomlFile, profiles: Iterable[LatencyProfile]) -> int | None:
    """Return the largest batch that servers take, or None where nothing is said or after noting a problem."""
    largest: int | None = file.of_type(int, "largest_batch", required=False)
    if largest is not None and largest < 1:
        file.problem(f"largest_batch must be >= 1, got {largest}", "largest_batch")
        return None
    measured = max((each.largest for each in profiles), default=None)
    if largest is not None and measured is not None and largest > measured:
        file.problem(beyond_the_profile(largest, measured), "largest_batch", hint=BEYOND_THE_PROFILE_HINT)
    return largest


def _qos(file: TomlFile) -> QosTarget | None:
    """Return the usual target of the model, or None if it has none."""
    text = file.text_at("qos", required=False)
    try:
        return QosTarget.parse(text) if text else None
    except ValueError as error:
        file.problem(str(error), "qos", hint='write it as "p99<350ms"')
        return None


def _levels(file: TomlFile) -> list[float] | None:
    """Return the cumulative probabilities of the quantile columns, or None after noting a problem."""
    levels = file.of_type(list, "quantiles")
    if levels is None:
        return None
    rising = all(map(is_number, levels)) and all(low < high for low, high in pairwise(levels))
    if not (rising and len(levels) >= 2 and levels[0] == 0 and levels[-1] == 1):
        file.problem("quantiles must rise from 0 to 1", "quantiles", hint="for example [0, 0.5, 0.9, 0.99, 1]")
        return None
    return [float(each) for each in levels]


def _profile(file: TomlFile, instance_type: str, levels: list[float]) -> LatencyProfile | None:
    """Return the profile of one type, or None after noting what is wrong with its rows."""
    at = ("latency_ms", instance_type)
    found_before = len(file.problems)
    rows = file.of_type(list, *at, hint=QUOTE_HINT if isinstance(file.value(*at), dict) else None)
    if rows == []:
        file.problem(f"{instance_type} has no rows", *at, hint=_LATENCIES_HINT)
    last = 0
    for index, row in enumerate(rows or ()):
        complaint = _row_complaint(row, len(levels) + 2, last)
        if complaint:
            file.problem(complaint[0], *at, index, hint=complaint[1])
        else:
            last = row[0]
    if len(file.problems) > found_before:
        return None
    table = np.array(rows, dtype=np.float64)
    return LatencyProfile(instance_type, table[:, 0].astype(np.int64), table[:, 1], np.array(levels), table[:, 2:])


def _row_complaint(row: Any, width: int, last: int) -> Complaint | None:
    """Return what is wrong with a row that comes after batch size `last`."""
    if not isinstance(row, list) or len(row) != width:
        got = f"{len(row)} numbers" if isinstance(row, list) else repr(row)
        return f"a row must be {width} numbers, got {got}", _ROW_HINT
    if not all(map(is_number, row)):
        return "a row may hold numbers only", _ROW_HINT
    return _size_complaint(row[0], last) or _latency_complaint(row[1], row[2:])


def _size_complaint(size: Any, last: int) -> Complaint | None:
    """Return what is wrong with a row's batch size."""
    message = batch_size_problem(size)
    if message:
        return message, None
    if size == last:
        return f"batch size {size} appears twice", "keep one row per batch size"
    return (f"batch size {size} comes after {last}", "sort the rows by batch size") if size < last else None


def _latency_complaint(mean: float, quantiles: list[float]) -> Complaint | None:
    """Return what is wrong with a row's latencies."""
    for latency in (mean, *quantiles):
        rule = broken_rule(latency)
        if rule:
            return f"latency must be {rule}, got {latency:g} ms", _MS_HINT
    if any(low > high for low, high in pairwise(quantiles)):
        return "the quantiles of a row must not fall", None
    if not quantiles[0] <= mean <= quantiles[-1]:
        return f"the mean {mean:g} ms lies outside the quantiles", None
    return None
