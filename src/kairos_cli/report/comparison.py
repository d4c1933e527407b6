"""The comparison of schemes: `kairos.comparison/1`, and its table."""

from __future__ import annotations

from collections.abc import Sequence

from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.comparison import HOMOGENEOUS, SchemeResult
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_document import scenario_part
from kairos_cli.report.plan_sections import pool_text, question_text
from kairos_cli.report.sections import Section


def comparison_document(scenario: Scenario, results: Sequence[SchemeResult], effort: Document) -> Document:
    """Return the document of the schemes' results; `effort` tells how much was simulated."""
    alone = next((each.allowable_qps for each in results if each.scheme == HOMOGENEOUS), 0.0)
    return {
        "schema": "kairos.comparison/1",
        "scenario": scenario_part(scenario),
        "simulated": effort,
        "schemes": [
            {
                "scheme": each.scheme,
                "pool": each.pool.by_type,
                "policy": each.policy,
                "cost_usd_per_hour": rounded(each.cost_usd_per_hour, 6),
                "allowable_qps": rounded(each.allowable_qps),
                "ci95_qps": [rounded(end) for end in each.ci95_qps],
                "ratio_to_homogeneous": rounded(each.allowable_qps / alone) if alone else None,
                "capacity_fraction": rounded(each.allowable_qps / each.capacity_qps),
                "pools_simulated": each.pools_simulated,
            }
            for each in results
        ],
    }


def comparison_sections(document: Document) -> list[Section]:
    """Return the table."""
    rows = [
        (
            each["scheme"],
            pool_text(each["pool"]),
            f"{each['cost_usd_per_hour']:.3f}",
            qps_text(each["allowable_qps"]),
            f"{each['ratio_to_homogeneous']:.2f} x" if each["ratio_to_homogeneous"] else "–",
            f"{each['capacity_fraction']:.1%}",
            str(each["pools_simulated"]),
        )
        for each in document["schemes"]
    ]
    columns = ("scheme", "its best pool", ">$/h", ">queries/s", ">ratio", ">of capacity", ">simulated")
    simulated = document["simulated"]
    line = f"{simulated['replications']} x {simulated['queries']} queries a simulation, seed {simulated['seed']}"
    return [Section(question_text(document["scenario"]), columns, rows, [line])]
