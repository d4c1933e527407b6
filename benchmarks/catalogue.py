"""A made-up cloud catalogue, as large as one likes: what the programs that choose a pool are timed on.

Its types come in two kinds: accelerators with a high fixed cost, a flat slope and a high price, and
processors with a low fixed cost, a steep slope and a low price, about in the proportions of the measured
profiles of dien. Within a kind the price follows the speed with some noise, so many types are nearly as
good as the best one, and that is what makes choosing hard. Some are too slow to be of use, or too dear.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from kairos_cli.domain.latency_profile import Floats, LatencyProfile, ModelProfile
from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.scenario import Scenario
from kairos_cli.loading.locate import locate
from kairos_cli.loading.mix import load_mix
from kairos_cli.loading.samples import LEVELS

QOS = QosTarget(99, 350)
BATCH_SIZES = np.arange(10, 1001, 10)
#: Standard normal quantiles at LEVELS; the ends are drawn in, as no latency is infinite.
_DEVIATION = np.array([NormalDist().inv_cdf(min(max(level, 0.002), 0.998)) for level in LEVELS])
#: Speed is a little dearer in one machine than in several, and even the smallest machine costs something.
PRICE_EXPONENT = 1.2
LEAST_USD_PER_HOUR = 0.02
NOISE_OF_PRICE = 0.15


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of machine: latency and price of its unit size, and how they grow with size and generation.

    A machine of size s and generation g has the speed v = s ** size_exponent * generation_gain ** g. On it,
    b items take fixed_ms + slope_ms * b / v, and it costs usd_per_hour * v ** PRICE_EXPONENT, plus a little.
    """

    families: str
    vendors: tuple[str, ...]
    size: tuple[tuple[str, float], ...]
    fixed_ms: float
    slope_ms: float
    usd_per_hour: float
    size_exponent: float
    generation_gain: float


GENERATIONS = range(5)
ACCELERATOR = Kind(
    families="gpv",
    vendors=("", "d", "n"),
    size=(("xlarge", 1), ("2xlarge", 1.2), ("4xlarge", 1.6), ("12xlarge", 4), ("48xlarge", 16)),
    fixed_ms=25.0,
    slope_ms=0.08,
    usd_per_hour=0.55,
    size_exponent=0.8,
    generation_gain=1.3,
)
PROCESSOR = Kind(
    families="cmrxt",
    vendors=("", "a", "g", "i"),
    size=(("nano", 0.01), ("medium", 0.5), ("large", 1), ("xlarge", 2), ("2xlarge", 4), ("4xlarge", 8)),
    fixed_ms=3.0,
    slope_ms=0.5,
    usd_per_hour=0.13,
    size_exponent=0.7,
    generation_gain=1.1,
)
#: The family of burstable machines, whose latency spreads widely.
BURSTABLE = "t"


def catalogue(types: int = 150, budget_usd_per_hour: float = 20.0, seed: int = 0) -> Scenario:
    """Return the question which of `types` types (at most 800) to buy; same arguments, same scenario."""
    rng = np.random.default_rng(seed)
    accelerators = types // 4
    machines = [*_machines(ACCELERATOR, accelerators, rng), *_machines(PROCESSOR, types - accelerators, rng)]
    prices = PriceList("synthetic", "nowhere", f"made up, seed {seed}", tuple(each for each, _ in machines))
    latency = {profile.instance_type: profile for _, profile in machines}
    mix = load_mix(locate("mixes", "deeprecsys", own_folder=None, relative_to=Path()))
    return Scenario(ModelProfile("synthetic", QOS, latency), prices, mix, QOS, budget_usd_per_hour, choose="capacity")


def _machines(kind: Kind, number: int, rng: np.random.Generator) -> list[tuple[InstanceType, LatencyProfile]]:
    """Return so many different types of a kind, drawn from all that it has."""
    every = list(itertools.product(kind.families, GENERATIONS, kind.vendors, kind.size))
    drawn = rng.choice(len(every), number, replace=False)
    return [_machine(kind, every[index], rng) for index in sorted(drawn.tolist())]


def _machine(
    kind: Kind, which: tuple[str, int, str, tuple[str, float]], rng: np.random.Generator
) -> tuple[InstanceType, LatencyProfile]:
    """Return one type with its price and profile."""
    family, generation, vendor, (size_name, size) = which
    name = f"{family}{generation + 1}{vendor}.{size_name}"
    speed = size**kind.size_exponent * kind.generation_gain**generation * rng.lognormal(0, 0.1)
    price = kind.usd_per_hour * speed**PRICE_EXPONENT * rng.lognormal(0, NOISE_OF_PRICE) + LEAST_USD_PER_HOUR
    spread = 0.15 if family == BURSTABLE else rng.uniform(0.003, 0.03)
    fixed_ms = kind.fixed_ms * rng.lognormal(0, 0.3)
    mean_ms = (fixed_ms + kind.slope_ms / speed * BATCH_SIZES) * rng.lognormal(0, 0.005, len(BATCH_SIZES))
    return InstanceType(name, round(price, 4)), _profile(name, mean_ms, spread)


def _profile(name: str, mean_ms: Floats, spread: float) -> LatencyProfile:
    """Return a profile whose latencies are spread log-normally around their means."""
    quantile_ms = mean_ms[:, None] * np.exp(spread * _DEVIATION)
    return LatencyProfile(name, BATCH_SIZES, mean_ms, np.array(LEVELS, dtype=np.float64), quantile_ms)
