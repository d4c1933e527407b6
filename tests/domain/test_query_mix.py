"""The query mix."""

from __future__ import annotations

import pytest
from hypothesis import given

from kairos_cli.domain.query_mix import QueryMix
from tests.strategies import weights_by_size


def test_from_weights() -> None:
    """Weights become chances, sizes rise, and a size without weight is not in the mix."""
    mix = QueryMix.from_weights("m", {300: 1.0, 10: 3.0, 50: 0.0}, "counted")

    assert ("m", "counted") == (mix.name, mix.source)
    assert [10, 300] == mix.batch_size.tolist()
    assert [0.75, 0.25] == mix.probability.tolist()


def test_figures() -> None:
    """The largest size is 300; the mean is ¾ of 10 and ¼ of 300."""
    mix = QueryMix.from_weights("m", {300: 1.0, 10: 3.0})

    assert 300 == mix.largest
    assert 82.5 == mix.mean_batch_size


@given(weights_by_size)
def test_chances(weights: dict[int, float]) -> None:
    """The chances of a mix are positive, sum to one, and are to one another as the weights."""
    mix = QueryMix.from_weights("m", weights)

    assert sorted(size for size, weight in weights.items() if weight) == mix.batch_size.tolist()
    assert pytest.approx(1.0) == mix.probability.sum()
    assert (mix.probability > 0).all()
    total = sum(weights.values())
    assert pytest.approx([weights[size] / total for size in mix.batch_size.tolist()]) == mix.probability.tolist()


@given(weights_by_size)
def test_mean_lies_within(weights: dict[int, float]) -> None:
    """The mean batch size lies between the smallest and the largest."""
    mix = QueryMix.from_weights("m", weights)

    assert mix.batch_size[0] * (1 - 1e-12) <= mix.mean_batch_size <= mix.largest * (1 + 1e-12)
