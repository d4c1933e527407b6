"""A check as a document: `kairos.check/1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kairos_cli.domain.limit import Limit
from kairos_cli.planner.drift import Drift
from kairos_cli.planner.instead import Instead
from kairos_cli.planner.limits import Finding
from kairos_cli.planner.pool_facts import PoolFacts
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_document import measured_part, scenario_part

SCHEMA = "kairos.check/1"


def check_document(
    facts: PoolFacts,
    findings: Sequence[Finding],
    changed: Sequence[Drift],
    better: Instead | None,
    files: Mapping[str, object],
    effort: Document,
    warn_only: bool = False,
) -> Document:
    """Return the document of a check.

    `better` is what to buy instead, if that was asked; `files` are plan_file,
    scenario_file and baseline_file as the user gave them, or None; `effort` tells how much was simulated; with
    `warn_only` nothing fails.
    """
    limits = [_limit(each, warn_only) for each in findings]
    rated = facts.rated
    return {
        "schema": SCHEMA,
        "verdict": verdict([each["status"] for each in limits]),
        "limits": limits,
        "scenario": scenario_part(facts.scenario),
        **{key: None if path is None else str(path) for key, path in files.items()},
        "pool": rated.pool.by_type,
        "cost_usd_per_hour": rounded(rated.cost_usd_per_hour, 6),
        "capacity_qps": rounded(rated.capacity_qps + 0.0),
        "verified": measured_part(rated.measured) if rated.measured else None,
        "load_qps": facts.around.load_qps,
        "simulated": effort,
        "changed": [{"what": each.what, "of": each.of, "was": each.was, "now": each.now} for each in changed],
        "baseline_usd_per_hour": rounded(facts.around.baseline_usd_per_hour, 6),
        **_recommended(better),
    }


def verdict(statuses: Sequence[str]) -> str:
    """Return the worst status."""
    return next((each for each in ("fail", "warn") if each in statuses), "pass")


def check_rows(document: Document) -> list[Document]:
    """Return one row a limit."""
    return [{key: each[key] for key in ("name", "percentile", *_ROW)} for each in document["limits"]]


_ROW = ("limit", "actual", "unit", "status", "message")


def _limit(found: Finding, warn_only: bool) -> Document:
    """Return a limit with its result; a share is in per cent, as its unit says."""
    limit = found.limit
    broken = "warn" if warn_only else limit.level
    return {
        "name": limit.name,
        "percentile": limit.percentile,
        "limit": limit.bound,
        "actual": rounded(found.actual),
        "unit": limit.unit,
        "status": "pass" if found.holds else broken,
        "message": found.message,
        **_place(limit),
    }


def _place(limit: Limit) -> Document:
    """Return the file and line of a limit, or the flag that gave it."""
    in_file = limit.source.line is not None
    return {
        "file": limit.source.name if in_file else None,
        "line": limit.source.line,
        "flag": None if in_file else limit.source.name,
    }


def _recommended(better: Instead | None) -> Document:
    if better is None or isinstance(better.found, str):
        return {"recommended": None, "no_pool_reason": better and better.found}
    chosen = better.found.chosen
    return {
        "recommended": {
            "pool": chosen.pool.by_type,
            "cost_usd_per_hour": rounded(chosen.cost_usd_per_hour, 6),
            "capacity_qps": rounded(chosen.capacity_qps),
            "allowable_qps": rounded(chosen.measured.qps) if chosen.measured else None,
            "gap_percent": rounded(better.found.certificate.gap_percent),
            "qos_percentile": better.question.qos.percentile,
            "qos_latency_ms": better.question.qos.latency_ms,
            "tolerate_loss": better.question.constraints.tolerate_loss,
        },
        "no_pool_reason": None,
    }
