"""Types that no best pool needs: they stay out of the integer programs.

Type k *replaces* j if k is on time at least as often at every size of a batch that j may serve, and as many instances
of k as are sure to be as fast as one of j cost no more. In any pool, each j can then be given up for them, and
neither the capacity nor the capacity after a loss falls: whoever loses one of the new instances has lost
no more than with j. What the constraints ask for decides how far that holds:

- a type of limited number, and one whose instances are not always there, replaces none;
- with a limit on the spot share, spot instances replace none that are not, and an instance of spot only one;
- with a least number of zones, k must stand in every zone that j can stand in;
- with a limit on changes, j must not be in use, and one k replace it: so no instance more differs;
- with a least number N of types, j must be replaced by N others: where all of them are in the pool already,
  it has N types without j. Another purchase option of j is enough alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.constraints import Constraints, spot_columns
from kairos_cli.domain.prices import machine_of
from kairos_cli.domain.service_table import ServiceTable

Truths = NDArray[np.bool_]


def undominated(table: ServiceTable, constraints: Constraints) -> list[int]:
    """Return the types that some best pool may need; of two that replace each other the first is kept."""
    replaces = _replaces(table, constraints)
    earlier = np.arange(len(table.names))[:, None] < np.arange(len(table.names))
    better = replaces & (~replaces.T | earlier)  # [k, j]
    machine = [machine_of(name) for name in table.names]
    return [j for j in range(len(machine)) if not _spared(j, np.flatnonzero(better[:, j]), machine, constraints)]


def _spared(j: int, better: NDArray[np.intp], machine: list[str], constraints: Constraints) -> bool:
    """Tell whether type j is not needed, given those that are better."""
    others = {machine[k] for k in better}
    return bool(others) and (machine[j] in others or len(others) >= constraints.min_types)


def _replaces(table: ServiceTable, constraints: Constraints) -> Truths:
    """Return whether k replaces j, at [k, j]."""
    types, price = len(table.names), table.price_usd_per_hour
    replaces = np.zeros((types, types), dtype=np.bool_)
    instead = np.zeros((types, types))  # instances of k for one of j
    for j in range(types):
        sizes, as_large = slice(table.largest[j]), table.largest >= table.largest[j]
        slower = table.mean_ms[:, sizes] / table.mean_ms[j, sizes]
        instead[:, j] = np.ceil(slower.max(axis=1, initial=1) - 1e-9)
        on_time = (table.on_time[:, sizes] >= table.on_time[j, sizes]).all(axis=1)
        replaces[:, j] = as_large & on_time & (instead[:, j] * price <= price[j])
    replaces[~_may_replace(table, constraints)] = False
    if constraints.max_spot_share < 1:
        replaces &= ~_spot(table)[:, None] | (_spot(table) & (instead <= 1))
    if constraints.max_changes is not None:
        replaces &= (np.array(constraints.in_use(table.names)) == 0) & (instead <= 1)
    if constraints.min_zones > 0:
        zones = [frozenset(each) for each in table.zones or [()] * types]
        replaces &= np.array([[ours <= theirs for ours in zones] for theirs in zones])
    np.fill_diagonal(replaces, False)
    return replaces


def _may_replace(table: ServiceTable, constraints: Constraints) -> Truths:
    """Tell which types (J,) there can be as many of as one likes, all of them always there."""
    unlimited = np.array([constraints.most_of(name) is None for name in table.names])
    return unlimited if table.availability is None else unlimited & (table.availability >= 1)


def _spot(table: ServiceTable) -> Truths:
    spot = np.zeros(len(table.names), dtype=np.bool_)
    spot[spot_columns(table.names)] = True
    return spot
