"""An evaluation as a document: `kairos.evaluation/1`."""

from __future__ import annotations

from collections.abc import Sequence

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_document import scenario_part
from kairos_cli.simulate.evaluation import PolicyResult
from kairos_cli.simulate.felt import FeltClass
from kairos_cli.simulate.observe import Observation, SizeClass

SCHEMA = "kairos.evaluation/1"


def evaluation_document(
    scenario: Scenario,
    table: ServiceTable,
    bought_and_present: tuple[Pool, Pool],
    capacity_qps: float,
    results: Sequence[PolicyResult],
    effort: Document,
) -> Document:
    """Return the document of a pool's results under some policies; `effort` tells how much was simulated.

    The pool is given as it is bought, and with the spot instances only that one may count on.
    """
    pool, present = bought_and_present
    return {
        "schema": SCHEMA,
        "scenario": scenario_part(scenario),
        "pool": pool.by_type,
        "present": present.by_type,
        "cost_usd_per_hour": rounded(pool.cost_usd_per_hour(scenario.prices.price_usd_per_hour()), 6),
        "capacity_qps": rounded(capacity_qps),
        "simulated": effort,
        "results": [_result(each, table, bought_and_present, capacity_qps, scenario) for each in results],
    }


def _result(
    each: PolicyResult,
    table: ServiceTable,
    bought_and_present: tuple[Pool, Pool],
    capacity_qps: float,
    scenario: Scenario,
) -> Document:
    found, (pool, present) = each.allowable, bought_and_present
    cost = pool.cost_usd_per_hour(scenario.prices.price_usd_per_hour())
    return {
        "policy": each.policy,
        "option": _option(each, table),
        "allowable_qps": rounded(found.qps),
        "ci95_qps": [rounded(end) for end in found.ci95_qps],
        "capacity_fraction": rounded(found.qps / capacity_qps),
        **_observed(each.observed, table, present),
        "usd_per_million_queries": rounded(cost / each.observed.rate_qps / 3600 * 1e6) if each.observed else None,
        "curve": [{"rate_qps": rounded(rate), "on_time_fraction": rounded(share, 6)} for rate, share in each.curve],
    }


def _option(each: PolicyResult, table: ServiceTable) -> Document:
    """Return what the policy was tuned to; limits that do not bind are left out."""
    numbers, target_ms = each.allowable.option, table.qos.latency_ms
    if each.policy == "deeprecsys":
        part = {"most_part_ms": rounded(numbers[1] * target_ms)} if len(numbers) > 1 and numbers[1] <= 1 else {}
        return {"threshold_batch_size": int(table.batch_size[int(numbers[0])]), **part}
    if each.policy == "shadow" and not table.serving.one_at_a_time:
        return {"merges": each.allowable.serving.merge, "splits": each.allowable.serving.split}
    if len(numbers) < 2 or each.policy not in ("fcfs", "least_loaded", "instance_aware"):
        return {}
    window = {"delay_window_ms": rounded(numbers[1])} if each.policy == "fcfs" else {}
    return {"most_batch_ms": rounded(numbers[0] * target_ms), **window}


def _observed(observed: Observation | None, table: ServiceTable, pool: Pool) -> Document:
    """Return the figures at the observed rate; all null where the policy keeps the target at no rate."""
    if observed is None:
        keys = ("rate_qps", "p50_ms", "p95_ms", "p99_ms", "p99_9_ms", "longest_ms", "on_time_fraction", "queue_length")
        return {**dict.fromkeys(keys), "utilisation": {}, "size_classes": []}
    p50, p95, p99, p99_9 = observed.percentile_ms
    return {
        "rate_qps": rounded(observed.rate_qps),
        "p50_ms": rounded(p50),
        "p95_ms": rounded(p95),
        "p99_ms": rounded(p99),
        "p99_9_ms": rounded(p99_9),
        "longest_ms": rounded(observed.longest_ms),
        "on_time_fraction": rounded(observed.on_time_fraction, 6),
        "queue_length": rounded(observed.queue_length),
        "utilisation": _by_type(observed.utilisation, table, pool),
        "size_classes": [_size_class(each, table, pool) for each in observed.size_classes],
    }


def _size_class(each: SizeClass, table: ServiceTable, pool: Pool) -> Document:
    return {**size_class_part(each), "share": _by_type(each.served_by, table, pool)}


def size_class_part(each: SizeClass | FeltClass) -> Document:
    """Return what became of the queries of neighbouring batch sizes, simulated or live."""
    return {
        "batch_size_from": each.first,
        "batch_size_to": each.last,
        "query_share": rounded(each.query_share),
        "p50_ms": rounded(each.p50_ms),
        "p99_ms": rounded(each.p99_ms),
        "on_time_fraction": rounded(each.on_time_fraction, 6),
    }


def _by_type(values: Sequence[float], table: ServiceTable, pool: Pool) -> Document:
    return {name: rounded(value) for name, value in zip(table.names, values, strict=True) if name in pool.by_type}
