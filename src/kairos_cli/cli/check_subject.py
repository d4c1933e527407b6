"""What `kairos check` is asked about: a pool, the scenario it is for, the limits it is held to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from kairos_cli.cli.pool_check import check_pool
from kairos_cli.cli.scenario_options import pool_of
from kairos_cli.errors import InputError, Problem, Source

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Subject:
    """A pool, its scenario, the limits, what changed since the plan was made, and what else is known."""

    question: Any
    pool: Any
    limits: tuple[Any, ...]
    changed: tuple[Any, ...]
    around: Any


@dataclass(frozen=True, slots=True)
class Given:
    """The files and texts of the command line."""

    scenario: Path | None
    plan_file: Path | None
    pool_text: str | None
    baseline: Path | None
    profiles: Path | None
    seed: int | None


def subject(given: Given, flags: Mapping[str, Any]) -> Subject:
    """Return what is to be checked; raises InputError where that cannot be told, with all problems."""
    from kairos_cli.loading.limits_table import read_limits
    from kairos_cli.loading.toml_file import TomlFile
    from kairos_cli.planner.drift import drift

    _expect_a_pool(given)
    file = TomlFile(given.scenario) if given.scenario else None
    problems: list[Problem] = []
    limits = _noted(lambda: read_limits(file, flags, Source(str(given.scenario or given.plan_file))), problems)
    saved = _noted(lambda: _plan(given.plan_file), problems)
    question = _noted(lambda: _scenario(file, given), problems) if file else None
    if problems:
        raise InputError(problems)
    assert limits is not None
    if question is None:
        question = _of_plan(saved, given.seed)
    pool = saved.pool if saved else pool_of(given.pool_text or "")
    if saved:
        _expect_model(saved, question.model.name, given.plan_file)
    check_pool(question, pool, str(given.plan_file or "--pool"))
    problems = list(_unmet_needs(limits, given, question))
    if problems:
        raise InputError(problems)
    changed = tuple(drift(saved.scenario, question, pool)) if saved else ()
    return Subject(question, pool, limits, changed, _circumstances(limits, given.baseline, question))


def _noted(do: Callable[[], Value], problems: list[Problem]) -> Value | None:
    """Return what is done, or None after noting what was wrong."""
    try:
        return do()
    except InputError as error:
        problems.extend(error.problems)
        return None


def _expect_a_pool(given: Given) -> None:
    if given.plan_file and given.pool_text:
        raise InputError.of("both --pool and --plan name a pool", None, "give one of them")
    if not (given.plan_file or given.pool_text):
        raise InputError.of("no pool is given to check", None, "--plan plan.json, or a scenario and --pool")
    if given.pool_text and not given.scenario:
        raise InputError.of("a pool needs a scenario", "--pool", "kairos check SCENARIO.toml --pool g4dn.xlarge=2")


def _plan(path: Path | None) -> Any:
    from kairos_cli.loading.plan_file import load_plan

    return load_plan(path) if path else None


def _scenario(file: Any, given: Given) -> Any:
    """Return the scenario as its file states it: a gate depends on what is committed, not on the environment."""
    from kairos_cli.loading.scenario import load_scenario

    return load_scenario(file, {"seed": given.seed}, given.profiles, pool_given=True)


def _of_plan(saved: Any, seed: int | None) -> Any:
    """Return the scenario that a plan carries; the pool in use when it was made bounds no later choice."""
    asked = saved.scenario
    constraints = replace(asked.constraints, from_pool={}, max_changes=None)
    return replace(asked, constraints=constraints, seed=asked.seed if seed is None else seed)


def _expect_model(saved: Any, model: str, path: Path | None) -> None:
    """Raise InputError for a plan of another model: nothing of it can be compared."""
    if saved.scenario.model.name != model:
        message = f"is a plan for the model {saved.scenario.model.name}, not for {model}"
        raise InputError.of(message, path, "check it with a scenario of its own model")


def _unmet_needs(limits: tuple[Any, ...], given: Given, question: Any) -> Iterator[Problem]:
    """Yield every limit that cannot be evaluated with what is given."""
    by_name = {each.name: each for each in limits}
    load = "min_qps" in by_name or question.min_qps is not None
    if "min_headroom" in by_name and not load:
        yield Problem("headroom needs a load", by_name["min_headroom"].source, "--min-qps 100")
    for name in ("max_gap", "pool_unchanged"):
        if name in by_name and question.budget_usd_per_hour is None and question.min_qps is None:
            hint = "give the scenario a budget_usd_per_hour or a min_qps"
            yield Problem(f"{name} needs a scenario that says which pool is wanted", by_name[name].source, hint)
    if "fresh_prices" in by_name and _age_days(question.prices.as_of) is None:
        message = f"the price list {question.prices.name} does not say of which day it is"
        yield Problem(message, by_name["fresh_prices"].source, "give the price list as_of = 2026-07-01")
    if "max_cost_increase" in by_name and not given.baseline:
        yield Problem("an increase needs a baseline", by_name["max_cost_increase"].source, "--baseline old-plan.json")
    if given.baseline and "max_cost_increase" not in by_name:
        yield Problem("no limit refers to the baseline", Source("--baseline"), "--max-cost-increase 5%")


def _circumstances(limits: tuple[Any, ...], baseline: Path | None, question: Any) -> Any:
    from kairos_cli.planner.pool_facts import Circumstances

    load = next((each.bound for each in limits if each.name == "min_qps"), question.min_qps)
    cost = None
    if baseline:
        old = _plan(baseline)
        _expect_model(old, question.model.name, baseline)
        cost = old.pool.cost_usd_per_hour(old.scenario.prices.price_usd_per_hour())
    return Circumstances(load, cost, _age_days(question.prices.as_of))


def _age_days(as_of: str) -> int | None:
    """Return the age of a price list, or None where it does not name a day."""
    try:
        return (_today() - date.fromisoformat(as_of)).days
    except ValueError:
        return None


def _today() -> date:
    """Return the day in UTC, or that of SOURCE_DATE_EPOCH, by which a run can be repeated to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC).date()
    if not (epoch.isdecimal() and len(epoch) <= 11):
        raise InputError.of(f"must be a whole number of seconds, got {epoch!r}", "SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC).date()
