"""What `kairos load` is asked: which queries, sent where, held to which target, beside which simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.errors import InputError
from kairos_cli.loading.locate import locate, profiles_by_name
from kairos_cli.loading.mix import load_mix
from kairos_cli.loading.model import load_model
from kairos_cli.loading.plan_file import SavedPlan, load_plan
from kairos_cli.loading.trace import Trace, load_trace
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.simulator import WARM_UP
from kairos_cli.simulate.streams import poisson

_DURATION_S = 60.0
_MOST_QUERIES = 10_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """The flags, as they were given."""

    model: str | None
    mix: str | None
    rate_qps: float | None
    duration_s: float | None
    trace_file: Path | None
    qos: str | None
    plan_file: Path | None
    slow: float
    seed: int | None
    profiles: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """The queries (N,) with their times, the model asked, and what is simulated beside them, if anything."""

    model: str
    mix: QueryMix
    qos: QosTarget
    arrival_s: Floats
    batch_size: Ints
    rate_qps: float
    duration_s: float
    seed: int
    trace: str | None
    scenario: Scenario | None
    pool: Pool | None

    @property
    def warm_up(self) -> int:
        """How many of the first queries are not counted, as in simulations: they find an empty pool."""
        return int(len(self.arrival_s) * WARM_UP)


def question(given: Given) -> Question:
    """Return what is asked; raises InputError for what cannot be."""
    _check_positive(given.rate_qps, "rate", "--rate")
    _check_positive(given.duration_s, "duration", "--duration")
    saved = load_plan(given.plan_file) if given.plan_file else None
    trace = load_trace(given.trace_file) if given.trace_file else None
    model, profile_qos = _model(given, saved)
    mix = trace.mix() if trace else _mix(given, saved)
    seed = given.seed if given.seed is not None else (saved.scenario.seed if saved else 0)
    arrival_s, batch_size, rate_qps, duration_s = _queries(given, trace, mix, seed)
    qos = _qos(given, profile_qos).slowed(given.slow)
    scenario = _stretched(saved.scenario, mix, qos, given.slow) if saved else None
    return Question(
        model, mix, qos, arrival_s, batch_size, rate_qps, duration_s, seed, trace.name if trace else None,
        scenario, saved.pool if saved else None,
    )  # fmt: skip


def address(text: str) -> str:
    """Return the address without a slash at its end; raises InputError for what is none."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.query and parts.port != 0
    except ValueError:  # a port that is no number
        good = False
    if not good:
        raise InputError.of(f"{text[:80]!r} is no address", "--url", "write it as http://127.0.0.1:8000")
    return text.rstrip("/")


def _check_positive(value: float | None, what: str, flag: str) -> None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise InputError.of(f"the {what} must be > 0, got {value:g}", flag)


def _model(given: Given, saved: SavedPlan | None) -> tuple[str, QosTarget | None]:
    """Return the model's name and the target that the plan or its profile gives."""
    if saved is not None and given.model in (None, saved.scenario.model.name):
        return saved.scenario.model.name, saved.scenario.qos
    if given.model is None:
        raise InputError.of("nothing says which model to ask", None, "give --model NAME, or --plan plan.json")
    if saved is not None:
        message = f"the plan is of model {saved.scenario.model.name}, not of {given.model}"
        raise InputError.of(message, "--model", "leave it out")
    is_profile = "/" in given.model or given.model.endswith(".toml")
    if is_profile or given.model in profiles_by_name("models", given.profiles):
        profile = load_model(locate("models", given.model, own_folder=given.profiles, relative_to=Path()))
        return profile.name, profile.qos
    return given.model, None


def _mix(given: Given, saved: SavedPlan | None) -> QueryMix:
    if given.mix is not None:
        return load_mix(locate("mixes", given.mix, own_folder=given.profiles, relative_to=Path()))
    if saved is None:
        hint = "give --mix deeprecsys, --trace FILE or --plan plan.json"
        raise InputError.of("nothing says how large queries are", None, hint)
    return saved.scenario.mix


def _qos(given: Given, profile_qos: QosTarget | None) -> QosTarget:
    if given.qos is None:
        if profile_qos is None:
            raise InputError.of("nothing says what is on time", None, 'give --qos "p99<350ms"')
        return profile_qos
    try:
        return QosTarget.parse(given.qos)
    except ValueError as error:
        raise InputError.of(str(error), "--qos", 'write it as "p99<350ms"') from None


def _queries(given: Given, trace: Trace | None, mix: QueryMix, seed: int) -> tuple[Floats, Ints, float, float]:
    """Return arrivals in seconds, batch sizes, the rate and the duration."""
    if trace is not None:
        rate_qps = given.rate_qps or trace.rate_qps
        arrival_s, batch_size = trace.arrival_s * (trace.rate_qps / rate_qps), trace.batch_size
        duration_s = given.duration_s or float(arrival_s[-1])
    else:
        if given.rate_qps is None:
            raise InputError.of("nothing says how many queries to send", None, "give --rate QPS or --trace FILE")
        rate_qps, duration_s = given.rate_qps, given.duration_s or _DURATION_S
        arrival_s, size = poisson(mix.probability, _enough(rate_qps * duration_s), seed)
        arrival_s, batch_size = arrival_s / rate_qps, mix.batch_size[size]
    sent = arrival_s <= duration_s
    if not sent.any():
        raise InputError.of(f"no query arrives within {duration_s:g} s", "--duration", "give a longer one")
    return arrival_s[sent], batch_size[sent], rate_qps, duration_s


def _enough(expected: float) -> int:
    """Return a number of queries that more than the expected one never, or hardly ever, exceeds."""
    if expected > _MOST_QUERIES:
        message = f"{expected:.3g} queries are too many, the limit is {_MOST_QUERIES}"
        raise InputError.of(message, None, "give a lower --rate or --duration")
    return int(expected + 10 * math.sqrt(expected) + 10)


def _stretched(scenario: Scenario, mix: QueryMix, qos: QosTarget, slow: float) -> Scenario:
    """Return the plan's question with the mix and target of the load, on machines so many times slower."""
    return replace(scenario, model=scenario.model.slowed(slow), mix=mix, qos=qos)
