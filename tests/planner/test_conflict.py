"""Constraints that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.conflict import smallest_conflict
from tests.planner.tables import toy

#: big costs 1 $/h and aux 0.30; both stand in zone x, aux in y too; big is sold as spot for 0.50.
PRICES = PriceList(
    "market",
    "nowhere",
    "made up",
    (
        InstanceType("big", 1.0, zones=("x",)),
        InstanceType("big:spot", 0.5, 0.9, ("x",)),
        InstanceType("aux", 0.3, zones=("x", "y")),
    ),
)


def question(caps: dict[str, int] | None = None, **values: Any) -> Scenario:
    """Return a toy question over that price list; what is no value of a scenario is a constraint."""
    of_scenario = {key: values.pop(key) for key in ("budget_usd_per_hour", "only", "purchase") if key in values}
    return toy(prices=PRICES, constraints=Constraints(caps or {}, **values), **of_scenario)


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"min_types": 2, "budget_usd_per_hour": 1.3}, [], id="just enough for two types"),
        pytest.param({"min_types": 3}, ["min_types"], id="more types than there are"),
        pytest.param({"min_zones": 3}, ["min_zones"], id="more zones than there are"),
        pytest.param({"min_types": 2, "budget_usd_per_hour": 1.2}, ["min_types", "budget_usd_per_hour"],
                     id="two types too dear"),
        pytest.param({"min_types": 2, "only": ("big",)}, ["min_types", "only"], id="one type only"),
        pytest.param({"min_zones": 2, "caps": {"aux": 0}}, ["min_zones", "max_instances"], id="one zone left"),
        pytest.param({"tolerate_loss": 2, "budget_usd_per_hour": 0.8}, ["tolerate_loss", "budget_usd_per_hour"],
                     id="the budget buys two"),
        pytest.param({"tolerate_loss": 1, "caps": {"big": 1, "aux": 0}}, ["tolerate_loss", "max_instances"],
                     id="the caps leave one"),
        pytest.param({"max_spot_share": 0.5, "purchase": ("spot",)}, ["max_spot_share", "purchase"],
                     id="nothing but spot"),
        pytest.param({"min_types": 2, "tolerate_loss": 1, "max_spot_share": 0.1, "budget_usd_per_hour": 0.9,
                      "purchase": ("on-demand", "spot")}, ["min_types", "max_spot_share", "budget_usd_per_hour"],
                     id="three of five"),
    ],
)  # fmt: skip
def test_the_smallest_set(asked: dict[str, Any], keys: list[str]) -> None:
    """Those constraints are named that no pool keeps together, and no fewer would do."""
    found, _ = smallest_conflict(question(**asked))

    assert keys == list(found)


def test_only_the_caps_that_matter_are_kept() -> None:
    """Of three caps the two that leave no second instance are part of the contradiction."""
    asked = question({"big": 1, "aux": 0, "big:spot": 5}, tolerate_loss=1)
    _, needed = smallest_conflict(asked)

    assert {"big": 1, "aux": 0} == needed.constraints.max_instances


def test_no_pool_that_is_fast_enough_is_no_contradiction() -> None:
    """aux alone is late with half of the queries: that is an answer to give, not a mistake to name."""
    found, _ = smallest_conflict(question(min_types=1, tolerate_loss=1, only=("aux",), budget_usd_per_hour=5.0))

    assert [] == list(found)
