"""The profiles that come with kairos."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.loading.locate import profiles_by_name, shipped_profiles
from kairos_cli.loading.mix import load_mix
from kairos_cli.loading.model import load_model
from kairos_cli.loading.prices import load_prices

MODELS = profiles_by_name("models", None)
LOADERS: dict[str, Callable[[Path], object]] = {"models": load_model, "prices": load_prices, "mixes": load_mix}


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind in LOADERS for path in profiles_by_name(kind, None).values()],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_loads(kind: str, path: Path) -> None:
    """Every shipped profile loads, has the name of its file, and names its source."""
    profile = LOADERS[kind](path)

    assert path.stem == profile.name  # type: ignore[attr-defined]
    assert profile.source  # type: ignore[attr-defined]


def test_every_file_is_a_profile() -> None:
    """No file lies in the folder of profiles that is not one of them."""
    known = {path for kind in LOADERS for path in profiles_by_name(kind, None).values()}

    assert known == {path for path in shipped_profiles().rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", MODELS)
def test_models_can_be_planned(name: str) -> None:
    """Every shipped model has a licence and a target, and is priced and measured up to batches of 1000."""
    model = load_model(MODELS[name])
    prices = load_prices(profiles_by_name("prices", None)["ec2-us-east-1"]).price_usd_per_hour()

    assert model.licence
    assert model.qos is not None
    assert set(model.latency) <= set(prices)
    assert {1000} == {profile.largest for profile in model.latency.values()}


@pytest.fixture(scope="module")
def deeprecsys() -> QueryMix:
    """Return the shipped mix."""
    return load_mix(profiles_by_name("mixes", None)["deeprecsys"])


def test_deeprecsys_sizes(deeprecsys: QueryMix) -> None:
    """Its batch sizes are the multiples of 10 up to 1000."""
    assert list(range(10, 1001, 10)) == deeprecsys.batch_size.tolist()
    assert pytest.approx(1.0) == deeprecsys.probability.sum()


def lognormal_below(size: float) -> float:
    """Return the chance that a log-normal draw (5.1, 0.2) is at most a size."""
    return 0.5 * math.erfc((5.1 - math.log(size)) / 0.2 / math.sqrt(2))


def test_deeprecsys_by_hand(deeprecsys: QueryMix) -> None:
    """Chances of sizes by hand, of 99 parts: 8 lie in 1..99, 22 in 200..599, 5 in 600..999, 64 in 100..200."""
    chance = dict(zip(deeprecsys.batch_size.tolist(), deeprecsys.probability.tolist(), strict=True))
    outside = 1 - (lognormal_below(200) - lognormal_below(100))

    # 1..10 are ten of 99 whole sizes; 91..99 are nine.
    assert pytest.approx(8 / 99 * 10 / 99) == chance[10]
    assert pytest.approx(8 / 99 * 9 / 99) == chance[100]
    # Only the log-normal lies there.
    assert pytest.approx(64 / 99 * (lognormal_below(110) - lognormal_below(100))) == chance[110]
    # 190 of 190..199, and 191..199 rounded up, with 200 of 200..599.
    assert pytest.approx(64 / 99 * (lognormal_below(190) - lognormal_below(180) + outside / 10)) == chance[190]
    body = 64 / 99 * (lognormal_below(200) - lognormal_below(190) + outside * 9 / 10)
    assert pytest.approx(body + 22 / 99 / 400) == chance[200]
    assert pytest.approx(22 / 99 * 10 / 400) == chance[400]
    # 591..599 and 600.
    assert pytest.approx(22 / 99 * 9 / 400 + 5 / 99 / 400) == chance[600]
    assert pytest.approx(5 / 99 * 10 / 400) == chance[700]
    assert pytest.approx(5 / 99 * 9 / 400) == chance[1000]


def drawn_as_published(count: int) -> np.ndarray:
    """Return batch sizes drawn as the paper tells, without this package."""
    random = np.random.Generator(np.random.PCG64(20230616))
    part = random.choice(4, size=count, p=np.array([8, 22, 5, 64]) / 99)
    lognormal = random.lognormal(5.1, 0.2, count)
    kept = (lognormal >= 100) & (lognormal <= 200)
    body = np.where(kept, lognormal, random.integers(190, 200, count))
    uniform = [random.integers(low, high, count) for low, high in ((1, 100), (200, 600), (600, 1000))]
    return (np.ceil(np.choose(part, [*uniform, body]) / 10) * 10).astype(int)


def test_deeprecsys_by_monte_carlo(deeprecsys: QueryMix) -> None:
    """A million sizes drawn as the paper tells fall on each size as often as the mix says, within 4.5 sigma."""
    count = 1_000_000
    seen = np.bincount(drawn_as_published(count), minlength=1001)[deeprecsys.batch_size]
    expected = deeprecsys.probability * count
    sigma = np.sqrt(expected * (1 - deeprecsys.probability))

    assert count == seen.sum()
    assert 4.5 > np.abs((seen - expected) / sigma).max()
    # The sum of squares over 100 sizes has mean 99 and standard deviation 14.
    assert 99 + 4 * 14 > ((seen - expected) ** 2 / expected).sum()
