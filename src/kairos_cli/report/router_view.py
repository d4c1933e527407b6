"""A running router as a screen of text: queries, types, instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_ENDED = ("on_time", "late", "refused", "failed", "cancelled")


def router_view(document: Mapping[str, Any], before: Mapping[str, Any] | None, seconds: float) -> RenderableType:
    """Return the view of a status; rates are those since the status before, which was so many seconds ago."""
    return Group(
        Text(_headline(document)),
        Text(_queries_line(document, before, seconds)),
        Text(_decisions_line(document)),
        _types(document, before, seconds),
        _instances(document),
    )


def _headline(document: Mapping[str, Any]) -> str:
    state = "shutting down" if document["stopping"] else f"{document['waiting']} waiting"
    return f"{document['model']}, {document['qos']}, policy {document['policy']}: {state}"


def _queries_line(document: Mapping[str, Any], before: Mapping[str, Any] | None, seconds: float) -> str:
    ended = document["ended"]
    counts = ", ".join(f"{ended[how]} {how.replace('_', ' ')}" for how in _ENDED)
    lately = _lately(document, before, seconds)
    return f"{counts}; {_share(document['on_time_fraction'])} on time{lately}"


def _lately(document: Mapping[str, Any], before: Mapping[str, Any] | None, seconds: float) -> str:
    if before is None or seconds <= 0:
        return ""
    new = {how: document["ended"][how] - before["ended"][how] for how in _ENDED if how != "cancelled"}
    rate_qps = (document["arrived"] - before["arrived"]) / seconds
    total = sum(new.values())
    return f"; now {rate_qps:.1f} queries/s, {_share(new['on_time'] / total if total else None)} on time"


def _decisions_line(document: Mapping[str, Any]) -> str:
    decisions = document["decisions"]
    mean = "–" if decisions["mean_us"] is None else f"{decisions['mean_us']:.0f} µs each"
    sent_again = f"{document['resubmitted']} sent again, {document['quarantined']} servers taken out"
    return f"{decisions['number']} decisions, {mean}; {sent_again}"


def _types(document: Mapping[str, Any], before: Mapping[str, Any] | None, seconds: float) -> Table:
    """Return the types: how busy they are, and what latencies are against those predicted and planned."""
    table = Table(
        "type", "up", "batches", "items", "busy", "measured ÷ predicted", "÷ profile", box=None, pad_edge=False
    )
    for column in table.columns[1:]:
        column.justify = "right"
    old = {each["type"]: each for each in before["types"]} if before else {}
    for each in document["types"]:
        new_ms = each["measured_ms"] - old[each["type"]]["measured_ms"] if each["type"] in old else 0.0
        busy = new_ms / (seconds * 1000 * each["up"]) if seconds > 0 and each["up"] and each["type"] in old else None
        table.add_row(
            each["type"],
            str(each["up"]),
            str(each["batches"]),
            str(each["items"]),
            "–" if busy is None else f"{min(busy, 1):.0%}",
            _ratio(each["measured_ms"] / each["predicted_ms"] if each["predicted_ms"] else None),
            _ratio(each["drift"]["median"] if each["drift"]["measured"] else None),
        )
    return table


def _instances(document: Mapping[str, Any]) -> Table:
    table = Table("instance", "type", "state", "has", "served", "÷ profile", box=None, pad_edge=False)
    for column in table.columns[3:]:
        column.justify = "right"
    for each in document["instances"]:
        state = f"{each['state']}: {each['why']}" if each["why"] else each["state"]
        numbers = (str(each["outstanding"]), str(each["served"]), _ratio(each["ratio"]))
        table.add_row(each["backend"], each["type"], state, *numbers)
    return table


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
