"""The comparison of schemes: `kairos.comparison/1`, and its tables, one at a time and for servers that batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.comparison import HOMOGENEOUS, SchemeResult
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_document import scenario_part
from kairos_cli.report.plan_sections import pool_text, question_text, serving_text
from kairos_cli.report.sections import Section


def comparison_document(
    scenario: Scenario,
    results: Sequence[SchemeResult],
    effort: Document,
    batching: Scenario | None = None,
    batching_results: Sequence[SchemeResult] = (),
) -> Document:
    """Return the document of the schemes' results; `effort` tells how much was simulated.

    `scenario` is the question one at a time and `batching` the same for servers that batch, if there is one.
    """
    document = {
        "schema": "kairos.comparison/1",
        "scenario": scenario_part(scenario),
        "simulated": effort,
        "schemes": _schemes(results),
        "batching": None,
    }
    if batching is not None and batching_results:
        best = max((each.allowable_qps for each in results), default=0.0)
        schemes = _schemes(batching_results)
        for each, result in zip(schemes, batching_results, strict=True):
            each["ratio_to_one_at_a_time"] = _ratio(result.allowable_qps, best)
        document["batching"] = {"serving": asdict(batching.serving), "schemes": schemes}
    return document


def _schemes(results: Sequence[SchemeResult]) -> list[Document]:
    alone = next((each.allowable_qps for each in results if each.scheme == HOMOGENEOUS), 0.0)
    return [
        {
            "scheme": each.scheme,
            "pool": each.pool.by_type,
            "policy": each.policy,
            "cost_usd_per_hour": rounded(each.cost_usd_per_hour, 6),
            "allowable_qps": rounded(each.allowable_qps),
            "ci95_qps": [rounded(end) for end in each.ci95_qps],
            "ratio_to_homogeneous": _ratio(each.allowable_qps, alone),
            "capacity_fraction": rounded(each.allowable_qps / each.capacity_qps),
            "pools_simulated": each.pools_simulated,
        }
        for each in results
    ]


def _ratio(qps: float, to_qps: float) -> float | None:
    return rounded(qps / to_qps) if to_qps else None


def comparison_rows(document: Document) -> list[Document]:
    """Return the rows of the CSV, those of both tables; each says how its queries are served."""
    rows = [_row(each, document["scenario"]) for each in document["schemes"]]
    batching = document["batching"]
    return rows + [_row(each, batching) for each in (batching or {"schemes": []})["schemes"]]


def _row(scheme: Document, asked: Document) -> Document:
    return {"serving": serving_text(asked), **scheme, "ratio_to_one_at_a_time": scheme.get("ratio_to_one_at_a_time")}


def comparison_sections(document: Document) -> list[Section]:
    """Return the table one at a time, and that for servers that batch if there is one."""
    simulated, scenario, batching = document["simulated"], document["scenario"], document["batching"]
    line = f"{simulated['replications']} x {simulated['queries']} queries a simulation, seed {simulated['seed']}"
    alone = _table(f"{question_text(scenario)}, one at a time, as published", document["schemes"], [line])
    if batching is None:
        return [alone]
    best = max(document["schemes"], key=lambda each: float(each["allowable_qps"]))
    above = f"to above: to {best['scheme']}, one at a time, {qps_text(best['allowable_qps'])} queries/s"
    title = question_text(scenario | {"serving": batching["serving"]})
    return [alone, _table(title, batching["schemes"], [above])]


def _table(title: str, schemes: list[Document], lines: list[str]) -> Section:
    """Return a table of schemes; that for servers that batch has one ratio more, and so that it fits one count less."""
    batching = any("ratio_to_one_at_a_time" in each for each in schemes)
    rows = [
        (
            each["scheme"],
            pool_text(each["pool"]),
            f"{each['cost_usd_per_hour']:.3f}",
            qps_text(each["allowable_qps"]),
            _ratio_text(each["ratio_to_homogeneous"]),
            *([_ratio_text(each["ratio_to_one_at_a_time"])] if batching else []),
            f"{each['capacity_fraction']:.1%}",
            *([] if batching else [str(each["pools_simulated"])]),
        )
        for each in schemes
    ]
    last = (">to above", ">of capacity") if batching else (">of capacity", ">simulated")
    return Section(title, ("scheme", "its best pool", ">$/h", ">queries/s", ">ratio", *last), rows, lines)


def _ratio_text(ratio: float | None) -> str:
    return f"{ratio:.2f} x" if ratio else "–"
