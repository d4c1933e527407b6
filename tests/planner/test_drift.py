"""What changed since a plan was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.serving import Serving
from kairos_cli.planner.drift import Drift, drift, profile_digest
from tests.planner.tables import price_list, profile, toy

BIG = Pool.of(["big"], [2])


def test_nothing_changed() -> None:
    """The same question twice."""
    assert [] == list(drift(toy(), toy(), BIG))


def test_prices_of_the_pool_alone() -> None:
    """What is not bought may cost what it likes."""
    now = toy(price_list({"big": 1.25, "aux": 9.0}))

    assert [Drift("price", "big", 1.0, 1.25)] == list(drift(toy(), now, BIG))


def test_profiles_by_their_numbers() -> None:
    """One number makes another digest; the model's name does not."""
    old = toy()
    other = profile("big", {10: 10.0, 100: 20.5})
    now = replace(old, model=ModelProfile("renamed", None, {**old.model.latency, "big": other}))

    was = profile_digest(old.model.latency["big"])
    assert [Drift("profile", "big", was, profile_digest(other))] == list(drift(old, now, BIG))
    assert was != profile_digest(other)


def test_a_profile_of_a_machine_is_told_once() -> None:
    """However many purchase options of it the pool has."""
    prices = price_list({"big": 1.0, "big:spot": 0.4, "aux": 0.3})
    old = toy(prices)
    now = replace(
        old, model=replace(old.model, latency={**old.model.latency, "big": profile("big", {10: 9.0, 100: 20.0})})
    )
    pool = Pool.of(["big", "big:spot"], [1, 1])

    assert ["profile"] == [each.what for each in drift(old, now, pool)]


def test_mix_and_target() -> None:
    """A mix is what it holds, not its name; both are told in words."""
    old = toy()
    mix = QueryMix("toy", np.array([10, 100]), np.array([0.25, 0.75]))
    now = replace(old, mix=mix, qos=QosTarget(95.0, 50.0))

    assert [
        Drift("mix", "", "toy: 10–100, 55 on average", "toy: 10–100, 77.5 on average"),
        Drift("qos", "", "p99<50ms", "p95<50ms"),
    ] == list(drift(old, now, BIG))


MERGING = Serving(merge=True)


@pytest.mark.parametrize(
    ("was", "now", "texts"),
    [
        (Serving(), MERGING, ("one at a time", "merging")),
        (Serving(True, True), MERGING, ("merging and splitting", "merging")),
        (MERGING, Serving(True, largest_batch=200), ("merging", "merging in batches of at most 200")),
    ],
)
def test_what_becomes_of_queries(was: Serving, now: Serving, texts: tuple[str, str]) -> None:
    """Whether they are merged and split, and how large a batch may be."""
    assert [Drift("serving", "", *texts)] == list(drift(toy(serving=was), toy(serving=now), BIG))


def test_a_limit_of_the_model_counts_like_one_of_the_servers() -> None:
    """The smaller of the two is told, and where no batches are made neither matters, nor does what is not used."""
    old, limited = toy(serving=MERGING), toy(serving=Serving(True, largest_batch=200))
    model = replace(old.model, largest_batch=150, splittable=False)
    now = replace(limited, model=model)

    text = "merging in batches of at most 150"
    assert [Drift("serving", "", "merging", text)] == list(drift(old, now, BIG))
    assert [] == list(drift(toy(), replace(toy(), model=model), BIG))
