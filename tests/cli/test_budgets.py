"""Budgets as they are written on the command line, and every way to write them wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.cli.budgets import budgets_of
from kairos_cli.errors import Source
from tests.planner.tables import law

FLAG = Source("--budgets")
HOW = "write --budgets 1:20:0.5 for start:stop:step, or --budgets 1,2.5,5; in $/h"


@pytest.mark.parametrize(
    ("text", "budgets"),
    [
        ("1:3:0.5", [1.0, 1.5, 2.0, 2.5, 3.0]),
        ("0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("1:2:0.4", [1.0, 1.4, 1.8]),
        ("2:2:1", [2.0]),
        ("2.5", [2.5]),
        ("1,2.5,5", [1.0, 2.5, 5.0]),
        ("5, 1, 2.5, 1.0", [1.0, 2.5, 5.0]),
        ("1:3:1,10,2", [1.0, 2.0, 3.0, 10.0]),
    ],
)
def test_ranges_and_lists(text: str, budgets: list[float]) -> None:
    """The stop is included where a step falls on it; a list is put in order and loses its repeats."""
    assert (budgets, []) == budgets_of(text, FLAG)


@law(200)
@given(st.integers(1, 10_000), st.integers(1, 200), st.integers(0, 999))
def test_a_range_in_cents_is_what_counting_cents_gives(start: int, step: int, steps: int) -> None:
    """Whatever binary fractions make of it, the stop is there, once, and each budget is as if it were typed."""
    cents = [start + each * step for each in range(steps + 1)]
    budgets, problems = budgets_of(f"{start / 100}:{cents[-1] / 100}:{step / 100}", FLAG)

    assert [] == problems
    assert [float(f"{each // 100}.{each % 100:02}") for each in cents] == budgets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, ["no budgets are given"]),
        ("", ["no budgets are given"]),
        ("1:20", ["cannot read '1:20'"]),
        ("1:20:1:1", ["cannot read '1:20:1:1'"]),
        ("a:b:c", ["cannot read 'a:b:c'"]),
        ("1,much,3", ["cannot read 'much'"]),
        ("1,,3", ["cannot read ''"]),
        ("1:20:0", ["the step of '1:20:0' must be a number > 0, got 0 $/h"]),
        ("1:20:-0.5", ["the step of '1:20:-0.5' must be a number > 0, got -0.5 $/h"]),
        ("20:1:0.5", ["'20:1:0.5' stops before it starts"]),
        ("0:20:0.5", ["the start of '0:20:0.5' must be a number > 0, got 0 $/h"]),
        ("1,-2.5", ["a budget must be a number > 0, got -2.5 $/h"]),
        ("nan", ["a budget must be a number > 0, got nan $/h"]),
        ("1:inf:1", ["the stop of '1:inf:1' must be a number > 0, got inf $/h"]),
        ("1:1e300:1", ["the stop of '1:1e300:1' must be a number <= 1e+09, got 1e+300 $/h"]),
        ("1:2:1e-30", ["the step of '1:2:1e-30' must be a number >= 1e-09, got 1e-30 $/h"]),
        (
            "0,x,5:1:0",
            [
                "a budget must be a number > 0, got 0 $/h",
                "cannot read 'x'",
                "the step of '5:1:0' must be a number > 0, got 0 $/h",
            ],
        ),
    ],
)
def test_wrong_budgets(text: str | None, said: list[str]) -> None:
    """Each thing wrong is said, all at once, with the flag and how to write it."""
    budgets, problems = budgets_of(text, FLAG)

    assert ([], said) == (budgets, [each.message for each in problems])
    assert {(FLAG, HOW)} == {(each.source, each.hint) for each in problems}


@pytest.mark.parametrize(("text", "number"), [("1:1000.5:0.5,2000", 2001), ("1e-9:1e9:1e-9", 10**18)])
def test_too_many_budgets(text: str, number: int) -> None:
    """A thousand are the most; more are counted, not made."""
    _, (problem,) = budgets_of(text, FLAG)

    assert f"these are {number} budgets, 1000 are the most" == problem.message
    assert "take larger steps or a shorter range" == problem.hint
    assert 1000 == len(budgets_of("1:1000:1", FLAG)[0])
