"""How the pool of a plan is bought and used, for people: sections made from the document of `kairos.plan/1`."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.document import Document
from kairos_cli.report.sections import Section


def how_to_buy(document: Document) -> Iterator[Section]:
    """Yield the section that says how to buy, where there is a choice."""
    if document["scenario"]["purchase"] == ["on-demand"]:
        return
    rows = [
        (
            each["type"],
            each["purchase"],
            str(each["count"]),
            str(each["present"]),
            f"{each['availability']:.0%}",
            f"{each['price_usd_per_hour']:.4f}",
        )
        for each in document["instances"]
    ]
    often = f">there {document['scenario']['qos_percentile']:g}% of the time"
    columns = ("type", "purchase", ">bought", often, ">availability", ">$/h each")
    away = any(each["present"] < each["count"] for each in document["instances"])
    lines = ["All rates count on the instances that are there; interruptions are taken as independent."]
    yield Section("How to buy", columns, rows, lines if away else [])


def who_serves_what(document: Document) -> Section:
    """Return the section that says which part of the queries of each size goes to which type."""
    types = list(document["pool"])
    rows = [
        (
            _sizes_text(each["batch_size_from"], each["batch_size_to"]),
            f"{each['query_share']:.1%}",
            *(_share_text(each, name) for name in types),
            f"{each['on_time_fraction']:.1%}",
        )
        for each in document["distribution_summary"]
    ]
    columns = (">batch size", ">queries", *(f">{name}" for name in types), ">on time once started")
    lines = ["share / items in the batches that serve them, on average"] if "serving" in document["scenario"] else []
    return Section("Who serves what", columns, rows, lines)


def _share_text(sizes: Document, name: str) -> str:
    """Return the share of a type, and how large its batches are where they need not be single queries."""
    share = f"{sizes['share'][name]:.0%}"
    if share == "0%" or "items_per_batch" not in sizes:
        return share
    return f"{share} / {sizes['items_per_batch'][name]:.0f}"


def _sizes_text(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"
