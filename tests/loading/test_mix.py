"""Query mixes of all four kinds."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.loading.mix import load_mix
from tests.loading.files import (
    EMPIRICAL,
    HISTOGRAM,
    MIXTURE,
    SOME_HINT,
    TRACE,
    TRACED,
    Complaint,
    complaints,
    spoilt,
    write,
)

HEAD = 'schema = "kairos.mix/1"\nname = "m"\n'
SHARE_HINT = 'a number, or a text like "8/99"'


def mix_of(tmp_path: Path, text: str) -> QueryMix:
    """Return the mix of a text."""
    path = tmp_path / "x.toml"
    path.write_text(text)
    return load_mix(path)


def chances(mix: QueryMix) -> dict[int, float]:
    """Return the chance of each size."""
    return dict(zip(mix.batch_size.tolist(), mix.probability.tolist(), strict=True))


def test_histogram(tmp_path: Path) -> None:
    """A histogram gives sizes and their chances."""
    mix = mix_of(tmp_path, HISTOGRAM)

    assert ("evening", "counted") == (mix.name, mix.source)
    assert {10: 0.75, 20: 0.25} == chances(mix)


def test_histogram_in_any_order(tmp_path: Path) -> None:
    """Sizes may stand in any order, one of them with no chance; rounded decimals still sum to one."""
    text = f"{HEAD}[histogram]\nbatch_size = [30, 10, 20, 5]\nprobability = [0.3333, 0.3333, 0.3333, 0]\n"

    assert pytest.approx({10: 1 / 3, 20: 1 / 3, 30: 1 / 3}) == chances(mix_of(tmp_path, text))


def test_empirical(tmp_path: Path) -> None:
    """A list of sizes counts each as often as it is there."""
    assert {10: 0.75, 20: 0.25} == chances(mix_of(tmp_path, EMPIRICAL))


def test_trace(tmp_path: Path) -> None:
    """A mix may name a trace, by a path from itself."""
    (tmp_path / "trace.csv").write_text(TRACE)
    mix = mix_of(tmp_path, TRACED)

    assert "traced" == mix.name
    assert {10: 0.75, 20: 0.25} == chances(mix)


def test_uniform_components(tmp_path: Path) -> None:
    """In a mixture of 1..2 and 2..5, half each, 2 is a quarter and an eighth; from and to are included."""
    text = (
        f'{HEAD}[[component]]\nshare = "1/2"\nuniform = {{ from = 1, to = 2 }}\n'
        "[[component]]\nshare = 0.5\nuniform = { from = 2, to = 5 }\n"
    )

    assert {1: 0.25, 2: 0.375, 3: 0.125, 4: 0.125, 5: 0.125} == chances(mix_of(tmp_path, text))


def normal_below(x: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def test_lognormal_component(tmp_path: Path) -> None:
    """Size 6 has the chance of a log-normal draw in (5, 6]; what falls outside 5..9 is shared by 8 and 9."""
    found = chances(mix_of(tmp_path, MIXTURE))
    below = {size: normal_below((math.log(size) - 2) / 0.5) for size in range(5, 10)}
    outside = 1 - (below[9] - below[5])

    assert (
        pytest.approx(
            {
                **dict.fromkeys(range(1, 5), 0.25 / 4),
                6: 0.75 * (below[6] - below[5]),
                7: 0.75 * (below[7] - below[6]),
                8: 0.75 * (below[8] - below[7] + outside / 2),
                9: 0.75 * (below[9] - below[8] + outside / 2),
            }
        )
        == found
    )


def test_component_tables_with_headers(tmp_path: Path) -> None:
    """A distribution may have a table with a header of its own."""
    text = f"{HEAD}[[component]]\nshare = 1\n[component.uniform]\nfrom = 3\nto = 4\n"

    assert {3: 0.5, 4: 0.5} == chances(mix_of(tmp_path, text))


def test_round_up(tmp_path: Path) -> None:
    """Sizes are rounded up to a multiple, and those that meet are added."""
    text = f"round_up_to = 8\n{HEAD}[empirical]\nbatch_size = [1, 8, 9, 17]\n"

    assert {8: 0.5, 16: 0.25, 24: 0.25} == chances(mix_of(tmp_path, text))


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=30),
    st.integers(1, 40),
)
def test_round_up_moves_every_size(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], multiple: int) -> None:
    """Each size goes to the next multiple, and no chance is lost on the way."""
    text = f"{HEAD}round_up_to = {multiple}\n[empirical]\nbatch_size = {sizes}\n"
    mix = load_mix(write(tmp_path_factory.getbasetemp() / "rounded.toml", text))

    expected = sorted({-(-size // multiple) * multiple for size in sizes})
    assert expected == mix.batch_size.tolist()
    assert pytest.approx(1.0) == mix.probability.sum()
    assert np.isclose(mix.mean_batch_size, sum(-(-size // multiple) * multiple for size in sizes) / len(sizes))


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        # All kinds
        pytest.param(HISTOGRAM, "[histogram]", "[histogramm]",
                     [("x.toml:5", "unknown key 'histogramm'", "did you mean 'histogram'?"),
                      ("x.toml:1", "a mix is given in exactly one way, found none",
                       "one of component, empirical, histogram, trace")], id="no way"),
        pytest.param(HISTOGRAM, "[histogram]", "[trace]\nfile = 'x.csv'\n[histogram]",
                     [("x.toml:1", "a mix is given in exactly one way, found histogram and trace",
                       "one of component, empirical, histogram, trace")], id="two ways"),
        pytest.param(HISTOGRAM, 'name = "evening"', "", [("x.toml:1", "'name' is missing", None)], id="no name"),
        pytest.param(EMPIRICAL, 'name = "seen"', 'name = "seen"\nround_up_to = 0',
                     [("x.toml:3", "'round_up_to' must lie between 1 and 1000000, got 0", None)], id="rounding to 0"),
        pytest.param(EMPIRICAL, 'name = "seen"', 'name = "seen"\nround_up_to = 2.5',
                     [("x.toml:3", "'round_up_to' must be a whole number, got 2.5", None)], id="rounding to 2.5"),
        # Histogram
        pytest.param(HISTOGRAM, "[0.75, 0.25]", "[0.75, 0.2]",
                     [("x.toml:7", "the probabilities sum to 0.95, not to 1", SOME_HINT)], id="sum of histogram"),
        pytest.param(HISTOGRAM, "[0.75, 0.25]", "[0.0, 0.0]",
                     [("x.toml:7", "the probabilities sum to 0, not to 1", SOME_HINT)], id="all chances zero"),
        pytest.param(HISTOGRAM, "[0.75, 0.25]", "[0.75, nan]",
                     [("x.toml:7", "probability must be >= 0, got nan", SOME_HINT)], id="NaN chance"),
        pytest.param(HISTOGRAM, "[0.75, 0.25]", "[1.75, -0.75]",
                     [("x.toml:7", "probability must be >= 0, got -0.75", SOME_HINT)], id="negative chance"),
        pytest.param(HISTOGRAM, "[0.75, 0.25]", "[0.75, inf]",
                     [("x.toml:7", "probability must be >= 0, got inf", SOME_HINT)], id="infinite chance"),
        pytest.param(HISTOGRAM, "[0.75, 0.25]", '[true, "1"]',
                     [("x.toml:7", "probability must be >= 0, got True", SOME_HINT),
                      ("x.toml:7", "probability must be >= 0, got 1", SOME_HINT)], id="chances of another kind"),
        pytest.param(HISTOGRAM, "[0.75, 0.25]", "[1]",
                     [("x.toml:7", "2 batch sizes but 1 probabilities", None)], id="a chance missing"),
        pytest.param(HISTOGRAM, "probability = [0.75, 0.25]", "",
                     [("x.toml:5", "'probability' is missing", None)], id="no chances"),
        pytest.param(HISTOGRAM, "[10, 20]", "[10, 10]",
                     [("x.toml:6", "batch size 10 appears twice", None)], id="size twice"),
        pytest.param(HISTOGRAM, "[10, 20]", "[10, 0]",
                     [("x.toml:6", "batch size must be a whole number >= 1, got 0", None)], id="size 0"),
        pytest.param(HISTOGRAM, "[10, 20]", "[]", [("x.toml:6", "no batch size is given", None)], id="no sizes"),
        pytest.param(HISTOGRAM, "batch_size", "batch_sizes",
                     [("x.toml:6", "unknown key 'batch_sizes'", "did you mean 'batch_size'?"),
                      ("x.toml:5", "'batch_size' is missing", None)], id="misspelt sizes"),
        # Empirical
        pytest.param(EMPIRICAL, "20,", "-20,",
                     [("x.toml:8", "batch size must be a whole number >= 1, got -20", None)], id="negative size"),
        pytest.param(EMPIRICAL, "20,", "20.0,",
                     [("x.toml:8", "batch size must be a whole number >= 1, got 20.0", None)], id="fractional size"),
        pytest.param(EMPIRICAL, "20,", "true,",
                     [("x.toml:8", "batch size must be a whole number >= 1, got True", None)], id="boolean size"),
        # Components
        pytest.param(MIXTURE, "0.75", "0.7",
                     [("x.toml:4", "the shares of the components sum to 0.95, not to 1", SOME_HINT)], id="sum"),
        pytest.param(MIXTURE, "0.75", "0",
                     [("x.toml:9", "'share' must lie between 0 and 1, got 0", SHARE_HINT)], id="share 0"),
        pytest.param(MIXTURE, "0.75", "-0.75",
                     [("x.toml:9", "'share' must lie between 0 and 1, got -0.75", SHARE_HINT)], id="negative share"),
        pytest.param(MIXTURE, "0.75", "nan",
                     [("x.toml:9", "'share' must lie between 0 and 1, got nan", SHARE_HINT)], id="NaN share"),
        pytest.param(MIXTURE, "0.75", "true",
                     [("x.toml:9", "'share' must lie between 0 and 1, got True", SHARE_HINT)], id="boolean share"),
        pytest.param(MIXTURE, "1/4", "1/0",
                     [("x.toml:5", "'share' must lie between 0 and 1, got '1/0'", SHARE_HINT)], id="share over 0"),
        pytest.param(MIXTURE, "1/4", "a quarter",
                     [("x.toml:5", "'share' must lie between 0 and 1, got 'a quarter'", SHARE_HINT)], id="share text"),
        pytest.param(MIXTURE, "uniform = { from = 1, to = 4 }", "",
                     [("x.toml:4", "'uniform' is missing", None)], id="no distribution"),
        pytest.param(MIXTURE, "uniform", "unifrom",
                     [("x.toml:6", "unknown key 'unifrom'", "did you mean 'uniform'?"),
                      ("x.toml:4", "'uniform' is missing", None)], id="misspelt distribution"),
        pytest.param(MIXTURE, "{ from = 1, to = 4 }", "4",
                     [("x.toml:6", "'uniform' must be a table, got 4", None)], id="uniform a number"),
        pytest.param(MIXTURE, "from = 1, to = 4", "from = 4, to = 1",
                     [("x.toml:6", "'to' is 1, less than 'from' 4", None)], id="to before from"),
        pytest.param(MIXTURE, "from = 1, to = 4", "from = 0, to = 4",
                     [("x.toml:6", "'from' must lie between 1 and 1000000, got 0", None)], id="from 0"),
        pytest.param(MIXTURE, "from = 1, to = 4", "from = 1, to = 4_000_000",
                     [("x.toml:6", "'to' must lie between 1 and 1000000, got 4000000", None)], id="to too large"),
        pytest.param(MIXTURE, "from = 1, to = 4", "from = 2",
                     [("x.toml:6", "'to' is missing", None)], id="no to"),
        pytest.param(MIXTURE, "from = 1, to = 4", "from = 2, to = '4'",
                     [("x.toml:6", "'to' must be a whole number, got '4'", None)], id="to a text"),
        pytest.param(MIXTURE, "from = 1, to = 4", "from = 1, to = 4, step = 2",
                     [("x.toml:6", "unknown key 'step'", "keys here: from, to")], id="uniform with more"),
        pytest.param(MIXTURE, "sigma = 0.5", "sigma = 0",
                     [("x.toml:10", "sigma must be > 0, got 0", None)], id="sigma 0"),
        pytest.param(MIXTURE, "sigma = 0.5, ", "", [("x.toml:10", "'sigma' is missing", None)], id="no sigma"),
        pytest.param(MIXTURE, "otherwise_to = 9", "otherwise_to = 7",
                     [("x.toml:10", "'otherwise_to' is 7, less than 'otherwise_from' 8", None)], id="otherwise"),
        pytest.param(MIXTURE, ", otherwise_from = 8, otherwise_to = 9", "",
                     [("x.toml:10", "'otherwise_from' is missing", None),
                      ("x.toml:10", "'otherwise_to' is missing", None)], id="no otherwise"),
        pytest.param(MIXTURE, "mu = ", "mean = ",
                     [("x.toml:10", "unknown key 'mean'",
                       "keys here: mu, sigma, from, to, otherwise_from, otherwise_to"),
                      ("x.toml:10", "'mu' is missing", None)], id="unknown key"),
        # A trace
        pytest.param(TRACED, '"trace.csv"', "5", [("x.toml:5", "'file' must be text, got 5", None)], id="number"),
        pytest.param(TRACED, 'file = "trace.csv"', "", [("x.toml:4", "'file' is missing", None)], id="no file"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, text: str, old: str, new: str, expected: list[Complaint]) -> None:
    """What is wrong with a mix is named with its line, and nothing besides."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(text, old, new))

    assert expected == complaints(load_mix, path)


