"""Price lists: `schema = "kairos.prices/1"`.

[instance_types]
"g4dn.xlarge" = { price_usd_per_hour = 0.526 }
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.loading.toml_file import QUOTE_HINT, TomlFile

SCHEMA = "kairos.prices/1"
_PRICE_HINT = "prices are in $ per hour; leave the type out if it has none"


def load_prices(path: Path) -> PriceList:
    """Return the price list of a file; raises InputError with all its problems."""
    return read_prices(TomlFile(path))


def read_prices(file: TomlFile) -> PriceList:
    """Return the price list of an opened file; raises InputError with all its problems."""
    file.expect_schema(SCHEMA)
    file.expect_keys(["schema", "name", "region", "source", "as_of", "instance_types"])
    found = file.of_type(dict, "instance_types")
    types = [_instance_type(file, name) for name in found or {}]
    if found == {}:
        file.problem("no instance type has a price", "instance_types")
    prices = PriceList(
        name=file.text_at("name"),
        region=file.text_at("region", required=False),
        source=file.text_at("source", required=False),
        instance_types=tuple(each for each in types if each is not None),
        as_of=_day(file, "as_of"),
    )
    file.finish()
    return prices


def _instance_type(file: TomlFile, name: str) -> InstanceType | None:
    """Return one type with its price, or None after noting what is wrong with it."""
    at = ("instance_types", name)
    entry = file.of_type(dict, *at)
    if entry is None:
        return None
    if any(isinstance(each, dict) for each in entry.values()):
        file.problem(f"{name!r} holds another table, not a price", *at, hint=QUOTE_HINT)
        return None
    file.expect_keys(["price_usd_per_hour"], *at)
    price = file.positive_at(*at, "price_usd_per_hour", what=f"the price of {name}", hint=_PRICE_HINT)
    return None if price is None else InstanceType(name, price)


def _day(file: TomlFile, key: str) -> str:
    """Return a day as text; TOML has dates, so that quotes may be left out."""
    day = file.value(key)
    return day.isoformat() if isinstance(day, date) else file.text_at(key, required=False)
