"""What a pool runs out of; the capacities are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import Serving
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.bottleneck import Bottleneck, Gain, LargeSizes, bottleneck, with_simulated_gain
from kairos_cli.planner.rating import Rater
from tests.planner.tables import measure_by, small_table


def toy(percentile: float = 99.0) -> ServiceTable:
    """Return a at 1 $/h, always on time, 10 ms and 20 ms; b at 0.30 $/h, 10 ms, 100 ms and late with large ones."""
    return small_table([[10, 20], [10, 100]], [[1.0, 1.0], [1.0, 0.0]], prices=[1.0, 0.3], percentile=percentile)


def found_in(
    table: ServiceTable, *counts: int, buyable: tuple[bool, ...] = (True, True), tolerate_loss: int = 0
) -> Bottleneck:
    return bottleneck(AssuredCapacity(table, tolerate_loss), np.array(counts), np.array(buyable))


def test_large_queries_fit_nowhere_else() -> None:
    """With one a and ten b, a serves 49 % of the queries, all large, in 20 ms each: 1 / 0.0098 s = 102.04/s.

    One more a adds as much. The b take the small half in 10 ms and 1 %, late, in 100 ms: 0.6122 of ten.
    """
    found = found_in(toy(), 1, 10)

    assert ("large sizes", "a") == (found.runs_out, found.type)
    assert pytest.approx(1 / 0.0098) == found.gain_qps_per_instance
    assert pytest.approx(1 / 0.0098) == found.gain_qps_per_usd_per_hour
    assert LargeSizes(20, 0.5, Pool((("a", 1),))) == found.large_sizes
    assert pytest.approx({"a": 1.0, "b": 0.006 / 0.0098 / 10}) == dict(found.busy)


def test_a_looser_allowance_is_worth_what_it_frees() -> None:
    """With 1.1 % late queries a serves 48.9 % instead of 49 %: 1 / 0.00978 instead of 1 / 0.0098."""
    assert pytest.approx(1 / 0.00978 - 1 / 0.0098) == found_in(toy(), 1, 10).looser_allowance_gain_qps


def test_the_pool_lacks_the_type_that_a_dollar_buys_most_of() -> None:
    """Four a alone serve 4 / 0.015 s; one b takes 100 small queries/s off them, worth as much as one a: 66.67."""
    found = found_in(toy(), 4, 0)

    assert ("missing type", "b") == (found.runs_out, found.type)
    assert pytest.approx(200 / 3) == found.gain_qps_per_instance
    assert pytest.approx(2000 / 9) == found.gain_qps_per_usd_per_hour
    assert LargeSizes(10, 1.0, Pool((("a", 4),))) == found.large_sizes


def test_a_type_that_may_not_be_bought_is_no_bottleneck() -> None:
    """Without b on offer, the dollar goes to a; with neither, to nothing."""
    only_a = found_in(toy(), 4, 0, buyable=(True, False))
    assert ("time", "a") == (only_a.runs_out, only_a.type)
    neither = found_in(toy(), 4, 0, buyable=(False, False))
    assert ("time", None, 0.0) == (neither.runs_out, neither.type, neither.gain_qps_per_instance)


def test_no_type_is_on_time() -> None:
    """b alone is late with half of the queries; one a would mend it, and serve 102.04 with three b's help."""
    found = found_in(toy(), 0, 3)

    assert ("target", "a") == (found.runs_out, found.type)
    assert pytest.approx(1 / 0.0098) == found.gain_qps_per_instance
    assert 0.5 == found.late_share
    assert LargeSizes(20, 0.5, Pool(())) == found.large_sizes


def test_the_allowance_of_late_queries_runs_out() -> None:
    """Large queries take a 1000 ms on time, b 10 ms late. With 30 % late a serves 20 %: 5/s; with 33 %, 17 %: 5.88.

    A tenth more late queries add 17.6 %, a tenth more a 10 %.
    """
    table = small_table([[1000, 1000], [10, 10]], [[1.0, 1.0], [1.0, 0.0]], percentile=70.0)
    found = found_in(table, 1, 5)

    assert "lateness" == found.runs_out
    assert pytest.approx(1 / 0.17 - 5) == found.looser_allowance_gain_qps


