"""What can be bought, and the price list that names it.

A price list has a column for each way to buy an instance type, its *purchase option*: `g4dn.xlarge` is the
type on demand, `g4dn.xlarge:spot` and `g4dn.xlarge:reserved` the same machine for less. Spot instances are
taken away at times; `availability` is the share of the time that one is there.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Two sums of money that differ by less are the same: far under the smallest price step in use.
USD_TOLERANCE = 1e-9

ON_DEMAND, SPOT, RESERVED = "on-demand", "spot", "reserved"
PURCHASE_OPTIONS = (ON_DEMAND, SPOT, RESERVED)


def machine_of(name: str) -> str:
    """Return the instance type that a column buys: `g4dn.xlarge` for `g4dn.xlarge:spot`."""
    return name.rpartition(":")[0] if has_option(name) else name


def purchase_of(name: str) -> str:
    """Return the purchase option of a column; a bare name is on demand."""
    return name.rpartition(":")[2] if has_option(name) else ON_DEMAND


def has_option(name: str) -> bool:
    """Tell whether a name ends with a purchase option."""
    return name.rpartition(":")[2] in PURCHASE_OPTIONS and ":" in name


def matches(asked: str, name: str) -> bool:
    """Tell whether what a user calls `asked` is or includes a column: a bare name is all options of a type."""
    if not has_option(asked):
        return asked == machine_of(name)
    return machine_of(asked) == machine_of(name) and purchase_of(asked) == purchase_of(name)


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A machine one can rent by the hour, bought in one way.

    `availability` is the share of the time that a bought instance is there, `zones` where it can stand;
    no zones means that the price list names none.
    """

    name: str
    price_usd_per_hour: float
    availability: float = 1.0
    zones: tuple[str, ...] = ()

    @property
    def machine(self) -> str:
        """The instance type without the purchase option: what latency profiles are of."""
        return machine_of(self.name)

    @property
    def purchase(self) -> str:
        """The purchase option."""
        return purchase_of(self.name)


@dataclass(frozen=True, slots=True)
class PriceList:
    """The hourly prices of one provider and region.

    `instance_types` has an entry for each purchase option of a type. `as_of` is the day the prices were
    read, as ISO text, or empty where the source does not tell.
    """

    name: str
    region: str
    source: str
    instance_types: tuple[InstanceType, ...]
    as_of: str = ""

    def price_usd_per_hour(self) -> dict[str, float]:
        """Return the price of each column by its name."""
        return {each.name: each.price_usd_per_hour for each in self.instance_types}

    def machines(self) -> list[str]:
        """Return the names of the instance types, whatever their purchase options."""
        return list(dict.fromkeys(each.machine for each in self.instance_types))
