"""What a plan was made from, as part of its document: enough to plan and simulate it again wherever it lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.domain.prices import machine_of
from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.plan import Plan
from kairos_cli.report.document import Document


def inputs_part(plan: Plan) -> Document:
    """Return all that is needed to plan and simulate this again, as it was read."""
    model, mix = plan.scenario.model, plan.scenario.mix
    bought = [each for each in plan.scenario.prices.instance_types if each.name in plan.table.names]
    profiles = [model.latency[machine] for machine in dict.fromkeys(map(machine_of, plan.table.names))]
    rows: dict[str, list[list[Any]]] = {
        each.instance_type: [
            [int(size), *row]
            for size, row in zip(
                each.batch_size, np.column_stack([each.mean_ms, each.quantile_ms]).tolist(), strict=True
            )
        ]
        for each in profiles
    }
    as_of = plan.scenario.prices.as_of
    return {
        **({"prices_as_of": as_of} if as_of else {}),
        **_batches_part(plan.scenario),
        "price_usd_per_hour": dict(zip(plan.table.names, plan.table.price_usd_per_hour.tolist(), strict=True)),
        "availability": {each.name: each.availability for each in bought if each.availability < 1},
        "zones": {each.name: list(each.zones) for each in bought if each.zones},
        "batch_size": mix.batch_size.tolist(),
        "probability": mix.probability.tolist(),
        "quantiles": profiles[0].level.tolist(),
        "latency_ms": rows,
    }


def _batches_part(scenario: Scenario) -> Document:
    """Return what the model's servers may do with queries, where that is told of or is not what is usual."""
    model = scenario.model
    told = {"mergeable": model.mergeable, "splittable": model.splittable, "largest_batch": model.largest_batch}
    usual = told == {"mergeable": True, "splittable": True, "largest_batch": None}
    return {} if usual and scenario.serving.one_at_a_time else told
