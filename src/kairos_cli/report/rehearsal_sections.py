"""A rehearsal for people: sections made from `kairos.rehearsal/1`."""

from __future__ import annotations

from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document
from kairos_cli.report.evaluation_sections import ms_text
from kairos_cli.report.plan_sections import pool_text
from kairos_cli.report.sections import Section


def rehearsal_sections(document: Document) -> list[Section]:
    """Return the sections."""
    return [_head(document), _live_and_simulated(document), _ends(document)]


def verdict_line(document: Document) -> str:
    """Return in a line whether the policy that was rehearsed kept the target, and lost nothing."""
    first = document["results"][0]
    kept = "kept" if document["target_kept"] else "missed"
    said = f"{document['qos']} {kept} by {first['policy']}: {first['live']['on_time_fraction']:.2%} on time"
    bad = [f"{first[key]} {key}" for key in ("lost", "duplicated") if first[key]]
    return f"{said}; {', '.join(bad)}" if bad else said


def _head(document: Document) -> Section:
    slow = "" if document["slow"] == 1 else f"{document['slow']:g} x as slow, "
    deaths = document["kill_every_s"]
    lines = [f"{document['model']}, {slow}{document['qos']}, mix {document['mix']}, seed {document['seed']}"]
    if deaths is not None:
        lines.append(f"a server is killed every {deaths:g} s; the simulation knows of no such thing")
    rate = qps_text(document["results"][0]["rate_qps"])
    return Section(f"{pool_text(document['pool'])}: {rate} queries/s for {document['duration_s']:g} s", lines=lines)


def _live_and_simulated(document: Document) -> Section:
    rows = [(each["policy"], *_pair(each, "on_time_fraction"), *_pair(each, "p50_ms"), *_pair(each, "p99_ms"))
            for each in document["results"]]  # fmt: skip
    columns = ("policy", ">on time: live", ">simulated", ">p50 ms: live", ">simulated", ">p99 ms: live", ">simulated")
    return Section("Live beside simulated, the same queries", columns, rows)


def _pair(result: Document, key: str) -> tuple[str, str]:
    live, simulated = ((result[where] or {}).get(key) for where in ("live", "simulated"))
    return _text(key, live), _text(key, simulated)


def _text(key: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2%}" if key == "on_time_fraction" else ms_text(value)


def _ends(document: Document) -> Section:
    keys = ("sent", "answered", "lost", "duplicated")
    rows = [(each["policy"], *(str(each[key]) for key in keys)) for each in document["results"]]
    added = document["added_latency_ms"]
    lines = [
        f"the first {document['warm_up']} of them are not counted above",
        f"the router adds {added['p50']:.2f} ms to a query at the median, {added['p99']:.2f} ms at p99",
    ]
    return Section("What became of the queries", ("policy", *(f">{key}" for key in keys)), rows, lines)
