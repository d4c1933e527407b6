"""Measured samples to a model profile: CSV in, a text of TOML out.

The CSV has the columns `model,instance,batch_size` and then any number of sample columns, each one
measured service latency in ms. Rows may have fewer samples than others: empty cells are skipped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.qos import QosTarget
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.limits import batch_size_problem, broken_rule, whole_number
from kairos_cli.loading.text_file import csv_rows
from kairos_cli.loading.toml_file import near_name

#: The quantiles a profile keeps: dense at the top, where the target is decided.
LEVELS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1)
_COLUMNS = ["model", "instance", "batch_size"]
_LARGEST_BYTES = 500_000_000

Samples = dict[str, dict[int, list[float]]]


class Imported(NamedTuple):
    """A profile made from samples, and how many samples its thinnest row rests on."""

    model: ModelProfile
    fewest_samples: int


def import_samples(
    path: Path, model: str, qos: QosTarget | None = None, source: str = "", licence: str = ""
) -> Imported:
    """Return the profile of `model` from a CSV of samples; raises InputError with all problems of the file."""
    samples = _samples(path, model)
    latency = {name: _profile(name, by_size) for name, by_size in samples.items()}
    fewest = min(len(latencies) for by_size in samples.values() for latencies in by_size.values())
    return Imported(ModelProfile(model, qos, latency, "", source, licence), fewest)


def _samples(path: Path, model: str) -> Samples:
    """Return the samples of one model; raises InputError with all problems of its rows, or if it has none."""
    rows = csv_rows(path, _LARGEST_BYTES)
    header_line, header = next(rows)
    if header[:3] != _COLUMNS:
        hint = f"the first line must begin with {','.join(_COLUMNS)}, then one column per sample"
        raise InputError.of("is no table of latency samples", Source(str(path), header_line), hint)
    problems: list[Problem] = []
    samples: Samples = {}
    models: set[str] = set()
    for line, row in rows:
        models.add(row[0])
        if row[0] == model:
            problems += _take(row, samples, Source(str(path), line))
    if problems:
        raise InputError(problems)
    if not samples:
        hint = near_name(model, sorted(models - {""}), "models in it")
        raise InputError.of(f"holds no samples of model {model!r}", path, hint)
    return samples


def _take(row: list[str], samples: Samples, source: Source) -> Iterator[Problem]:
    """Add a row to the samples, or yield what is wrong with it."""
    if len(row) < 4:
        yield Problem("the row has no sample", source)
        return
    _, instance, cell, *cells = row
    size = whole_number(cell)
    wrong_size, wrong_latency = batch_size_problem(size), _latency_problem(cells)
    if not instance:
        yield Problem("the row names no instance type", source, "the second column names the machine measured")
    elif wrong_size:
        yield Problem(wrong_size, source)
    elif wrong_latency:
        yield Problem(wrong_latency, source, "latencies are in milliseconds")
    elif size in samples.get(instance, {}):
        yield Problem(f"batch size {size} of {instance} appears twice", source, "join the samples into one row")
    else:
        samples.setdefault(instance, {})[int(size)] = [float(each) for each in cells if each.strip()]


def _latency_problem(cells: list[str]) -> str | None:
    """Return what is wrong with the samples of a row; an empty cell is none."""
    filled = [cell for cell in cells if cell.strip()]
    if not filled:
        return "latency must be a number > 0, got none"
    for cell in filled:
        rule = broken_rule(_number(cell))
        if rule:
            return f"latency must be a number {rule}, got {cell!r}"
    return None


def _number(cell: str) -> float:
    """Return the number in a cell, or NaN if there is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _profile(instance: str, by_size: dict[int, list[float]]) -> LatencyProfile:
    """Return mean and quantiles of the samples of one instance type, sorted by batch size."""
    sizes = sorted(by_size)
    quantile_ms = np.array([np.quantile(by_size[size], LEVELS) for size in sizes])
    mean_ms = np.array([math.fsum(by_size[size]) / len(by_size[size]) for size in sizes])
    return LatencyProfile(instance, np.array(sizes, dtype=np.int64), mean_ms, np.array(LEVELS), quantile_ms)


def profile_text(model: ModelProfile) -> str:
    """Return the model profile as the TOML text that loading.model reads."""
    head = [
        'schema = "kairos.model/1"',
        f"name = {_quoted(model.name)}",
        *(f"{key} = {_quoted(text)}" for key, text in (("source", model.source), ("licence", model.licence)) if text),
        *([f"qos = {_quoted(str(model.qos))}"] if model.qos else []),
        *([] if model.mergeable else ["mergeable = false"]),
        *([] if model.splittable else ["splittable = false"]),
        *([f"largest_batch = {model.largest_batch}"] if model.largest_batch else []),
        f"quantiles = [{', '.join(f'{level:g}' for level in _level(model))}]",
        "",
        "[latency_ms]",
        "# batch size, mean, then one latency for each quantile",
    ]
    tables = [line for profile in model.latency.values() for line in _rows(profile)]
    return "\n".join([*head, *tables]) + "\n"


def _level(model: ModelProfile) -> list[float]:
    """Return the levels of a model's quantiles, which all its types have alike."""
    profile = next(iter(model.latency.values()))
    return [float(level) for level in profile.level]


def _rows(profile: LatencyProfile) -> Iterator[str]:
    yield f"{_quoted(profile.instance_type)} = ["
    for size, mean, quantiles in zip(profile.batch_size, profile.mean_ms, profile.quantile_ms, strict=True):
        yield f"  [{size}, {', '.join(_decimal(each) for each in (mean, *quantiles))}],"
    yield "]"


def _decimal(value: float) -> str:
    """Return a latency to six digits: finer than any clock it was taken with."""
    return f"{value:.6g}"


def _quoted(text: str) -> str:
    """Return a TOML basic string: that of JSON, but TOML has the delete character escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
