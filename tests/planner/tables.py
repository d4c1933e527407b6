"""What the planner's tests share: tables and scenarios small enough for pencil and paper, the shipped ones, oracles.

An oracle is a slow and obvious way to the same number; none of them uses the code under test.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pulp
from hypothesis import settings
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import Floats, LatencyProfile, ModelProfile
from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.choice import Measure
from kairos_cli.planner.enumeration import Counts, able_to_serve, affordable_counts
from tests.conftest import shipped_scenario

MODELS = ("rm2", "ncf", "wnd", "mtwnd", "dien")
#: The types the shipped models were measured on, in the order of every pool written as four numbers.
TYPES = ("g4dn.xlarge", "c5n.2xlarge", "r5n.large", "t3.xlarge")

#: What a serving system may do with queries, but serve them one at a time.
BATCHING = (Serving(merge=True), Serving(split=True), Serving(merge=True, split=True))


def law(max_examples: int) -> settings:
    """Return the settings of a law: the same examples on every run, and no clock."""
    return settings(max_examples=max_examples, deadline=None, derandomize=True)


# --- small tables


def small_table(
    mean_ms: Sequence[Sequence[float]],
    on_time: Sequence[Sequence[float]] | None = None,
    *,
    weights: Sequence[float] | None = None,
    prices: Sequence[float] | None = None,
    percentile: float = 99.0,
    latency_ms: float = 100.0,
    serving: Serving = ONE_AT_A_TIME,
    largest: Sequence[int] | None = None,
) -> ServiceTable:
    """Return the table of types a, b, c, … at batch sizes 10, 20, 30, …; all else alike if not given.

    Sizes of weight 0 are those of batches only, `largest` is how many of the sizes each type may serve.
    """
    mean = np.array(mean_ms, dtype=np.float64)
    types, sizes = mean.shape
    weight = np.array(weights or [1.0] * sizes)
    return ServiceTable(
        tuple("abcdef"[:types]),
        np.array(prices or [1.0] * types),
        np.arange(1, sizes + 1) * 10,
        weight / weight.sum(),
        mean,
        np.ones(mean.shape) if on_time is None else np.array(on_time, dtype=np.float64),
        np.array([0.0, 1.0]),
        np.stack([mean, mean], axis=-1),
        QosTarget(percentile, latency_ms),
        serving=serving,
        batch_rows=None if largest is None else np.array(largest),
    )


@st.composite
def small_tables(draw: st.DrawFn, most_types: int = 3, most_sizes: int = 3) -> ServiceTable:
    """Draw a table of a few types and sizes, in whole milliseconds, cents and weights."""
    types, sizes = draw(st.integers(1, most_types)), draw(st.integers(1, most_sizes))

    def grid(values: st.SearchStrategy[float]) -> list[list[float]]:
        return draw(st.lists(st.lists(values, min_size=sizes, max_size=sizes), min_size=types, max_size=types))

    return small_table(
        grid(st.integers(1, 200)),
        grid(st.sampled_from([1.0, 1.0, 0.99, 0.9, 0.5, 0.0])),
        weights=draw(st.lists(st.integers(1, 9), min_size=sizes, max_size=sizes)),
        prices=[cents / 100 for cents in draw(st.lists(st.integers(10, 99), min_size=types, max_size=types))],
        percentile=draw(st.sampled_from([50.0, 90.0, 99.0])),
    )


@st.composite
def batching_tables(draw: st.DrawFn, servings: Sequence[Serving] = BATCHING) -> ServiceTable:
    """Draw a table of which some sizes may be of batches only, and some types serve no large batches."""
    table = draw(small_tables(most_types=2, most_sizes=4))
    types, sizes = table.mean_ms.shape
    queried = draw(st.lists(st.booleans(), min_size=sizes, max_size=sizes).filter(any))
    weight = table.probability * queried
    largest = draw(st.one_of(st.none(), st.lists(st.integers(1, sizes), min_size=types, max_size=types)))
    return replace(
        table,
        probability=weight / weight.sum(),
        serving=draw(st.sampled_from(servings)),
        batch_rows=None if largest is None else np.array(largest),
    )


@st.composite
def batching_tables_and_pools(draw: st.DrawFn) -> tuple[ServiceTable, Counts]:
    """Draw a table of servers that merge or split, and a pool of it."""
    table = draw(batching_tables())
    return table, draw(pools_for(table))


def pools_for(table: ServiceTable, most: int = 4) -> st.SearchStrategy[Counts]:
    """Draw a pool of a table."""
    types = len(table.names)
    return st.lists(st.integers(0, most), min_size=types, max_size=types).map(np.array)


@st.composite
def tables_and_pools(draw: st.DrawFn, pools: int = 1) -> tuple[ServiceTable, list[Counts]]:
    """Draw a table and some pools of it."""
    table = draw(small_tables())
    return table, [draw(pools_for(table)) for _ in range(pools)]


# --- oracles


def every_pool(types: int, most: int) -> Counts:
    """Return all pools with up to `most` instances of each type, in lexical order."""
    return np.array(list(itertools.product(range(most + 1), repeat=types)))


def capacity_by_vertices(table: ServiceTable, counts: Counts) -> float:
    """Return the capacity of a pool as the best vertex of the program of design 3.2, having tried all of them."""
    types, sizes = table.mean_ms.shape
    rate = types * sizes  # the column of lambda, after y[j, b] row by row; slacks follow
    matrix = np.zeros((sizes + types + 1, types * sizes + 1 + types + 1))
    for j, b in itertools.product(range(types), range(sizes)):
        matrix[b, j * sizes + b] = 1
        matrix[sizes + j, j * sizes + b] = table.mean_ms[j, b]
        matrix[-1, j * sizes + b] = 1 - table.on_time[j, b]
    matrix[:sizes, rate] = -table.probability
    matrix[-1, rate] = -table.qos.late_share
    matrix[sizes:, rate + 1 :] = np.eye(types + 1)
    right = np.concatenate([np.zeros(sizes), counts * 1000.0, [0.0]])
    bases = np.array(list(itertools.combinations(range(matrix.shape[1]), len(matrix))))
    chosen = matrix[:, bases].transpose(1, 0, 2)
    regular = np.abs(np.linalg.det(chosen)) > 1e-9
    bases, value = bases[regular], np.linalg.solve(chosen[regular], right[:, None])[..., 0]
    feasible = (value >= -1e-7).all(axis=1)
    return float(np.where(bases == rate, value, 0.0).sum(axis=1)[feasible].max())


def batches_of(table: ServiceTable, j: int, b: int) -> list[int]:
    """Return the rows of all batches that a query of row b may be served in on type j."""
    serving, rows = table.serving, range(int(table.largest[j]))
    return [x for x in rows if x == b or (x > b and serving.merge) or (x < b and serving.split)]


def capacity_by_every_batch(table: ServiceTable, counts: Counts) -> float:
    """Return the capacity as the inverse of the least time a query that the busiest type must then spend.

    A query may be served in every batch that there is, its share of whose time it takes.
    """
    problem = pulp.LpProblem("busiest", pulp.LpMinimize)
    busiest_ms = problem.add_variable("busiest_ms", 0)
    problem += busiest_ms
    present, sizes = np.flatnonzero(counts).tolist(), np.flatnonzero(table.probability).tolist()
    part = {
        (j, b, x): problem.add_variable(f"x_{j}_{b}_{x}", 0, 1)
        for j in present
        for b in sizes
        for x in batches_of(table, j, b)
    }
    for b in sizes:
        problem += pulp.lpSum(each for (_, size, _), each in part.items() if size == b) == 1
    for j in present:
        busy_ms = pulp.lpSum(
            float(table.probability[b] * table.mean_ms[j, x] * table.batch_size[b] / table.batch_size[x]) * each
            for (kind, b, x), each in part.items()
            if kind == j
        )
        problem += busy_ms <= int(counts[j]) * busiest_ms
    on_time = pulp.lpSum(float(table.probability[b] * table.on_time[j, x]) * each for (j, b, x), each in part.items())
    problem += on_time >= 1 - table.qos.late_share
    problem.solve(pulp.HiGHS(msg=False))
    return float(1000 / busiest_ms.value()) if problem.status == pulp.LpStatusOptimal else 0.0


# --- shipped models


@functools.cache
def shipped_table(model: str, serving: Serving = ONE_AT_A_TIME) -> ServiceTable:
    """Return the table of a shipped model over the types it was measured on."""
    scenario = replace(shipped_scenario(model), serving=serving)
    return service_table(scenario, candidates(scenario)[0])


@functools.cache
def shipped_pools(model: str) -> Counts:
    """Return all pools within 2.5 $/h that can meet the model's target."""
    counts = affordable_counts(shipped_table(model), 2.5, Constraints())
    assert counts is not None
    return counts[able_to_serve(shipped_table(model), counts)]


