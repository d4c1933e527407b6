"""The budgets of a curve, as they are written on the command line: `1:20:0.5`, `1,2.5,5`, or both together."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from kairos_cli.errors import Problem, Source
from kairos_cli.loading.limits import broken_rule

#: More than any curve needs, and hours of work.
MOST_BUDGETS = 1000
_HOW = "write --budgets 1:20:0.5 for start:stop:step, or --budgets 1,2.5,5; in $/h"


def budgets_of(text: str | None, flag: Source) -> tuple[list[float], list[Problem]]:
    """Return the budgets of a text in $/h, rising and without repeats, or else all that is wrong with it.

    A text is a list of numbers and of ranges start:stop:step, whose stop is included where a step falls on it.
    """
    if not text:
        return [], [Problem("no budgets are given", flag, _HOW)]
    parts = [part.strip() for part in text.split(",")]
    problems = [problem for part in parts for problem in _problems(part, flag)]
    if problems:
        return [], problems
    ranges = [_range(part) for part in parts]
    number = sum(_steps(*each) for each in ranges)
    if number > MOST_BUDGETS:
        message = f"these are {number} budgets, {MOST_BUDGETS} are the most"
        return [], [Problem(message, flag, "take larger steps or a shorter range")]
    return sorted({float(each[0] + step * each[2]) for each in ranges for step in range(_steps(*each))}), []


def _problems(part: str, flag: Source) -> Iterator[Problem]:
    """Yield what is wrong with a number or a range."""
    shown = repr(part[:80])
    try:
        values = [float(each) for each in part.split(":")]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        yield Problem(f"cannot read {shown}", flag, _HOW)
        return
    names = ["a budget"] if len(values) == 1 else [f"the {name} of {shown}" for name in ("start", "stop", "step")]
    broken = [(name, value, rule) for name, value in zip(names, values, strict=True) if (rule := broken_rule(value))]
    for name, value, rule in broken:
        yield Problem(f"{name} must be a number {rule}, got {value:g} $/h", flag, _HOW)
    if not broken and len(values) == 3 and values[1] < values[0]:
        yield Problem(f"{shown} stops before it starts", flag, _HOW)


def _range(part: str) -> tuple[Decimal, Decimal, Decimal]:
    """Return start, stop and step, a single number as a range of one.

    In decimal numbers, as they are written: in binary ones 0.1 + 2 x 0.1 is above 0.3, and would miss it.
    """
    values = [Decimal(each.strip()) for each in part.split(":")]
    start, stop, step = values if len(values) == 3 else (values[0], values[0], Decimal(1))
    return start, stop, step


def _steps(start: Decimal, stop: Decimal, step: Decimal) -> int:
    return int((stop - start) // step) + 1
