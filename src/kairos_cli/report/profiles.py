"""Profiles to look at: lists of them (`kairos.profiles/1`) and one by one (`kairos.profile/1`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.prices import PriceList
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.report.curves import bars, curve
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.sections import Section

#: How many batch sizes of a latency profile are written out beside the drawing.
_ROWS = 8


def list_document(kind: str, values: Sequence[Any]) -> Document:
    """Return the document that lists profiles of one kind."""
    return {"schema": "kairos.profiles/1", "kind": kind, "profiles": [_summary(value) for value in values]}


def _summary(value: Any) -> Document:
    if isinstance(value, ModelProfile):
        return {
            "name": value.name,
            "qos": str(value.qos) if value.qos else None,
            "instance_types": list(value.latency),
            "largest_batch_size": min(each.largest for each in value.latency.values()),
            "source": value.source,
        }
    if isinstance(value, PriceList):
        prices = [each.price_usd_per_hour for each in value.instance_types]
        return {
            "name": value.name,
            "instance_types": len(prices),
            "lowest_usd_per_hour": min(prices),
            "highest_usd_per_hour": max(prices),
            "source": value.source,
        }
    assert isinstance(value, QueryMix)
    return {
        "name": value.name,
        "mean_batch_size": rounded(value.mean_batch_size),
        "largest_batch_size": value.largest,
        "source": value.source,
    }


def list_sections(document: Document) -> list[Section]:
    """Return the list as a table."""
    profiles = document["profiles"]
    columns = [key for key in (profiles[0] if profiles else {"name": ""}) if key != "source"]
    rows = [[_cell(each[column]) for column in columns] for each in profiles]
    columns = [column.replace("_", " ") for column in columns]
    return [Section(document["kind"].capitalize(), columns, rows)]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def profile_document(value: Any) -> Document:
    """Return the document of one profile, with all its numbers."""
    head = {"schema": "kairos.profile/1", **_summary(value)}
    if isinstance(value, ModelProfile):
        latency = {name: _latency(each) for name, each in value.latency.items()}
        batches = {
            "mergeable": value.mergeable, "splittable": value.splittable, "largest_batch": value.largest_batch,
        }  # fmt: skip
        return head | {"kind": "models", **batches, "latency": latency, "licence": value.licence}
    if isinstance(value, PriceList):
        return head | {"kind": "prices", "price_usd_per_hour": value.price_usd_per_hour()}
    return head | {
        "kind": "mixes",
        "batch_size": value.batch_size.tolist(),
        "probability": [rounded(each, 8) for each in value.probability.tolist()],
    }


def _latency(profile: Any) -> Document:
    column = {name: int(np.argmin(np.abs(profile.level - level))) for name, level in (("p50", 0.5), ("p99", 0.99))}
    return {
        "batch_size": profile.batch_size.tolist(),
        "mean_ms": profile.mean_ms.tolist(),
        **{f"{name}_ms": profile.quantile_ms[:, at].tolist() for name, at in column.items()},
    }


def profile_sections(document: Document) -> list[Section]:
    """Return one profile as tables and a drawing."""
    return {"models": _model, "prices": _prices, "mixes": _mix}[document["kind"]](document)


def _model(document: Document) -> list[Section]:
    latency = document["latency"]
    head = [
        f"usual target: {document['qos'] or 'none'}",
        f"batches: {_batches_text(document)}",
        f"source: {document['source'] or 'not told'}",
    ]
    lines = {name: (each["batch_size"], each["mean_ms"]) for name, each in latency.items()}
    sizes = next(iter(latency.values()))["batch_size"]
    shown = sorted({sizes[round(at)] for at in np.linspace(0, len(sizes) - 1, _ROWS)})
    rows = [[str(size), *(_mean_and_p99(each, size) for each in latency.values())] for size in shown]
    return [
        Section(f"Model {document['name']}", lines=head),
        Section("Mean latency in ms by batch size", drawing=curve(lines)),
        Section("Latency in ms: mean (p99)", (">batch size", *(f">{name}" for name in latency)), rows),
    ]


def _batches_text(document: Document) -> str:
    """Return what servers may do with the model's queries."""
    merged, split = ("may" if document[key] else "may not" for key in ("mergeable", "splittable"))
    words, limit = f"queries {merged} be merged and {split} be split", document["largest_batch"]
    return f"{words}, at most {limit} items at once" if limit else words


def _mean_and_p99(latency: Document, size: int) -> str:
    if size not in latency["batch_size"]:
        return "–"
    at = latency["batch_size"].index(size)
    return f"{latency['mean_ms'][at]:.4g} ({latency['p99_ms'][at]:.4g})"


def _prices(document: Document) -> list[Section]:
    rows = [(name, f"{price:.4f}") for name, price in document["price_usd_per_hour"].items()]
    title = f"Prices {document['name']}"
    return [Section(title, ("instance type", ">$/h"), rows, [f"source: {document['source'] or 'not told'}"])]


def _mix(document: Document) -> list[Section]:
    lines = [
        f"mean {document['mean_batch_size']:g} items, largest {document['largest_batch_size']}",
        f"source: {document['source'] or 'not told'}",
    ]
    drawing = bars(document["batch_size"], document["probability"])
    return [
        Section(f"Mix {document['name']}", lines=lines),
        Section("Share of queries by batch size", drawing=drawing),
    ]


def rows(document: Document) -> list[Document]:
    """Return the rows of the document's CSV."""
    kind = document["kind"]
    if "profiles" in document:
        return list(document["profiles"])
    if kind == "prices":
        prices = document["price_usd_per_hour"].items()
        return [{"instance_type": name, "price_usd_per_hour": price} for name, price in prices]
    if kind == "mixes":
        pairs = zip(document["batch_size"], document["probability"], strict=True)
        return [{"batch_size": size, "probability": chance} for size, chance in pairs]
    return [
        {"instance_type": name, **{key: column[at] for key, column in latency.items()}}
        for name, latency in document["latency"].items()
        for at in range(len(latency["batch_size"]))
    ]
