"""Price lists: `schema = "kairos.prices/1"`.

[instance_types]
"g4dn.xlarge" = { price_usd_per_hour = 0.526 }
"r5n.large" = { price_usd_per_hour = 0.149, spot_discount = 0.6, spot_availability = 0.95, zones = ["a", "b"] }

A discount is the share off the on-demand price; each one given makes a column of its own, such as
`r5n.large:spot`. The availability is the share of the time that a spot instance is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from kairos_cli.domain.prices import RESERVED, SPOT, InstanceType, PriceList, has_option
from kairos_cli.loading.toml_file import QUOTE_HINT, TomlFile

SCHEMA = "kairos.prices/1"
_KEYS = ["price_usd_per_hour", "spot_discount", "spot_availability", "reserved_discount", "zones"]
_OPTION_HINT = "name the type alone, and give spot_discount or reserved_discount in its entry"
_PRICE_HINT = "prices are in $ per hour; leave the type out if it has none"


def load_prices(path: Path) -> PriceList:
    """Return the price list of a file; raises InputError with all its problems."""
    return read_prices(TomlFile(path))


def read_prices(file: TomlFile) -> PriceList:
    """Return the price list of an opened file; raises InputError with all its problems."""
    file.expect_schema(SCHEMA)
    file.expect_keys(["schema", "name", "region", "source", "as_of", "instance_types"])
    found = file.of_type(dict, "instance_types")
    types = [each for name in found or {} for each in _columns(file, name)]
    if found == {}:
        file.problem("no instance type has a price", "instance_types")
    prices = PriceList(
        name=file.text_at("name"),
        region=file.text_at("region", required=False),
        source=file.text_at("source", required=False),
        instance_types=tuple(types),
        as_of=_day(file, "as_of"),
    )
    file.finish()
    return prices


def _columns(file: TomlFile, name: str) -> Iterator[InstanceType]:
    """Yield a type in each of its purchase options, after noting what is wrong with its entry."""
    at = ("instance_types", name)
    entry = file.of_type(dict, *at)
    if entry is None:
        return
    if any(isinstance(each, dict) for each in entry.values()):
        file.problem(f"{name!r} holds another table, not a price", *at, hint=QUOTE_HINT)
        return
    file.expect_keys(_KEYS, *at)
    if has_option(name):
        file.problem(f"the name {name!r} ends with a purchase option", *at, hint=_OPTION_HINT)
    price = file.positive_at(*at, "price_usd_per_hour", what=f"the price of {name}", hint=_PRICE_HINT)
    spot, reserved, zones = _spot(file, at), _discount(file, at, RESERVED), _zones(file, at)
    if price is None:
        return
    yield InstanceType(name, price, zones=zones)
    if spot is not None:
        yield InstanceType(f"{name}:{SPOT}", _less(price, spot[0]), spot[1], zones)
    if reserved is not None:
        yield InstanceType(f"{name}:{RESERVED}", _less(price, reserved), zones=zones)


def _less(price: float, discount: float) -> float:
    """Return a price less a discount, to twelve digits: 60 % off 0.526 are 0.2104, not 0.21040000000000003."""
    return float(f"{price * (1 - discount):.12g}")


def _spot(file: TomlFile, at: tuple[str, ...]) -> tuple[float, float] | None:
    """Return discount and availability of the spot instances of a type, or None if it has none."""
    keys = ("spot_discount", "spot_availability")
    if not any(file.value(*at, key) is not None for key in keys):
        return None
    for key in keys:
        if file.value(*at, key) is None:
            file.missing(*at, key, hint="spot instances need a spot_discount and a spot_availability")
    discount = _discount(file, at, SPOT)
    availability = file.of_type(float, *at, keys[1], required=False)
    if availability is not None and not 0 < availability <= 1:
        message = f"the spot availability of {at[-1]} must be > 0 and <= 1, got {availability:g}"
        file.problem(message, *at, keys[1], hint="a share of the time: 0.95 if a spot instance is there 95 % of it")
        return None
    return None if discount is None or availability is None else (discount, float(availability))


def _discount(file: TomlFile, at: tuple[str, ...], option: str) -> float | None:
    """Return the discount of a purchase option of a type, or None if it has none."""
    discount = file.of_type(float, *at, f"{option}_discount", required=False)
    if discount is None:
        return None
    if not 0 < discount < 1:
        message = f"the {option} discount of {at[-1]} must be > 0 and < 1, got {discount:g}"
        file.problem(message, *at, f"{option}_discount", hint="a share off the on-demand price: 0.6 for 60 % off")
        return None
    return float(discount)


def _zones(file: TomlFile, at: tuple[str, ...]) -> tuple[str, ...]:
    """Return the zones of a type, in alphabetical order."""
    zones = file.of_type(list, *at, "zones", required=False)
    if zones is None:
        return ()
    if not zones or not all(isinstance(each, str) and each for each in zones) or len(set(zones)) < len(zones):
        file.problem(
            "'zones' must be a list of different names", *at, "zones", hint='zones = ["us-east-1a", "us-east-1b"]'
        )
        return ()
    return tuple(sorted(zones))


def _day(file: TomlFile, key: str) -> str:
    """Return a day as text; TOML has dates, so that quotes may be left out."""
    day = file.value(key)
    return day.isoformat() if isinstance(day, date) else file.text_at(key, required=False)
