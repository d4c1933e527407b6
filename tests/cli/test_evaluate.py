"""`kairos evaluate` and `kairos compare`: pools by flag and by file, traces, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kairos, interrupted

RM2 = "examples/01_rm2_budget.toml"
QUICK = ("--queries", "1000", "--replications", "2")


@pytest.fixture
def plan_file(kairos: Kairos, tmp_path: Path) -> Path:
    """Return a plan of rm2, saved."""
    path = tmp_path / "plan.json"
    assert 0 == kairos("plan", RM2, "--choose", "capacity", "-o", path).exit_code
    return path


def changed(path: Path, **values: Any) -> Path:
    """Return the plan file with some values changed by hand."""
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | values), encoding="utf-8")
    return path


def trace(tmp_path: Path, *lines: str) -> Path:
    """Return a trace file of these rows."""
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["arrival_s,batch_size", *lines]) + "\n", encoding="utf-8")
    return path


def test_a_saved_plan_evaluates_like_its_scenario(kairos: Kairos, plan_file: Path) -> None:
    """The plan carries all that is needed: the results are those of the scenario and the pool."""
    saved = json.loads(kairos("evaluate", "--plan", plan_file, *QUICK, "--json").stdout)
    asked = json.loads(kairos("evaluate", RM2, "--pool", "g4dn.xlarge=1,r5n.large=13", *QUICK, "--json").stdout)

    assert asked["results"] == saved["results"]
    assert {"g4dn.xlarge": 1, "r5n.large": 13} == saved["pool"]


def test_laying_a_plan_out_anew_does_not_change_it(kairos: Kairos, plan_file: Path) -> None:
    """White space and the order of keys are not content."""
    changed(plan_file)

    assert 0 == kairos("evaluate", "--plan", plan_file, *QUICK).exit_code


def test_an_edited_plan_is_refused(kairos: Kairos, plan_file: Path) -> None:
    """A pool changed by hand does not go unnoticed."""
    result = kairos("evaluate", "--plan", changed(plan_file, pool={"r5n.large": 14}))

    assert 2 == result.exit_code
    assert (
        f"{plan_file}: error: was edited after kairos wrote it: its digest does not fit\n"
        "hint: make it anew with `kairos plan … -o plan.json`; to try another pool, use --pool\n"
    ) == result.stderr


def test_a_plan_of_another_version_is_refused(kairos: Kairos, plan_file: Path) -> None:
    """The schema says which version wrote it."""
    result = kairos("evaluate", "--plan", changed(plan_file, schema="kairos.plan/9"))

    assert 2 == result.exit_code
    assert (
        f"{plan_file}: error: is no plan of this version: its schema is 'kairos.plan/9', expected 'kairos.plan/1'\n"
    ) in result.stderr


def test_what_is_no_plan_is_refused(kairos: Kairos, tmp_path: Path) -> None:
    """Neither other JSON, nor a refusal saved as a plan, nor something else altogether."""
    path = tmp_path / "plan.json"
    kairos("plan", RM2, "--budget", "0.5", "-o", path)
    assert "holds no pool: that plan found none" in kairos("evaluate", "--plan", path).stderr
    path.write_text("[1, 2]", encoding="utf-8")
    assert "it has no schema" in kairos("evaluate", "--plan", path).stderr
    path.write_text('{\n "schema": ', encoding="utf-8")
    assert f"{path}:2: error: not JSON: Expecting value" in kairos("evaluate", "--plan", path).stderr


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ("m4.xlarge=2", "there is no latency profile of rm2 for m4.xlarge"),
        ("m9.xlarge=2", "there is no price of m9.xlarge"),
        ("g4dn.xlarge", "cannot read 'g4dn.xlarge'"),
        ("g4dn.xlarge=1.5", "cannot read 'g4dn.xlarge=1.5'"),
        ("g4dn.xlarge=1,g4dn.xlarge=2", "g4dn.xlarge is named twice"),
        ("g4dn.xlarge=0", "the pool is empty"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(kairos: Kairos, pool: str, message: str) -> None:
    """The message names the flag and what is wrong, and a hint follows."""
    result = kairos("evaluate", RM2, "--pool", pool)

    assert 2 == result.exit_code
    assert result.stderr.startswith(f"--pool: error: {message}\nhint: ")
    assert "" == result.stdout


def test_a_pool_without_a_fast_type_is_refused(kairos: Kairos) -> None:
    """It keeps the target at no rate, however small."""
    result = kairos("evaluate", RM2, "--pool", "r5n.large=14")

    assert 2 == result.exit_code
    assert "the pool cannot keep p99<350ms at any rate" in result.stderr


@pytest.mark.parametrize(
    ("rate", "message"),
    [("160", "unstable: offered 160, capacity 143.6 queries/s"), ("0", "the rate must be > 0, got 0")],
)
def test_a_rate_that_cannot_be_is_refused(kairos: Kairos, rate: str, message: str) -> None:
    """A rate over the capacity is said to be unstable at once, without simulating it."""
    result = kairos("evaluate", RM2, "--pool", "g4dn.xlarge=1,r5n.large=13", "--rate", rate)

    assert 2 == result.exit_code
    assert result.stderr.startswith(f"--rate: error: {message}\n")


def test_a_trace_is_replayed(kairos: Kairos, tmp_path: Path) -> None:
    """Its own sizes and rate are used: ten queries a second, nine of them small."""
    rows = [f"{number / 10},{100 if number % 10 else 900}" for number in range(400)]
    result = kairos("evaluate", RM2, "--pool", "g4dn.xlarge=1,r5n.large=2", "--trace", trace(tmp_path, *rows), "--json")
    document = json.loads(result.stdout)

    assert pytest.approx(10.0) == document["results"][0]["rate_qps"]
    assert {"queries": 400, "replications": 5, "seed": 0, "trace": "trace"} == document["simulated"]
    assert 1.0 == document["results"][0]["on_time_fraction"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("0,10", "2,10", "1,10"), ":4: error: arrival_s falls from 2 to 1: a trace is in the order of arrival"),
        (("0,10", "1,-5"), ":3: error: batch_size must be a whole number >= 1, got -5"),
        (("0,10", "1,2.5"), ":3: error: batch_size must be a whole number >= 1, got 2.5"),
        (("0,10", "x,10"), ":3: error: arrival_s and batch_size must be numbers, got 'x', '10'"),
        (("0,10", "inf,10"), ":3: error: arrival_s must be finite, got inf"),
        (("0,10",), ": error: a trace needs two queries that arrive at different times"),
        (("0,10", "1,5000"), "error: batch size 5000"),
    ],
)
def test_a_trace_that_cannot_be_is_refused(kairos: Kairos, tmp_path: Path, rows: tuple[str, ...], message: str) -> None:
    """Falling times, sizes that are none, and sizes beyond the profile: with their lines."""
    result = kairos("evaluate", RM2, "--pool", "g4dn.xlarge=1", "--trace", trace(tmp_path, *rows))

    assert 2 == result.exit_code
    assert message in result.stderr


def test_all_policies_can_be_named_at_once(kairos: Kairos) -> None:
    """`all` stands for each of them."""
    document = json.loads(kairos("evaluate", RM2, "--policy", "all", *QUICK, "--json").stdout)

    assert ["fcfs", "deeprecsys", "clockwork", "greedy", "least_loaded", "instance_aware", "kairos", "shadow"] == [
        each["policy"] for each in document["results"]
    ]


def test_the_same_seed_gives_the_same_bytes(kairos: Kairos) -> None:
    """And another seed gives other ones."""
    first, again, other = (
        kairos("evaluate", RM2, "--policy", "all", *QUICK, "--seed", seed, "--json").stdout for seed in ("3", "3", "4")
    )

    assert first == again
    assert first != other


def test_a_comparison_needs_a_pool(kairos: Kairos) -> None:
    """Where none can keep the target the answer is a sound no."""
    result = kairos("compare", RM2, "--budget", "0.5")

    assert 1 == result.exit_code
    assert "no pool fits: no pool within 0.5 $/h can keep p99<350ms at any rate\n" == result.stderr


def test_interrupting_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a long simulation: exit code 130, no answer, no half file."""
    out = tmp_path / "out.json"
    args = ["evaluate", RM2, "--queries", "5000000", "-o", str(out)]
    code, stdout, stderr = interrupted(*args)

    assert 130 == code
    assert "" == stdout
    assert stderr.endswith("interrupted\n")
    assert [] == list(tmp_path.iterdir())


