"""The bound of the paper: design 3.1 written down again, and the figures published with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.published_bound import PublishedBound
from tests.planner.tables import MODELS, law, pools_for, scenario, shipped_pools, shipped_table, small_table

PUBLISHED = json.loads((Path(__file__).parent.parent / "data" / "published_bounds.json").read_text(encoding="utf-8"))

Pool = tuple[int, ...]


def bound_by_the_letter(table: ServiceTable, base: int, counts: Counts) -> float:
    """Return the bound of one pool as design 3.1 words it, with sums over lists."""
    size, chance, mean = table.batch_size.tolist(), table.probability.tolist(), table.mean_ms.tolist()
    everything = range(len(size))

    def up_to(limit: int) -> list[int]:
        return [b for b in everything if size[b] <= limit]

    def work(x: int, some: list[int]) -> float:
        return sum(chance[b] * mean[x][b] for b in some)

    def share(some: list[int]) -> float:
        return sum(chance[b] for b in some)

    n_base, q_b = int(counts[base]), 1000 / work(base, list(everything))
    auxiliary = [x for x in range(len(counts)) if x != base and counts[x]]
    if not auxiliary:
        return n_base * q_b
    cut_off = {x: next((size[b] for b in everything if mean[x][b] > table.qos.latency_ms), size[-1]) for x in auxiliary}
    s = max(cut_off.values())
    q_a = sum(int(counts[x]) * 1000 * share(up_to(s)) / work(x, up_to(s)) for x in auxiliary)
    if s == size[-1]:  # f = t = 1: nothing is left for the base alone, and the last line below is the limit
        return q_a + n_base * q_b
    f = max(share(up_to(cut_off[x])) for x in auxiliary)
    t = max(work(base, up_to(cut_off[x])) / work(base, list(everything)) for x in auxiliary)
    q_b_plus = q_b * (1 - f) / (1 - t)
    d = q_a * (1 - f) / f
    if d >= n_base * q_b_plus:
        return n_base * q_b_plus / (1 - f)
    return q_a / f + n_base * q_b * (1 - d / (n_base * q_b_plus))


@st.composite
def tables_with_a_base(draw: st.DrawFn, slowest_ms: int = 400) -> ServiceTable:
    """Draw a table of up to four types and six sizes whose first type keeps the target of 100 ms at every size."""
    types, sizes = draw(st.integers(1, 4)), draw(st.integers(1, 6))

    def means(largest: int) -> list[int]:
        return sorted(draw(st.lists(st.integers(1, largest), min_size=sizes, max_size=sizes)))

    weights = draw(st.lists(st.integers(1, 9), min_size=sizes, max_size=sizes))
    prices = [cents / 100 for cents in draw(st.lists(st.integers(10, 99), min_size=types, max_size=types))]
    return small_table([means(100), *(means(slowest_ms) for _ in range(types - 1))], weights=weights, prices=prices)


@law(80)
@given(data=st.data(), table=tables_with_a_base())
def test_the_bound_is_what_the_design_says(data: st.DataObject, table: ServiceTable) -> None:
    """The arrays give what the sentence gives, pool by pool, whatever the table."""
    bound = PublishedBound.of(table)
    assert bound is not None
    counts = np.array(data.draw(st.lists(pools_for(table, 6), min_size=1, max_size=5)))

    assert [bound_by_the_letter(table, bound.base, pool) for pool in counts] == pytest.approx(
        bound.qps(counts).tolist(), rel=1e-9
    )


@pytest.mark.parametrize("model", MODELS)
def test_the_bound_of_a_shipped_model_is_what_the_design_says(model: str) -> None:
    """The same for all 331 pools; g4dn.xlarge is the base."""
    table, counts = shipped_table(model), shipped_pools(model)
    bound = PublishedBound.of(table)
    assert bound is not None

    assert "g4dn.xlarge" == table.names[bound.base]
    assert [bound_by_the_letter(table, bound.base, pool) for pool in counts] == pytest.approx(
        bound.qps(counts).tolist(), rel=1e-9
    )


# --- by hand: base 10, 20 and 30 ms, so Q_b = 50; a is on time up to size 20 and cut off at 20, b at 30

HAND = small_table(
    [[10, 20, 30, 40], [20, 120, 130, 140], [25, 50, 150, 160]], weights=[4, 3, 2, 1], prices=[1.0, 0.1, 0.1]
)


@pytest.mark.parametrize(
    ("counts", "qps"),
    [
        # Q_b = 1000 / (4 + 6 + 6 + 4) = 50
        ((1, 0, 0), 50.0),
        ((3, 0, 0), 150.0),
        ((0, 0, 0), 0.0),
        # no base: large queries cannot be served
        ((0, 5, 0), 0.0),
        ((0, 5, 5), 0.0),
        # a: s = 20, f = 0.7, t = 10 / 20, Q_a = 700 / (8 + 36) = 15.9091, Q_b+ = 50 * 0.3 / 0.5 = 30, D = 6.81818;
        # the base has time left: 15.9091 / 0.7 + 50 (1 - 6.81818 / 30)
        ((1, 1, 0), 61.363636),
        # D = 8 * 6.81818 = 54.5 >= 30, the base is short: 30 / 0.3
        ((1, 8, 0), 100.0),
        # b: s = 30, f = 0.9, t = 16 / 20, Q_a = 900 / (10 + 15 + 30) = 16.3636, Q_b+ = 50 * 0.1 / 0.2 = 25,
        # D = 1.81818: 16.3636 / 0.9 + 50 (1 - 1.81818 / 25)
        ((1, 0, 1), 64.545455),
        # both: s = 30, f = 0.9, t = 0.8; a now counts up to 30 too: 900 / (8 + 36 + 26) = 12.8571,
        # Q_a = 29.2208, D = 3.24675: 29.2208 / 0.9 + 50 (1 - 3.24675 / 25)
        ((1, 1, 1), 75.974026),
    ],
)
def test_the_bound_by_hand(counts: Pool, qps: float) -> None:
    """One base type, two auxiliaries, every case of the formula."""
    bound = PublishedBound.of(HAND)
    assert bound is not None

    assert [qps] == pytest.approx(bound.qps(np.array([counts])).tolist(), rel=1e-6)


@law(30)
@given(data=st.data(), table=tables_with_a_base(), number=st.integers(0, 20))
def test_without_auxiliaries_the_bases_add_up(data: st.DataObject, table: ServiceTable, number: int) -> None:
    """n base instances alone have n times the rate of one, 1 / E[m_base(B)]."""
    bound = PublishedBound.of(table)
    assert bound is not None
    counts = np.zeros((1, len(table.names)), dtype=np.int64)
    counts[0, bound.base] = number

    assert [number * 1000 / (table.mean_ms[bound.base] @ table.probability)] == pytest.approx(
        bound.qps(counts).tolist()
    )


@law(30)
@given(table=tables_with_a_base(slowest_ms=100), number=st.integers(1, 20))
def test_auxiliaries_that_serve_every_size_need_no_base(table: ServiceTable, number: int) -> None:
    """A pool without base instances, of types that keep the target at every size, has the sum of their rates."""
    bound = PublishedBound.of(table)
    assert bound is not None
    others = np.arange(len(table.names)) != bound.base
    rates = 1000 / (table.mean_ms[others] @ table.probability)

    assert [number * rates.sum()] == pytest.approx(bound.qps(np.array([others * number])).tolist())


def test_rounding_does_not_take_the_last_sizes_from_auxiliaries() -> None:
    """Weights of 5, 4, 1 and 9 nineteenths add up to a bit less than one in binary; b still serves 19 / 0.25 = 76."""
    mean = [20.0, 10.0, 20.0, 10.0]
    bound = PublishedBound.of(small_table([mean, mean], weights=[5, 4, 1, 9], prices=[1.0, 2.0]))
    assert bound is not None

    assert [76.0, 76.0] == pytest.approx(bound.qps(np.array([[1, 0], [0, 1]])).tolist())


def test_the_cut_off_is_a_profiled_size_though_the_mix_lacks_it() -> None:
    """aux is too slow from the profiled size 60 on; a mix of sizes 10 and 100 only does not make it serve size 100.

    s = 60, f = 0.5, t = 1 / 3, Q_b = 66.7, Q_b+ = 50, Q_a = 100 n >= D = 100 n >= 50: the base is short, 50 / 0.5.
    """
    asked = scenario(
        {"big": {10: 10.0, 100: 20.0}, "aux": {10: 10.0, 20: 20.0, 60: 60.0, 100: 100.0}},
        {"big": 1.0, "aux": 0.1},
        {10: 1, 100: 1},
        "p99<50ms",
    )
    bound = PublishedBound.of(service_table(asked, candidates(asked)[0]))
    assert bound is not None

    assert [100.0, 100.0] == pytest.approx(bound.qps(np.array([[1, 1], [1, 4]])).tolist())


# --- the base type


def test_the_base_is_the_type_that_serves_most_for_the_money() -> None:
    """Of three types always in time, they serve 10, 20 and 15 queries/s for a dollar: the second."""
    bound = PublishedBound.of(small_table([[100, 100], [50, 50], [20, 20]], prices=[1.0, 1.0, 10 / 3]))

    assert bound is not None
    assert (1, 20.0) == pytest.approx((bound.base, bound.base_qps))


def test_a_cheap_type_that_is_too_slow_for_one_size_is_no_base() -> None:
    """The target holds at every size, to the millisecond: 100 ms is in time, 101 is not."""
    bound = PublishedBound.of(small_table([[1, 101], [90, 100]], prices=[0.1, 9.0]))

    assert bound is not None
    assert 1 == bound.base


def test_where_no_type_serves_every_size_in_time_there_is_no_bound() -> None:
    """The bound is defined relative to a base; without one it is None."""
    assert PublishedBound.of(small_table([[1, 101], [101, 1]])) is None


# --- the published figures


def bounds(model: str) -> dict[Pool, float]:
    """Return our bound of each of the 331 pools."""
    bound = PublishedBound.of(shipped_table(model))
    assert bound is not None
    counts = shipped_pools(model)
    return dict(zip(map(tuple, counts.tolist()), bound.qps(counts).tolist(), strict=True))


def published(model: str) -> dict[Pool, float]:
    """Return every published bound of a model."""
    rows = PUBLISHED[model]["without_t3"] + PUBLISHED[model]["ten_best"]
    return {tuple(counts): qps for *counts, qps in rows}


@pytest.mark.parametrize("model", MODELS)
def test_bounds_agree_with_the_published_ones(model: str) -> None:
    """Our bounds of the 78 pools without t3.xlarge, from the samples, are within 3 % of the published ones.

    Those of ncf on pools with c5n.2xlarge need 6 %: by so much does the figure published for that type
    differ from the samples published beside it.
    """
    ours = bounds(model)
    apart = {
        tuple(counts): abs(ours[tuple(counts)] / qps - 1) - (0.06 if model == "ncf" and counts[1] else 0.03)
        for *counts, qps in PUBLISHED[model]["without_t3"]
    }

    assert {pool for pool in ours if not pool[3]} == set(apart)
    assert {} == {pool: excess for pool, excess in apart.items() if excess > 0}


@pytest.mark.parametrize("model", MODELS)
def test_the_ten_best_are_the_published_ten_best(model: str) -> None:
    """The k-th best pool of ours has the k-th best published bound, but for ties within 1 %.

    On ncf the tie is within 1.5 %: its published tenth holds a c5n.2xlarge, whose published figure is too high.
    """
    ours, theirs = bounds(model), published(model)
    best = sorted(ours, key=lambda pool: -ours[pool])[:10]
    tie = 0.015 if model == "ncf" else 0.01

    assert [qps for *_, qps in PUBLISHED[model]["ten_best"]] == pytest.approx([theirs[pool] for pool in best], rel=tie)


@pytest.mark.parametrize(
    ("model", "best"),
    [
        ("rm2", (1, 0, 13, 0)),
        ("ncf", (1, 0, 13, 0)),
        ("wnd", (1, 0, 13, 0)),
        ("mtwnd", (2, 0, 9, 0)),
        ("dien", (2, 0, 9, 0)),
    ],
)
def test_the_best_pool_by_the_bound_is_the_published_one(model: str, best: Pool) -> None:
    """The pool at the top of the ranking is the one at the top of the paper's."""
    ours = bounds(model)

    assert best == max(ours, key=lambda pool: ours[pool])
