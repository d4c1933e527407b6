"""Scenarios: from a file, from flags, from both; and questions that cannot have an answer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.qos import QosTarget
from kairos_cli.errors import InputError
from kairos_cli.loading.scenario import CHOICES, load_scenario
from tests.loading.files import (
    EMPIRICAL,
    HISTOGRAM,
    MODEL,
    PRICES,
    SCENARIO,
    SOME_HINT,
    TRACED,
    Complaint,
    complaints,
    spoilt,
    write_files,
)

QOS_HINT = 'write it as "p99<350ms"'
BUDGET = "budget_usd_per_hour = 2.5"


def test_load(tmp_path: Path) -> None:
    """A scenario holds what its files say, and the values that are usual where they are silent."""
    scenario = load_scenario(write_files(tmp_path) / "scenario.toml")

    assert ("ranker", "list", "evening") == (scenario.model.name, scenario.prices.name, scenario.mix.name)
    assert (2.5, None) == (scenario.budget_usd_per_hour, scenario.min_qps)
    assert QosTarget(99, 50) == scenario.qos
    assert ((), {}) == (scenario.only, scenario.constraints.max_instances)
    assert (5, 0) == (scenario.top, scenario.seed)


def test_load_all_values(tmp_path: Path) -> None:
    """Every value may stand in the file."""
    text = f"""{SCENARIO}
qos = "p95<100ms"
min_qps = 20
only = ["fast.large"]
max_instances = {{ "fast.large" = 3 }}
choose = "published"
top = 2
seed = 7
description = "all of it"
"""
    scenario = load_scenario(write_files(tmp_path, scenario=text) / "scenario.toml")

    assert (2.5, 20.0) == (scenario.budget_usd_per_hour, scenario.min_qps)
    assert QosTarget(95, 100) == scenario.qos
    assert (("fast.large",), {"fast.large": 3}) == (scenario.only, scenario.constraints.max_instances)
    assert ("published", 2, 7) == (scenario.choose, scenario.top, scenario.seed)


def test_flags_alone() -> None:
    """Without a file, flags make the scenario."""
    flags = {"model": "rm2", "prices": "ec2-us-east-1", "mix": "deeprecsys", "min_qps": 50.0, "only": None}
    scenario = load_scenario(None, flags)

    assert ("rm2", None, 50.0) == (scenario.model.name, scenario.budget_usd_per_hour, scenario.min_qps)


@pytest.mark.parametrize(
    ("flags", "attribute", "expected"),
    [
        ({"budget_usd_per_hour": 7.0}, "budget_usd_per_hour", 7.0),
        ({"min_qps": 3.0}, "min_qps", 3.0),
        ({"qos": "p50<99ms"}, "qos", QosTarget(50, 99)),
        ({"only": ["slow.small"]}, "only", ("slow.small",)),
        ({"max_instances": {"slow.small": 0}}, "constraints", Constraints({"slow.small": 0})),
        ({"min_types": 2}, "constraints", Constraints(min_types=2)),
        ({"tolerate_loss": 1}, "constraints", Constraints(tolerate_loss=1)),
        ({"choose": "published"}, "choose", "published"),
        ({"top": 1}, "top", 1),
        ({"seed": 0}, "seed", 0),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_flag_over_file(tmp_path: Path, flags: dict[str, Any], attribute: str, expected: Any) -> None:
    """A flag wins over the file, also with a value such as 0; a flag that is not given does not."""
    text = f'{SCENARIO}seed = 5\nchoose = "capacity"\ntop = 4\nqos = "p99<60ms"\n'
    path = write_files(tmp_path, scenario=text) / "scenario.toml"
    silent = dict.fromkeys(("model", "prices", "mix", "seed", "qos"))

    assert expected == getattr(load_scenario(path, {**silent, **flags}), attribute)


def test_paths_start_at_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path in a scenario starts from the scenario's folder, wherever the command runs."""
    (tmp_path / "deep").mkdir()
    write_files(tmp_path, scenario=SCENARIO.replace('"./', '"../'))
    shutil.move(tmp_path / "scenario.toml", tmp_path / "deep" / "scenario.toml")
    monkeypatch.chdir("/")

    assert "ranker" == load_scenario(tmp_path / "deep" / "scenario.toml").model.name


def test_paths_in_flags_start_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path in a flag starts from where the command runs, not from the scenario's folder."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "here.toml").write_text(spoilt(MODEL, "ranker", "from here"))
    path = write_files(tmp_path / "deep") / "scenario.toml"
    monkeypatch.chdir(tmp_path)

    assert "from here" == load_scenario(path, {"model": "here.toml"}).model.name


