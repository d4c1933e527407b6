"""An evaluation for people: sections made from `kairos.evaluation/1`, with drawings of the simulated latencies."""

from __future__ import annotations

from collections.abc import Sequence

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.serving import Serving
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.curves import curve, histogram
from kairos_cli.report.document import Document
from kairos_cli.report.evaluation_shards import shards_section
from kairos_cli.report.plan_sections import pool_text, question_text
from kairos_cli.report.sections import Section


def evaluation_sections(document: Document, latency_ms: Floats | None = None) -> list[Section]:
    """Return the sections; `latency_ms` (N,) are the latencies of the first policy, if they are to be drawn."""
    results = document["results"]
    head = Section(
        pool_text(document["pool"]),
        lines=[question_text(document["scenario"]), _cost_line(document)],
    )
    sections = [head, *([shards_section(document)] if "shards" in document else [])]
    sections += [_policies(results), _at_a_rate(results)]
    first = next((each for each in results if each["size_classes"]), None)
    if first:
        sections += [_utilisation(document), _classes(first)]
    if first and latency_ms is not None:
        target_ms = document["scenario"]["qos_latency_ms"]
        title = f"Latencies of {first['policy']} at {qps_text(first['rate_qps'])} queries/s"
        sections.append(Section(title, drawing=histogram(latency_ms, target_ms)))
    lines = {
        each["policy"]: (
            [point["rate_qps"] for point in each["curve"]],
            [100 * point["on_time_fraction"] for point in each["curve"]],
        )
        for each in results
        if each["curve"]
    }
    if lines:
        sections.append(Section("Share on time in % by queries/s", drawing=curve(_visible(lines))))
    return sections


def _visible(lines: dict[str, tuple[list[float], list[float]]]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the part of the curves above 90 %: what lies below would flatten the part that matters."""
    return {
        name: tuple(zip(*pairs, strict=True))  # type: ignore[misc]
        for name, (x, y) in lines.items()
        if (pairs := [(rate, share) for rate, share in zip(x, y, strict=True) if share >= 90])
    }


def _cost_line(document: Document) -> str:
    simulated = document["simulated"]
    how = f"trace {simulated['trace']}" if simulated.get("trace") else f"seed {simulated['seed']}"
    return (
        f"{document['cost_usd_per_hour']:.3f} $/h, capacity {qps_text(document['capacity_qps'])} queries/s; "
        f"{simulated['replications']} x {simulated['queries']} queries, {how}"
    )


def _policies(results: Sequence[Document]) -> Section:
    rows = [
        (
            each["policy"],
            qps_text(each["allowable_qps"]),
            f"{qps_text(each['ci95_qps'][0])}–{qps_text(each['ci95_qps'][1])}",
            f"{each['capacity_fraction']:.0%}",
        )
        for each in results
    ]
    lines = [f"{each['policy']}: {_option_text(each['option'])}" for each in results if each["option"]]
    columns = ("policy", ">allowable", ">95 % interval", ">of capacity")
    return Section("Allowable throughput in queries/s", columns, rows, lines)


def _option_text(option: Document) -> str:
    """Return what a policy was tuned to, in words."""
    if "merges" in option:
        return str(Serving(option["merges"], option["splits"]))
    words = {
        "threshold_batch_size": "sizes over {} are large",
        "most_part_ms": "parts take up to {:g} ms",
        "most_batch_ms": "batches take up to {:g} ms",
        "delay_window_ms": "and are held open for {:g} ms",
    }
    return ", ".join(words[key].format(value) for key, value in option.items())


def _at_a_rate(results: Sequence[Document]) -> Section:
    rows = [(each["policy"], qps_text(each["rate_qps"]), *_latencies(each)) for each in results if each["size_classes"]]
    columns = ("policy", ">queries/s", ">p50 ms", ">p95", ">p99", ">p99.9", ">longest", ">on time", ">queue", ">$/M")
    return Section("What happens at a rate (queue: mean number waiting; $/M: dollars per million)", columns, rows)


def _latencies(each: Document) -> tuple[str, ...]:
    return (
        *(ms_text(each[key]) for key in ("p50_ms", "p95_ms", "p99_ms", "p99_9_ms", "longest_ms")),
        f"{each['on_time_fraction']:.2%}",
        f"{each['queue_length']:.1f}",
        f"{each['usd_per_million_queries']:.2f}",
    )


def ms_text(latency_ms: float) -> str:
    """Return a latency with four digits, or whole milliseconds above a second."""
    return f"{latency_ms:.4g}" if latency_ms < 1000 else f"{latency_ms:.0f}"


def _utilisation(document: Document) -> Section:
    types = list(document["pool"])
    rows = [
        (each["policy"], *(f"{each['utilisation'][name]:.1%}" for name in types))
        for each in document["results"]
        if each["utilisation"]
    ]
    return Section("Use of each type", ("policy", *(f">{name}" for name in types)), rows)


def _classes(result: Document) -> Section:
    types = list(result["utilisation"])
    rows = [
        (
            f"{each['batch_size_from']}–{each['batch_size_to']}",
            f"{each['query_share']:.1%}",
            ms_text(each["p50_ms"]),
            ms_text(each["p99_ms"]),
            f"{each['on_time_fraction']:.2%}",
            *(f"{each['share'][name]:.0%}" for name in types),
        )
        for each in result["size_classes"]
    ]
    columns = (">batch size", ">queries", ">p50 ms", ">p99 ms", ">on time", *(f">{name}" for name in types))
    return Section(f"By batch size, under {result['policy']}", columns, rows)
