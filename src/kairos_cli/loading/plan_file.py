"""A plan written by `kairos plan -o plan.json`, read back: the pool, and the scenario it carries inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.digest import digest
from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import CURRENCY, ON_DEMAND, InstanceType, PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import Serving
from kairos_cli.errors import InputError, Source
from kairos_cli.loading.text_file import read_text

SCHEMA = "kairos.plan/1"
_LARGEST_BYTES = 100_000_000
_CONSTRAINTS = [each.name for each in fields(Constraints)]
_BATCHES = ("mergeable", "splittable", "largest_batch")


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The pool of a plan, the question that it answers, and the whole document."""

    pool: Pool
    scenario: Scenario
    document: Mapping[str, Any]

    @property
    def policy(self) -> str | None:
        """The policy under which the pool was measured, None if it was not."""
        return str(self.document["verified"]["policy"]) if self.document["verified"] else None

    @property
    def serving(self) -> Serving:
        """What its policy does with queries: what it was verified to do best with, else all that it may do."""
        verified, may = self.document["verified"] or {}, self.scenario.serving
        return replace(may, merge=verified.get("merges", may.merge), split=verified.get("splits", may.split))


def load_plan(path: Path) -> SavedPlan:
    """Return the plan of a file; raises InputError if it is none, of another version, or was edited."""
    try:
        document = json.loads(read_text(path, _LARGEST_BYTES))
    except json.JSONDecodeError as error:
        raise InputError.of(f"not JSON: {error.msg}", Source(str(path), error.lineno)) from None
    except (RecursionError, ValueError):  # ValueError: a number of more digits than Python reads
        raise InputError.of("is no plan: it is nested too deeply, or has too long a number", path, _AGAIN) from None
    return saved_plan(document, path)


def saved_plan(document: Any, path: Path | None = None) -> SavedPlan:
    """Return the plan of a document; raises InputError as `load_plan` does, naming the path."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        found = f"its schema is {schema!r}" if schema else "it has no schema"
        raise InputError.of(f"is no plan of this version: {found}, expected {SCHEMA!r}", path, _AGAIN)
    if document.get("pool") is None:
        raise InputError.of("holds no pool: that plan found none", path, _AGAIN)
    if document.get("digest") != digest(document):
        raise InputError.of("was edited after kairos wrote it: its digest does not fit", path, _AGAIN)
    currency = document["inputs"].get("currency", CURRENCY)
    if currency != CURRENCY:
        raise InputError.of(f"its costs are in {currency}, not in {CURRENCY}", path, "plan with prices in $ per hour")
    return SavedPlan(Pool(tuple(document["pool"].items())), _scenario(document), document)


_AGAIN = "make it anew with `kairos plan … -o plan.json`; to try another pool, use --pool"


def _scenario(document: dict[str, Any]) -> Scenario:
    """Return the question with the prices, mix and latencies that the plan carries."""
    asked, inputs = document["scenario"], document["inputs"]
    level = np.array(inputs["quantiles"])
    qos = QosTarget(asked["qos_percentile"], asked["qos_latency_ms"])
    availability, zones = inputs.get("availability", {}), inputs.get("zones", {})  # plans of 0.1.0 have neither
    types = tuple(
        InstanceType(name, price, availability.get(name, 1.0), tuple(zones.get(name, ())))
        for name, price in inputs["price_usd_per_hour"].items()
    )
    mix = QueryMix(asked["mix"], np.array(inputs["batch_size"], dtype=np.int64), np.array(inputs["probability"]))
    latency = {name: _profile(name, rows, level) for name, rows in inputs["latency_ms"].items()}
    return Scenario(
        ModelProfile(asked["model"], qos, latency, **{key: inputs[key] for key in _BATCHES if key in inputs}),
        PriceList(asked["prices"], "", "", types, inputs.get("prices_as_of", "")),
        mix,
        qos,
        asked["budget_usd_per_hour"],
        asked["min_qps"],
        tuple(asked["only"]),
        Constraints(**{key: asked[key] for key in _CONSTRAINTS if key in asked}),
        asked["choose"],
        seed=asked["seed"],
        purchase=tuple(asked.get("purchase", (ON_DEMAND,))),
        serving=Serving(**asked.get("serving", {})),
    )


def _profile(name: str, rows: list[list[float]], level: Any) -> LatencyProfile:
    table = np.array(rows, dtype=np.float64)
    return LatencyProfile(name, table[:, 0].astype(np.int64), table[:, 1], level, table[:, 2:])
