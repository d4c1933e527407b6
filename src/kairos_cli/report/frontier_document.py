"""The curve of throughput against budget as a document, `kairos.frontier/1`, and as rows for CSV."""

from __future__ import annotations

from kairos_cli.planner.frontier import Frontier, Knee, Point
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_document import measured_part, scenario_part

SCHEMA = "kairos.frontier/1"


def frontier_document(frontier: Frontier, policy: str, simulated: Document | None) -> Document:
    """Return the document of a curve.

    `policy` is the one under which pools were measured and `simulated` tells how much was, None if nothing.
    """
    return {
        "schema": SCHEMA,
        "scenario": scenario_part(frontier.scenario),
        "simulated": simulated,
        "points": [_point(each, policy) for each in frontier.points],
        "knee": _knee(frontier.knee) if frontier.knee else None,
        "load": _load(frontier) if frontier.scenario.min_qps else None,
    }


def frontier_rows(document: Document) -> list[Document]:
    """Return the points as flat rows, the knee and the budget that carries the load marked."""
    knee, load = document["knee"], document["load"]
    rows = []
    for each in document["points"]:
        budget, verified = each["budget_usd_per_hour"], each["verified"]
        row = {key: value for key, value in each.items() if key not in ("verified", "reason")}
        row["allowable_qps"] = verified and verified["allowable_qps"]
        row["ci95_low_qps"], row["ci95_high_qps"] = verified["ci95_qps"] if verified else (None, None)
        row["knee"] = knee is not None and budget == knee["budget_usd_per_hour"]
        row["carries_load"] = None if load is None else _carries(budget, load["budget_usd_per_hour"])
        rows.append(row | {"reason": each["reason"]})
    return rows


def _carries(budget_usd_per_hour: float, least_usd_per_hour: float | None) -> bool:
    return least_usd_per_hour is not None and budget_usd_per_hour >= least_usd_per_hour


def _point(point: Point, policy: str) -> Document:
    best = point.best
    measured = best.measured if best else None
    return {
        "budget_usd_per_hour": rounded(point.budget_usd_per_hour, 9),
        "pool": best.pool.by_type if best else None,
        "cost_usd_per_hour": rounded(best.cost_usd_per_hour, 6) if best else None,
        "capacity_qps": rounded(best.capacity_qps) if best else None,
        "verified": {"policy": policy, **measured_part(measured)} if measured else None,
        "gap_percent": rounded(point.gap_percent),
        "ended": point.ended,
        "usd_per_million_queries": rounded(best.usd_per_million_queries) if best else None,
        "gain_qps_per_usd_per_hour": rounded(point.gain_qps_per_usd_per_hour),
        "kept": point.kept,
        "reason": point.reason,
    }


def _knee(knee: Knee) -> Document:
    return {
        "budget_usd_per_hour": rounded(knee.budget_usd_per_hour, 9),
        "gain_before_qps_per_usd_per_hour": rounded(knee.gain_before_qps_per_usd_per_hour),
        "gain_after_qps_per_usd_per_hour": rounded(knee.gain_after_qps_per_usd_per_hour),
    }


def _load(frontier: Frontier) -> Document:
    carrying = frontier.carrying
    return {
        "min_qps": frontier.scenario.min_qps,
        "budget_usd_per_hour": rounded(carrying.budget_usd_per_hour, 9) if carrying else None,
    }
