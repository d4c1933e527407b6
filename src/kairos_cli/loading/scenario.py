"""Scenarios: `schema = "kairos.scenario/1"`, each value of which a flag may override.

model = "rm2"                  # the name of a profile, or a path from this file
prices = "ec2-us-east-1"
mix = "deeprecsys"
budget_usd_per_hour = 2.5
qos = "p99<350ms"              # the model's own target if left out
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.prices import PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.impossible import impossibilities
from kairos_cli.loading.locate import locate
from kairos_cli.loading.mix import load_mix
from kairos_cli.loading.model import load_model
from kairos_cli.loading.prices import load_prices
from kairos_cli.loading.toml_file import TomlFile, near_name

SCHEMA = "kairos.scenario/1"
CHOICES = ("verified", "published", "capacity")

#: Each value of a scenario and the flag that overrides it.
FLAG_BY_KEY = {
    "model": "--model",
    "prices": "--prices",
    "mix": "--mix",
    "budget_usd_per_hour": "--budget",
    "qos": "--qos",
    "min_qps": "--min-qps",
    "only": "--only",
    "max_instances": "--max",
    "choose": "--choose",
    "top": "--top",
    "seed": "--seed",
}


def load_scenario(
    path: Path | None,
    flags: Mapping[str, Any] | None = None,
    own_folder: Path | None = None,
    *,
    pool_given: bool = False,
) -> Scenario:
    """Return the scenario of a file, of flags alone, or of both; a flag wins over the file.

    `flags` maps the keys of FLAG_BY_KEY to values; None stands for a flag that was not given. With
    `pool_given` there is nothing to choose, so no budget or load is needed. Raises InputError with all
    problems found.
    """
    values = _Values()
    if path is not None:
        values.read_file(path)
    for key, value in (flags or {}).items():
        if value is not None:
            values.value[key] = value
            values.source[key] = Source(FLAG_BY_KEY[key])
            values.folder[key] = Path()
    return _Loader(values, own_folder, pool_given).scenario()


@dataclass
class _Values:
    """The raw values by key, where each came from, and what relative paths in it start from."""

    value: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Source] = field(default_factory=dict)
    folder: dict[str, Path] = field(default_factory=dict)

    def read_file(self, path: Path) -> None:
        file = TomlFile(path)
        file.expect_schema(SCHEMA)
        file.expect_keys(["schema", "name", "description", *FLAG_BY_KEY])
        file.finish()
        for key in file.data:
            self.value[key] = file.data[key]
            self.source[key] = file.source(key)
            self.folder[key] = path.parent


class _Loader:
    """Turns raw values into a scenario, noting every problem on the way."""

    def __init__(self, values: _Values, own_folder: Path | None, pool_given: bool) -> None:
        self.values = values
        self.pool_given = pool_given
        self.own_folder = own_folder
        self.problems: list[Problem] = []

    def scenario(self) -> Scenario:
        """Return the scenario, or raise InputError with all problems."""
        model = self.profile("models", "model", load_model)
        prices = self.profile("prices", "prices", load_prices)
        mix = self.profile("mixes", "mix", load_mix)
        qos = self.qos(model)
        budget = self.positive("budget_usd_per_hour", "the budget", " $/h")
        min_qps = self.positive("min_qps", "the load", " queries/s")
        asks = "budget_usd_per_hour" in self.values.value or "min_qps" in self.values.value
        if not asks and not self.pool_given:
            hint = "--budget 2.5, or --min-qps 100 for the cheapest pool"
            self.note("neither a budget nor a load is given", None, hint)
        only, caps = self.only(prices), self.caps(prices)
        choose, top, seed = self.choose(), self.whole("top", 5), self.whole("seed", 0)
        self.finish()
        assert isinstance(model, ModelProfile) and isinstance(prices, PriceList) and isinstance(mix, QueryMix)
        assert qos is not None
        scenario = Scenario(model, prices, mix, qos, budget, min_qps, only, caps, choose, top, seed)
        self.problems.extend(impossibilities(scenario, self.values.source))
        self.finish()
        return scenario

    def note(self, message: str, key: str | None, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.values.source.get(key or ""), hint))

    def finish(self) -> None:
        if self.problems:
            raise InputError(self.problems)

    def profile(self, kind: str, key: str, load: Any) -> Any:
        """Return the loaded profile that the value names, or None after noting problems."""
        name = self.values.value.get(key)
        if not isinstance(name, str) or not name:
            self.note(
                f"no {key} is given" if name is None else f"{key!r} must be a name or a path",
                key,
                f"{FLAG_BY_KEY[key]} NAME; `kairos show {kind}` lists the names",
            )
            return None
        try:
            return load(
                locate(
                    kind,
                    name,
                    own_folder=self.own_folder,
                    relative_to=self.values.folder[key],
                    asked_at=self.values.source[key],
                )
            )
        except InputError as error:
            self.problems.extend(error.problems)
            return None

    def qos(self, model: ModelProfile | None) -> QosTarget | None:
        """Return the target given, or else the model's own."""
        text = self.values.value.get("qos")
        if text is None:
            if model is not None and model.qos is None:
                self.note(f"model {model.name} has no QoS target of its own", None, '--qos "p99<350ms"')
            return model.qos if model else None
        try:
            return QosTarget.parse(str(text))
        except ValueError as error:
            self.note(str(error), "qos", 'write it as "p99<350ms"')
            return None

    def positive(self, key: str, what: str, unit: str) -> float | None:
        """Return a finite number above zero, or None."""
        value = self.values.value.get(key)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value <= 0:
            shown = f"{value:g}{unit}" if number else repr(value)
            self.note(f"{what} must be a number > 0, got {shown}", key)
            return None
        return float(value)

    def whole(self, key: str, default: int) -> int:
        """Return a whole number >= 0."""
        value = self.values.value.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.note(f"{key!r} must be a whole number >= 0, got {value!r}", key)
            return default
        return value

    def choose(self) -> str:
        """Return the rule of choice."""
        rule = self.values.value.get("choose", "verified")
        if rule not in CHOICES:
            self.note(f"there is no rule of choice {rule!r}", "choose", near_name(str(rule), CHOICES, "rules"))
        return str(rule)

    def only(self, prices: PriceList | None) -> tuple[str, ...]:
        """Return the instance types the pool is limited to; empty for no limit."""
        names = self.values.value.get("only", ())
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            self.note("'only' must be a list of instance types", "only", 'only = ["g4dn.xlarge", "r5n.large"]')
            return ()
        self.check_types(names, prices, "only")
        return tuple(names)

    def caps(self, prices: PriceList | None) -> dict[str, int]:
        """Return the largest number of instances by type."""
        caps = self.values.value.get("max_instances", {})
        whole = isinstance(caps, dict) and all(
            isinstance(cap, int) and not isinstance(cap, bool) and cap >= 0 for cap in caps.values()
        )
        if not whole:
            self.note(
                "'max_instances' must give a whole number >= 0 for each type",
                "max_instances",
                'max_instances = { "g4dn.xlarge" = 2 }',
            )
            return {}
        self.check_types(caps, prices, "max_instances")
        return dict(caps)

    def check_types(self, names: Any, prices: PriceList | None, key: str) -> None:
        """Note each name that the price list does not have."""
        known = prices.price_usd_per_hour() if prices else {}
        for name in names if prices else ():
            if name not in known:
                self.note(
                    f"the price list {prices.name} has no instance type {name!r}" if prices else "",
                    key,
                    near_name(name, known, "types"),
                )
