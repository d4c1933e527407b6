"""The plan as a document: `kairos.plan/1`.

It is self-contained: under `inputs` it carries the prices, the mix and the latencies it was made from,
so that it can be checked and simulated again wherever it lies.
"""

from __future__ import annotations

from dataclasses import asdict

from kairos_cli.domain.digest import digest
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.prices import machine_of, purchase_of
from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.candidates import LeftOut
from kairos_cli.planner.certificate import gap_percent
from kairos_cli.planner.choice import Measured
from kairos_cli.planner.plan import NoPlan, Plan
from kairos_cli.planner.rating import RatedPool
from kairos_cli.planner.solver import solver_name
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.move import in_use_part, move_part
from kairos_cli.report.plan_inputs import inputs_part
from kairos_cli.report.size_ranges import SizeRange, size_ranges

SCHEMA = "kairos.plan/1"


def plan_document(plan: Plan | NoPlan, policy: str) -> Document:
    """Return the document of a plan, or of the reason why there is none (`pool` is null then).

    `policy` is the one under which pools were measured, if they were. The last key is a digest of all
    others, by which a reader notices a plan that was edited.
    """
    head: Document = {"schema": SCHEMA, "scenario": scenario_part(plan.scenario)}
    if isinstance(plan, NoPlan):
        return head | {
            "pool": None,
            "reason": plan.reason,
            "hint": plan.hint,
            "left_out": _left_out(plan.left_out),
        }
    document = head | _answer(plan, policy) | _reasons(plan) | {"inputs": inputs_part(plan)}
    return document | {"digest": digest(document)}


def scenario_part(scenario: Scenario) -> Document:
    """Return the question, by names and numbers."""
    return {
        "model": scenario.model.name,
        "prices": scenario.prices.name,
        "mix": scenario.mix.name,
        "qos": str(scenario.qos),
        "qos_percentile": scenario.qos.percentile,
        "qos_latency_ms": scenario.qos.latency_ms,
        "budget_usd_per_hour": scenario.budget_usd_per_hour,
        "min_qps": scenario.min_qps,
        "only": list(scenario.only),
        "purchase": list(scenario.purchase),
        "max_instances": dict(sorted(scenario.constraints.max_instances.items())),
        "max_spot_share": scenario.constraints.max_spot_share,
        "min_types": scenario.constraints.min_types,
        "min_zones": scenario.constraints.min_zones,
        "tolerate_loss": scenario.constraints.tolerate_loss,
        "choose": scenario.choose,
        "seed": scenario.seed,
        **in_use_part(scenario.constraints),
        **_serving_part(scenario),
    }


def _serving_part(scenario: Scenario) -> Document:
    """Return what is done with queries, where it is more than to serve each whole and alone."""
    return {} if scenario.serving.one_at_a_time else {"serving": asdict(scenario.serving)}


def _answer(plan: Plan, policy: str) -> Document:
    return _rated(plan.chosen) | {
        "instances": _instances(plan),
        "worst_loss": plan.chosen.lost.by_type,
        **({"move": move_part(plan.move)} if plan.move else {}),
        "verified": _verified(plan, policy),
        "integer_program": {
            "status": plan.distribution.answer.status,
            "qps": rounded(plan.distribution.qps),
            "solver": solver_name(),
        },
        "homogeneous": _rated(plan.homogeneous) if plan.homogeneous else None,
        "ratio_to_homogeneous": rounded(plan.ratio_to_homogeneous),
        "certificate": _certificate(plan),
        "ranking": [_rated(each) for each in plan.ranking],
    }


def _verified(plan: Plan, policy: str) -> Document | None:
    """Return what was measured, and what the policy did with queries where it might do more than serve them whole."""
    measured, serving = plan.chosen.measured, plan.scenario.serving
    if measured is None:
        return None
    done = measured.serving
    served = {} if serving.one_at_a_time else {"merges": done.merge, "splits": done.split}
    return {"policy": policy, **measured_part(measured), **served}