def test_trace_as_a_mix(tmp_path: Path) -> None:
    """A scenario may name a trace as its mix, directly or through a mix file."""
    folder = write_files(tmp_path, scenario=SCENARIO.replace("mix.toml", "trace.csv"))
    assert [0.75, 0.25] == load_scenario(folder / "scenario.toml").mix.probability.tolist()

    folder = write_files(tmp_path, mix=TRACED)
    assert [0.75, 0.25] == load_scenario(folder / "scenario.toml").mix.probability.tolist()


def test_own_folder(tmp_path: Path) -> None:
    """Names are looked for in one's own folder too."""
    folder = write_files(tmp_path, scenario=SCENARIO.replace("./model.toml", "ranker"))
    (folder / "models").mkdir()
    shutil.copy(folder / "model.toml", folder / "models" / "ranker.toml")

    assert "ranker" == load_scenario(folder / "scenario.toml", None, folder).model.name


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(BUDGET, "budget_usd_per_hour = -2.5",
                     ("scenario.toml:6", "the budget must be a number > 0, got -2.5 $/h", SOME_HINT),
                     id="negative budget"),
        pytest.param(BUDGET, "budget_usd_per_hour = 0",
                     ("scenario.toml:6", "the budget must be a number > 0, got 0 $/h", SOME_HINT), id="budget 0"),
        pytest.param(BUDGET, "budget_usd_per_hour = nan",
                     ("scenario.toml:6", "the budget must be a number > 0, got nan $/h", SOME_HINT), id="budget NaN"),
        pytest.param(BUDGET, "budget_usd_per_hour = inf",
                     ("scenario.toml:6", "the budget must be a number > 0, got inf $/h", SOME_HINT),
                     id="endless budget"),
        pytest.param(BUDGET, "budget_usd_per_hour = '2.5'",
                     ("scenario.toml:6", "the budget must be a number > 0, got '2.5'", SOME_HINT), id="budget a text"),
        pytest.param(BUDGET, "budget_usd_per_hour = true",
                     ("scenario.toml:6", "the budget must be a number > 0, got True", SOME_HINT),
                     id="budget a boolean"),
        pytest.param(BUDGET, "min_qps = -1",
                     ("scenario.toml:6", "the load must be a number > 0, got -1 queries/s", SOME_HINT),
                     id="negative load"),
        pytest.param(BUDGET, f"{BUDGET}\nqos = 'fast'",
                     ("scenario.toml:7", "cannot read the QoS target 'fast'", QOS_HINT), id="no target"),
        pytest.param(BUDGET, f"{BUDGET}\nqos = 50",
                     ("scenario.toml:7", "cannot read the QoS target '50'", QOS_HINT), id="target a number"),
        pytest.param(BUDGET, f"{BUDGET}\nqos = 'p99<0ms'",
                     ("scenario.toml:7", "the latency limit must be > 0, got 0 ms", QOS_HINT), id="limit 0"),
        pytest.param(BUDGET, f"{BUDGET}\nchoose = 'publish'",
                     ("scenario.toml:7", "there is no rule of choice 'publish'", "did you mean 'published'?"),
                     id="near rule"),
        pytest.param(BUDGET, f"{BUDGET}\nchoose = 1",
                     ("scenario.toml:7", "there is no rule of choice 1", f"rules: {', '.join(CHOICES)}"),
                     id="far rule"),
        pytest.param(BUDGET, f"{BUDGET}\nseed = -1",
                     ("scenario.toml:7", "'seed' must be a whole number >= 0, got -1", None), id="negative seed"),
        pytest.param(BUDGET, f"{BUDGET}\nseed = 1.5",
                     ("scenario.toml:7", "'seed' must be a whole number >= 0, got 1.5", None), id="fractional seed"),
        pytest.param(BUDGET, f"{BUDGET}\ntop = true",
                     ("scenario.toml:7", "'top' must be a whole number >= 1, got True", None), id="top a boolean"),
        pytest.param(BUDGET, f"{BUDGET}\nonly = 'fast.large'",
                     ("scenario.toml:7", "'only' must be a list of instance types",
                      'only = ["g4dn.xlarge", "r5n.large"]'), id="only a text"),
        pytest.param(BUDGET, f"{BUDGET}\nonly = ['fast.large', 5]",
                     ("scenario.toml:7", "'only' must be a list of instance types",
                      'only = ["g4dn.xlarge", "r5n.large"]'), id="only with a number"),
        pytest.param(BUDGET, f"{BUDGET}\nonly = ['fast.lrage']",
                     ("scenario.toml:7", "the price list list has no instance type 'fast.lrage'",
                      "did you mean 'fast.large'?"), id="near type"),
        pytest.param(BUDGET, f"{BUDGET}\nonly = ['xyz']",
                     ("scenario.toml:7", "the price list list has no instance type 'xyz'",
                      "types: fast.large, slow.small"), id="far type"),
        pytest.param(BUDGET, f"{BUDGET}\nmax_instances = {{ 'fast.larg' = 1 }}",
                     ("scenario.toml:7", "the price list list has no instance type 'fast.larg'",
                      "did you mean 'fast.large'?"), id="limit of an unknown type"),
        pytest.param(BUDGET, f"{BUDGET}\nmax_instances = {{ 'fast.large' = -1 }}",
                     ("scenario.toml:7", "'max_instances' must give a whole number >= 0 for each type",
                      'max_instances = { "g4dn.xlarge" = 2 }'), id="negative limit"),
        pytest.param(BUDGET, f"{BUDGET}\nmax_instances = 3",
                     ("scenario.toml:7", "'max_instances' must give a whole number >= 0 for each type",
                      'max_instances = { "g4dn.xlarge" = 2 }'), id="limit for all"),
        pytest.param(BUDGET, f"{BUDGET}\n\nmax_instances.'fast.large' = 1.5",
                     ("scenario.toml:8", "'max_instances' must give a whole number >= 0 for each type",
                      'max_instances = { "g4dn.xlarge" = 2 }'), id="fractional limit by a dotted key"),
        pytest.param(BUDGET, "budget_usd_per_huor = 2.5\nmin_qps = 1",
                     ("scenario.toml:6", "unknown key 'budget_usd_per_huor'", "did you mean 'budget_usd_per_hour'?"),
                     id="unknown key"),
        pytest.param('"./model.toml"', "5",
                     ("scenario.toml:3", "'model' must be a name or a path",
                      "--model NAME; `kairos show models` lists the names"), id="model a number"),
        pytest.param('"./model.toml"', '""',
                     ("scenario.toml:3", "'model' must be a name or a path",
                      "--model NAME; `kairos show models` lists the names"), id="empty model"),
        pytest.param('"./model.toml"', '"rm3"',
                     ("scenario.toml:3", "no model profile is called 'rm3'",
                      "did you mean 'rm2'? `kairos show models` lists all; "
                      "a path must contain a slash or end in .toml"), id="near model"),
        pytest.param('"./mix.toml"', '"./model.toml"',
                     ("model.toml:1", "schema is 'kairos.model/1', expected \"kairos.mix/1\"", None),
                     id="a model as a mix"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, old: str, new: str, expected: Complaint) -> None:
    """What is wrong with a scenario is named with its line."""
    path = write_files(tmp_path, scenario=spoilt(SCENARIO, old, new)) / "scenario.toml"

    assert [expected] == complaints(load_scenario, path)


