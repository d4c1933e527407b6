"""Which pools keep the constraints: the same rules as the rows in planner.constraint_rows, for many pools at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.constraints import Constraints, columns_by_machine, spot_columns
from kairos_cli.domain.service_table import Counts, ServiceTable

#: A spot share above the limit by less is the rounding of a fraction.
SHARE_TOLERANCE = 1e-9


def permitted(table: ServiceTable, constraints: Constraints, counts: Counts) -> NDArray[np.bool_]:
    """Tell of each pool (N, J) whether it keeps the constraints, and is larger than the loss it must withstand."""
    size = counts.sum(axis=1)
    kept = size > constraints.tolerate_loss
    for columns, most in constraints.caps(table.names):
        kept &= counts[:, columns].sum(axis=1) <= most
    if constraints.max_spot_share < 1:
        spot = counts[:, spot_columns(table.names)].sum(axis=1)
        kept &= spot <= (constraints.max_spot_share + SHARE_TOLERANCE) * size
    if constraints.min_types > 1:
        kept &= types_bought(table, counts) >= constraints.min_types
    if constraints.min_zones > 0:
        kept &= zones_reached(table, counts) >= constraints.min_zones
    return np.asarray(kept)


def types_bought(table: ServiceTable, counts: Counts) -> Counts:
    """Return how many different instance types each pool (N, J) has; purchase options of one are one."""
    columns = columns_by_machine(table.names).values()
    return np.asarray(np.sum([counts[:, each].any(axis=1) for each in columns], axis=0, dtype=np.int64))


def zones_reached(table: ServiceTable, counts: Counts) -> Counts:
    """Return in how many zones at most each pool (N, J) can have an instance.

    An instance stands in one of the zones of its type, so this is a maximum matching of instances and
    zones. Types with the same zones are alike, and more of them than zones are of no use: few different
    cases are left of many pools.
    """
    sets = sorted(set(table.zones) - {()})
    if not sets:
        return np.zeros(len(counts), dtype=np.int64)
    alike = np.column_stack([counts[:, [zones == each for zones in table.zones]].sum(axis=1) for each in sets])
    cases, case = np.unique(np.minimum(alike, [len(each) for each in sets]), axis=0, return_inverse=True)
    reached = [_matched([zones for zones, n in zip(sets, row, strict=True) for _ in range(n)]) for row in cases]
    return np.array(reached, dtype=np.int64)[case.reshape(-1)]


def _matched(zones_of_instance: list[tuple[str, ...]]) -> int:
    """Return the size of a maximum matching, by augmenting paths."""
    instance_in: dict[str, int] = {}

    def placed(instance: int, tried: set[str]) -> bool:
        for zone in zones_of_instance[instance]:
            if zone in tried:
                continue
            tried.add(zone)
            if zone not in instance_in or placed(instance_in[zone], tried):
                instance_in[zone] = instance
                return True
        return False

    return sum(placed(instance, set()) for instance in range(len(zones_of_instance)))