def test_no_share(tmp_path: Path) -> None:
    """A share that is not there is missing, which is not the same as wrong."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(MIXTURE, 'share = "1/4"', ""))

    assert [("x.toml:4", "'share' is missing")] == [each[:2] for each in complaints(load_mix, path)]


@pytest.mark.parametrize("way", ["histogram", "empirical", "trace"])
def test_way_of_another_kind(tmp_path: Path, way: str) -> None:
    """A way to give a mix is a table."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}{way} = 5\n")

    assert [("x.toml:3", f"'{way}' must be a table, got 5", None)] == complaints(load_mix, path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("5", [("x.toml:3", "'component' must be a list, got 5", None)], id="number"),
        pytest.param("{ share = 1 }", [("x.toml:3", "'component' must be a list, got {'share': 1}", None)], id="table"),
    ],
)
def test_components_of_another_kind(tmp_path: Path, value: str, expected: list[Complaint]) -> None:
    """Components are an array of tables."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}component = {value}\n")

    assert expected == complaints(load_mix, path)


def test_lognormal_of_another_kind(tmp_path: Path) -> None:
    """A log-normal that is no table is one problem, not one for each value it lacks."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}[[component]]\nshare = 1\nlognormal = 5\n")

    assert [("x.toml:5", "'lognormal' must be a table, got 5", None)] == complaints(load_mix, path)


