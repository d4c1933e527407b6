"""Queries offered to live servers, for people: sections made from `kairos.load/1`."""

from __future__ import annotations

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.curves import histogram
from kairos_cli.report.document import Document
from kairos_cli.report.evaluation_sections import ms_text
from kairos_cli.report.load_document import PERCENTILE_KEYS
from kairos_cli.report.plan_sections import pool_text
from kairos_cli.report.sections import Section


def load_sections(document: Document, latency_ms: Floats) -> list[Section]:
    """Return the sections; `latency_ms` (N,) are the latencies of the answers, to be drawn."""
    sections = [_head(document), _ends(document), _results(document), _classes(document)]
    if len(latency_ms):
        sections.append(Section("Live latencies", drawing=histogram(latency_ms, document["qos_latency_ms"])))
    return sections


def verdict_line(document: Document) -> str:
    """Return in a line whether the target was kept, and every query answered once with its own rows."""
    live, ends = document["results"][0], document["ends"]
    kept = "kept" if document["target_kept"] else "missed"
    said = f"{document['qos']} {kept}: {live['on_time_fraction']:.2%} on time"
    bad = [f"{ends[key]} {key}" for key in ("lost", "wrong", "duplicated") if ends[key]]
    return f"{said}; {', '.join(bad)}" if bad else said


def _head(document: Document) -> Section:
    offered = document["offered"]
    how = f"trace {offered['trace']}" if offered["trace"] else f"mix {document['mix']}, seed {offered['seed']}"
    lines = [f"{document['model']}, {document['qos']}, {how}"]
    if document["pool"]:
        lines.append(f"simulated: {pool_text(document['pool'])}")
    return Section(
        f"{qps_text(offered['rate_qps'])} queries/s to {document['url']} for {offered['duration_s']:.4g} s", lines=lines
    )


def _ends(document: Document) -> Section:
    ends = document["ends"]
    counted = f"the first {ends['warm_up']} are not counted below" if ends["warm_up"] else "all are counted below"
    keys = ("sent", "answered", "refused", "lost", "wrong", "duplicated")
    late = f"{ends['sent_late_p99_ms']:.2f} ms"
    return Section("What became of them", (*(f">{key}" for key in keys), ">sent late, p99"),
                   [(*(str(ends[key]) for key in keys), late)], [counted])  # fmt: skip


def _results(document: Document) -> Section:
    rows = [
        (
            _name(each),
            *(_ms(each[key]) for key in (*PERCENTILE_KEYS, "longest_ms")),
            f"{each['on_time_fraction']:.2%}",
        )
        for each in document["results"]
    ]
    columns = ("", ">p50 ms", ">p95", ">p99", ">p99.9", ">longest", ">on time")
    return Section("Latency, since each query was to be sent", columns, rows)


def _classes(document: Document) -> Section:
    """Return the classes of the live queries, each with its simulated figures if there are any."""
    results = document["results"]
    ranges = [(each["batch_size_from"], each["batch_size_to"]) for each in results[0]["size_classes"]]
    by_range = [
        {(each["batch_size_from"], each["batch_size_to"]): each for each in one["size_classes"]} for one in results
    ]
    rows = [
        (
            f"{first}–{last}",
            f"{by_range[0][first, last]['query_share']:.1%}",
            *(text for classes in by_range for text in _cells(classes.get((first, last)))),
        )
        for first, last in ranges
    ]
    columns = [f">{_name(each)} {what}" for each in results for what in ("p50", "p99", "on time")]
    return Section("By batch size", (">batch size", ">queries", *columns), rows)


def _cells(each: Document | None) -> tuple[str, str, str]:
    if each is None:
        return ("–", "–", "–")
    return _ms(each["p50_ms"]), _ms(each["p99_ms"]), f"{each['on_time_fraction']:.2%}"


def _name(result: Document) -> str:
    return result["policy"] or "live"


def _ms(latency_ms: float | None) -> str:
    return "–" if latency_ms is None else ms_text(latency_ms)