@functools.cache
def shipped_capacities(model: str) -> Floats:
    """Return the capacities of all `shipped_pools`, each solved."""
    program = CapacityProgram(shipped_table(model))
    return np.array([program.solve(counts).qps for counts in shipped_pools(model)])


# --- measuring without simulation


@dataclass(frozen=True, slots=True)
class Rate:
    """A measured rate without doubt."""

    qps: float

    @property
    def ci95_qps(self) -> tuple[float, float]:
        """The rate itself."""
        return self.qps, self.qps


def measure_by(rate_of: Callable[[Counts, float], float], asked: list[tuple[int, ...]] | None = None) -> Measure:
    """Return a way to measure that takes rates from a function of pool and capacity, and notes what it is asked."""

    def measure(counts: Counts, capacity_qps: float, better_than_qps: float) -> Rate | None:
        if asked is not None:
            asked.append(tuple(counts.tolist()))
        rate = rate_of(counts, capacity_qps)
        return None if 0 < better_than_qps >= rate else Rate(rate)

    return measure


# --- scenarios


def profile(name: str, mean_ms: Mapping[int, float]) -> LatencyProfile:
    """Return a profile that always takes its mean."""
    mean = np.array(list(mean_ms.values()), dtype=np.float64)
    return LatencyProfile(name, np.array(list(mean_ms)), mean, np.array([0.0, 1.0]), np.stack([mean, mean], axis=-1))


