"""A check made up, as the reports take it: a limit of each status, in a file and by flag."""

from __future__ import annotations

from typing import Any


def limit(name: str, status: str, message: str, **more: Any) -> dict[str, Any]:
    """Return a limit given by flag, if `more` does not say otherwise."""
    given = {"percentile": None, "limit": 2.0, "actual": 1.0, "unit": "$/h", "file": None, "line": None}
    return {"name": name, "status": status, "message": message, **given, "flag": "--x", **more}


FAIL = limit("max_cost", "fail", "costs 2.150 $/h; at most 2", actual=2.15, file="pool/scenario.toml", line=12)
WARN = limit("max_gap", "warn", "12.0 % above, 50% and\nmore", limit=5.0, actual=12.0, unit="%")
PASS = limit(
    "qos", "pass", "answers 99 % of the queries within 329 ms", percentile=99.0, limit=350.0, actual=329.05, unit="ms"
)
NONE = limit("tolerate_loss", "fail", "serves nothing", limit=1.0, actual=None, unit="instances")


def document(*limits: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a check of these limits on a plan."""
    statuses = [each["status"] for each in limits]
    return {
        "schema": "kairos.check/1",
        "verdict": next((each for each in ("fail", "warn") if each in statuses), "pass"),
        "limits": list(limits),
        "scenario": {
            "model": "rm2", "prices": "team", "mix": "deeprecsys", "qos": "p99<350ms", "qos_percentile": 99.0,
            "qos_latency_ms": 350.0, "budget_usd_per_hour": 2.2, "min_qps": None, "only": [],
            "purchase": ["on-demand"], "max_instances": {}, "max_spot_share": 1.0, "min_types": 1, "min_zones": 0,
            "tolerate_loss": 0, "choose": "verified", "seed": 0,
        },
        "plan_file": "plan.json",
        "scenario_file": None,
        "baseline_file": None,
        "pool": {"g4dn.xlarge": 1, "r5n.large": 8},
        "cost_usd_per_hour": 2.15,
        "capacity_qps": 104.9,
        "verified": {"allowable_qps": 98.9, "ci95_qps": [93.7, 104.2]},
        "load_qps": None,
        "simulated": {"policy": "shadow", "queries": 10000, "replications": 5, "seed": 0},
        "changed": [],
        "baseline_usd_per_hour": None,
        "recommended": None,
        "no_pool_reason": None,
        **more,
    }  # fmt: skip
