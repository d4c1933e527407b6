"""How many spot instances one may count on."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.presence import bought_for, most_present_share, present_count
from tests.planner.tables import law, small_table

#: Availabilities and percentiles in whole per cent, so that fractions are exact.
PERCENT = st.integers(1, 99)


def by_fractions(bought: int, availability: int, percentile: int) -> int:
    """Return k(n) by adding up the binomial distribution in fractions."""
    a, at_least, k = Fraction(availability, 100), Fraction(0), bought
    while True:
        at_least += comb(bought, k) * a**k * (1 - a) ** (bought - k)
        if at_least >= Fraction(percentile, 100):
            return k
        k -= 1


@pytest.mark.parametrize(
    ("bought", "expected"),
    [
        (0, 0),
        (1, 0),  # there 90 % of the time only
        (2, 1),  # one of two at least: 1 - 0.1 * 0.1 = 0.99
        (3, 1),  # two of three: 0.729 + 3 * 0.081 = 0.972
        (4, 2),  # two of four: 1 - 0.0001 - 4 * 0.0009 = 0.9963; three: 0.6561 + 4 * 0.0729 = 0.9477
    ],
)
def test_by_hand(bought: int, expected: int) -> None:
    """Of instances that are there 90 % of the time, so many are there 99 % of it."""
    assert expected == present_count(bought, 0.9, 99.0)


@law(100)
@given(st.integers(0, 40), PERCENT, PERCENT)
def test_present_is_what_the_binomial_distribution_says(bought: int, availability: int, percentile: int) -> None:
    """The number is that of exact fractions, added up from the top."""
    assert by_fractions(bought, availability, percentile) == present_count(bought, availability / 100, percentile)


def test_what_is_always_there_is_there() -> None:
    """An availability of 1 takes nothing away."""
    assert 17 == present_count(17, 1.0, 99.0)


def test_large_numbers() -> None:
    """Of 10,000 at 90 %, about 2.33 standard deviations of 30 fewer than 9,000 are there 99 % of the time."""
    assert 8930 == pytest.approx(present_count(10_000, 0.9, 99.0), abs=2)


@law(50)
@given(st.integers(0, 30), PERCENT, PERCENT)
def test_what_to_buy_is_the_least_that_is_enough(present: int, availability: int, percentile: int) -> None:
    """What is bought for so many has them present, one less has not."""
    bought = bought_for(present, availability / 100, percentile)

    assert present <= by_fractions(bought, availability, percentile)
    assert not bought or present > by_fractions(bought - 1, availability, percentile)


@law(50)
@given(st.integers(1, 60), PERCENT, PERCENT)
def test_the_share_bounds_every_number(most: int, availability: int, percentile: int) -> None:
    """No number up to the most has a larger share present, and the share is reached."""
    shares = [by_fractions(n, availability, percentile) / n for n in range(1, most + 1)]

    assert max(shares) == pytest.approx(most_present_share(most, availability / 100, percentile))


@pytest.mark.parametrize("bought", [1001, 1500, 5000])
@pytest.mark.parametrize("percentile", [50.0, 75.0, 99.0])
@pytest.mark.parametrize("availability", [0.3, 0.7, 0.95])
def test_the_share_bounds_large_numbers_too(availability: float, percentile: float, bought: int) -> None:
    """Beyond the numbers that are looked at one by one, the bound still holds."""
    share = most_present_share(1_000_000, availability, percentile)

    assert present_count(bought, availability, percentile) <= share * bought
    assert share < availability + 0.02 if percentile > 75 else True


def test_a_table_counts_its_spot_columns_only() -> None:
    """Of 4 on-demand and 4 spot instances at 90 %, 4 and 2 are there 99 % of the time; of many pools each is told."""
    table = small_table([[10.0], [10.0]])
    object.__setattr__(table, "availability", np.array([1.0, 0.9]))

    assert [4, 2] == table.present(np.array([4, 4])).tolist()
    assert [[1, 0], [0, 1], [3, 1]] == table.present(np.array([[1, 1], [0, 2], [3, 3]])).tolist()
