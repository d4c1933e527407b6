"""Price lists: `schema = "kairos.prices/1"`.

[instance_types]
"g4dn.xlarge" = { price_usd_per_hour = 0.526 }
"""

from __future__ import annotations

from pathlib import Path

from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.loading.toml_file import TomlFile

SCHEMA = "kairos.prices/1"


def load_prices(path: Path) -> PriceList:
    """Return the price list of a file; raises InputError with all its problems."""
    file = TomlFile(path)
    file.expect_schema(SCHEMA)
    file.expect_keys(["schema", "name", "region", "source", "as_of", "instance_types"])
    types = []
    for name in file.of_type(dict, "instance_types") or {}:
        file.expect_keys(["price_usd_per_hour"], "instance_types", name)
        price = file.positive_at("instance_types", name, "price_usd_per_hour", what=f"the price of {name}")
        if price is not None:
            types.append(InstanceType(name, price))
    if not types and not file.problems:
        file.problem("no instance type has a price", "instance_types")
    prices = PriceList(
        name=file.text_at("name"),
        region=file.text_at("region", required=False),
        source=file.text_at("source", required=False),
        instance_types=tuple(types),
        as_of=file.text_at("as_of", required=False),
    )
    file.finish()
    return prices
