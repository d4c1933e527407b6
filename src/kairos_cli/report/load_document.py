"""Queries offered to live servers as a document: `kairos.load/1`, with a simulation of the same queries beside it."""

from __future__ import annotations

from kairos_cli.domain.qos import QosTarget
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.evaluation_document import size_class_part
from kairos_cli.simulate.felt import Felt

SCHEMA = "kairos.load/1"
PERCENTILE_KEYS = ("p50_ms", "p95_ms", "p99_ms", "p99_9_ms")


def load_document(
    asked: Document, qos: QosTarget, offered: Document, ends: Document, live: Felt, simulated: tuple[str, Felt] | None
) -> Document:
    """Return the document.

    `asked` says of whom (url, model, mix, pool), `offered` how many queries at which rate, `ends` how many were sent,
    answered, refused, lost, wrong and duplicated; `simulated` is the policy and what it does with the same queries.
    """
    results = [{"measured": "live", "policy": None, **_figures(live)}]
    if simulated is not None:
        policy, figures = simulated
        results.append({"measured": "simulated", "policy": policy, **_figures(figures)})
    return {
        "schema": SCHEMA,
        **asked,
        "qos": str(qos),
        "qos_percentile": qos.percentile,
        "qos_latency_ms": qos.latency_ms,
        "offered": offered,
        "ends": ends,
        "target_kept": live.on_time_fraction >= 1 - qos.late_share,
        "results": results,
    }


def load_rows(document: Document) -> list[Document]:
    """Return a row for each result, with how the queries ended beside the live one."""
    blank = dict.fromkeys(document["ends"])
    return [
        {key: value for key, value in each.items() if key != "size_classes"}
        | (document["ends"] if each["measured"] == "live" else blank)
        for each in document["results"]
    ]


def _figures(felt: Felt) -> Document:
    percentiles = felt.percentile_ms or (None,) * len(PERCENTILE_KEYS)
    return {
        **{key: rounded(value) for key, value in zip(PERCENTILE_KEYS, percentiles, strict=True)},
        "longest_ms": rounded(felt.longest_ms),
        "on_time_fraction": rounded(felt.on_time_fraction, 6),
        "size_classes": [size_class_part(each) for each in felt.size_classes],
    }
