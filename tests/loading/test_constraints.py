"""Constraints and purchase options of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.errors import InputError
from kairos_cli.loading.scenario import load_scenario
from tests.loading.files import PRICES, SCENARIO, Complaint, complaints, spoilt, write_files

SPOT = spoilt(PRICES, "= 0.5 }", '= 0.5, spot_discount = 0.6, spot_availability = 0.9, zones = ["b", "a"] }')
SHARE_HINT = 'write it as 0.5 or "50%"'
OFFER_HINT = "its entries say so with spot_discount and spot_availability, or with reserved_discount"


def folder(tmp_path: Path, lines: str, prices: str = SPOT) -> Path:
    return write_files(tmp_path, scenario=SCENARIO + lines, prices=prices) / "scenario.toml"


def test_all_constraints(tmp_path: Path) -> None:
    """A scenario file holds every constraint; options come in their own order."""
    scenario = load_scenario(folder(tmp_path, (
        'purchase = ["spot", "on-demand"]\nmax_instances = { "fast.large:spot" = 3, "slow.small" = 2 }\n'
        'max_spot_share = "25%"\nmin_types = 2\nmin_zones = 2\ntolerate_loss = 1\nonly = ["fast.large:spot"]\n'
    )))  # fmt: skip

    assert Constraints({"fast.large:spot": 3, "slow.small": 2}, 0.25, 2, 2, 1) == scenario.constraints
    assert ("on-demand", "spot") == scenario.purchase
    assert ("fast.large:spot",) == scenario.only


@pytest.mark.parametrize(("given", "share"), [("0.5", 0.5), ("'0.5'", 0.5), ("'50%'", 0.5), ("1", 1.0), ("'0 %'", 0.0)])
def test_shares(tmp_path: Path, given: str, share: float) -> None:
    """A share is a number, a number as text, or per cent."""
    path = folder(tmp_path, f"purchase = ['spot', 'on-demand']\nmax_spot_share = {given}\n")

    assert share == load_scenario(path).constraints.max_spot_share


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("max_spot_share = 1.5", ("the spot share must lie between 0 and 1, got 1.5", SHARE_HINT)),
        ("max_spot_share = -0.1", ("the spot share must lie between 0 and 1, got -0.1", SHARE_HINT)),
        ("max_spot_share = '150%'", ("the spot share must lie between 0 and 1, got '150%'", SHARE_HINT)),
        ("max_spot_share = 'half'", ("the spot share must lie between 0 and 1, got 'half'", SHARE_HINT)),
        ("max_spot_share = nan", ("the spot share must lie between 0 and 1, got nan", SHARE_HINT)),
        ("max_spot_share = true", ("the spot share must lie between 0 and 1, got True", SHARE_HINT)),
        ("max_spot_share = 0.5", (
            "a limit on the spot share, but only on-demand instances may be bought",
            "--purchase on-demand --purchase spot",
        )),
        ("purchase = ['sopt']", ("there is no purchase option 'sopt'", "did you mean 'spot'?")),
        ("purchase = ['xyz']", ("there is no purchase option 'xyz'", "options: on-demand, spot, reserved")),
        ("purchase = []", ("'purchase' must be a list of purchase options", 'purchase = ["on-demand", "spot"]')),
        ("purchase = 'spot'", ("'purchase' must be a list of purchase options", 'purchase = ["on-demand", "spot"]')),
        ("purchase = ['reserved']", ("the price list list has no reserved price for any type", OFFER_HINT)),
        ("min_types = 0", ("'min_types' must be a whole number >= 1, got 0", None)),
        ("min_zones = -1", ("'min_zones' must be a whole number >= 0, got -1", None)),
        ("min_zones = '2'", ("'min_zones' must be a whole number >= 0, got '2'", None)),
        ("tolerate_loss = 1.5", ("'tolerate_loss' must be a whole number >= 0, got 1.5", None)),
        ("tolerate_loss = 6", (
            "'tolerate_loss' must be at most 5, got 6",
            "the rate is that after the worst of all ways to lose so many instances",
        )),
        ("only = ['fast.large:spot']", (
            "fast.large:spot is asked for, but spot is not among the purchase options", "--purchase spot",
        )),
        ("max_instances = { 'slow.small:spot' = 1 }", (
            "the price list list does not sell slow.small as spot", OFFER_HINT,
        )),
        ("max_instances = { 'fast.large:sopt' = 1 }", (
            "the price list list has no instance type 'fast.large:sopt'", "did you mean 'fast.large:spot'?",
        )),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, line: str, expected: tuple[str, str | None]) -> None:
    """What is wrong with a constraint is named with its line."""
    found = complaints(load_scenario, folder(tmp_path, f"{line}\n"))

    assert [("scenario.toml:7", *expected)] == found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("purchase = ['spot']", ("scenario.toml:7", "the price list list has no spot price for any type", OFFER_HINT)),
        ("max_spot_share = 0.5", (
            "scenario.toml:7", "a limit on the spot share, but the price list list has no spot prices",
            "give spot_discount and spot_availability in its entries",
        )),
        ("min_zones = 2", (
            "scenario.toml:7",
            "min_zones = 2 (scenario.toml:7), but the price list list names no zones",
            'give zones = ["us-east-1a", "us-east-1b"] in its entries',
        )),
    ],
)  # fmt: skip
def test_what_the_price_list_does_not_have(tmp_path: Path, lines: str, expected: Complaint) -> None:
    """Spot prices and zones that are asked for must be in the price list."""
    found = complaints(load_scenario, folder(tmp_path, f"{lines}\n", PRICES))

    assert [expected] == [(place, message.replace(f"{tmp_path}/", ""), hint) for place, message, hint in found]


def test_nothing_is_sold_that_way(tmp_path: Path) -> None:
    """A type that is not sold as spot, asked for alone as that, leaves nothing to buy."""
    path = folder(tmp_path, "purchase = ['spot']\nonly = ['slow.small']\n")

    assert [("scenario.toml:8", "slow.small is not sold as spot", "--purchase on-demand")] == complaints(
        load_scenario, path
    )


def test_a_contradiction_is_told_with_all_its_places(tmp_path: Path) -> None:
    """Each constraint of a contradiction is named as it was given, in the file or as a flag."""
    path = folder(tmp_path, "min_types = 2\n")

    def conflict(scenario: Any) -> Any:
        return ("min_types", "budget_usd_per_hour", "max_instances"), scenario

    with pytest.raises(InputError) as raised:
        load_scenario(path, {"budget_usd_per_hour": 0.55, "max_instances": {"slow.small": 1}}, conflict=conflict)

    assert (
        f"{path}:7: error: no pool can keep min_types = 2 ({path}:7) together with --budget 0.55 and "
        "--max slow.small=1\nhint: loosen one of them"
    ) == str(raised.value)


def test_a_constraint_that_contradicts_the_price_list_alone(tmp_path: Path) -> None:
    """One that no pool keeps, whatever else is asked, is told alone."""
    with pytest.raises(InputError) as raised:
        load_scenario(folder(tmp_path, ""), {"min_types": 9}, conflict=lambda scenario: (("min_types",), scenario))

    assert (
        "--min-types: error: no pool can keep --min-types 9\n"
        "hint: loosen it, or use a price list with more to choose from"
    ) == str(raised.value)