def price_list(prices: Mapping[str, float]) -> PriceList:
    return PriceList("toy", "nowhere", "made up", tuple(InstanceType(*each) for each in prices.items()))


def scenario(
    mean_ms: Mapping[str, Mapping[int, float]],
    prices: Mapping[str, float] | PriceList,
    mix: Mapping[int, float],
    qos: str = "p99<50ms",
    **values: Any,
) -> Scenario:
    """Return a scenario from means by type and batch size, prices by type, weights by batch size.

    The choice is by capacity if not given: nothing is simulated here.
    """
    return Scenario(
        ModelProfile("toy", None, {name: profile(name, means) for name, means in mean_ms.items()}),
        prices if isinstance(prices, PriceList) else price_list(prices),
        QueryMix.from_weights("toy", dict(mix)),
        QosTarget.parse(qos),
        **{"choose": "capacity", **values},
    )


def toy(prices: PriceList | None = None, **values: Any) -> Scenario:
    """Return the toy: `big` serves small queries in 10 ms and large ones in 20, `aux` is on time with small ones only.

    Half of the queries are small (10 items), half large (100); p99 < 50 ms; big costs 1 $/h, aux 0.30.
    """
    means = {"big": {10: 10.0, 100: 20.0}, "aux": {10: 10.0, 100: 100.0}}
    return scenario(means, prices or {"big": 1.0, "aux": 0.3}, {10: 1, 100: 1}, **values)


# --- purchase options, zones, constraints


def with_options(
    table: ServiceTable, names: Sequence[str], availability: Sequence[float], zones: Sequence[Sequence[str]] = ()
) -> ServiceTable:
    """Return a table whose columns have these names, such as `a:spot`, availabilities, and zones."""
    return replace(
        table, names=tuple(names), availability=np.array(availability), zones=tuple(tuple(each) for each in zones)
    )


@st.composite
def markets(draw: st.DrawFn) -> ServiceTable:
    """Draw a table of one or two types, each also as spot or reserved instance for less, in up to three zones."""
    table = draw(small_tables(most_types=2, most_sizes=2))
    columns = [(j, option) for j in range(len(table.names)) for option in draw(st.sampled_from(OPTIONS))]
    at = [j for j, _ in columns]
    off = np.array([1.0 if option == "" else draw(st.sampled_from([0.5, 0.6, 0.7])) for _, option in columns])
    zones_of = [draw(st.sampled_from([("x",), ("y",), ("x", "y"), ("x", "y", "z")])) for _ in table.names]
    bought = replace(
        table,
        price_usd_per_hour=np.round(table.price_usd_per_hour[at] * off, 6),
        mean_ms=table.mean_ms[at],
        on_time=table.on_time[at],
        quantile_ms=table.quantile_ms[at],
    )
    availability = [
        draw(st.sampled_from([0.7, 0.9, 0.95, 0.995])) if "spot" in option else 1.0 for _, option in columns
    ]
    return with_options(bought, ["ab"[j] + option for j, option in columns], availability, [zones_of[j] for j in at])


OPTIONS = [("",), ("", ":spot"), ("", ":reserved"), ("", ":spot", ":reserved")]


@st.composite
def constraints_of(draw: st.DrawFn) -> Constraints:
    """Draw constraints, most of which ask for something."""
    names = st.sampled_from(["a", "b", "a:spot", "b:reserved", "a:on-demand"])
    in_use = st.dictionaries(st.sampled_from(["a", "b", "a:spot", "b:reserved", "gone"]), st.integers(1, 3))
    return Constraints(
        draw(st.one_of(st.just({}), st.dictionaries(names, st.integers(0, 4), max_size=2))),
        draw(st.sampled_from([1.0, 1.0, 0.5, 0.25, 0.0])),
        draw(st.sampled_from([1, 1, 2])),
        draw(st.sampled_from([0, 0, 1, 2, 3])),
        draw(st.sampled_from([0, 0, 1, 2])),
        draw(in_use),
        draw(st.sampled_from([None, None, 0, 1, 2, 5])),
    )
