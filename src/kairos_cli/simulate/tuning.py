"""The options a policy is tried with: the published evaluation gives each rival its best."""

from __future__ import annotations

import numpy as np

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints, service

_HOPELESS = 2.0


def options(policy: str, table: ServiceTable, counts: Ints) -> list[float]:
    """Return the options worth trying on a pool (J,), the most promising first; [0.0] where there are none.

    For `deeprecsys` every threshold, as a row of the table of batch sizes: first those at which the two
    kinds of instances run out of time together. Thresholds that leave one kind with more than twice the work of
    the best one's are not worth a simulation.
    """
    base = service(table).base
    if policy != "deeprecsys" or counts[base] in (0, counts.sum()):
        return [0.0]
    work = table.mean_ms * table.probability
    rate_of_base = counts[base] / np.maximum(work[base].sum() - np.cumsum(work[base]), 1e-300)
    auxiliary = [index for index in range(len(counts)) if index != base and counts[index]]
    rate_of_others = sum(counts[index] / np.cumsum(work[index]) for index in auxiliary)
    rate = np.minimum(rate_of_base, rate_of_others)
    rows = np.argsort(-rate, kind="stable")
    return [float(row) for row in rows if rate[row] >= rate.max() / _HOPELESS]
