"""What a router tells about itself: the document of the admin port, which `kairos top` shows."""

from __future__ import annotations

from typing import Any

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.members import Instance

SCHEMA = "kairos.router/1"
LATENCY_SCHEMA = "kairos.latency/1"


def status(distributor: Distributor, model: ModelProfile) -> dict[str, Any]:
    """Return what a router has done and how its servers are."""
    tally, table = distributor.tally, distributor.knowledge.planned
    return {
        "schema": SCHEMA,
        "model": model.name,
        "policy": distributor.decision.policy,
        "qos": str(table.qos),
        "stopping": distributor.stopping,
        "waiting": len(distributor.line),
        "arrived": tally.arrived,
        "ended": {how: tally.ended[how] for how in ("on_time", "late", "refused", "failed", "cancelled")},
        "on_time_fraction": tally.on_time_share,
        "resubmitted": tally.resubmitted,
        "quarantined": tally.quarantined,
        "decisions": {
            "number": tally.decisions,
            "mean_us": tally.decision_s / tally.decisions * 1e6 if tally.decisions else None,
            "longest_us": tally.longest_decision_s * 1e6,
        },
        "types": _types(distributor),
        "instances": [_instance(distributor, each) for each in distributor.servers.members],
    }


def _types(distributor: Distributor) -> list[dict[str, Any]]:
    """Return the types that have instances or have served."""
    names, up = distributor.knowledge.planned.names, distributor.servers.members.counts
    drift = distributor.knowledge.learned.drift()
    there = {each.type for each in distributor.servers.members}
    return [
        {
            "type": name,
            "up": int(up[kind]),
            "batches": tally.batches,
            "items": tally.items,
            "measured_ms": tally.measured_ms,
            "predicted_ms": tally.predicted_ms,
            "drift": {"median": drift[kind].median, "high": drift[kind].high, "measured": drift[kind].measured},
        }
        for kind, (name, tally) in enumerate(zip(names, distributor.tally.types, strict=True))
        if kind in there or tally.batches
    ]


def _instance(distributor: Distributor, instance: Instance) -> dict[str, Any]:
    return {
        "backend": instance.name,
        "type": distributor.servers.name_of(instance),
        "state": instance.state,
        "why": instance.why,
        "outstanding": instance.outstanding,
        "served": instance.served,
        "ratio": instance.ratio,
    }


def latency(distributor: Distributor, model: ModelProfile) -> dict[str, Any]:
    """Return the latencies of all types as they are now known to be, in the form of a plan, and how often measured."""
    table = distributor.knowledge.learned.table()
    measured = [each.measured for each in distributor.knowledge.learned.drift()]
    rows = {
        name: [
            [int(size), float(mean_ms), *quantile_ms.tolist()]
            for size, mean_ms, quantile_ms in zip(
                table.batch_size, table.mean_ms[kind], table.quantile_ms[kind], strict=True
            )
        ][: table.largest[kind]]
        for kind, name in enumerate(table.names)
    }
    return {
        "schema": LATENCY_SCHEMA,
        "model": model.name,
        "mergeable": model.mergeable,
        "splittable": model.splittable,
        "largest_batch": model.largest_batch,
        "qos": str(table.qos),
        "quantiles": table.level.tolist(),
        "measured": dict(zip(table.names, measured, strict=True)),
        "latency_ms": rows,
    }
