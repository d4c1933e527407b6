"""A rehearsal as a document: `kairos.rehearsal/1`, live beside simulated for each policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kairos_cli.domain.qos import QosTarget
from kairos_cli.report.document import Document, rounded
from kairos_cli.simulate.felt import Felt
from kairos_cli.simulate.observe import PERCENTILES

SCHEMA = "kairos.rehearsal/1"
_P50, _P99 = PERCENTILES.index(50.0), PERCENTILES.index(99.0)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One policy: how its queries ended, what was felt live, and in a simulation of the same queries if there is one.

    A query that was not answered with its own rows is lost, whatever it got instead.
    """

    policy: str
    sent: int
    answered: int
    duplicated: int
    live: Felt
    simulated: Felt | None


def rehearsal_document(
    asked: Document, qos: QosTarget, rate_qps: float, added_ms: tuple[float, float], results: Sequence[Rehearsed]
) -> Document:
    """Return the document; `asked` says what was rehearsed and how, `added_ms` what the router adds at p50 and p99.

    The first policy is the one that is rehearsed: its live result decides whether the target was kept.
    """
    return {
        "schema": SCHEMA,
        **asked,
        "qos": str(qos),
        "qos_percentile": qos.percentile,
        "qos_latency_ms": qos.latency_ms,
        "target_kept": results[0].live.on_time_fraction >= 1 - qos.late_share,
        "results": [_result(each, rate_qps) for each in results],
        "added_latency_ms": {"p50": rounded(added_ms[0]), "p99": rounded(added_ms[1])},
    }


def rehearsal_rows(document: Document) -> list[Document]:
    """Return a row for each policy."""
    return [
        {key: value for key, value in each.items() if key not in ("live", "simulated")}
        | {f"{where}_{key}": (each[where] or {}).get(key) for where in ("live", "simulated") for key in each["live"]}
        for each in document["results"]
    ]


def _result(each: Rehearsed, rate_qps: float) -> Document:
    return {
        "policy": each.policy,
        "rate_qps": rounded(rate_qps),
        "sent": each.sent,
        "answered": each.answered,
        "lost": each.sent - each.answered,
        "duplicated": each.duplicated,
        "live": _figures(each.live),
        "simulated": None if each.simulated is None else _figures(each.simulated),
    }


def _figures(felt: Felt) -> Document:
    percentiles = felt.percentile_ms or (None,) * len(PERCENTILES)
    return {
        "on_time_fraction": rounded(felt.on_time_fraction, 6),
        "p50_ms": rounded(percentiles[_P50]),
        "p99_ms": rounded(percentiles[_P99]),
    }
