"""What a pool must keep besides budget and load: caps, variety, purchase options, losses, nearness to a pool in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kairos_cli.domain.prices import SPOT, machine_of, matches, purchase_of


@dataclass(frozen=True, slots=True)
class Constraints:
    """The limits of one question; the default is none.

    `max_instances` caps a type (`g4dn.xlarge`, all its purchase options together) or one option of it
    (`g4dn.xlarge:spot`). `max_spot_share` is the largest share of the instances that may be spot ones. At
    least `min_types` different types must be bought; options of one type are one type. The instances must
    be such that they can be placed with one in each of `min_zones` zones. The rate of a pool is the one
    that is left after the loss of any `tolerate_loss` instances.

    `from_pool` is the pool in use, by column of the price list; empty if there is none. At most `max_changes`
    instances may differ from it, those added and those removed counted alike: a swap is two changes.
    """

    max_instances: Mapping[str, int] = field(default_factory=dict)
    max_spot_share: float = 1.0
    min_types: int = 1
    min_zones: int = 0
    tolerate_loss: int = 0
    from_pool: Mapping[str, int] = field(default_factory=dict)
    max_changes: int | None = None

    def most_of(self, name: str) -> int | None:
        """Return the largest number of a column that any cap leaves, or None if there is no cap on it."""
        return min((most for asked, most in self.max_instances.items() if matches(asked, name)), default=None)

    def caps(self, names: Sequence[str]) -> list[tuple[list[int], int]]:
        """Return each cap as the columns that it counts together, by index, and the most they may be."""
        counted = [([j for j, each in enumerate(names) if matches(asked, each)], asked) for asked in self.max_instances]
        return [(columns, self.max_instances[asked]) for columns, asked in counted if columns]

    def in_use(self, names: Sequence[str]) -> list[int]:
        """Return how many of each column the pool in use has."""
        return [self.from_pool.get(name, 0) for name in names]

    def changes_left(self, names: Sequence[str]) -> int | None:
        """Return how many changes are left for the columns, once the instances in use of all others are removed.

        None if their number is not limited; below zero if that takes more changes than there may be.
        """
        gone = sum(count for name, count in self.from_pool.items() if name not in names)
        return None if self.max_changes is None else self.max_changes - gone

    def reach(self, names: Sequence[str]) -> list[tuple[int, int | None]]:
        """Return the least and the largest number of each column within the changes left; None for no limit."""
        left = self.changes_left(names)
        if left is None:
            return [(0, None)] * len(names)
        return [(max(count - left, 0), count + left) for count in self.in_use(names)]


def spot_columns(names: Sequence[str]) -> list[int]:
    """Return the columns that are bought as spot instances."""
    return [j for j, name in enumerate(names) if purchase_of(name) == SPOT]


def columns_by_machine(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each instance type."""
    columns: dict[str, list[int]] = {}
    for j, name in enumerate(names):
        columns.setdefault(machine_of(name), []).append(j)
    return columns
