"""The constraints of a scenario and the ways to buy: read from raw values, every problem noted.

purchase = ["on-demand", "spot"]          # on-demand alone if left out
max_instances = { "g4dn.xlarge" = 2, "r5n.large:spot" = 6 }
max_spot_share = "50%"                    # or 0.5
min_types = 2
min_zones = 2
tolerate_loss = 1
"""

from __future__ import annotations

from collections.abc import Iterable

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.prices import (
    ON_DEMAND,
    PURCHASE_OPTIONS,
    SPOT,
    PriceList,
    has_option,
    machine_of,
    matches,
    purchase_of,
)
from kairos_cli.domain.scenario import Scenario
from kairos_cli.loading.limits import is_number
from kairos_cli.loading.scenario_values import ScenarioValues
from kairos_cli.loading.toml_file import near_name

#: Every way to lose so many instances is looked at, and there are soon too many of them.
MOST_LOST = 5
_ONLY_HINT = 'only = ["g4dn.xlarge", "r5n.large"]'
_CAPS_HINT = 'max_instances = { "g4dn.xlarge" = 2 }'
_PURCHASE_HINT = f'purchase = ["{ON_DEMAND}", "{SPOT}"]'
_SHARE_HINT = 'write it as 0.5 or "50%"'
_SPOT_HINT = "its entries say so with spot_discount and spot_availability, or with reserved_discount"


def read_constraints(values: ScenarioValues, prices: PriceList | None) -> Constraints:
    """Return the constraints; without a price list no names can be checked."""
    constraints = Constraints(
        _caps(values, prices),
        _spot_share(values, prices),
        values.whole("min_types", 1, smallest=1),
        values.whole("min_zones", 0),
        values.whole("tolerate_loss", 0),
    )
    if constraints.tolerate_loss > MOST_LOST:
        message = f"'tolerate_loss' must be at most {MOST_LOST}, got {constraints.tolerate_loss}"
        values.note(message, "tolerate_loss", "the rate is that after the worst of all ways to lose so many instances")
    if constraints.min_zones and prices and not any(each.zones for each in prices.instance_types):
        message = (
            f"{values.asked('min_zones', str(constraints.min_zones))}, but the price list {prices.name} names no zones"
        )
        values.note(message, "min_zones", 'give zones = ["us-east-1a", "us-east-1b"] in its entries')
    return constraints


def read_purchase(values: ScenarioValues, prices: PriceList | None) -> tuple[str, ...]:
    """Return the purchase options that may be used, in the order of PURCHASE_OPTIONS."""
    asked = values.value.get("purchase", [ON_DEMAND])
    if not isinstance(asked, list | tuple) or not asked or not all(isinstance(each, str) for each in asked):
        values.note("'purchase' must be a list of purchase options", "purchase", _PURCHASE_HINT)
        return (ON_DEMAND,)
    for each in asked:
        if each not in PURCHASE_OPTIONS:
            hint = near_name(each, PURCHASE_OPTIONS, "options")
            values.note(f"there is no purchase option {each!r}", "purchase", hint)
        elif prices and not any(one.purchase == each for one in prices.instance_types):
            values.note(f"the price list {prices.name} has no {each} price for any type", "purchase", _SPOT_HINT)
    return tuple(each for each in PURCHASE_OPTIONS if each in asked)


def read_only(values: ScenarioValues, prices: PriceList | None, purchase: tuple[str, ...]) -> tuple[str, ...]:
    """Return the instance types the pool is limited to; empty for no limit."""
    names = values.value.get("only", ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        values.note("'only' must be a list of instance types", "only", _ONLY_HINT)
        return ()
    _check_types(values, names, prices, "only")
    for name in names:
        if has_option(name) and purchase_of(name) not in purchase:
            message = f"{name} is asked for, but {purchase_of(name)} is not among the purchase options"
            values.note(message, "only", f"--purchase {purchase_of(name)}")
    return tuple(names)


def _caps(values: ScenarioValues, prices: PriceList | None) -> dict[str, int]:
    """Return the largest number of instances by type."""
    caps = values.value.get("max_instances", {})
    whole = isinstance(caps, dict) and all(
        isinstance(cap, int) and not isinstance(cap, bool) and cap >= 0 for cap in caps.values()
    )
    if not whole:
        message = "'max_instances' must give a whole number >= 0 for each type"
        values.note(message, "max_instances", _CAPS_HINT)
        return {}
    _check_types(values, caps, prices, "max_instances")
    return dict(caps)


def _spot_share(values: ScenarioValues, prices: PriceList | None) -> float:
    """Return the largest share of spot instances, 1 for no limit."""
    given = values.value.get("max_spot_share")
    if given is None:
        return 1.0
    share = _share(given)
    if share is None or not 0 <= share <= 1:
        values.note(f"the spot share must lie between 0 and 1, got {given!r}", "max_spot_share", _SHARE_HINT)
    elif prices and not any(each.purchase == SPOT for each in prices.instance_types):
        message = f"a limit on the spot share, but the price list {prices.name} has no spot prices"
        values.note(message, "max_spot_share", "give spot_discount and spot_availability in its entries")
    elif "purchase" not in values.value:
        message = f"a limit on the spot share, but only {ON_DEMAND} instances may be bought"
        values.note(message, "max_spot_share", f"--purchase {ON_DEMAND} --purchase {SPOT}")
    return share if share is not None else 1.0


def _share(given: object) -> float | None:
    """Return a share that is given as a number, as text, or in per cent; None if it is none of these."""
    if is_number(given):
        return float(given)  # type: ignore[arg-type]
    text, percent = str(given).strip().removesuffix("%"), str(given).strip().endswith("%")
    try:
        return float(text) / (100 if percent else 1) if isinstance(given, str) else None
    except ValueError:
        return None


def _check_types(values: ScenarioValues, names: Iterable[str], prices: PriceList | None, key: str) -> None:
    """Note each name that the price list does not have; without a list nothing can be said."""
    if prices is None:
        return
    columns = list(prices.price_usd_per_hour())
    for name in names:
        if any(matches(name, each) for each in columns):
            continue
        if machine_of(name) in prices.machines():
            message = f"the price list {prices.name} does not sell {machine_of(name)} as {purchase_of(name)}"
            values.note(message, key, _SPOT_HINT)
        else:
            message = f"the price list {prices.name} has no instance type {name!r}"
            values.note(message, key, near_name(name, columns, "types"))


def asked_value(scenario: Scenario, key: str) -> str:
    """Return the value of a constraint as people write it."""
    constraints = scenario.constraints
    return {
        "budget_usd_per_hour": f"{scenario.budget_usd_per_hour:g}" if scenario.budget_usd_per_hour else "",
        "only": ",".join(scenario.only),
        "purchase": ",".join(scenario.purchase),
        "max_instances": ",".join(f"{name}={most}" for name, most in constraints.max_instances.items()),
        "max_spot_share": f"{constraints.max_spot_share:g}",
        "min_types": str(constraints.min_types),
        "min_zones": str(constraints.min_zones),
        "tolerate_loss": str(constraints.tolerate_loss),
    }[key]
