"""The options a policy is tried with: the published evaluation gives each rival its best."""

from __future__ import annotations

import itertools

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints, service
from kairos_cli.simulate.simulator import Option

NO_OPTION: Option = (0.0,)
_HOPELESS = 2.0
#: How long batches may take on average, in shares of the target, and how long a window they may be held open.
_BATCH_SHARES, _DELAY_SHARES = (0.5, 0.35, 0.7, 1.0), (0.0, 0.03, 0.1)
#: How long parts may take on average, in shares of the target; a limit above 1 is none.
_PART_SHARES = (1e300, 0.7, 0.5, 0.35, 0.25)
#: Of the thresholds so many, the best by work alone, are tried with each size of parts.
_THRESHOLDS_BY_PARTS = 12


def options(policy: str, table: ServiceTable, counts: Ints) -> list[Option]:
    """Return the options worth trying on a pool (J,), the most promising first; [NO_OPTION] where there are none.

    For `deeprecsys` (threshold, part): every threshold, as a row of the table of batch sizes, first those at which
    the two kinds of instances run out of time together; thresholds that leave one kind with more than twice the
    work of the best one's are not worth a simulation. Where queries may be split, the time that a part may take on
    average, in targets, is tried too. Where they may be merged, `fcfs` has the time that a batch may take and the
    delay window in ms; `least_loaded` and `instance_aware` have the former, `clockwork` and `greedy` know what
    is in time (policies.own_queue). `shadow` tries what it may do with and without: not on every pool does it pay.
    """
    merge = table.serving.merge
    if policy == "deeprecsys":
        return _deeprecsys(table, counts)
    if policy == "fcfs" and merge:
        delays = itertools.product(_BATCH_SHARES, _DELAY_SHARES)
        return [(share, delay * table.qos.latency_ms) for share, delay in delays]
    if policy in ("least_loaded", "instance_aware") and merge:
        return [(share, 0.0) for share in _BATCH_SHARES]
    if policy in ("clockwork", "greedy") and merge:
        return [(1.0, 1.0)]
    if policy == "shadow" and not table.serving.one_at_a_time:
        merges = [1.0, 0.0] if merge else [0.0]
        return list(itertools.product(merges, _splits(table, counts)))
    return [NO_OPTION]


def _splits(table: ServiceTable, counts: Ints) -> list[float]:
    """Return whether to split queries: either is tried, unless some are larger than a batch may be."""
    largest_query = int(np.flatnonzero(table.probability)[-1])
    if not table.serving.split:
        return [0.0]
    return [1.0, 0.0] if largest_query < table.largest[counts > 0].min() else [1.0]


def _deeprecsys(table: ServiceTable, counts: Ints) -> list[Option]:
    """Return the thresholds, and with each the sizes of parts."""
    base = service(table).base
    one_kind = counts[base] in (0, counts.sum())
    if not table.serving.split:
        return [NO_OPTION] if one_kind else [(float(row),) for row in _thresholds(table, counts, base)]
    rows = [0] if one_kind else _thresholds(table, counts, base)[:_THRESHOLDS_BY_PARTS]
    return [(float(row), share) for row, share in itertools.product(rows, _PART_SHARES)]


def _thresholds(table: ServiceTable, counts: Ints, base: int) -> list[int]:
    """Return the thresholds worth trying, as rows, the most promising first."""
    work = table.mean_ms * table.probability
    rate_of_base = counts[base] / np.maximum(work[base].sum() - np.cumsum(work[base]), 1e-300)
    auxiliary = [index for index in range(len(counts)) if index != base and counts[index]]
    rate_of_others: Floats = sum(
        (counts[index] / np.maximum(np.cumsum(work[index]), 1e-300) for index in auxiliary), np.zeros(work.shape[1])
    )
    rate = np.minimum(rate_of_base, rate_of_others)
    rows = [row for row in np.argsort(-rate, kind="stable").tolist() if table.probability[row] > 0]
    return [row for row in rows if rate[row] >= rate.max() / _HOPELESS]
