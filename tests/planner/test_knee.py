"""The knee of a curve: against the published example, and what holds for every curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kairos_cli.planner.knee import knee
from tests.planner.tables import law


def test_the_example_of_the_paper() -> None:
    """The curve of the paper's figure 2, y = 5 - 1 / (x + 0.1) at ten points of 0..1, has its knee at 0.22."""
    x = np.linspace(0, 1, 10)
    at = knee(x.tolist(), (5 - 1 / (x + 0.1)).tolist())
    assert at is not None

    assert 0.22 == pytest.approx(x[at], abs=0.005)


@pytest.mark.parametrize(
    ("y", "why"),
    [
        ([], "nothing"),
        ([1.0], "one point"),
        ([1.0, 2.0], "two points are a straight line"),
        ([3.0, 3.0, 3.0, 3.0], "more of x brings nothing at all"),
        ([1.0, 2.0, 3.0, 4.0], "a straight line"),
        ([0.0, 1.0, 4.0, 9.0, 16.0], "each step brings more than the one before"),
        ([0.0, 1.2, 2.2, 3.1, 4.0], "bent by 0.05 of its height, where a step is 0.25 of the width"),
        ([0.0, 2.0, 2.0], "after half the width all is reached: above by a step, not by more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_knee(y: list[float], why: str) -> None:
    """Points that do not tell of a bend have no knee."""
    assert knee(list(range(len(y))), y) is None, why


def test_of_two_points_equally_far_above_the_first_is_the_knee() -> None:
    """Between 1 and 2 the curve runs along the chord of slope 1: both are 2 above it, 1 costs less."""
    assert 1 == knee([0, 1, 2, 3, 4, 5, 6], [0, 3, 4, 4.5, 5, 5.5, 6])


@law(200)
@given(st.integers(1, 18), st.floats(2.0, 50.0), st.floats(0.0, 0.5))
def test_the_knee_of_two_straight_pieces_is_where_they_meet(bend: int, steep: float, flat: float) -> None:
    """A curve that rises steeply and then slowly, in 20 steps, has its knee at the bend, if that is high enough."""
    x = list(range(21))
    y = [each * steep if each <= bend else bend * steep + (each - bend) * flat for each in x]
    above_chord = bend * steep / y[-1] - bend / 20
    assume(abs(above_chord - 1 / 20) > 1e-6)

    assert (bend if above_chord > 1 / 20 else None) == knee(x, y)


@law(200)
@given(
    st.lists(st.integers(0, 100), min_size=2, max_size=15),
    st.floats(0.01, 100.0),
    st.floats(0.01, 1000.0),
)
def test_units_do_not_move_the_knee(rises: list[int], x_unit: float, y_unit: float) -> None:
    """Cents for dollars or queries a minute for queries a second, the knee stays where it was."""
    x, y = np.arange(len(rises) + 1), np.concatenate([[0], np.cumsum(rises)])

    assert knee(x.tolist(), y.tolist()) == knee((5 + x * x_unit).tolist(), (7 + y * y_unit).tolist())
