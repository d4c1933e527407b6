"""What was given for what between two plans: the trades that lead from the old pool to the new one.

How removed and added instances are paired: first those of one machine whose purchase option changed; of the
others the kinds for most money with each other, then the next, and so on, a kind never being split. Where one
side has no more kinds, what is left of the other belongs to the last pair; where it has none at all, each kind
is a trade of its own, for nothing.

The cost of a trade is at the new prices, its load by capacity under the new inputs, one trade after the other in
their order. So what the old pool costs now and all trades add up to the cost of the new pool, and so do capacities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import machine_of
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import service_table
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.candidates import usable_types


@dataclass(frozen=True, slots=True)
class Exchange:
    """Instances given and taken, what that costs more, and the capacity before and after; None if not known."""

    given: Pool
    taken: Pool
    usd_per_hour: float
    before_qps: float | None
    after_qps: float | None


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The old pool under the new inputs, and the trades from it to the new one.

    Capacities are None where the new inputs have no latencies of a type of either pool.
    """

    old_usd_per_hour: float
    old_capacity_qps: float | None
    trades: tuple[Exchange, ...]


def exchanges(old: Pool, new: Pool, was: Scenario, now: Scenario) -> Exchanges:
    """Return how the new pool of the scenario `now` came from the old one of the scenario `was`.

    What only the old scenario knows, a price or a profile of the same model, is taken from there.
    """
    now = _knowing_both(was, now)
    price = now.prices.price_usd_per_hour()
    capacity = _Capacities(now, {*old.by_type, *new.by_type})
    counts = old.by_type
    old_qps = before_qps = capacity.qps(counts)
    trades = []
    for given, taken in pairs(old, new, price):
        counts = {name: counts.get(name, 0) - given.get(name, 0) + taken.get(name, 0) for name in {**counts, **taken}}
        after_qps = capacity.qps(counts)
        usd = _usd(taken, price) - _usd(given, price)
        trades.append(Exchange(Pool(tuple(given.items())), Pool(tuple(taken.items())), usd, before_qps, after_qps))
        before_qps = after_qps
    return Exchanges(old.cost_usd_per_hour(price), old_qps, tuple(trades))


def pairs(old: Pool, new: Pool, price: Mapping[str, float]) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Return the trades as instances given and taken, by column."""
    change = {name: new.by_type.get(name, 0) - old.by_type.get(name, 0) for name in {**old.by_type, **new.by_type}}
    removed = {name: -count for name, count in change.items() if count < 0}
    added = {name: count for name, count in change.items() if count > 0}
    machines = [machine for machine in dict.fromkeys(map(machine_of, removed)) if machine in map(machine_of, added)]
    of_machines = [(_of(removed, machine), _of(added, machine)) for machine in machines]
    left = [
        sorted(
            ((name, count) for name, count in side.items() if machine_of(name) not in machines),
            key=lambda kind: (-kind[1] * price[kind[0]], kind[0]),
        )
        for side in (removed, added)
    ]
    return of_machines + _by_money(*left)


def _by_money(
    removed: list[tuple[str, int]], added: list[tuple[str, int]]
) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Return the pairs of kinds, both given in falling order of their money."""
    number = min(len(removed), len(added))
    if number == 0:
        return [*(({name: count}, {}) for name, count in removed), *(({}, {name: count}) for name, count in added)]
    joined = [([removed[i]], [added[i]]) for i in range(number)]
    joined[-1] = (removed[number - 1 :], added[number - 1 :])
    return [(dict(given), dict(taken)) for given, taken in joined]


def _of(counts: Mapping[str, int], machine: str) -> dict[str, int]:
    return {name: count for name, count in counts.items() if machine_of(name) == machine}


def _usd(counts: Mapping[str, int], price: Mapping[str, float]) -> float:
    return sum(count * price[name] for name, count in counts.items())


def _knowing_both(was: Scenario, now: Scenario) -> Scenario:
    """Return the new scenario with the prices, and the latencies of the same model, that only the old one has."""
    known = now.prices.price_usd_per_hour()
    older = tuple(each for each in was.prices.instance_types if each.name not in known)
    prices = replace(now.prices, instance_types=now.prices.instance_types + older)
    latency = was.model.latency if was.model.name == now.model.name else {}
    model = ModelProfile(now.model.name, now.model.qos, {**latency, **now.model.latency})
    return replace(now, prices=prices, model=model)


class _Capacities:
    """The capacity of pools of some columns under a scenario."""

    def __init__(self, scenario: Scenario, names: set[str]) -> None:
        types = [each for each in usable_types(scenario) if each.name in names]
        self.table = service_table(scenario, types) if len(types) == len(names) else None
        self.program = AssuredCapacity(self.table, scenario.constraints.tolerate_loss) if self.table else None

    def qps(self, counts: Mapping[str, int]) -> float | None:
        """Return the capacity of a pool, None if latencies of some type are not known."""
        if self.table is None or self.program is None:
            return None
        return self.program.solve(self.table.counts(Pool.of(counts, counts.values()))).qps