@pytest.mark.parametrize(
    ("key", "line", "expected"),
    [
        ("model", 'model = "./model.toml"\n', "no model is given"),
        ("prices", 'prices = "./prices.toml"\n', "no prices is given"),
        ("mix", 'mix = "./mix.toml"\n', "no mix is given"),
        ("budget", f"{BUDGET}\n", "neither a budget nor a load is given"),
    ],
    ids=["model", "prices", "mix", "budget"],
)
def test_left_out(tmp_path: Path, key: str, line: str, expected: str) -> None:
    """What a scenario file leaves out is said of that file, with the flag that gives it."""
    path = write_files(tmp_path, scenario=spoilt(SCENARIO, line, "")) / "scenario.toml"
    [(place, message, hint)] = complaints(load_scenario, path)

    assert expected == message
    assert f"--{key}" in str(hint)
    assert place.startswith("scenario.toml")


def test_nothing_given() -> None:
    """Without a file and flags, everything that is needed is asked for at once."""
    with pytest.raises(InputError) as caught:
        load_scenario(None)

    assert """\
error: no model is given
hint: --model NAME; `kairos show models` lists the names
error: no prices is given
hint: --prices NAME; `kairos show prices` lists the names
error: no mix is given
hint: --mix NAME; `kairos show mixes` lists the names
error: neither a budget nor a load is given
hint: --budget 2.5, or --min-qps 100 for the cheapest pool""" == str(caught.value)


