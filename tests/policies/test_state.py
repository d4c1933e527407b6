"""What policies are told of a table, the numbers of the policies, and where compiled code is kept."""

from __future__ import annotations

import re
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
