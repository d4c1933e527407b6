"""The curve of throughput against budget for people: sections made from `kairos.frontier/1`, with a drawing."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.planner.frontier import CLOSE
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.curves import curve
from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text, question_text, usd_text
from kairos_cli.report.sections import Section

#: Why a search ended that did not prove its pool: the remark on its row, and what it means. Of the published rule,
#: which proves nothing at any budget, the gap says enough.
_UNPROVEN = {
    "time_limit": ("time limit", "the search at that budget was over before it proved its pool"),
    "no_better": ("not proven", "the search at that budget ended after many pools in a row that were not better"),
    "too_large": ("not simulated", "the pool is too large for that; its capacity is a bound that was not verified"),
}


def frontier_sections(document: Document) -> list[Section]:
    """Return the sections of a curve."""
    sections = [
        Section("Throughput against budget", lines=[question_text(document["scenario"])]),
        _pools(document),
    ]
    if any(each["pool"] for each in document["points"]):
        sections += [_figures(document), Section("Queries/s by budget in $/h", drawing=_drawing(document))]
    lines = list(_why(document))
    return [*sections, Section("Why", lines=lines)] if lines else sections


def _pools(document: Document) -> Section:
    rows = [
        (
            f"{each['budget_usd_per_hour']:g}",
            pool_text(each["pool"]) if each["pool"] else "no pool fits",
            f"{each['cost_usd_per_hour']:.3f}" if each["pool"] else "–",
            ", ".join(_remarks(document, each)),
        )
        for each in document["points"]
    ]
    return Section("What each budget buys", (">budget", "pool", ">$/h", ""), rows)


def _remarks(document: Document, point: Document) -> Iterator[str]:
    """Yield what sets a point apart."""
    for part, remark in (("knee", "knee"), ("load", "carries the load")):
        if document[part] and document[part]["budget_usd_per_hour"] == point["budget_usd_per_hour"]:
            yield remark
    if point["kept"]:
        yield "kept"
    if _is_unproven(point):
        yield _UNPROVEN[point["ended"]][0]


def _is_unproven(point: Document) -> bool:
    return point["ended"] in _UNPROVEN and (point["ended"] == "too_large" or point["gap_percent"] >= 0.05)


def _figures(document: Document) -> Section:
    verified = document["simulated"] is not None
    rows = [
        (
            f"{each['budget_usd_per_hour']:g}",
            *(_verified(each["verified"]) if verified else ()),
            qps_text(each["capacity_qps"]),
            "–" if each["gap_percent"] is None else f"{each['gap_percent']:.1f}%",
            usd_text(each["usd_per_million_queries"]),
            _gain_text(each["gain_qps_per_usd_per_hour"]),
        )
        for each in document["points"]
    ]
    columns = (">budget", *([">verified", ">95 % interval"] if verified else []), ">capacity", ">gap", ">$/M", ">per $")
    lines = ["gap: what another pool could serve more at most; $/M: dollars per million queries;"]
    lines.append("per $: queries/s that each dollar an hour adds since the budget before")
    return Section("What it serves, in queries/s", columns, rows, lines)


def _verified(verified: Document | None) -> tuple[str, str]:
    if verified is None:
        return "–", "–"
    low, high = verified["ci95_qps"]
    return qps_text(verified["allowable_qps"]), f"{qps_text(low)}–{qps_text(high)}"


def _gain_text(gain: float | None) -> str:
    return "–" if gain is None else f"{gain:+.1f}"


def _drawing(document: Document) -> str:
    """Return the verified rate and the capacity against the budget, and the knee as a point."""
    points = [each for each in document["points"] if each["pool"]]
    verified = [each for each in points if each["verified"]]
    lines = {
        "verified": _line(verified, [each["verified"]["allowable_qps"] for each in verified]),
        "capacity": _line(points, [each["capacity_qps"] for each in points]),
    }
    if document["knee"]:
        at = [each for each in points if "knee" in _remarks(document, each)]
        lines["knee"] = _line(
            at, [(each["verified"] or {}).get("allowable_qps") or each["capacity_qps"] for each in at]
        )
    return curve({name: line for name, line in lines.items() if line[0]})


def _line(points: list[Document], qps: list[float]) -> tuple[list[float], list[float]]:
    return [each["budget_usd_per_hour"] for each in points], qps


def _why(document: Document) -> Iterator[str]:
    points, knee, load = document["points"], document["knee"], document["load"]
    none = [each for each in points if not each["pool"]]
    if none:
        yield f"no pool up to {none[-1]['budget_usd_per_hour']:g} $/h: {none[-1]['reason']}"
    if knee:
        yield (
            f"knee at {knee['budget_usd_per_hour']:g} $/h: a dollar an hour adds "
            f"{qps_text(knee['gain_before_qps_per_usd_per_hour'])} queries/s on average up to there, "
            f"{qps_text(knee['gain_after_qps_per_usd_per_hour'])} beyond (Kneedle: furthest above the straight line)"
        )
    elif len(none) < len(points):
        yield "no knee: the curve is too straight, or has too few points, for one"
    if load:
        yield _load_line(load, points)
    if any(each["kept"] for each in points):
        yield "kept: the search at that budget found no better pool than a smaller budget buys"
    for ended, (remark, meaning) in _UNPROVEN.items():
        if any(_is_unproven(each) and each["ended"] == ended for each in points):
            yield f"{remark}: {meaning}"
    if any(each["ended"] == "close" for each in points):
        yield f"a search ends where others could serve {CLOSE:.0%} more at most: simulation tells no less apart"
    if document["simulated"]:
        yield "{replications} x {queries} queries a simulation, seed {seed}".format(**document["simulated"])


def _load_line(load: Document, points: list[Document]) -> str:
    if load["budget_usd_per_hour"] is None:
        return f"none of these budgets carries {load['min_qps']:g} queries/s"
    return (
        f"{load['budget_usd_per_hour']:g} $/h is the least of these budgets that carries {load['min_qps']:g} queries/s"
    )
