"""The plan for people: sections made from the document of `kairos.plan/1`."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.domain.serving import Serving
from kairos_cli.report.certificate_line import certificate_line, qps_text
from kairos_cli.report.document import Document
from kairos_cli.report.move import move_sections
from kairos_cli.report.pool_use import how_to_buy, who_serves_what
from kairos_cli.report.sections import Section


def plan_sections(document: Document) -> list[Section]:
    """Return the sections of a plan, or of the reason why there is none."""
    if document["pool"] is None:
        lines = [document["reason"], f"hint: {document['hint']}", *_left_out_lines(document)]
        return [Section(f"No pool fits: {question_text(document['scenario'])}", lines=lines)]
    return [
        Section(f"Buy {pool_text(document['pool'])}", lines=[question_text(document["scenario"])]),
        *how_to_buy(document),
        *move_sections(document),
        _figures(document),
        who_serves_what(document),
        _ranking(document),
        Section("Why", lines=list(_why(document))),
    ]


def pool_text(pool: dict[str, int]) -> str:
    """Return a pool as people write it: `1 × g4dn.xlarge + 13 × r5n.large`."""
    return " + ".join(f"{count} × {name}" for name, count in pool.items())


def usd_text(value: float | None) -> str:
    """Return a price with cents, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def question_text(scenario: Document) -> str:
    """Return the question in one line."""
    budget, load = scenario["budget_usd_per_hour"], scenario["min_qps"]
    parts = [
        scenario["model"],
        f"p{scenario['qos_percentile']:g} < {scenario['qos_latency_ms']:g} ms",
        f"mix {scenario['mix']}",
        *([f"budget {budget:g} $/h"] if budget else []),
        *([f"load {load:g} queries/s"] if load else []),
        f"prices {scenario['prices']}",
        *([serving_text(scenario)] if "serving" in scenario else []),
        *_constraint_texts(scenario),
    ]
    return ", ".join(parts)


def serving_text(scenario: Document) -> str:
    """Return what is done with queries: `merging and splitting queries, batches up to 512`, or `one at a time`."""
    serving = Serving(**scenario.get("serving", {}))
    words = str(serving) if serving.one_at_a_time else f"{serving} queries"
    return f"{words}, batches up to {serving.largest_batch}" if serving.largest_batch else words


def _constraint_texts(scenario: Document) -> Iterator[str]:
    """Yield each constraint that the question has besides caps and types."""
    if scenario["purchase"] != ["on-demand"]:
        yield f"buying {' or '.join(scenario['purchase'])}"
    if scenario["max_spot_share"] < 1:
        yield f"at most {scenario['max_spot_share']:.0%} spot"
    if scenario["min_types"] > 1:
        yield f"at least {scenario['min_types']} types"
    if scenario["min_zones"] > 0:
        yield f"at least {scenario['min_zones']} zone{'s' * (scenario['min_zones'] > 1)}"
    if scenario["tolerate_loss"] > 0:
        yield f"after the loss of any {scenario['tolerate_loss']}"
    if scenario.get("max_changes") is not None:
        yield f"at most {scenario['max_changes']} change{'s' * (scenario['max_changes'] != 1)} from the pool in use"


def _figures(document: Document) -> Section:
    alone = document["homogeneous"]
    program = document["integer_program"]

    ratio = f"{document['ratio_to_homogeneous']:.2f} x" if alone else ""
    for_budget = document["scenario"]["budget_usd_per_hour"] is not None
    rows = [
        (
            "cost, $/h",
            f"{document['cost_usd_per_hour']:.3f}",
            f"{alone['cost_usd_per_hour']:.3f}" if alone else "–",
            "" if for_budget else ratio,
        ),
        *_verified_row(document, alone, ratio if for_budget else ""),
        (
            "capacity",
            qps_text(document["capacity_qps"]),
            qps_text(alone and alone["capacity_qps"]),
            ratio if for_budget and not document["verified"] else "",
        ),
        *_published_row(document, alone),
        (f"integer program ({program['status']})", qps_text(program["qps"]), "", ""),
        (
            "$ per million queries",
            usd_text(document["usd_per_million_queries"]),
            usd_text(alone and alone["usd_per_million_queries"]),
            "",
        ),
    ]
    name = pool_text(alone["pool"]) if alone else "none can meet the target"
    line = f"best of one type: {name}"
    return Section("What it serves, in queries/s", ("", ">this pool", ">best of one type", ">ratio"), rows, [line])


