"""Instance types and the price list that names them."""

from __future__ import annotations

from dataclasses import dataclass

#: Two sums of money that differ by less are the same: far under the smallest price step in use.
USD_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A machine one can rent by the hour."""

    name: str
    price_usd_per_hour: float


@dataclass(frozen=True, slots=True)
class PriceList:
    """The hourly prices of one provider and region.

    `as_of` is the day the prices were read, as ISO text, or empty where the source does not tell.
    """

    name: str
    region: str
    source: str
    instance_types: tuple[InstanceType, ...]
    as_of: str = ""

    def price_usd_per_hour(self) -> dict[str, float]:
        """Return the price of each type by its name."""
        return {each.name: each.price_usd_per_hour for each in self.instance_types}
