"""What a pool must keep besides budget and load: caps, variety, purchase options, losses."""

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
    """

    max_instances: Mapping[str, int] = field(default_factory=dict)
    max_spot_share: float = 1.0
    min_types: int = 1
    min_zones: int = 0
    tolerate_loss: int = 0

    def most_of(self, name: str) -> int | None:
        """Return the largest number of a column that any cap leaves, or None if there is no cap on it."""
        return min((most for asked, most in self.max_instances.items() if matches(asked, name)), default=None)

    def caps(self, names: Sequence[str]) -> list[tuple[list[int], int]]:
        """Return each cap as the columns that it counts together, by index, and the most they may be."""
        counted = [([j for j, each in enumerate(names) if matches(asked, each)], asked) for asked in self.max_instances]
        return [(columns, self.max_instances[asked]) for columns, asked in counted if columns]


def spot_columns(names: Sequence[str]) -> list[int]:
    """Return the columns that are bought as spot instances."""
    return [j for j, name in enumerate(names) if purchase_of(name) == SPOT]


def columns_by_machine(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each instance type."""
    columns: dict[str, list[int]] = {}
    for j, name in enumerate(names):
        columns.setdefault(machine_of(name), []).append(j)
    return columns
