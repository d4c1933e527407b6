"""Throughput against budget: what the plans of one scenario at several budgets serve, as one curve.

Each budget is searched for itself, so that budgets may be searched in any order and side by side; putting
the curve together is one pass over what was found, from the smallest budget up. A richer budget can buy
whatever a smaller one can. So where its search found a worse pool (cut off by a time limit, beyond
enumeration, or under a rule that does not look for the best) the cheaper pool is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.enough import Enough
from kairos_cli.planner.knee import knee
from kairos_cli.planner.plan import Measuring, NoPlan, choice
from kairos_cli.planner.pools_by_program import SecondsLeft, forever
from kairos_cli.planner.rating import RatedPool

#: How much better another pool may be at a point of a curve: less than simulations of the usual effort tell apart,
#: whose intervals reach some 2 % to either side.
CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class Searched:
    """What the search at one budget found: a pool with its certificate's gap and end, or a reason why none."""

    budget_usd_per_hour: float
    pool: RatedPool | None
    gap_percent: float | None = None
    reason: str | None = None
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """What one budget buys: the best pool known for it, or None and the `reason`.

    `kept` tells that a smaller budget's pool is better than what the search at this one found.
    `gap_percent` is by how much any other pool within the budget could at most serve more, None where that
    is not known, and `ended` why the search at this budget stopped (planner.certificate).
    `gain_qps_per_usd_per_hour` is what each dollar an hour has added since the budget before, None for the
    first budget and where there is no pool.
    """

    budget_usd_per_hour: float
    best: RatedPool | None
    kept: bool
    gap_percent: float | None
    gain_qps_per_usd_per_hour: float | None
    reason: str | None
    ended: str | None

    @property
    def served_qps(self) -> float:
        """The rate of the pool; without a pool nothing is served."""
        return self.best.served_qps if self.best else 0.0


@dataclass(frozen=True, slots=True)
class Knee:
    """The budget at the knee of the curve, and what a dollar an hour adds on average up to it and beyond."""

    budget_usd_per_hour: float
    gain_before_qps_per_usd_per_hour: float
    gain_after_qps_per_usd_per_hour: float


@dataclass(frozen=True, slots=True)
class Frontier:
    """The curve by rising budget; `scenario` is the question without a budget."""

    scenario: Scenario
    points: tuple[Point, ...]
    knee: Knee | None

    @property
    def peak(self) -> Point:
        """The point that serves most, the cheapest of equals."""
        return max(self.points, key=lambda each: each.served_qps)

    @property
    def carrying(self) -> Point | None:
        """The smallest budget whose pool carries the load that the scenario asks for; None if none does."""
        least = (self.scenario.min_qps or 0.0) * (1 - 1e-6)
        return next((each for each in self.points if each.best and each.served_qps >= least), None)


def searched(
    scenario: Scenario, budget_usd_per_hour: float, measuring: Measuring | None, seconds_left: SecondsLeft = forever
) -> Searched:
    """Return the pool that the plan of the scenario recommends at one budget.

    Or hardly another: the search ends with what is CLOSE. A load is left out of the question: the curve
    shows which budget carries it. Raises what planner.plan.plan raises.
    """
    question = replace(scenario, budget_usd_per_hour=budget_usd_per_hour, min_qps=None)
    made = choice(question, measuring, seconds_left, Enough(close=CLOSE))
    if isinstance(made, NoPlan):
        return Searched(budget_usd_per_hour, None, reason=made.reason)
    chosen, certificate = made.found.chosen, made.found.certificate
    if chosen.served_qps <= 0:
        reason = f"the pool found, {chosen.pool}, keeps {scenario.qos} at no rate"
        return Searched(budget_usd_per_hour, None, reason=reason)
    return Searched(budget_usd_per_hour, chosen, certificate.gap_percent, ended=certificate.ended)


def frontier(scenario: Scenario, found: Iterable[Searched]) -> Frontier:
    """Return the curve of what was found, in any order, at budgets that all differ; at least one."""
    points: list[Point] = []
    for each in sorted(found, key=lambda each: each.budget_usd_per_hour):
        points.append(_point(points[-1] if points else None, each))
    return Frontier(replace(scenario, budget_usd_per_hour=None), tuple(points), _knee(points))


def _point(before: Point | None, each: Searched) -> Point:
    """Return the point of a budget after that of the budget before."""
    best = _better(before.best if before else None, each.pool)
    kept = best is not None and (each.pool is None or each.pool.pool != best.pool)
    gain = None
    if before and best:
        gain = (best.served_qps - before.served_qps) / (each.budget_usd_per_hour - before.budget_usd_per_hour)
    reason = None if best else each.reason
    return Point(each.budget_usd_per_hour, best, kept, _gap_percent(each, best), gain, reason, each.ended)


def _better(kept: RatedPool | None, found: RatedPool | None) -> RatedPool | None:
    """Return the pool that serves more; the one kept if they are equal, or the same pool measured again."""
    if kept is None or found is None:
        return kept or found
    return found if found.pool != kept.pool and found.served_qps > kept.served_qps else kept


def _gap_percent(each: Searched, best: RatedPool | None) -> float | None:
    """Return by how much a pool within the budget could at most beat the best: the search's bound over its rate."""
    if best is None or each.pool is None or each.gap_percent is None:
        return None
    could_be = each.pool.served_qps * (1 + each.gap_percent / 100)
    return max(0.0, could_be / best.served_qps - 1) * 100


def _knee(points: Sequence[Point]) -> Knee | None:
    """Return the knee of the part of the curve where there are pools."""
    curve = [each for each in points if each.best]
    at = knee([each.budget_usd_per_hour for each in curve], [each.served_qps for each in curve])
    if at is None:
        return None
    first, middle, last = curve[0], curve[at], curve[-1]
    return Knee(middle.budget_usd_per_hour, _slope(first, middle), _slope(middle, last))


def _slope(one: Point, other: Point) -> float:
    return (other.served_qps - one.served_qps) / (other.budget_usd_per_hour - one.budget_usd_per_hour)
