"""The terms that ways of serving (domain.ways) add to the rows of an integer program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulp

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.ways import Ways

Terms = list[tuple[pulp.LpVariable, float]]


@dataclass(frozen=True, slots=True, eq=False)
class WayTerms:
    """What is served of each size, the seconds that each type works, and the queries that are late."""

    served: dict[int, Terms]
    busy_s: dict[int, Terms]
    late: Terms


def way_terms(way: Ways, variables: Mapping[int, pulp.LpVariable], late: Floats) -> WayTerms:
    """Return the terms of some of the ways, each with its variable; `late` (K,) is what one of each way counts."""
    served: dict[int, Terms] = {b: [] for b in way.size.tolist()}
    busy_s: dict[int, Terms] = {j: [] for j in way.type.tolist()}
    for k, each in variables.items():
        served[int(way.size[k])].append((each, 1))
        busy_s[int(way.type[k])].append((each, float(way.ms[k]) / 1000))
    return WayTerms(served, busy_s, [(each, float(late[k])) for k, each in variables.items() if late[k] > 0])
