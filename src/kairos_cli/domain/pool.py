"""A pool: so many instances of each type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """How many instances of which types; types that are not in it are not named."""

    counts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, names: Iterable[str], counts: Iterable[int]) -> Pool:
        """Return the pool with the given number of each named type."""
        pairs = zip(names, counts, strict=True)
        return cls(tuple((name, int(count)) for name, count in pairs if count))

    @property
    def by_type(self) -> dict[str, int]:
        """The number of instances by type."""
        return dict(self.counts)

    @property
    def size(self) -> int:
        """The number of instances."""
        return sum(count for _, count in self.counts)

    def cost_usd_per_hour(self, price_usd_per_hour: Mapping[str, float]) -> float:
        """Return what the pool costs by the hour; raises KeyError for a type without a price."""
        return sum(count * price_usd_per_hour[name] for name, count in self.counts)

    def __str__(self) -> str:
        """Return the notation of the command line: `g4dn.xlarge=1,r5n.large=13`."""
        return ",".join(f"{name}={count}" for name, count in self.counts)
