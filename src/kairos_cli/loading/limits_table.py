"""The limits of `kairos check`: the table [limits] of a scenario, each key of which a flag may override.

[limits]
max_cost = 2.5                       # $/h
max_cost_increase = "5%"             # against --baseline
min_qps = 100
qos = ["p99<350ms", "p50<120ms"]     # or one text
min_headroom = "20%"                 # shares may be numbers too: 0.2
max_gap = "5%"
tolerate_loss = 1
fresh_prices = "30d"                 # warns
pool_unchanged = { limit = "5%", level = "warn" }
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kairos_cli.domain.limit import UNIT, Level, Limit
from kairos_cli.domain.qos import QosTarget
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.constraints import MOST_LOST
from kairos_cli.loading.limits import broken_rule, is_number
from kairos_cli.loading.toml_file import TomlFile, near_name

#: Each limit and its flag.
FLAG_BY_LIMIT = {name: f"--{name.replace('_', '-')}" for name in UNIT}
_LEVELS = ("fail", "warn")
#: Prices age by themselves: that alone should stop nobody's work.
_USUAL_LEVEL: dict[str, Level] = {"fresh_prices": "warn"}
_DAYS = {"d": 1, "w": 7}
_NONE_HINT = "--max-cost 2.5 or another limit (`kairos check --help`), or a table [limits] in the scenario"


def read_limits(file: TomlFile | None, flags: Mapping[str, Any], checked: Source | None = None) -> tuple[Limit, ...]:
    """Return the limits of a scenario file and of flags; a flag takes the place of the file's entry.

    `flags` maps names of limits to the text, or the list of texts, that was given. Raises InputError with all
    problems, and where there is no limit at all: a check of nothing must not pass; `checked` is then blamed.
    """
    given = {name: value for name, value in flags.items() if value}
    problems: list[Problem] = []
    found = [*_of_flags(given, problems)]
    if file is not None:
        found += _of_table(file, given, problems)
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError.of("there is no limit to check", checked, _NONE_HINT)
    return tuple(sorted(found, key=lambda each: list(UNIT).index(each.name)))


def table_problems(file: TomlFile) -> list[Problem]:
    """Return all that is wrong with the limits of a file, if it has any."""
    problems: list[Problem] = []
    _of_table(file, {}, problems)
    return problems


def _of_flags(given: Mapping[str, Any], problems: list[Problem]) -> Iterator[Limit]:
    for name, value in given.items():
        for text in [value] if isinstance(value, str) else value:
            limit = _limit(name, text, _USUAL_LEVEL.get(name, "fail"), Source(FLAG_BY_LIMIT[name]), problems)
            yield from [limit] if limit else []


def _of_table(file: TomlFile, given: Mapping[str, Any], problems: list[Problem]) -> list[Limit]:
    """Return the limits of the table that no flag overrides."""
    table = file.of_type(dict, "limits", required=False) or {}
    file.expect_keys(UNIT, "limits")
    entries = [(name, value) for name, value in table.items() if name in UNIT and name not in given]
    found: list[Problem] = []
    limits = [limit for name, value in entries for limit in _of_entry(file, name, value, found)]
    problems.extend(sorted([*file.problems, *found], key=lambda each: (each.source and each.source.line) or 0))
    file.problems.clear()  # told here; who reads the rest of the file would tell them again
    return limits


def _of_entry(file: TomlFile, name: str, value: Any, problems: list[Problem]) -> Iterator[Limit]:
    """Yield the limits of an entry: a plain value, a list of targets, or a table with a level."""
    level: Any = _USUAL_LEVEL.get(name, "fail")
    source = file.source("limits", name)
    if isinstance(value, dict):
        file.expect_keys(("limit", "level"), "limits", name)
        value, level = value.get("limit"), value.get("level", level)
        if level not in _LEVELS:
            problems.append(Problem(f"there is no level {level!r}", source, near_name(str(level), _LEVELS, "levels")))
            return
    for each in value if name == "qos" and isinstance(value, list) and value else [value]:
        limit = _limit(name, each, level, source, problems)
        if limit:
            yield limit


def _limit(name: str, value: Any, level: Level, source: Source, problems: list[Problem]) -> Limit | None:
    """Return the limit of a raw value, or None after noting why it cannot be read."""
    try:
        if name == "qos":
            target = QosTarget.parse(str(value))
            return Limit(name, target.latency_ms, level, source, target.percentile)
        return Limit(name, _READ[name](value), level, source)
    except ValueError as error:
        reason = str(error) or f"cannot read the limit {value!r} of {name}"
        problems.append(Problem(reason, source, f"write it as {_EXAMPLE[name]}"))
        return None


def _number(value: Any) -> float:
    """Return a number given as such or as text; raises ValueError without words for anything else."""
    if is_number(value):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else float("nan")
    except ValueError:
        return float("nan")


def _positive(value: Any) -> float:
    number = _number(value)
    if number != number:
        raise ValueError
    rule = broken_rule(number)
    if rule:
        raise ValueError(f"the limit must be {rule}, got {number:g}")
    return number


def _percent(value: Any) -> float:
    """Return a share in per cent; a number without the sign is a share, and 5 more likely a slip than 500 %."""
    text = str(value).strip()
    number = _number(text.removesuffix("%") if isinstance(value, str) else value)
    percent = number if text.endswith("%") else number * 100
    if percent != percent or (not text.endswith("%") and percent >= 100):
        raise ValueError
    if not 0 <= percent <= 1e6:
        raise ValueError(f"the limit must be >= 0%, got {text}")
    return round(percent, 9)


def _headroom(value: Any) -> float:
    percent = _percent(value)
    if percent >= 100:
        raise ValueError(f"the headroom must be below 100%, got {percent:g}%: it is a share of the verified rate")
    return percent


def _losses(value: Any) -> float:
    number = _number(value)
    if not (abs(number) < 1e9 and number == int(number)):
        raise ValueError
    if not 1 <= number <= MOST_LOST:
        raise ValueError(f"the number of losses must be 1 to {MOST_LOST}, got {number:g}")
    return number


def _days(value: Any) -> float:
    match = re.fullmatch(r"\s*(\d{1,5})\s*([dw])\s*", str(value))
    if match is None:
        raise ValueError
    return float(int(match[1]) * _DAYS[match[2]])


_READ: dict[str, Callable[[Any], float]] = {
    "max_cost": _positive,
    "max_cost_increase": _percent,
    "min_qps": _positive,
    "min_headroom": _headroom,
    "max_gap": _percent,
    "tolerate_loss": _losses,
    "fresh_prices": _days,
    "pool_unchanged": _percent,
}
_EXAMPLE = {
    "max_cost": "2.5, in $ per hour",
    "max_cost_increase": '"5%"',
    "min_qps": "100, in queries per second",
    "qos": '"p99<350ms"',
    "min_headroom": '"20%"',
    "max_gap": '"5%"',
    "tolerate_loss": "1",
    "fresh_prices": '"30d", in days or weeks ("4w")',
    "pool_unchanged": '"5%"',
}