def _published_row(document: Document, alone: Document | None) -> list[tuple[str, str, str, str]]:
    """Return the row of the published bound, which is about whole queries, one at a time."""
    if "serving" in document["scenario"]:
        return []
    this, other = (qps_text(each["published_bound_qps"] if each else None) for each in (document, alone))
    return [("published bound", this, other, "")]


def _verified_row(document: Document, alone: Document | None, ratio: str) -> list[tuple[str, str, str, str]]:
    """Return the row of the simulated rate, if there is one."""
    verified = document["verified"]
    if verified is None:
        return []
    low, high = verified["ci95_qps"]
    name = f"simulated ({verified['policy']}{served_instead(document)})"
    this = f"{qps_text(verified['allowable_qps'])} ({qps_text(low)} – {qps_text(high)})"
    return [(name, this, qps_text(alone["allowable_qps"] if alone else None), ratio)]


def served_instead(document: Document) -> str:
    """Return what the policy does with queries, if that is less than it may."""
    verified, may = document["verified"], document["scenario"].get("serving")
    if may is None or (verified["merges"], verified["splits"]) == (may["merge"], may["split"]):
        return ""
    return f", {Serving(verified['merges'], verified['splits'])}"


def _ranking(document: Document) -> Section:
    published = "serving" not in document["scenario"]
    rows = [
        (
            str(number),
            pool_text(each["pool"]),
            f"{each['cost_usd_per_hour']:.3f}",
            *([qps_text(each["published_bound_qps"])] if published else []),
            qps_text(each["capacity_qps"]),
            *([qps_text(each["allowable_qps"])] if document["verified"] else []),
        )
        for number, each in enumerate(document["ranking"], start=1)
    ]
    columns = (
        ">#", "pool", ">$/h", *([">published bound"] if published else []), ">capacity",
        *([">verified"] if document["verified"] else []),
    )  # fmt: skip
    lines = ["Pools without a verified rate were simulated and not better, or not simulated at all."]
    several = document["verified"] and len(rows) > 1
    return Section("Best pools", columns, rows, lines if several else [])


def _why(document: Document) -> Iterator[str]:
    yield certificate_line(document)
    if document["scenario"]["choose"] == "verified" and document["verified"] is None:
        yield "the pool is too large to be simulated: its capacity is a bound that was not verified"
    if document["worst_loss"]:
        lost = document["scenario"]["tolerate_loss"]
        yield (
            f"all rates are those after the loss of any {lost} instance{'s' * (lost > 1)}: the worst loss is "
            f"{pool_text(document['worst_loss'])}"
        )
    bottleneck = document["bottleneck"]
    yield (
        f"{bottleneck['type']} is the bottleneck: one more adds up to "
        f"{qps_text(bottleneck['gain_qps_per_instance'])} queries/s, the most for its price"
    )
    more = document["one_more_dollar"]
    if more:
        yield (
            f"one more dollar an hour buys {pool_text(more['pool'])}: "
            f"{qps_text(more['capacity_qps'])} queries/s (+{qps_text(more['gain_qps'])})"
        )
    spent_late = sum(each["query_share"] * (1 - each["on_time_fraction"]) for each in document["distribution"])
    if spent_late > 0.0005:
        allowed = 1 - document["scenario"]["qos_percentile"] / 100
        yield (
            f"the bounds spend {spent_late:.1%} of the queries as late ones, of {allowed:.1%} that the target "
            "allows: the large ones, where that frees most time"
        )
    yield from _left_out_lines(document)


def _left_out_lines(document: Document) -> Iterator[str]:
    """Yield one line a reason."""
    names_by_reason: dict[str, list[str]] = {}
    for each in document["left_out"]:
        names_by_reason.setdefault(each["reason"], []).append(each["type"])
    for reason, names in names_by_reason.items():
        yield f"left out, {reason}: {', '.join(names)}"
