"""The rows of `kairos compare`: which schemes there are, and the work of finding each one's best pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from kairos_cli.cli.effort_options import measuring

#: Each scheme whose best pool is searched, and its policy.
SCHEMES = {
    "Ribbon": "fcfs",
    "DeepRecSys": "deeprecsys",
    "Clockwork": "clockwork",
    "greedy": "greedy",
    "least loaded": "least_loaded",
    "instance aware": "instance_aware",
    "Kairos, verified choice": "kairos",
    "shadow, verified choice": "shadow",
}
PUBLISHED, PUBLISHED_POLICY = "Kairos, published choice", "kairos"
OURS = "shadow"


def rows(among: Any, how_much: Any) -> list[Callable[[], Any]]:
    """Return the work, one piece a row of the table; each returns its result, or None if no pool serves anything.

    Where queries are merged or split there are no rows of the published matching, which gives each instance one
    whole query at a time.
    """
    from kairos_cli.planner.comparison import HOMOGENEOUS, HOMOGENEOUS_OURS, best_homogeneous

    alone = replace(how_much, workers=0)  # the rows are simulated side by side instead
    batching = not among.table.serving.one_at_a_time
    policies = [each for each in SCHEMES.values() if not (batching and each == PUBLISHED_POLICY)]

    def measure(policy: str) -> Any:
        return measuring(policy, alone)(among.table)

    rivals = [each for each in policies if each != OURS]
    return [
        lambda: best_homogeneous(among, HOMOGENEOUS, {policy: measure(policy) for policy in rivals}),
        lambda: best_homogeneous(among, HOMOGENEOUS_OURS, {OURS: measure(OURS)}),
        *(work for policy, work in _mixed(among, measure) if policy in policies),
    ]


def _mixed(among: Any, measure: Callable[[str], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the policy and the work of each scheme that may mix types; the published choice before its best pool."""
    from functools import partial

    from kairos_cli.planner.comparison import best_pool, published_pool

    def searched(scheme: str, policy: str) -> Any:
        return best_pool(among, scheme, policy, measure(policy))

    for scheme, policy in SCHEMES.items():
        if policy == PUBLISHED_POLICY:
            yield policy, lambda: published_pool(among, PUBLISHED, PUBLISHED_POLICY, measure(PUBLISHED_POLICY))
        yield policy, partial(searched, scheme, policy)