def test_a_saved_plan_keeps_its_constraints(kairos: Kairos, tmp_path: Path) -> None:
    """Purchase options, availabilities and zones are in the plan: spot instances are away as planned."""
    path, spot = tmp_path / "plan.json", "examples/07_spot_and_losses.toml"
    kairos("plan", spot, "--choose", "capacity", "-o", path)
    pool = json.loads(path.read_text(encoding="utf-8"))["pool"]
    text = ",".join(f"{name}={count}" for name, count in pool.items())
    saved = kairos("evaluate", "--plan", path, *QUICK, "--json")
    asked = kairos("evaluate", spot, "--pool", text, *QUICK, "--json")

    assert json.loads(asked.stdout)["present"] == json.loads(saved.stdout)["present"] != pool
    assert json.loads(asked.stdout)["capacity_qps"] == json.loads(saved.stdout)["capacity_qps"]
    assert asked.stderr == saved.stderr
    assert "note: the pool is simulated whole; its plan is rated after the loss of any 1\n" in saved.stderr


def test_a_plan_from_before_purchase_options_is_read(kairos: Kairos, plan_file: Path) -> None:
    """A plan without any of the new keys means on-demand instances and no constraints."""
    from kairos_cli.domain.digest import digest
    from kairos_cli.loading.plan_file import load_plan

    document = json.loads(plan_file.read_text(encoding="utf-8"))
    for key in ("purchase", "max_spot_share", "min_types", "min_zones", "tolerate_loss"):
        del document["scenario"][key]
    for key in ("availability", "zones"):
        del document["inputs"][key]
    rewritten = {key: value for key, value in document.items() if key != "digest"}
    plan_file.write_text(json.dumps(rewritten | {"digest": digest(rewritten)}), encoding="utf-8")
    scenario = load_plan(plan_file).scenario

    assert (("on-demand",), 0, 1.0) == (
        scenario.purchase,
        scenario.constraints.tolerate_loss,
        scenario.constraints.max_spot_share,
    )


