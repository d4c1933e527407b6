"""What policies are told of a table, the numbers of the policies, and where compiled code is kept."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies import NAMES, compiled, dispatch
from kairos_cli.policies.state import service


def table(mean_ms: list[list[float]], target_ms: float = 100.0) -> ServiceTable:
    """Return a table of two batch sizes, three quarters of the queries small."""
    mean = np.array(mean_ms)
    return ServiceTable(
        tuple("abc"[: len(mean)]),
        np.arange(1.0, len(mean) + 1),
        np.array([10, 20]),
        np.array([0.75, 0.25]),
        mean,
        np.ones(mean.shape),
        np.array([0.0, 1.0]),
        np.stack([mean, mean], axis=-1),
        QosTarget(99, target_ms),
    )


def test_the_weight_is_the_speed_relative_to_the_base_on_the_largest_size() -> None:
    """A type that takes four times as long as the base on the largest size weighs a quarter."""
    facts = service(table([[10, 50], [20, 200]]))
    assert 0 == facts.base
    assert [1.0, 0.25] == facts.weight.tolist()


def test_the_rate_is_that_of_the_whole_mix() -> None:
    """One instance that takes 10 ms for three of four queries and 50 for the fourth serves 50 a second."""
    assert [50.0, 1000 / 65] == pytest.approx(service(table([[10, 50], [20, 200]])).rate_qps)


def test_without_a_base_type_the_fastest_on_the_largest_size_stands_in() -> None:
    """Where no type is in time at every size, the one that comes nearest at the largest is the base."""
    assert table([[10, 400], [20, 300], [5, 350]]).base is None
    assert 1 == service(table([[10, 400], [20, 300], [5, 350]])).base


def test_prices_and_target_are_passed_on() -> None:
    """What a policy knows of prices and target is what the table says."""
    facts = service(table([[10, 50], [20, 200]], target_ms=70.0))
    assert [1.0, 2.0] == facts.price_usd_per_hour.tolist()
    assert 70.0 == facts.target_ms
    assert [[10, 50], [20, 200]] == facts.mean_ms.tolist()


# --- what the policy `shadow` goes by


def noisy_table() -> ServiceTable:
    """Return a table of two types: a steady 10 and 20 ms by size on the first, up to 40 and 240 on the other."""
    level, quantile_ms = [0.0, 0.5, 0.98, 1.0], [[[10] * 4, [20] * 4], [[8, 10, 20, 40], [30, 40, 80, 240]]]
    return replace(table([[10, 20], [12, 50]]), level=np.array(level), quantile_ms=np.array(quantile_ms, dtype=float))


def test_the_fastest_latency_is_the_least_mean_of_the_types_present() -> None:
    """Of 10 and 50 ms on one type and 20 and 40 on the other: 10 and 40; of the other alone its own."""
    two = table([[10, 50], [20, 40]])
    assert [10.0, 40.0] == service(two, np.array([1, 1])).fastest_ms.tolist()
    assert [20.0, 40.0] == service(two, np.array([0, 1])).fastest_ms.tolist()


def test_being_late_never_pays() -> None:
    """Large queries are in time only on a type whose ms is worth 1 query, 50 ms of it: to be late costs 75."""
    facts = service(table([[10, 50], [20, 200]]), np.array([1, 9]), np.array([1000.0 / 1.05, 0.0]))
    assert [0.0, 50.0] == pytest.approx(facts.worth)
    assert [0.0, 0.0] == facts.late_worth.tolist()
    assert [1, 0] == facts.cheapest.tolist()
    assert 75.0 == pytest.approx(facts.late_price)


def test_time_is_priced_in_queries_and_5_per_cent_dearer_where_only_one_type_is_fast_enough() -> None:
    """At 20 and 5 queries/s: the second type takes 200 ms for large queries, so 0.021 and 0.005 for a ms."""
    facts = service(table([[10, 50], [20, 200]]), np.array([1, 4]), np.array([20.0, 5.0]))
    assert [0.021, 0.005] == pytest.approx(facts.time_price)


def test_fast_enough_means_99_times_in_100() -> None:
    """A type that takes 50 ms on average, but 160 at the 99th percentile, leaves the large queries to the other."""
    facts = service(noisy_table(), np.array([1, 4]), np.array([20.0, 5.0]))
    assert [0.021, 0.005] == pytest.approx(facts.time_price)
    looser = replace(noisy_table(), qos=QosTarget(99, 160.0 + 1e-9))
    assert [0.02, 0.005] == pytest.approx(service(looser, np.array([1, 4]), np.array([20.0, 5.0])).time_price)


def test_no_reserve_where_two_types_are_fast_enough_or_none() -> None:
    """Neither a pool whose types are all fast enough nor sizes too large for all make time dearer."""
    prices, counts = np.array([20.0, 5.0]), np.array([1, 1])
    assert [0.02, 0.005] == pytest.approx(service(table([[10, 50], [20, 100]]), counts, prices).time_price)
    assert [0.02, 0.005] == pytest.approx(service(table([[10, 500], [20, 101]]), counts, prices).time_price)


def test_the_types_of_the_pool_count_and_no_others() -> None:
    """Without the first type the second is alone, at 5.25, and its time is that in which queries are cheapest."""
    facts = service(table([[10, 50], [20, 80]]), np.array([0, 4]), np.array([20.0, 5.0]))
    assert [0.0, 0.00525] == pytest.approx(facts.time_price)
    assert [0.105, 0.42] == pytest.approx(facts.worth)
    assert [20.0, 80.0] == facts.fastest_ms.tolist()


def test_without_shadow_prices_an_instance_is_worth_what_it_serves_alone() -> None:
    """Both types serve every size: 50 a second, and 1000 / 35."""
    assert [0.05, 1 / 35] == pytest.approx(service(table([[10, 50], [20, 80]])).time_price)


def test_the_worth_of_a_query_is_the_price_of_its_time_where_it_is_cheapest() -> None:
    """10 ms at 0.02 are dearer than 20 at 0.005; 50 at 0.02 are cheaper than 99 at 0.0102."""
    made, counts = table([[10, 50], [20, 99]]), np.array([1, 1])
    assert [0.1, 0.495] == pytest.approx(service(made, counts, np.array([20.0, 5.0])).worth)
    assert [0.2, 1.0] == pytest.approx(service(made, counts, np.array([20.0, 10.2])).worth)


def test_lightness_is_worth_to_the_power_of_minus_a_fifth() -> None:
    """A query worth 32 has 0.5, one worth 1/32 has 2; one worth nothing has no more than one worth a billionth."""
    made = table([[1, 1024], [1, 1024]], target_ms=2000.0)
    assert [2.0, 0.5] == pytest.approx(service(made, np.array([1, 1]), np.array([31.25, 31.25])).lightness)
    nothing = service(made, np.array([1, 1]), np.array([31.25, 0.0])).lightness
    assert [1e9**0.2] * 2 == pytest.approx(nothing)


def test_the_numbers_of_the_policies_are_their_places_among_the_names() -> None:
    """The name on the command line and the number in the compiled code mean the same policy."""
    assert list(range(8)) == [getattr(dispatch, name.upper()) for name in NAMES]


def test_every_policy_has_a_manual_page_with_options_and_an_example() -> None:
    """The docstring of each policy's module names its options and gives an example."""
    for name in NAMES:
        page = getattr(dispatch, name).__doc__
        assert re.search(r"^Options: ", page, re.MULTILINE), name
        assert re.search(r"^Example: ", page, re.MULTILINE), name


def test_compiled_code_is_kept_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder follows XDG_CACHE_HOME, else ~/.cache, and is named by the text of the kernels."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = compiled._cache_folder()
    assert tmp_path / "kairos" == folder.parent
    assert re.fullmatch("numba-[0-9a-f]{16}", folder.name)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert tmp_path / "home" / ".cache" / "kairos" / folder.name == compiled._cache_folder()
