"""An explanation as a document: `kairos.explanation/1`."""

from __future__ import annotations

from typing import Any

from kairos_cli.planner.bottleneck import LOOSER, Bottleneck
from kairos_cli.planner.change import Change
from kairos_cli.planner.explanation import Explanation
from kairos_cli.planner.rating import RatedPool
from kairos_cli.planner.trades import Trade
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_document import scenario_part
from kairos_cli.simulate.observe import Observation

SCHEMA = "kairos.explanation/1"


def explanation_document(
    explained: Explanation, this: Observation | None, recommended: Observation | None, effort: Document
) -> Document:
    """Return the document of an explanation; the observations are of the two pools at one rate.

    `effort` tells how much was simulated. Without a recommended pool `no_pool_reason` says why.
    """
    goal, change = explained.recommended, explained.change
    return {
        "schema": SCHEMA,
        "scenario": scenario_part(explained.scenario),
        "simulated": effort,
        "verdict": explained.verdict,
        "breaches": [{"code": each.code, "reason": each.reason} for each in explained.breaches],
        "pool": _figures(explained.pool) | _observed(this),
        "recommended": _figures(goal) | _observed(recommended) if goal else None,
        "no_pool_reason": explained.no_pool_reason,
        "bottleneck": _bottleneck(explained.bottleneck),
        "least_qps": rounded(explained.least_qps),
        "change": _change(change) if change else None,
        "trades": [_trade(each) for each in explained.trades],
    }


def explanation_rows(document: Document) -> list[Document]:
    """Return one row a pool: the one explained, the recommended one, the one that mends it, and each trade's."""
    pools = [
        ("pool", document["pool"]),
        ("recommended", document["recommended"]),
        ("change", document["change"]),
        *(("trade", each) for each in document["trades"]),
    ]
    return [_row(role, each) for role, each in pools if each]


def _row(role: str, each: Document) -> Document:
    low, high = each["ci95_qps"] or (None, None)
    figures = {key: each[key] for key in _FIGURES if key != "ci95_qps"}
    return {"role": role, **figures, "ci95_low_qps": low, "ci95_high_qps": high}


_FIGURES = (
    "pool",
    "present",
    "worst_loss",
    "cost_usd_per_hour",
    "published_bound_qps",
    "capacity_qps",
    "allowable_qps",
    "ci95_qps",
    "capacity_fraction",
    "usd_per_million_queries",
)


def _figures(rated: RatedPool) -> Document:
    measured, capacity_qps = rated.measured, rated.capacity_qps + 0.0  # not minus zero
    values: tuple[Any, ...] = (
        rated.pool.by_type,
        rated.present.by_type,
        rated.lost.by_type,
        rounded(rated.cost_usd_per_hour, 6),
        rounded(rated.published_bound_qps),
        rounded(capacity_qps),
        rounded(measured.qps) if measured else None,
        [rounded(end) for end in measured.ci95_qps] if measured else None,
        rounded(measured.qps / capacity_qps) if measured and capacity_qps > 0 else None,
        rounded(rated.usd_per_million_queries),
    )
    return dict(zip(_FIGURES, values, strict=True))


def _observed(observed: Observation | None) -> Document:
    classes = observed.size_classes if observed else ()
    return {
        "observed_qps": rounded(observed.rate_qps) if observed else None,
        "size_classes": [
            {
                "batch_size_from": each.first,
                "batch_size_to": each.last,
                "query_share": rounded(each.query_share),
                "on_time_fraction": rounded(each.on_time_fraction, 6),
            }
            for each in classes
        ],
    }


def _bottleneck(found: Bottleneck) -> Document:
    return {
        "runs_out": found.runs_out,
        "type": found.type,
        "gain_qps_per_instance": rounded(found.gain_qps_per_instance),
        "gain_qps_per_usd_per_hour": rounded(found.gain_qps_per_usd_per_hour),
        "least_late_fraction": rounded(found.late_share, 6),
        "looser_allowance": LOOSER,
        "looser_allowance_gain_qps": rounded(max(found.looser_allowance_gain_qps, 0.0)),
        "large_sizes": {
            "batch_size_from": found.large_sizes.first,
            "query_share": rounded(found.large_sizes.query_share),
            "on_time": found.large_sizes.on_time.by_type,
        },
        "simulated": [
            {
                "type": each.type,
                "gain_qps_per_instance": rounded(each.qps_per_instance),
                "gain_qps_per_usd_per_hour": rounded(each.qps_per_usd_per_hour),
            }
            for each in found.simulated
        ],
        "busy_fraction": {name: rounded(share) for name, share in found.busy},
    }


def _change(change: Change) -> Document:
    return {
        "added": dict(change.added),
        "removed": dict(change.removed),
        "instances": change.instances,
        "smallest": change.smallest,
        "pools_tried": change.pools_tried,
        **_figures(change.rated),
    }


def _trade(trade: Trade) -> Document:
    return {
        "given": {trade.given_type: trade.given},
        "taken": {trade.taken_type: trade.taken} if trade.taken_type else {},
        "saving_usd_per_hour": rounded(trade.saving_usd_per_hour, 6),
        **_figures(trade.rated),
    }
