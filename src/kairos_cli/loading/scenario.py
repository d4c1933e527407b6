"""Scenarios: `schema = "kairos.scenario/1"`, each value of which a flag may override.

model = "rm2"                  # the name of a profile, or a path from this file
prices = "ec2-us-east-1"
mix = "deeprecsys"
budget_usd_per_hour = 2.5
qos = "p99<350ms"              # the model's own target if left out

A table [serving] says whether queries are merged and split (loading.serving); a table [limits] is for `kairos
check` alone (loading.limits_table), and [serve] for `kairos serve` (loading.serve_table).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.prices import PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.errors import InputError
from kairos_cli.loading.constraints import asked_value, read_constraints, read_only, read_purchase
from kairos_cli.loading.impossible import impossibilities
from kairos_cli.loading.limits_table import table_problems
from kairos_cli.loading.locate import locate
from kairos_cli.loading.mix import load_mix
from kairos_cli.loading.model import load_model
from kairos_cli.loading.prices import load_prices
from kairos_cli.loading.scenario_values import FLAG_BY_KEY, ScenarioValues
from kairos_cli.loading.serving import read_serving
from kairos_cli.loading.text_file import named_at
from kairos_cli.loading.toml_file import TomlFile, near_name

CHOICES = ("verified", "published", "capacity")

#: Returns the keys of the smallest set of constraints that no pool keeps, or none, and the scenario that asks for them.
Conflict = Callable[[Scenario], tuple[Sequence[str], Scenario]]


def no_conflict(scenario: Scenario) -> tuple[Sequence[str], Scenario]:
    """Return no keys: for questions whose pool is given."""
    return (), scenario


def load_scenario(
    path: Path | TomlFile | None,
    flags: Mapping[str, Any] | None = None,
    own_folder: Path | None = None,
    *,
    pool_given: bool = False,
    conflict: Conflict = no_conflict,
) -> Scenario:
    """Return the scenario of a file, of flags alone, or of both; a flag wins over the file.

    `flags` maps the keys that scenario_values has flags for to values; None stands for a flag that was not
    given. Its key `variables` names, by key, the environment variables that gave values in place of flags. With
    `pool_given` there is nothing to choose, so no budget or load is needed. `conflict` tells which constraints
    contradict each other; it takes an integer program, which is not loading's business. Raises InputError
    with all problems found.
    """
    values = ScenarioValues()
    if path is not None:
        values.read_file(path if isinstance(path, TomlFile) else TomlFile(path))
    values.read_flags(flags or {})
    return _Loader(values, own_folder, pool_given, conflict).scenario()


def read_scenario(file: TomlFile, conflict: Conflict = no_conflict) -> Scenario:
    """Return the scenario of an opened file; raises InputError with all its problems, as load_scenario does."""
    values = ScenarioValues()
    values.read_file(file)
    values.problems.extend(table_problems(file))
    return _Loader(values, own_folder=None, pool_given=False, conflict=conflict).scenario()


class _Loader:
    """Turns raw values into a scenario, noting every problem on the way."""

    def __init__(self, values: ScenarioValues, own_folder: Path | None, pool_given: bool, conflict: Conflict) -> None:
        self.values = values
        self.conflict = conflict
        self.own_folder = own_folder
        self.pool_given = pool_given

    def scenario(self) -> Scenario:
        """Return the scenario, or raise InputError with all problems."""
        values = self.values
        model = self.profile("models", "model", load_model)
        prices = self.profile("prices", "prices", load_prices)
        mix = self.profile("mixes", "mix", load_mix)
        qos = self.qos(model)
        budget = values.positive("budget_usd_per_hour", "the budget", " $/h", "2.5")
        min_qps = values.positive("min_qps", "the load", " queries/s", "100")
        self.expect_a_question()
        purchase, constraints = read_purchase(values, prices), read_constraints(values, prices)
        only = read_only(values, prices, purchase)
        choose, top, seed = self.choose(), values.whole("top", 5, smallest=1), values.whole("seed", 0)
        serving = read_serving(values)
        values.finish()
        assert isinstance(model, ModelProfile) and isinstance(prices, PriceList) and isinstance(mix, QueryMix)
        assert qos is not None
        scenario = Scenario(
            model, prices, mix, qos, budget, min_qps, only, constraints, choose, top, seed, purchase, serving
        )  # fmt: skip
        values.problems.extend(impossibilities(scenario, values.source))
        values.finish()
        self.expect_no_conflict(scenario)
        values.finish()
        return scenario

    def expect_no_conflict(self, scenario: Scenario) -> None:
        """Note the smallest set of constraints that no pool keeps, if there is one."""
        keys, needed = self.conflict(scenario)
        if not keys:
            return
        first, *others = [self.values.asked(key, asked_value(needed, key)) for key in keys]
        together = f" together with {' and '.join(others)}" if others else ""
        hint = "loosen one of them" if others else "loosen it, or use a price list with more to choose from"
        self.values.note(f"no pool can keep {first}{together}", keys[0], hint)

    def expect_a_question(self) -> None:
        """Note it if nothing says which pool is wanted."""
        if not (self.pool_given or {"budget_usd_per_hour", "min_qps"} & set(self.values.value)):
            hint = "--budget 2.5, or --min-qps 100 for the cheapest pool"
            self.values.note("neither a budget nor a load is given", None, hint)

    def profile(self, kind: str, key: str, load: Any) -> Any:
        """Return the loaded profile that the value names, or None after noting problems."""
        name = self.values.value.get(key)
        if not isinstance(name, str) or not name:
            message = f"no {key} is given" if name is None else f"{key!r} must be a name or a path"
            self.values.note(message, key, f"{FLAG_BY_KEY[key]} NAME; `kairos show {kind}` lists the names")
            return None
        source, folder = self.values.source[key], self.values.folder[key]
        try:
            with named_at(source):
                path = locate(kind, name, own_folder=self.own_folder, relative_to=folder, asked_at=source)
                return load(path)
        except InputError as error:
            self.values.problems.extend(error.problems)
            return None

    def qos(self, model: ModelProfile | None) -> QosTarget | None:
        """Return the target given, or else the model's own."""
        text = self.values.value.get("qos")
        if text is None:
            if model is not None and model.qos is None:
                self.values.note(f"model {model.name} has no QoS target of its own", None, '--qos "p99<350ms"')
            return model.qos if model else None
        try:
            return QosTarget.parse(str(text))
        except ValueError as error:
            self.values.note(str(error), "qos", 'write it as "p99<350ms"')
            return None

    def choose(self) -> str:
        """Return the rule of choice."""
        rule = self.values.value.get("choose", "verified")
        if rule not in CHOICES:
            hint = near_name(str(rule), CHOICES, "rules")
            self.values.note(f"there is no rule of choice {rule!r}", "choose", hint)
        return str(rule)
