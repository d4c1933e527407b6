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

import csv
import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.errors import InputError, Source
from kairos_cli.loading.toml_file import TomlFile, read_text

SCHEMA = "kairos.mix/1"
#: How far the chances of a mix may be from summing to one: room for rounded decimals, not for a lost row.
SUM_TOLERANCE = 1e-4
LARGEST_BATCH_SIZE = 1_000_000
_WAYS = {"component", "histogram", "empirical", "trace"}
_TRACE_LIMIT_BYTES = 2_000_000_000


def load_mix(path: Path) -> QueryMix:
    """Return the mix of a TOML file or of a trace CSV; raises InputError with all its problems."""
    if path.suffix == ".csv":
        return QueryMix.from_weights(path.stem, _trace_weights(path), f"trace {path.name}")
    file = TomlFile(path)
    file.expect_schema(SCHEMA)
    file.expect_keys(["schema", "name", "source", "description", "round_up_to", *sorted(_WAYS)])
    name, source = file.text_at("name"), file.text_at("source", required=False)
    ways = sorted(_WAYS & set(file.data))
    if len(ways) != 1:
        found = " and ".join(ways) or "none"
        file.problem(f"a mix is given in exactly one way, found {found}", hint=f"one of {', '.join(sorted(_WAYS))}")
    file.finish()
    read = {"component": _mixture, "histogram": _histogram, "empirical": _empirical, "trace": _trace}
    weight_by_size = read[ways[0]](file)
    round_up_to = _whole(file, 1, "round_up_to", default=1)
    file.finish()
    rounded: Counter[int] = Counter()
    for size, weight in weight_by_size.items():
        rounded[math.ceil(size / round_up_to) * round_up_to] += weight  # type: ignore[assignment]
    return QueryMix.from_weights(name, dict(rounded), source)


def _mixture(file: TomlFile) -> dict[int, float]:
    """Return the chances of a mixture of distributions."""
    weights: Counter[int] = Counter()
    total = 0.0
    for index, _ in enumerate(file.of_type(list, "component") or []):
        at = ("component", index)
        file.expect_keys(["share", "uniform", "lognormal"], *at)
        share = _share(file, *at, "share")
        total += share
        if file.value(*at, "lognormal") is not None:
            part = _lognormal(file, *at, "lognormal")
        else:
            part = _uniform(*_range(file, *at, "uniform"))
        for size, chance in part.items():
            weights[size] += share * chance  # type: ignore[assignment]
    _check_sum(file, total, "the shares of the components", "component")
    return dict(weights)


def _uniform(first: int, last: int) -> dict[int, float]:
    return dict.fromkeys(range(first, last + 1), 1 / (last + 1 - first))


def _lognormal(file: TomlFile, *at: str | int) -> dict[int, float]:
    """Return a log-normal size, rounded up, kept inside a range; what falls outside is uniform elsewhere."""
    file.expect_keys(["mu", "sigma", "from", "to", "otherwise_from", "otherwise_to"], *at)
    mu, sigma = (file.positive_at(*at, key, what=key) or 1.0 for key in ("mu", "sigma"))
    first, last = _range(file, *at)
    outside = _range(file, *at, prefix="otherwise_")

    def below(size: int) -> float:
        return 0.5 * (1 + math.erf((math.log(size) - mu) / sigma / math.sqrt(2)))

    # A size between two whole numbers counts as the next one, so `first` itself has no width.
    inside = {high: below(high) - below(low) for low, high in pairwise(range(first, last + 1))}
    rest = 1 - sum(inside.values())
    weights = Counter(inside)
    for size, chance in _uniform(*outside).items():
        weights[size] += rest * chance  # type: ignore[assignment]
    return dict(weights)


