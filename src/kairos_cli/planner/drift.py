"""What is not any more as it was when a plan was made: prices, latency profiles, mix, target and serving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.digest import digest
from kairos_cli.domain.latency_profile import LatencyProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import machine_of
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Drift:
    """One input that differs: `what` is price, profile, mix, qos or serving, `of` the instance type or empty."""

    what: str
    of: str
    was: float | str
    now: float | str


def drift(was: Scenario, now: Scenario, pool: Pool) -> Iterator[Drift]:
    """Yield what differs between two scenarios for a pool, whose types both must have."""
    old, new = was.prices.price_usd_per_hour(), now.prices.price_usd_per_hour()
    for name in pool.by_type:
        if old[name] != new[name]:
            yield Drift("price", name, old[name], new[name])
    for machine in dict.fromkeys(map(machine_of, pool.by_type)):
        before, after = (profile_digest(each.model.latency[machine]) for each in (was, now))
        if before != after:
            yield Drift("profile", machine, before, after)
    if not _same_mix(was.mix, now.mix):
        yield Drift("mix", "", _described(was.mix), _described(now.mix))
    if was.qos != now.qos:
        yield Drift("qos", "", str(was.qos), str(now.qos))
    if _serving(was) != _serving(now):
        yield Drift("serving", "", _serving(was), _serving(now))


def profile_digest(profile: LatencyProfile) -> str:
    """Return a digest of all numbers of a profile."""
    arrays = {
        "batch_size": profile.batch_size,
        "mean_ms": profile.mean_ms,
        "level": profile.level,
        "quantile_ms": profile.quantile_ms,
    }
    return digest({name: each.tolist() for name, each in arrays.items()})


def _same_mix(one: QueryMix, other: QueryMix) -> bool:
    return np.array_equal(one.batch_size, other.batch_size) and np.array_equal(one.probability, other.probability)


def _serving(scenario: Scenario) -> str:
    """Return what becomes of queries, in words: a limit of the batch counts where batches are made."""
    limits = [each for each in (scenario.model.largest_batch, scenario.serving.largest_batch) if each is not None]
    if scenario.serving.one_at_a_time or not limits:
        return str(scenario.serving)
    return f"{scenario.serving} in batches of at most {min(limits)}"


def _described(mix: QueryMix) -> str:
    """Return a mix in words; two of one name may differ."""
    return f"{mix.name}: {mix.batch_size[0]}–{mix.largest}, {mix.mean_batch_size:.4g} on average"