def test_time_runs_out_where_all_types_serve_all_sizes() -> None:
    """a and b alike but for the price: b is worth more for its dollar, and what runs out is time."""
    found = found_in(small_table([[10, 20], [10, 20]], prices=[1.0, 0.5]), 1, 1)

    assert ("time", "b") == (found.runs_out, found.type)
    assert pytest.approx(200 / 3) == found.gain_qps_per_instance
    assert pytest.approx({"a": 1.0, "b": 1.0}) == dict(found.busy)


def test_simulation_has_the_last_word() -> None:
    """One more of the bottleneck, b, is measured to add nothing; one more a, which alone serves large ones, 20."""
    table = toy()
    rater = Rater(table, measure_by(lambda counts, capacity: 20.0 * counts[0]))
    rated = rater.verified(rater.rated(np.array([4, 1])))
    found = with_simulated_gain(found_in(table, 4, 1), rater, rated)

    assert "b" == found.type
    assert (Gain("b", 0.0, 0.0), Gain("a", 20.0, 20.0)) == found.simulated


def test_what_a_loss_takes_is_no_part_of_the_bottleneck() -> None:
    """Two a and ten b, of which an a is lost: as one a and ten b, and another a is what helps."""
    lossy, small = found_in(toy(), 2, 10, tolerate_loss=1), found_in(toy(), 1, 10)

    assert small.large_sizes == lossy.large_sizes
    assert ("large sizes", "a") == (lossy.runs_out, lossy.type)
    assert pytest.approx(small.looser_allowance_gain_qps) == lossy.looser_allowance_gain_qps
    assert pytest.approx(dict(small.busy)) == dict(lossy.busy)


def test_a_pool_whose_loss_leaves_none_in_time_misses_the_target() -> None:
    """Without its one a, b is late with the large half; one more a mends that: an a and ten b are left then."""
    found = found_in(toy(), 1, 10, tolerate_loss=1)

    assert ("target", "a", 0.5) == (found.runs_out, found.type, found.late_share)
    assert pytest.approx(1 / 0.0098) == found.gain_qps_per_instance


# --- servers that merge or split


def test_large_queries_fit_nowhere_else_in_batches_either() -> None:
    """As with one a and ten b above, one at a time; a batch of twenty, which no query has, is no large size.

    Small queries in threes cost a 20 / 3 ms and in twos 6, but b has them all for nothing that is short.
    """
    table = small_table(
        [[10, 12, 20], [10, 100, 100]], [[1, 1, 1], [1, 0, 0]], weights=[1, 0, 1], serving=Serving(merge=True)
    )
    found = found_in(table, 1, 10)

    assert ("large sizes", "a") == (found.runs_out, found.type)
    assert pytest.approx(1 / 0.0098) == found.gain_qps_per_instance
    assert LargeSizes(30, 0.5, Pool((("a", 1),))) == found.large_sizes
    assert pytest.approx({"a": 1.0, "b": 0.006 / 0.0098 / 10}) == dict(found.busy)


def test_instances_are_busy_with_batches() -> None:
    """Two by two small queries take a 6 ms each instead of 10: with the large ones 13 on average, all of its time."""
    table = small_table([[10, 12, 20]], weights=[1, 0, 1], serving=Serving(merge=True))
    found = found_in(table, 2, buyable=(True,))

    assert ("time", "a") == (found.runs_out, found.type)
    assert pytest.approx(1000 / 13) == found.gain_qps_per_instance
    assert pytest.approx({"a": 1.0}) == dict(found.busy)


@pytest.mark.parametrize(
    ("serving", "first", "share", "on_time"),
    [(Serving(), 20, 0.5, {"a": 1}), (Serving(split=True), 10, 1.0, {"a": 1, "b": 1})],
    ids=str,
)
def test_what_can_be_split_is_not_large(serving: Serving, first: int, share: float, on_time: dict[str, int]) -> None:
    """b is late with queries of twenty, but not with their halves."""
    table = small_table([[10, 20], [10, 100]], [[1, 1], [1, 0]], serving=serving)

    assert LargeSizes(first, share, Pool(tuple(on_time.items()))) == found_in(table, 1, 1).large_sizes
