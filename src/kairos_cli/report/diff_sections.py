"""The difference between two plans for people: what happens first, the trades, then the two side by side."""

from __future__ import annotations

from collections.abc import Callable

from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.diff_text import change_percent_text, input_row, trade_lines
from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text, question_text, usd_text
from kairos_cli.report.sections import Section


def diff_sections(document: Document) -> list[Section]:
    """Return the sections of `kairos.diff/1`."""
    if not document["differ"]:
        lines = [question_text(document["scenario"]), "pool, cost, rates and inputs are the same"]
        return [Section(f"No difference: {pool_text(document['new']['pool'])}", lines=lines)]
    return [
        Section(_title(document), lines=[question_text(document["scenario"]), *trade_lines(document)]),
        _figures(document["old"], document["new"]),
        _pool(document),
        _who_serves_what(document),
        Section("What changed in the inputs", *_inputs(document)),
    ]


def _title(document: Document) -> str:
    old, new = document["old"], document["new"]
    if old["pool"] == new["pool"]:
        return f"Keep {pool_text(new['pool'])}"
    return f"Buy {pool_text(new['pool'])} instead of {pool_text(old['pool'])}"


def _figures(old: Document, new: Document) -> Section:
    shown: list[tuple[str, str, Callable[[float | None], str]]] = [
        ("cost, $/h", "cost_usd_per_hour", _cost),
        ("simulated", "allowable_qps", qps_text),
        ("capacity", "capacity_qps", qps_text),
        ("$ per million queries", "usd_per_million_queries", usd_text),
    ]
    rows = [
        (name, text(old[key]), text(new[key]), change_percent_text(old[key], new[key])) for name, key, text in shown
    ]
    policies = [each["policy"] for each in (old, new) if each["policy"]]
    lines = [f"simulated under {policies[0]} before, {policies[1]} now"] if len(set(policies)) > 1 else []
    return Section("What it serves, in queries/s", ("", ">old", ">new", ">change"), rows, lines)


def _cost(usd: float | None) -> str:
    return f"{usd:.3f}"


def _pool(document: Document) -> Section:
    rows = [
        (
            each["column"],
            str(each["old"]),
            str(each["new"]),
            f"{each['new'] - each['old']:+d}" if each["new"] != each["old"] else "",
            *(_price(each[f"{when}_price_usd_per_hour"]) for when in ("old", "new")),
        )
        for each in document["pool"]
    ]
    return Section("Pool", ("type", ">old", ">new", ">change", ">old $/h each", ">new $/h each"), rows)


def _price(price: float | None) -> str:
    return "–" if price is None else f"{price:.4f}"


def _who_serves_what(document: Document) -> Section:
    names = [each["column"] for each in document["pool"]]
    *ranges, of_all = document["who_serves_what"]
    rows = [
        (
            "all" if each is of_all else _sizes(each),
            _both(*(_percent(side and side["query_share"], 1) for side in (each["old"], each["new"]))),
            *(
                _both(*(_percent(side and side["share"][name], 0) for side in (each["old"], each["new"])))
                for name in names
            ),
        )
        for each in (*ranges, of_all)
    ]
    return Section("Who serves what, old -> new", (">batch size", ">queries", *(f">{name}" for name in names)), rows)


def _sizes(each: Document) -> str:
    first, last = each["batch_size_from"], each["batch_size_to"]
    return str(first) if first == last else f"{first}–{last}"


def _percent(share: float | None, digits: int) -> str:
    return "–" if share is None else f"{share:.{digits}%}"


def _both(old: str, new: str) -> str:
    """Return two values, or the one where they read the same."""
    return new if old == new else f"{old} -> {new}"


def _inputs(document: Document) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[str]]:
    if not document["inputs"]:
        return (), [], ["nothing: the same question, prices, mix and latencies"]
    return ("input", ">old", ">new", ">change"), [input_row(each) for each in document["inputs"]], []