def test_no_target(tmp_path: Path) -> None:
    """Where neither scenario nor model has a target, one is asked for."""
    path = write_files(tmp_path, model=spoilt(MODEL, 'qos = "p99<50ms"\n', "")) / "scenario.toml"
    [(_, message, hint)] = complaints(load_scenario, path)

    assert ("model ranker has no QoS target of its own", '--qos "p99<350ms"') == (message, hint)


def test_missing_profile(tmp_path: Path) -> None:
    """A profile that is not there is named by the scenario that names it, on its line."""
    text = spoilt(SCENARIO, "./model.toml", "./none.toml")
    [(place, message, hint)] = complaints(load_scenario, write_files(tmp_path, scenario=text) / "scenario.toml")

    assert "scenario.toml:3" == place
    assert "none.toml" in message
    assert "names are relative to where you are" not in str(hint)


@pytest.mark.parametrize(
    ("new", "key"),
    [
        pytest.param(f"budget_usd_per_hour = 1{'0' * 400}", 6, id="budget beyond floats"),
        pytest.param(f"min_qps = 1{'0' * 400}", 6, id="load beyond floats"),
        pytest.param(f"{BUDGET}\ntop = 0", 7, id="no pool to be listed, which the flag refuses too"),
        pytest.param(f"{BUDGET}\nmax_instances = {{ 'fast.large' = 1{'0' * 30} }}", 7, id="limit beyond 64 bits"),
        pytest.param(f'{BUDGET}\nqos = "p99<{"9" * 400}ms"', 7, id="endless target"),
    ],
)
def test_values_no_plan_can_use(tmp_path: Path, new: str, key: int) -> None:
    """A value beyond what can be computed with is a problem on its line."""
    path = write_files(tmp_path, scenario=spoilt(SCENARIO, BUDGET, new)) / "scenario.toml"

    assert [f"scenario.toml:{key}"] == [place for place, *_ in complaints(load_scenario, path)]


def test_path_with_a_null(tmp_path: Path) -> None:
    """A path that no file system has is a problem, not a crash."""
    path = write_files(tmp_path, scenario=spoilt(SCENARIO, "./model.toml", "./a\\u0000b.toml")) / "scenario.toml"

    assert 1 == len(complaints(load_scenario, path))


def test_all_problems_at_once(tmp_path: Path) -> None:
    """What is wrong with the scenario and with each of its files is said together."""
    folder = write_files(
        tmp_path,
        model=spoilt(MODEL, "[20, 4.0, 3.0, 4.0, 5.0]", "[20, -4.0, 3.0, 4.0, 5.0]"),
        prices=spoilt(PRICES, "= 0.5 }", "= -0.5 }"),
        scenario=spoilt(SCENARIO, BUDGET, "budget_usd_per_hour = 0\nseed = -1"),
    )

    assert [
        ("model.toml:12", "latency must be > 0, got -4 ms"),
        ("prices.toml:8", "the price of fast.large must be > 0, got -0.5"),
        ("scenario.toml:6", "the budget must be a number > 0, got 0 $/h"),
        ("scenario.toml:7", "'seed' must be a whole number >= 0, got -1"),
    ] == [each[:2] for each in complaints(load_scenario, folder / "scenario.toml")]


# Questions that cannot have an answer


def test_budget_below_the_cheapest(tmp_path: Path) -> None:
    """A budget that buys no machine at all is a mistake, with the price of the cheapest one."""
    path = write_files(tmp_path, scenario=spoilt(SCENARIO, "= 2.5", "= 0.1")) / "scenario.toml"

    assert [
        (
            "scenario.toml:6",
            "the budget of 0.1 $/h is below the cheapest machine, slow.small at 0.125 $/h",
            "a budget of at least 0.125 $/h buys one machine",
        )
    ] == complaints(load_scenario, path)


def test_budget_of_exactly_the_cheapest(tmp_path: Path) -> None:
    """The price of one machine is budget enough, in spite of rounding."""
    path = write_files(tmp_path, scenario=spoilt(SCENARIO, "= 2.5", "= 0.12499999999")) / "scenario.toml"

    assert [] == complaints(load_scenario, path)