def test_a_saved_plan_keeps_how_queries_are_served(kairos: Kairos, tmp_path: Path) -> None:
    """Merging, splitting and the limits of scenario and model are in the plan, and come back with it."""
    from kairos_cli.domain.serving import Serving
    from kairos_cli.loading.plan_file import load_plan

    model, path = tmp_path / "model.toml", tmp_path / "plan.json"
    text = Path("profiles/models/rm2.toml").read_text(encoding="utf-8")
    model.write_text(text.replace("mergeable = true", "mergeable = false\nlargest_batch = 900"), encoding="utf-8")
    kairos("plan", RM2, "--model", model, "--split", "--largest-batch", "800", "--choose", "capacity", "-o", path)
    saved = load_plan(path).scenario

    assert Serving(split=True, largest_batch=800) == saved.serving
    assert (False, True, 900) == (saved.model.mergeable, saved.model.splittable, saved.model.largest_batch)


def test_nothing_contradicts_a_plan(kairos: Kairos, plan_file: Path) -> None:
    """A plan carries its scenario: a flag beside it would be passed over, so it is refused; the seed is not."""
    result = kairos("evaluate", "--plan", plan_file, "--merge", "--no-split", "--budget", "3", *QUICK)

    assert (2, "") == (result.exit_code, result.stdout)
    assert (
        "--budget: error: a plan carries its own scenario\nhint: leave it out, or leave out --plan\n"
        "--merge: error: a plan carries its own scenario\nhint: leave it out, or leave out --plan\n"
        "--split: error: a plan carries its own scenario\nhint: leave it out, or leave out --plan\n"
    ) == result.stderr