def _certificate(plan: Plan) -> Document:
    certificate, chosen = plan.certificate, plan.chosen
    # For a load the gap is one of cost, and has no such parts.
    above = gap_percent(chosen.capacity_qps, chosen.served_qps)
    own = None if plan.scenario.budget_usd_per_hour is None else min(above, certificate.gap_percent)
    return {
        "method": certificate.method,
        "pools_within_budget": certificate.pools_within_budget,
        "pools_enumerated": certificate.pools_enumerated,
        "pools_simulated": certificate.pools_simulated,
        "pools_discarded": None
        if certificate.pools_enumerated is None
        else certificate.pools_enumerated - certificate.pools_simulated,
        "best_other_capacity_qps": rounded(certificate.best_other_capacity_qps),
        "gap_percent": rounded(certificate.gap_percent),
        "gap_own_percent": rounded(own),
        "gap_others_percent": None if own is None else rounded(certificate.gap_percent - own),
        "ended": certificate.ended,
    }


def _instances(plan: Plan) -> list[Document]:
    """Return what is bought, one entry a column of the price list."""
    present, price = plan.chosen.present.by_type, plan.scenario.prices.price_usd_per_hour()
    availability = {each.name: each.availability for each in plan.scenario.prices.instance_types}
    return [
        {
            "column": name,
            "type": machine_of(name),
            "purchase": purchase_of(name),
            "count": count,
            "present": present.get(name, 0),
            "availability": availability[name],
            "price_usd_per_hour": price[name],
        }
        for name, count in plan.chosen.pool.counts
    ]


def _rated(rated: RatedPool) -> Document:
    return {
        "pool": rated.pool.by_type,
        "cost_usd_per_hour": rounded(rated.cost_usd_per_hour, 6),
        "published_bound_qps": rounded(rated.published_bound_qps),
        "capacity_qps": rounded(rated.capacity_qps),
        "allowable_qps": rounded(rated.measured.qps) if rated.measured else None,
        "usd_per_million_queries": rounded(rated.usd_per_million_queries),
    }


def measured_part(measured: Measured) -> Document:
    """Return a measured rate and its interval."""
    return {"allowable_qps": rounded(measured.qps), "ci95_qps": [rounded(end) for end in measured.ci95_qps]}


def _reasons(plan: Plan) -> Document:
    names = plan.table.names
    price = dict(zip(names, plan.capacity.shadow_price.tolist(), strict=True))
    more = plan.one_more_dollar
    at = names.index(plan.bottleneck)
    return {
        "distribution": [_size_range(plan, each) for each in size_ranges(plan.table, plan.distribution)],
        "distribution_summary": [
            _size_range(plan, each) for each in size_ranges(plan.table, plan.distribution, most=8)
        ],
        "shadow_price": {name: rounded(value) for name, value in price.items()},
        "bottleneck": {
            "type": plan.bottleneck,
            "gain_qps_per_instance": rounded(price[plan.bottleneck]),
            "gain_qps_per_usd_per_hour": rounded(price[plan.bottleneck] / plan.table.price_usd_per_hour[at]),
        },
        "one_more_dollar": None
        if more is None
        else {
            "pool": more.pool.by_type,
            "cost_usd_per_hour": rounded(more.cost_usd_per_hour, 6),
            "capacity_qps": rounded(more.capacity_qps),
            "gain_qps": rounded(more.capacity_qps - plan.chosen.capacity_qps),
        },
        "left_out": _left_out(plan.left_out),
    }


def _size_range(plan: Plan, each: SizeRange) -> Document:
    batches = {} if plan.scenario.serving.one_at_a_time else {"items_per_batch": _by_type(plan, each.batch_size)}
    return {
        "batch_size_from": each.first,
        "batch_size_to": each.last,
        "query_share": rounded(each.query_share),
        "share": _by_type(plan, each.share),
        **batches,
        "on_time_fraction": rounded(each.on_time),
    }


def _by_type(plan: Plan, figures: Floats) -> Document:
    """Return figures (J,) by the types that are in the pool."""
    bought = plan.chosen.pool.by_type
    return {
        name: rounded(each) for name, each in zip(plan.table.names, figures.tolist(), strict=True) if name in bought
    }


def _left_out(left_out: tuple[LeftOut, ...]) -> list[Document]:
    return [{"type": each.name, "code": each.code, "reason": each.reason} for each in left_out]