def test_cheapest_of_those_that_may_be_used(tmp_path: Path) -> None:
    """The cheapest machine is looked for among the types that may be used."""
    text = spoilt(SCENARIO, "= 2.5", "= 0.3\nmax_instances = { 'slow.small' = 0 }")
    path = write_files(tmp_path, scenario=text) / "scenario.toml"

    expected = "the budget of 0.3 $/h is below the cheapest machine, fast.large at 0.5 $/h"
    assert [expected] == [message for _, message, _ in complaints(load_scenario, path)]


def test_target_no_machine_meets(tmp_path: Path) -> None:
    """A target that even the fastest machine misses is a mistake; the size that misses it most is named."""
    path = write_files(tmp_path, scenario=f'{SCENARIO}qos = "p99<3.5ms"\n') / "scenario.toml"

    # Of the queries of size 20, a quarter of all, three quarters take longer than 3.5 ms.
    assert [
        (
            "scenario.toml:7",
            "no machine meets p99<3.5ms: 18.75% of the queries are late on the fastest one, without waiting",
            "batch size 20 is late most often; raise the limit, or profile a faster instance type",
        )
    ] == complaints(load_scenario, path)


@pytest.mark.parametrize(("serving", "late"), [("merge = true", ["18.75%"]), ("split = true", [])])
def test_target_met_in_parts(tmp_path: Path, serving: str, late: list[str]) -> None:
    """Of parts of 10 none takes longer than 3.5 ms; merging makes nothing faster, and no size of a batch is blamed."""
    text = f'{SCENARIO}qos = "p99<3.5ms"\n[serving]\n{serving}\n'
    path = write_files(tmp_path, scenario=text) / "scenario.toml"

    hint = "batch size 20 is late most often; raise the limit, or profile a faster instance type"
    said = "no machine meets p99<3.5ms: {} of the queries are late on the fastest one, without waiting"
    assert [("scenario.toml:7", said.format(share), hint) for share in late] == complaints(load_scenario, path)


def test_target_just_met(tmp_path: Path) -> None:
    """A share of late queries that the percentile allows is no mistake."""
    path = write_files(tmp_path, scenario=f'{SCENARIO}qos = "p81.25<3.5ms"\n') / "scenario.toml"

    assert [] == complaints(load_scenario, path)


def test_batch_size_beyond_the_profile(tmp_path: Path) -> None:
    """A mix with batches larger than were ever measured is a mistake."""
    path = write_files(tmp_path, mix=spoilt(HISTOGRAM, "[10, 20]", "[10, 41]")) / "scenario.toml"

    assert [
        (
            "scenario.toml:5",
            "batch size 41 of mix evening is beyond the profile of ranker, which ends at 40",
            "measure larger batches, or use a mix without them; latencies are not extrapolated",
        )
    ] == complaints(load_scenario, path)


def test_batch_size_within_one_profile(tmp_path: Path) -> None:
    """Where only some types were measured far enough, the question stands."""
    path = write_files(tmp_path, mix=spoilt(EMPIRICAL, "20", "40")) / "scenario.toml"

    assert [] == complaints(load_scenario, path)


def test_no_common_type(tmp_path: Path) -> None:
    """A model that was measured on none of the types for sale is a mistake."""
    prices = PRICES.replace("fast.large", "other.large").replace("slow.small", "other.small")
    path = write_files(tmp_path, prices=prices) / "scenario.toml"

    assert [
        (
            "scenario.toml:3",
            "model ranker has no latency profile for any type of the price list that may be used",
            "it was measured on fast.large, slow.small",
        )
    ] == complaints(load_scenario, path)


def test_no_profile_for_the_types_asked_for(tmp_path: Path) -> None:
    """Types that are for sale but were never measured cannot be asked for alone."""
    prices = f'{PRICES}"other.large" = {{ price_usd_per_hour = 1 }}\n'
    text = f'{SCENARIO}only = ["other.large"]\n'
    path = write_files(tmp_path, prices=prices, scenario=text) / "scenario.toml"

    assert [
        (
            "scenario.toml:7",
            "model ranker has no latency profile for other.large that may be used",
            "it was measured on fast.large, slow.small",
        )
    ] == complaints(load_scenario, path)


def test_all_types_limited_to_none(tmp_path: Path) -> None:
    """Where every measured type is limited to 0 instances, that is what is said."""
    text = f"{SCENARIO}only = ['fast.large']\nmax_instances = {{ 'fast.large' = 0 }}\n"
    path = write_files(tmp_path, scenario=text) / "scenario.toml"
    [(_, message, _)] = complaints(load_scenario, path)

    assert "has no latency profile for fast.large" not in message
