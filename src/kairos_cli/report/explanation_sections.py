"""An explanation for people: a verdict first, then the two pools side by side, and what would mend the one."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.bottleneck_text import bottleneck_lines
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document
from kairos_cli.report.explanation_text import change_lines, served_qps, simulated_text, verdict_sentence
from kairos_cli.report.plan_sections import pool_text, question_text, usd_text
from kairos_cli.report.sections import Section
from kairos_cli.report.sure_text import sure_lines


def explanation_sections(document: Document) -> list[Section]:
    """Return the sections of `kairos.explanation/1`."""
    return [
        Section(verdict_sentence(document), lines=list(_head_lines(document))),
        _side_by_side(document),
        Section("Bottleneck", lines=list(bottleneck_lines(document))),
        Section("Smallest change", lines=list(change_lines(document))),
        _trades(document),
    ]


def _head_lines(document: Document) -> Iterator[str]:
    yield question_text(document["scenario"])
    if document["verdict"] == "recommended":
        yield from (each["reason"] for each in document["breaches"])
    elif document["recommended"]:
        yield f"recommended: {pool_text(document['recommended']['pool'])}{_as_far_as_it_goes(document)}"
    if document["no_pool_reason"]:
        yield f"no pool is recommended: {document['no_pool_reason']}"
    simulated = document["simulated"]
    effort = f"{simulated['replications']} x {simulated['queries']} queries a simulation"
    yield f"{effort}, policy {simulated['policy']}, seed {simulated['seed']}"


def _as_far_as_it_goes(document: Document) -> str:
    """Return that even the recommended pool does not carry the load, if so."""
    load, served = document["scenario"]["min_qps"], served_qps(document["recommended"])
    if load is None or served >= load:
        return ""
    return f", which carries {qps_text(served)} queries/s: no pool within the budget carries {load:g}"


def _side_by_side(document: Document) -> Section:
    this, other = document["pool"], document["recommended"]
    pools = [this] if other is None or document["verdict"] == "recommended" else [this, other]
    largest, line = _largest_sizes(pools)
    rows = [
        ("cost, $/h", *(f"{each['cost_usd_per_hour']:.3f}" for each in pools)),
        ("simulated", *(simulated_text(each) for each in pools)),
        ("capacity", *(qps_text(each["capacity_qps"]) for each in pools)),
        ("simulated, of capacity", *(_percent(each["capacity_fraction"]) for each in pools)),
        *([] if "serving" in document["scenario"] else [_published_row(pools)]),
        ("$ per million queries", *(usd_text(each["usd_per_million_queries"]) for each in pools)),
        *largest,
    ]
    columns = ("", ">this pool", ">recommended")[: len(pools) + 1]
    called = dict(zip(("this pool", "recommended"), pools, strict=False))
    line += sure_lines(document["scenario"], called)
    return Section("What it serves, in queries/s", columns, rows, line)


def _published_row(pools: list[Document]) -> tuple[str, ...]:
    """Return the row of the published bound, which is about whole queries, one at a time."""
    return "published bound", *(qps_text(each["published_bound_qps"]) for each in pools)


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def _largest_sizes(pools: list[Document]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the row of the largest queries, which are late most often, and the line on the rate it is about."""
    known = [each for each in pools if each["size_classes"]]
    if not known:
        return [], []
    last = known[0]["size_classes"][-1]
    shares = (each["size_classes"][-1]["on_time_fraction"] if each["size_classes"] else None for each in pools)
    row = f"on time, batch size {last['batch_size_from']}–{last['batch_size_to']}"
    both = ", which both serve" if len(known) > 1 else ""
    return [(row, *(_percent(each, 2) for each in shares))], [
        f"on time at {qps_text(known[0]['observed_qps'])} queries/s{both}"
    ]


def _trades(document: Document) -> Section:
    title = "Trades that keep the rate and cut the cost"
    if not document["trades"]:
        return Section(title, lines=["none was found" if served_qps(document["pool"]) else "it has no rate to keep"])
    rows = [
        (
            pool_text(each["given"]),
            pool_text(each["taken"]) or "nothing",
            f"{each['saving_usd_per_hour']:.3f}",
            f"{each['cost_usd_per_hour']:.3f}",
            qps_text(each["allowable_qps"]),
        )
        for each in document["trades"]
    ]
    return Section(title, ("give", "for", ">saves $/h", ">$/h then", ">queries/s then"), rows)
