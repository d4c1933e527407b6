"""The difference between two plans as a document: `kairos.diff/1`."""

from __future__ import annotations

from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.exchange import Exchange, Exchanges
from kairos_cli.report.diff_inputs import changed_inputs
from kairos_cli.report.diff_service import service_part
from kairos_cli.report.document import Document, rounded

SCHEMA = "kairos.diff/1"


def diff_document(old: Document, new: Document, was: Scenario, now: Scenario, exchanged: Exchanges) -> Document:
    """Return the difference of two documents `kairos.plan/1`, given their scenarios and the trades between them.

    `differ` is true if pool, figures or inputs do.
    """
    figures = [_figures(each) for each in (old, new)]
    inputs = changed_inputs(old, new, was, now)
    pool = _pool(old, new)
    return {
        "schema": SCHEMA,
        "differ": bool(pool["changed"] or inputs or figures[0] != figures[1]),
        "scenario": new["scenario"],
        "old": figures[0],
        "new": figures[1],
        "pool": pool["columns"],
        "old_pool_now": {
            "cost_usd_per_hour": rounded(exchanged.old_usd_per_hour, 6),
            "capacity_qps": rounded(exchanged.old_capacity_qps),
        },
        "trades": [_trade(each) for each in exchanged.trades],
        "who_serves_what": service_part(old, new),
        "inputs": inputs,
    }


def _figures(plan: Document) -> Document:
    verified = plan["verified"]
    return {
        "pool": plan["pool"],
        "cost_usd_per_hour": plan["cost_usd_per_hour"],
        "capacity_qps": plan["capacity_qps"],
        "policy": verified["policy"] if verified else None,
        "allowable_qps": verified["allowable_qps"] if verified else None,
        "ci95_qps": verified["ci95_qps"] if verified else None,
        "usd_per_million_queries": plan["usd_per_million_queries"],
    }


def _pool(old: Document, new: Document) -> Document:
    """Return each column of either pool with its numbers and prices, and whether any number changed."""
    columns = [
        {
            "column": name,
            "old": old["pool"].get(name, 0),
            "new": new["pool"].get(name, 0),
            "old_price_usd_per_hour": old["inputs"]["price_usd_per_hour"].get(name),
            "new_price_usd_per_hour": new["inputs"]["price_usd_per_hour"].get(name),
        }
        for name in dict.fromkeys([*old["pool"], *new["pool"]])
    ]
    return {"columns": columns, "changed": any(each["old"] != each["new"] for each in columns)}


def _trade(trade: Exchange) -> Document:
    before, after = trade.before_qps, trade.after_qps
    percent = (after / before - 1) * 100 if before and after is not None else None
    return {
        "given": trade.given.by_type,
        "taken": trade.taken.by_type,
        "cost_change_usd_per_hour": rounded(trade.usd_per_hour, 6),
        "capacity_before_qps": rounded(before),
        "capacity_after_qps": rounded(after),
        "capacity_change_percent": rounded(percent),
    }