def trace_of(path: Path, *sizes: int) -> Path:
    """Write a trace of four hundred queries of these sizes in turn, ten a second."""
    rows = [f"{number / 10},{sizes[number % len(sizes)]}" for number in range(400)]
    path.write_text("\n".join(["arrival_s,batch_size", *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize("serving", [["--merge"], ["--split"], ["--merge", "--split"]], ids=" ".join)
def test_a_trace_is_served_in_batches(kairos: Kairos, tmp_path: Path, serving: list[str]) -> None:
    """The sizes of a trace take the place of the mix, down to their own unit; its queries keep their sizes."""
    trace = trace_of(tmp_path / "day.csv", 15, 40, 995)
    result = kairos(
        "evaluate", RM2, "--pool", "g4dn.xlarge=2,r5n.large=6", "--trace", trace, *serving, *QUICK, "--json"
    )
    document = json.loads(result.stdout)

    assert 0 == result.exit_code, result.stderr
    assert "day" == document["simulated"]["trace"]
    sizes = document["results"][0]["size_classes"]
    assert (15, 995) == (sizes[0]["batch_size_from"], sizes[-1]["batch_size_to"])


def test_a_trace_with_queries_beyond_the_largest_batch(kairos: Kairos, tmp_path: Path) -> None:
    """A limit that suits the mix may be too small for a trace: the trace is blamed."""
    mix, trace = tmp_path / "small.toml", trace_of(tmp_path / "day.csv", 10, 400)
    mix.write_text(
        'schema = "kairos.mix/1"\nname = "small"\n[histogram]\nbatch_size = [10, 20]\nprobability = [0.5, 0.5]\n'
    )
    asked = ["--mix", mix, "--merge", "--largest-batch", "100", "--pool", "g4dn.xlarge=2"]
    result = kairos("evaluate", RM2, *asked, "--trace", trace)

    assert (2, "") == (result.exit_code, result.stdout)
    assert (
        f"{trace}: error: batches are limited to 100 items and queries are not split, but mix day has queries of 400\n"
        "hint: --split, or allow batches of 400, or use a mix without such queries\n"
    ) == result.stderr


SPLIT = ["evaluate", RM2, "--pool", "g4dn.xlarge=1,r5n.large=13"]


def test_one_shard_is_no_split(kairos: Kairos) -> None:
    """`--shards 1` prints what is printed without it, byte for byte."""
    for format_ in ("json", "table", "csv", "markdown"):
        args = [*SPLIT, "--queries", "1000", "--format", format_]
        assert kairos(*args).stdout == kairos(*args, "--shards", "1").stdout


def test_a_split_pool_tells_what_is_lost(kairos: Kairos) -> None:
    """A router without a fast instance gets no queries; the loss is the difference of two simulations."""
    args = ["--queries", "1000", "--json"]
    split, whole = (json.loads(kairos(*SPLIT, *more, *args).stdout) for more in (["--shards", "2"], []))
    (result,) = split["results"]

    assert [
        {"pool": {"g4dn.xlarge": 1, "r5n.large": 6}, "query_share": 1.0},
        {"pool": {"r5n.large": 7}, "query_share": 0.0},
    ] == split["shards"]
    assert whole["results"][0]["allowable_qps"] == result["one_router_qps"]
    assert 1 - result["allowable_qps"] / result["one_router_qps"] == pytest.approx(result["lost_fraction"], abs=1e-3)
    assert whole["capacity_qps"] == split["capacity_qps"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--shards", "15"], "--shards: error: 15 shards are more than the 14 instances\n"
         "hint: each shard needs an instance\n"),
        (["--shards", "2", "--rate", "100"],
         "--rate: error: unstable: offered 100, capacity of 2 shards 74.5 queries/s\nhint: give a lower rate\n"),
    ],
)  # fmt: skip
def test_a_pool_that_cannot_be_split_is_refused(kairos: Kairos, args: list[str], message: str) -> None:
    """With what is wrong and what to do about it."""
    result = kairos(*SPLIT, *args)

    assert (2, "") == (result.exit_code, result.stdout)
    assert message == result.stderr
