"""Model profiles: `schema = "kairos.model/1"`.

    quantiles = [0, 0.5, 0.99, 1]

    [latency_ms]
    "g4dn.xlarge" = [
      # batch_size, mean, then one latency for each quantile
      [10, 5.39, 5.26, 5.37, 5.58, 5.59],
    ]

One row a line: a row reads well, a change to it shows well in a diff, and an error names its line.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.qos import QosTarget
from kairos_cli.loading.toml_file import TomlFile

SCHEMA = "kairos.model/1"
_KEYS = ["schema", "name", "description", "source", "licence", "qos", "quantiles", "latency_ms"]


def load_model(path: Path) -> ModelProfile:
    """Return the model profile of a file; raises InputError with all its problems."""
    file = TomlFile(path)
    file.expect_schema(SCHEMA)
    file.expect_keys(_KEYS)
    name = file.text_at("name")
    qos = qos_at(file, "qos", required=False)
    levels = _levels(file)
    rows_by_type = file.of_type(dict, "latency_ms") or {}
    if not rows_by_type and not file.problems:
        file.problem("no instance type has a latency profile", "latency_ms")
    latency = {each: _profile(file, each, levels) for each in rows_by_type}
    description, source, licence = (file.text_at(key, required=False) for key in ("description", "source", "licence"))
    file.finish()
    profiles = {each: profile for each, profile in latency.items() if profile is not None}
    return ModelProfile(name, qos, profiles, description, source, licence)


def qos_at(file: TomlFile, *at: str, required: bool) -> QosTarget | None:
    """Return the QoS target that the text at `at` states."""
    text = file.text_at(*at, required=required)
    try:
        return QosTarget.parse(text) if text else None
    except ValueError as error:
        file.problem(str(error), *at, hint='write it as "p99<350ms"')
        return None


def _levels(file: TomlFile) -> list[float]:
    """Return the cumulative probabilities of the quantile columns."""
    levels = file.of_type(list, "quantiles") or []
    numbers = [each for each in levels if isinstance(each, int | float) and not isinstance(each, bool)]
    rising = len(numbers) == len(levels) and all(low < high for low, high in pairwise(numbers))
    if levels and not (rising and len(levels) >= 2 and levels[0] == 0 and levels[-1] == 1):
        file.problem("quantiles must rise from 0 to 1", "quantiles", hint="for example [0, 0.5, 0.9, 0.99, 1]")
    return [float(each) for each in numbers]


def _profile(file: TomlFile, instance_type: str, levels: list[float]) -> LatencyProfile | None:
    """Return the profile of one type, or None after noting what is wrong with its rows."""
    at = ("latency_ms", instance_type)
    found_before = len(file.problems)
    rows = file.of_type(list, *at) or []
    if not rows and len(file.problems) == found_before:
        file.problem(f"{instance_type} has no rows", *at)
    smallest_allowed = 1
    for index, row in enumerate(rows):
        problem = _row_problem(row, len(levels) + 2, smallest_allowed)
        if problem:
            file.problem(*problem[:1], *at, index, hint=problem[1])
        elif isinstance(row[0], int):
            smallest_allowed = row[0] + 1
    if len(file.problems) > found_before or not levels:
        return None
    table = np.array(rows, dtype=np.float64)
    return LatencyProfile(instance_type, table[:, 0].astype(np.int64), table[:, 1], np.array(levels), table[:, 2:])


def _row_problem(row: Any, width: int, smallest_allowed: int) -> tuple[str, str | None] | None:
    """Return what is wrong with a row of latencies, and a hint."""
    if not isinstance(row, list) or len(row) != width:
        got = f"{len(row)} numbers" if isinstance(row, list) else repr(row)
        return f"a row must be {width} numbers, got {got}", "batch size, mean, then one latency per quantile"
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in row):
        return "a row may hold numbers only", None
    batch_size, latencies = row[0], row[1:]
    if not isinstance(batch_size, int) or batch_size < 1:
        return f"batch size must be a whole number >= 1, got {batch_size!r}", None
    if batch_size < smallest_allowed:
        same = batch_size == smallest_allowed - 1
        return (
            (f"batch size {batch_size} appears twice", "keep one row per batch size")
            if same
            else (
                f"batch size {batch_size} comes after {smallest_allowed - 1}",
                "sort the rows by batch size",
            )
        )
    for latency in latencies:
        if not math.isfinite(latency) or latency <= 0:
            return (
                f"latency must be > 0, got {latency:g} ms",
                "latencies are in milliseconds; leave the row out if it was not measured",
            )
    if any(low > high for low, high in pairwise(row[2:])):
        return "the quantiles of a row must not fall", None
    if not row[2] <= row[1] <= row[-1]:
        return f"the mean {row[1]:g} ms lies outside the quantiles", None
    return None
