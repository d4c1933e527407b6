"""Constraints and the names of purchase options."""

from __future__ import annotations

import pytest

from kairos_cli.domain.constraints import Constraints, columns_by_machine, spot_columns
from kairos_cli.domain.prices import machine_of, matches, purchase_of

NAMES = ("fast", "fast:spot", "fast:reserved", "slow")


@pytest.mark.parametrize(
    ("name", "machine", "purchase"),
    [
        ("g4dn.xlarge", "g4dn.xlarge", "on-demand"),
        ("g4dn.xlarge:spot", "g4dn.xlarge", "spot"),
        ("g4dn.xlarge:on-demand", "g4dn.xlarge", "on-demand"),
        ("my:machine", "my:machine", "on-demand"),
        ("spot", "spot", "on-demand"),
    ],
)
def test_names(name: str, machine: str, purchase: str) -> None:
    """A purchase option after a colon is no part of the type; any other colon is."""
    assert (machine, purchase) == (machine_of(name), purchase_of(name))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("fast", ["fast", "fast:spot", "fast:reserved"]),
        ("fast:spot", ["fast:spot"]),
        ("fast:on-demand", ["fast"]),
        ("fas", []),
    ],
)
def test_a_bare_name_is_all_options(asked: str, expected: list[str]) -> None:
    """A bare name is every purchase option of the type, one with an option is that alone."""
    assert expected == [name for name in NAMES if matches(asked, name)]


def test_caps_count_the_columns_of_a_type_together() -> None:
    """A cap on a type counts all its options; one on an option counts that; of two the smaller limits a column."""
    constraints = Constraints({"fast": 5, "fast:spot": 2, "other": 1})

    assert [([0, 1, 2], 5), ([1], 2)] == constraints.caps(NAMES)
    assert [5, 2, 5, None] == [constraints.most_of(name) for name in NAMES]


def test_columns() -> None:
    """Options of one type are one machine."""
    assert [1] == spot_columns(NAMES)
    assert {"fast": [0, 1, 2], "slow": [3]} == columns_by_machine(NAMES)