def test_two_distributions_in_a_component(tmp_path: Path) -> None:
    """A component with two distributions is refused: which one is meant cannot be told."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(MIXTURE, "uniform = ", "lognormal = { mu = 2, sigma = 1, from = 1, to = 4, "
                                                  "otherwise_from = 1, otherwise_to = 4 }\nuniform = "))  # fmt: skip

    assert 1 == len(complaints(load_mix, path))


def test_line_in_a_table_of_a_component(tmp_path: Path) -> None:
    """A value in a component's own table is named by its line."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}[[component]]\nshare = 1\n\n[component.uniform]\nfrom = 0\nto = 4\n")

    expected = ("x.toml:7", "'from' must lie between 1 and 1000000, got 0", None)
    assert [expected] == complaints(load_mix, path)


def test_size_beyond_the_limit(tmp_path: Path) -> None:
    """A size that is too large is said to be too large, with the limit."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(EMPIRICAL, "20,", "2_000_000,"))
    [(place, message, _)] = complaints(load_mix, path)

    assert "x.toml:8" == place
    assert "1000000" in message


def test_chance_beyond_floats(tmp_path: Path) -> None:
    """A whole number that no float can hold is a problem, not a crash."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(HISTOGRAM, "0.75", f"1{'0' * 400}"))

    assert ["x.toml:7"] == [place for place, *_ in complaints(load_mix, path)]


def test_share_with_an_exponent_beyond_all(tmp_path: Path) -> None:
    """A share of 10^999999999 is refused, not computed: that number has a thousand million digits."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(MIXTURE, "1/4", "1e999999999"))
    load = f"from pathlib import Path; from kairos_cli.loading.mix import load_mix; load_mix(Path({str(path)!r}))"
    try:
        done = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, timeout=5)
        said = done.stderr
    except subprocess.TimeoutExpired:
        said = "still computing"

    assert "x.toml:5: error: 'share' must lie between 0 and 1, got '1e999999999'" in said
