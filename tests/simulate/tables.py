"""What the simulator's tests share: tables by hand and at random, the shipped ones, runs with all that happened."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import Ints, Service, service
from kairos_cli.simulate.engine import Queries, empty_record, run
from kairos_cli.simulate.simulator import Option, Simulator
from kairos_cli.simulate.streams import Stream, stream
from tests.conftest import shipped_scenario

MODELS = ("rm2", "ncf", "wnd", "mtwnd", "dien")
#: Those policies that place a query on its arrival, where it then waits its turn.
ON_ARRIVAL = ("clockwork", "greedy", "least_loaded", "instance_aware")

FOUR_STANDARD_ERRORS = 4.0


def table(
    quantile_ms: Sequence[Sequence[Sequence[float]]] | Floats,
    level: Sequence[float] | Floats = (0.0, 1.0),
    *,
    probability: Sequence[float] | None = None,
    prices: Sequence[float] | None = None,
    percentile: float = 99.0,
    target_ms: float = 100.0,
) -> ServiceTable:
    """Return a table of types a, b, … from quantiles (J, B, Q); means and chances follow from these."""
    quantiles, levels = np.array(quantile_ms, dtype=np.float64), np.array(level, dtype=np.float64)
    types, sizes, _ = quantiles.shape
    on_time = [[np.interp(target_ms, of_size, levels) for of_size in of_type] for of_type in quantiles]
    return ServiceTable(
        tuple("abcdef"[:types]),
        np.array(prices or np.ones(types), dtype=np.float64),
        np.arange(1, sizes + 1) * 10,
        np.array(probability or np.full(sizes, 1 / sizes)),
        (quantiles[..., 1:] + quantiles[..., :-1]) / 2 @ np.diff(levels),
        np.array(on_time),
        levels,
        quantiles,
        QosTarget(percentile, target_ms),
    )


def fixed(mean_ms: Sequence[Sequence[float]], **values: object) -> ServiceTable:
    """Return a table of types that always take their mean."""
    mean = np.array(mean_ms, dtype=np.float64)
    return table(np.stack([mean, mean], axis=-1), **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """A pool of a table under an option, with queries at a rate."""

    table: ServiceTable
    counts: Ints
    option: Option
    stream: Stream
    rate_qps: float


def drawn_case(seed: int, queries: int = 300) -> Case:
    """Draw one to three types with six batch sizes and up to four instances each, loaded at 40 to 120 %."""
    draw = np.random.default_rng(seed)
    types = int(draw.integers(1, 4))
    level = [0.0, 0.1, 0.5, 0.9, 1.0]
    mean_ms = np.sort(draw.uniform(2, 60, (types, 6)), axis=1)
    quantile_ms = mean_ms[..., None] * np.cumsum(draw.uniform(0.05, 0.5, (types, 1, 5)), axis=-1)
    made = table(
        quantile_ms,
        level,
        probability=draw.dirichlet(np.ones(6)).tolist(),
        prices=draw.uniform(0.1, 1, types).tolist(),
        percentile=float(draw.choice([50.0, 90.0, 99.0])),
    )
    counts = draw.integers(0, 5, types)
    counts[draw.integers(types)] += 1
    rate_qps = float(draw.uniform(0.4, 1.2) * (counts * service(made).rate_qps).sum())
    return Case(made, counts, (float(draw.integers(0, 6)),), stream(made, queries, seed, 0), rate_qps)


@dataclass(frozen=True)
class Played:
    """All that happened in one replication, and the number of late queries that the engine reports."""

    late: int
    arrival_ms: Floats
    started_ms: Floats
    finished_ms: Floats
    served_by: Ints
    served_rows: Ints
    busy_ms: Floats


def played(
    case: Case, policy: str, *, counted_from: int = 0, most_late: int | None = None, known: Service | None = None
) -> Played:
    """Run the engine once; to the end unless `most_late` is given. Policies know the table, or what is given."""
    number = len(case.stream.size)
    arrival_ms = case.stream.arrival * (1000 / case.rate_qps)
    record = empty_record(number, len(case.counts), int(case.counts.sum()), split=case.table.serving.split)
    late = run(
        list(NAMES).index(policy),
        np.array(case.option),
        known or service(case.table),
        np.ascontiguousarray(case.table.quantile_ms),
        np.concatenate([[0], np.cumsum(case.counts)]),
        Queries(arrival_ms, case.stream.size, case.stream.step, case.stream.fraction),
        record,
        counted_from,
        number if most_late is None else most_late,
    )
    return Played(int(late), arrival_ms, *record)


def type_of_instance(counts: Ints) -> Ints:
    """Return the type of each instance of a pool."""
    return np.repeat(np.arange(len(counts)), counts)


def drawn_service_ms(case: Case, served_by: Ints) -> Floats:
    """Return what each query takes on the instance that serves it, from the quantiles and its luck."""
    kind = type_of_instance(case.counts)[served_by]
    drawn = case.stream
    low = case.table.quantile_ms[kind, drawn.size, drawn.step]
    high = case.table.quantile_ms[kind, drawn.size, drawn.step + 1]
    return np.asarray(low + drawn.fraction * (high - low))


# --- replications


def each_replication(made: ServiceTable, queries: int, replications: int, seed: int = 0) -> list[Simulator]:
    """Return a simulator for each replication, so that the spread between them can be seen."""
    return [Simulator(made, [stream(made, queries, seed, each)]) for each in range(replications)]


def mean_and_error(values: Sequence[float] | Floats) -> tuple[float, float]:
    """Return the mean of independent values and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def assert_expected(expected: float, replicate: Callable[[Simulator], float], simulators: Sequence[Simulator]) -> None:
    """Hold the mean over replications to a theoretical value, within four of its own standard errors.

    With 20 replications Student's t exceeds four once in 1300 times; the seeds are fixed.
    """
    mean, error = mean_and_error([replicate(each) for each in simulators])
    assert abs(expected - mean) < FOUR_STANDARD_ERRORS * error, f"{expected=} {mean=} {error=}"
    assert error < 0.05 * expected, "too few queries to tell anything"


# --- shipped models


@functools.cache
def shipped_table(model: str) -> ServiceTable:
    """Return the table of a shipped model over the four types it was measured on."""
    scenario = shipped_scenario(model)
    return service_table(scenario, candidates(scenario)[0])


@functools.cache
def capacity_of(model: str, pool: tuple[int, ...]) -> float:
    """Return the capacity of a pool of a shipped model."""
    return capacity(shipped_table(model), np.array(pool))


def capacity(made: ServiceTable, counts: Ints) -> float:
    """Return the rate that no policy can exceed in the long run."""
    return CapacityProgram(made).solve(counts).qps