def _histogram(file: TomlFile) -> dict[int, float]:
    """Return sizes with their chances."""
    file.expect_keys(["batch_size", "probability"], "histogram")
    sizes = _sizes(file, "histogram", "batch_size")
    chances = file.of_type(list, "histogram", "probability") or []
    if len(sizes) != len(chances) and not file.problems:
        file.problem(f"{len(sizes)} batch sizes but {len(chances)} probabilities", "histogram", "probability")
    for index, chance in enumerate(chances):
        number = isinstance(chance, int | float) and not isinstance(chance, bool) and math.isfinite(chance)
        if not number or chance < 0:
            file.problem(f"probability must be >= 0, got {chance}", "histogram", "probability", index)
    repeated = [size for size, count in Counter(sizes).items() if count > 1]
    if repeated:
        file.problem(f"batch size {repeated[0]} appears twice", "histogram", "batch_size")
    file.finish()
    _check_sum(file, math.fsum(chances), "the probabilities", "histogram", "probability")
    return dict(zip(sizes, chances, strict=True))


def _empirical(file: TomlFile) -> dict[int, float]:
    """Return the sizes of a list, each as likely as it is frequent."""
    file.expect_keys(["batch_size"], "empirical")
    return dict(Counter(_sizes(file, "empirical", "batch_size")))


def _trace(file: TomlFile) -> dict[int, float]:
    """Return the sizes of the CSV file that the mix names, relative to itself."""
    file.expect_keys(["file"], "trace")
    name = file.text_at("trace", "file")
    file.finish()
    return _trace_weights(file.path.parent / name)


def _trace_weights(path: Path) -> dict[int, float]:
    """Return how often each batch size occurs in a trace: a CSV file with a column `batch_size`."""
    rows = csv.reader(read_text(path, _TRACE_LIMIT_BYTES).splitlines())
    header = next(rows)
    if "batch_size" not in header:
        hint = "the first line names the columns: arrival_s,batch_size"
        raise InputError.of("has no column batch_size", Source(str(path), 1), hint)
    column = header.index("batch_size")
    weights: Counter[int] = Counter()
    for row in rows:
        size = row[column] if len(row) > column else ""
        if not size.isdecimal() or not 1 <= int(size) <= LARGEST_BATCH_SIZE:
            message = f"batch size must be a whole number >= 1, got {size!r}"
            raise InputError.of(message, Source(str(path), rows.line_num))
        weights[int(size)] += 1
    if not weights:
        raise InputError.of("holds no query", path)
    return dict(weights)


def _sizes(file: TomlFile, *at: str) -> list[int]:
    """Return a list of batch sizes."""
    sizes = file.of_type(list, *at) or []
    if not sizes and not file.problems:
        file.problem("no batch size is given", *at)
    for index, size in enumerate(sizes):
        if not _is_size(size):
            file.problem(f"batch size must be a whole number >= 1, got {size!r}", *at, index)
    file.finish()
    return sizes


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_BATCH_SIZE


def _whole(file: TomlFile, smallest: int, *at: str | int, default: int | None = None) -> int:
    """Return a whole number in range, or `smallest` after noting a problem."""
    value = file.of_type(int, *at, required=default is None)
    if value is None:
        return default if default is not None else smallest
    if not smallest <= value <= LARGEST_BATCH_SIZE:
        file.problem(f"{at[-1]!r} must lie between {smallest} and {LARGEST_BATCH_SIZE}, got {value}", *at)
        return smallest
    return int(value)


def _range(file: TomlFile, *at: str | int, prefix: str = "") -> tuple[int, int]:
    """Return the `from` and `to` of a table, in order."""
    if file.of_type(dict, *at) is None:
        return 1, 1
    first = _whole(file, 1, *at, f"{prefix}from")
    last = _whole(file, 1, *at, f"{prefix}to")
    if last < first:
        file.problem(f"'{prefix}to' is {last}, less than '{prefix}from' {first}", *at)
        return 1, 1
    return first, last


def _share(file: TomlFile, *at: str | int) -> float:
    """Return a share given as a number or as a fraction such as "8/99"."""
    value = file.value(*at)
    try:
        share = float(Fraction(value))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        share = math.nan
    if isinstance(value, bool) or not 0 < share <= 1:
        file.problem(f"'share' must lie between 0 and 1, got {value!r}", *at, hint='a number, or a text like "8/99"')
        return 0.0
    return share


def _check_sum(file: TomlFile, total: float, what: str, *at: str) -> None:
    """Note chances that do not sum to one, unless they are wrong in another way already."""
    if not file.problems and abs(total - 1) > SUM_TOLERANCE:
        file.problem(f"{what} sum to {total:.6g}, not to 1", *at)
