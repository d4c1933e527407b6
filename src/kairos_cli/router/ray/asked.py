"""What `request_router_kwargs` may say, checked, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from kairos_cli.domain.service_table import service_table
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.plan_file import SavedPlan, load_plan, saved_plan
from kairos_cli.planner.candidates import usable_types
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.policies import NAMES
from kairos_cli.router.decision import Decision
from kairos_cli.router.knowledge import Knowledge
from kairos_cli.router.ray.query_size import FIRST_ARGUMENT, argument
from kairos_cli.router.rules import Rules
from kairos_cli.simulate.tuning import options

#: A query whose replica did not take it goes to another one so many times; Ray counts none.
_MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """The plan, as a path or as the document itself, and how its policy is to be applied.

    `batch_from` is the place or the name of the argument that tells the batch size. With `slow` latencies and
    target are stretched, for replicas that emulate as much slower ones.
    """

    plan: str | Mapping[str, Any]
    policy: str = "shadow"
    late: str = "serve"
    longest_wait_s: float = 60.0
    most_waiting: int = 10_000
    batch_from: str = FIRST_ARGUMENT
    slow: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What a router decides by."""

    decision: Decision
    knowledge: Knowledge
    rules: Rules
    argument: int | str


def asked(given: Mapping[str, Any]) -> Asked:
    """Return what is asked for; raises InputError with all that is wrong with it."""
    known = [each.name for each in fields(Asked)]
    problems = [
        Problem(f"there is no {key!r}", Source("request_router_kwargs"), f"there are {', '.join(known)}")
        for key in given
        if key not in known
    ]
    if "plan" not in given:
        problems.append(Problem("no plan is given", Source("request_router_kwargs"), "give the path of a plan"))
    for key, choices in (("policy", tuple(NAMES)), ("late", ("serve", "reject"))):
        if given.get(key, choices[0]) not in choices:
            problems.append(Problem(f"must be one of {', '.join(choices)}, got {given[key]!r}", Source(key)))
    for key in ("longest_wait_s", "most_waiting", "slow"):
        value = given.get(key, 1)
        if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
            problems.append(Problem(f"must be > 0, got {value!r}", Source(key)))
    if problems:
        raise InputError(problems)
    argument(given.get("batch_from", FIRST_ARGUMENT))
    return Asked(**given)


def prepared(asked: Asked) -> Prepared:
    """Return what to decide by, its code loaded; this takes a second, and some more when code has to be compiled."""
    plan = _plan(asked.plan)
    scenario = plan.scenario
    if not scenario.serving.one_at_a_time:
        message = f"the plan's servers are {scenario.serving}; on Ray a replica serves one whole query at a time"
        raise InputError.of(message, "plan", "plan with --no-merge --no-split")
    scenario = replace(scenario, model=scenario.model.slowed(asked.slow), qos=scenario.qos.slowed(asked.slow))
    types = [
        each for each in usable_types(scenario) if each.purchase in scenario.purchase or each.name in plan.pool.by_type
    ]
    table = service_table(scenario, types)
    counts = table.counts(plan.pool)
    decision = Decision(asked.policy, options(asked.policy, table, counts)[0])
    knowledge = Knowledge(table, shadow_prices)
    decision.warm_up(counts, knowledge.service(counts))
    rules = Rules(
        "reject" if asked.late == "reject" else "serve",
        asked.longest_wait_s * 1000,
        int(asked.most_waiting),
        _MOST_ATTEMPTS,
    )
    return Prepared(decision, knowledge, rules, argument(asked.batch_from))


def _plan(plan: str | Mapping[str, Any]) -> SavedPlan:
    return load_plan(Path(plan)) if isinstance(plan, str) else saved_plan(plan)
