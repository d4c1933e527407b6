"""Query mixes: `schema = "kairos.mix/1"`, in one of four ways, or a trace as CSV.

    [[component]]                          # a mixture; shares sum to one
    share = "8/99"
    uniform = { from = 1, to = 99 }        # every whole size in the range alike
    [[component]]
    share = "91/99"
    lognormal = { mu = 5.1, sigma = 0.2, from = 100, to = 200, otherwise_from = 190, otherwise_to = 199 }

    [histogram]                            # sizes and their chances
    batch_size = [10, 100]
    probability = [0.3, 0.7]

    [empirical]                            # sizes as they were seen
    batch_size = [10, 10, 20, 300]

    [trace]                                # a CSV file with a column batch_size
    file = "queries.csv"

`round_up_to = 10` rounds every size up to a multiple, as servers that pad their batches do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.limits import batch_size_problem, is_number, whole_number
from kairos_cli.loading.mixture import check_sum, mixture, size_at
from kairos_cli.loading.text_file import csv_rows, named_at
from kairos_cli.loading.toml_file import TomlFile

SCHEMA = "kairos.mix/1"
_TRACE_LIMIT_BYTES = 2_000_000_000


def load_mix(path: Path) -> QueryMix:
    """Return the mix of a TOML file or of a trace CSV; raises InputError with all its problems."""
    if path.suffix == ".csv":
        return QueryMix.from_weights(path.stem, _trace_weights(path), f"trace {path.name}")
    return read_mix(TomlFile(path))


def read_mix(file: TomlFile) -> QueryMix:
    """Return the mix of an opened TOML file; raises InputError with all its problems."""
    read = {"component": mixture, "histogram": _histogram, "empirical": _empirical, "trace": _trace}
    file.expect_schema(SCHEMA)
    file.expect_keys(["schema", "name", "source", "description", "round_up_to", *read])
    name, source = file.text_at("name"), file.text_at("source", required=False)
    ways = sorted(set(read) & set(file.data))
    if len(ways) != 1:
        found = " and ".join(ways) or "none"
        file.problem(f"a mix is given in exactly one way, found {found}", hint=f"one of {', '.join(sorted(read))}")
    elif ways != ["component"]:
        file.of_type(dict, *ways)
    file.finish()
    weight_by_size = read[ways[0]](file)
    round_up_to = size_at(file, "round_up_to") if "round_up_to" in file.data else 1
    file.finish()
    return QueryMix.from_weights(name, _rounded_up(weight_by_size, round_up_to or 1), source)


def _rounded_up(weight_by_size: dict[int, float], multiple: int) -> dict[int, float]:
    """Return the weights with each size moved to the next multiple."""
    rounded: dict[int, float] = {}
    for size, weight in weight_by_size.items():
        up = math.ceil(size / multiple) * multiple
        rounded[up] = rounded.get(up, 0.0) + weight
    return rounded


def _histogram(file: TomlFile) -> dict[int, float]:
    """Return sizes with their chances."""
    file.expect_keys(["batch_size", "probability"], "histogram")
    sizes = _sizes(file, "histogram", "batch_size")
    chances = _chances(file, "histogram", "probability")
    if len(sizes) != len(chances) and not file.problems:
        file.problem(f"{len(sizes)} batch sizes but {len(chances)} probabilities", "histogram", "probability")
    repeated = [size for size, count in Counter(sizes).items() if count > 1]
    if repeated:
        file.problem(f"batch size {repeated[0]} appears twice", "histogram", "batch_size")
    file.finish()
    check_sum(file, math.fsum(chances), "the probabilities", "histogram", "probability")
    return dict(zip(sizes, chances, strict=True))


def _chances(file: TomlFile, *at: str) -> list[float]:
    """Return a list of probabilities."""
    chances = file.of_type(list, *at) or []
    for index, chance in enumerate(chances):
        if not (is_number(chance) and math.isfinite(chance) and chance >= 0):
            hint = "a number from 0 to 1; leave the batch size out if it does not occur"
            file.problem(f"probability must be >= 0, got {chance}", *at, index, hint=hint)
    return chances


def _empirical(file: TomlFile) -> dict[int, float]:
    """Return the sizes of a list, each as likely as it is frequent."""
    file.expect_keys(["batch_size"], "empirical")
    return dict(Counter(_sizes(file, "empirical", "batch_size")))


def _sizes(file: TomlFile, *at: str) -> list[int]:
    """Return a list of batch sizes."""
    sizes = file.of_type(list, *at)
    if sizes == []:
        file.problem("no batch size is given", *at)
    for index, size in enumerate(sizes or ()):
        message = batch_size_problem(size)
        if message:
            file.problem(message, *at, index)
    file.finish()
    return sizes or []


def _trace(file: TomlFile) -> dict[int, float]:
    """Return the sizes of the CSV file that the mix names, relative to itself."""
    file.expect_keys(["file"], "trace")
    name = file.text_at("trace", "file")
    file.finish()
    with named_at(file.source("trace", "file")):
        return _trace_weights(file.path.parent / name)


def _trace_weights(path: Path) -> dict[int, float]:
    """Return how often each batch size occurs in a trace: a CSV file with a column `batch_size`."""
    weights: Counter[Any] = Counter()
    problems = []
    for line, size in _trace_sizes(path):
        message = batch_size_problem(size)
        if message:
            problems.append(Problem(message, Source(str(path), line)))
        else:
            weights[size] += 1
    if problems:
        raise InputError(problems)
    if not weights:
        raise InputError.of("holds no query", path)
    return dict(weights)


def _trace_sizes(path: Path) -> Iterator[tuple[int, int | str]]:
    """Yield line and batch size of each row of a trace, or the cell where there is no size in it."""
    rows = csv_rows(path, _TRACE_LIMIT_BYTES)
    line, header = next(rows)
    if "batch_size" not in header:
        hint = "the first line names the columns: arrival_s,batch_size"
        raise InputError.of("has no column batch_size", Source(str(path), line), hint)
    column = header.index("batch_size")
    for line, row in rows:
        yield line, whole_number(row[column] if len(row) > column else "")
