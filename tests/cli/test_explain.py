"""`kairos explain`: what it answers for any pool, with and without a saved plan, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.cli.pool_check import check_pool
from kairos_cli.domain.pool import Pool
from kairos_cli.errors import InputError
from tests.conftest import Kairos
from tests.planner.tables import price_list, scenario

RM2 = "examples/01_rm2_budget.toml"
SPOT = "examples/07_spot_and_losses.toml"
POOL = "g4dn.xlarge=2,r5n.large=9"
QUICK = ("--queries", "1000", "--replications", "2")


@pytest.fixture
def plan_file(kairos: Kairos, tmp_path: Path) -> Path:
    """Return a plan of rm2, saved, with little simulation."""
    path = tmp_path / "plan.json"
    assert 0 == kairos("plan", RM2, *QUICK, "-o", path).exit_code
    return path


def document(kairos: Kairos, *args: str | Path) -> dict[str, Any]:
    result = kairos("explain", *args, *QUICK, "--json")
    assert 0 == result.exit_code, result.stderr
    return dict(json.loads(result.stdout))


def test_the_recommended_pool_is_the_one_of_the_plan(kairos: Kairos, plan_file: Path) -> None:
    """With the same effort the plan and the explanation name the same pool and the same rate."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    found = document(kairos, RM2, "--pool", POOL)

    assert plan["pool"] == found["recommended"]["pool"]
    assert plan["verified"]["allowable_qps"] == found["recommended"]["allowable_qps"]
    assert plan["capacity_qps"] == found["recommended"]["capacity_qps"]
    assert plan["verified"]["policy"] == found["simulated"]["policy"]


def test_the_recommended_pool_explains_itself(kairos: Kairos, plan_file: Path) -> None:
    """The plan's own pool: nothing to mend, no trade, no fault."""
    pool = ",".join(f"{name}={count}" for name, count in json.loads(plan_file.read_text())["pool"].items())
    found = document(kairos, RM2, "--pool", pool)

    assert "recommended" == found["verdict"]
    assert found["pool"] == found["recommended"]
    assert ([], None) == (found["breaches"], found["change"])


def test_a_saved_plan_gives_the_scenario_and_the_recommended_pool(kairos: Kairos, plan_file: Path) -> None:
    """No search is needed; the pool explained has the figures that the scenario gives."""
    saved, asked = document(kairos, "--plan", plan_file, "--pool", POOL), document(kairos, RM2, "--pool", POOL)

    assert asked["scenario"] == saved["scenario"]
    assert asked["pool"] == saved["pool"]
    assert asked["recommended"]["pool"] == saved["recommended"]["pool"]


def test_the_seed_may_differ_from_the_plans(kairos: Kairos, plan_file: Path) -> None:
    """It is no part of the question."""
    found = document(kairos, "--plan", plan_file, "--pool", POOL, "--seed", "7")

    assert 7 == found["simulated"]["seed"] == found["scenario"]["seed"]


def test_the_change_and_the_trades_do_what_they_say(kairos: Kairos) -> None:
    """By the prices of the list: costs add up, the change serves the rate wanted, each trade saves."""
    price = {"g4dn.xlarge": 0.526, "c5n.2xlarge": 0.432, "r5n.large": 0.149, "t3.xlarge": 0.1664}
    found = document(kairos, RM2, "--pool", "g4dn.xlarge=1,c5n.2xlarge=2,r5n.large=5,t3.xlarge=2")
    change, trades = found["change"], found["trades"]

    def cost(pool: dict[str, int]) -> float:
        return sum(count * price[name] for name, count in pool.items())

    assert found["least_qps"] <= change["allowable_qps"]
    assert pytest.approx(cost(change["pool"])) == found["pool"]["cost_usd_per_hour"] + cost(change["added"]) - cost(
        change["removed"]
    )
    assert trades
    for each in trades:
        assert each["allowable_qps"] >= 0.995 * found["pool"]["allowable_qps"]
        assert pytest.approx(each["saving_usd_per_hour"]) == cost(each["given"]) - cost(each["taken"])
        assert pytest.approx(each["cost_usd_per_hour"]) == cost(each["pool"])


def test_both_pools_are_looked_at_by_size_at_one_rate(kairos: Kairos) -> None:
    """It is the lower of the two rates, and the classes of batch sizes are the same."""
    found = document(kairos, RM2, "--pool", POOL)
    this, other = found["pool"], found["recommended"]

    assert this["allowable_qps"] == this["observed_qps"] == other["observed_qps"]
    assert [each["batch_size_to"] for each in this["size_classes"]] == [
        each["batch_size_to"] for each in other["size_classes"]
    ]
    assert 1000 == this["size_classes"][-1]["batch_size_to"]


def test_a_row_for_each_pool(kairos: Kairos) -> None:
    """CSV has the pool, the recommended one, the change and the trades, in that order."""
    found = document(kairos, RM2, "--pool", POOL)
    rows = list(csv.DictReader(io.StringIO(kairos("explain", RM2, "--pool", POOL, *QUICK, "--format", "csv").stdout)))

    assert ["pool", "recommended", "change", *["trade"] * len(found["trades"])] == [each["role"] for each in rows]
    assert POOL == rows[0]["pool"]
    assert str(found["pool"]["ci95_qps"][1]) == rows[0]["ci95_high_qps"]


def test_the_same_question_gives_the_same_bytes(kairos: Kairos) -> None:
    """Two runs print the same."""
    first, again = (kairos("explain", RM2, "--pool", POOL, *QUICK, "--json").stdout for _ in range(2))

    assert first == again


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([RM2], "error: no pool is given to explain\nhint: --pool g4dn.xlarge=2,r5n.large=9\n"),
        (
            [RM2, "--pool", "g4dn.xlrage=1"],
            "--pool: error: there is no price of g4dn.xlrage\nhint: did you mean 'g4dn.xlarge'?\n",
        ),
        (
            [RM2, "--pool", "m4.xlarge=2,m9.huge=1"],
            "--pool: error: there is no latency profile of rm2 for m4.xlarge\n"
            "hint: types with both: g4dn.xlarge, c5n.2xlarge, r5n.large, t3.xlarge\n"
            "--pool: error: there is no price of m9.huge\n"
            "hint: types with both: g4dn.xlarge, c5n.2xlarge, r5n.large, t3.xlarge\n",
        ),
        (
            [RM2, "--pool", "g4dn.xlarge"],
            "--pool: error: cannot read 'g4dn.xlarge'\nhint: write it as --pool g4dn.xlarge=2\n",
        ),
        ([RM2, "--pool", "g4dn.xlarge=0"], "--pool: error: the pool is empty\nhint: name at least one instance\n"),
        (
            [RM2, "--pool", "r5n.large=10001"],
            "--pool: error: a pool of 10001 instances is too large to be simulated\n"
            "hint: the limit is 10000; larger ones come close to their capacity\n",
        ),
        (
            [RM2, "--pool", "g4dn.xlarge=1", "--plan", "plan.json", "--budget", "3"],
            f"{RM2}: error: a plan carries its own scenario\nhint: leave it out, or leave out --plan\n"
            "--budget: error: a plan carries its own scenario\nhint: leave it out, or leave out --plan\n",
        ),
        (
            ["--pool", "g4dn.xlarge=1", "--plan", "plan.json"],
            "plan.json: error: no such file\nhint: check the path; names are relative to where you are\n",
        ),
        (
            ["--model", "rm2", "--prices", "ec2-us-east-1", "--mix", "deeprecsys", "--pool", "g4dn.xlarge=1"],
            "error: neither a budget nor a load is given\nhint: --budget 2.5, or --min-qps 100 for the cheapest pool\n",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_what_cannot_be_explained_is_refused(kairos: Kairos, args: list[str], message: str) -> None:
    """Exit code 2, nothing on standard output, and the whole message."""
    result = kairos("explain", *args)

    assert message == result.stderr
    assert (2, "") == (result.exit_code, result.stdout)


def test_contradictory_constraints_are_refused_as_by_plan(kairos: Kairos) -> None:
    """The same set is named, word for word, before anything is simulated."""
    asked = (SPOT, "--budget", "0.4", "--min-types", "3")
    plan, explain = kairos("plan", *asked), kairos("explain", *asked, "--pool", "g4dn.xlarge=2")

    assert (2, "") == (explain.exit_code, explain.stdout)
    assert "error: no pool can keep" in explain.stderr
    assert plan.stderr == explain.stderr


def test_rates_count_on_what_is_sure_to_be_left(kairos: Kairos) -> None:
    """Of four spot instances at 90 % two are there 99 % of the time; the loss that hurts most takes one of them."""
    found = document(kairos, SPOT, "--pool", "g4dn.xlarge:spot=4,r5n.large=9")["pool"]

    assert {"g4dn.xlarge:spot": 4, "r5n.large": 9} == found["pool"]
    assert {"g4dn.xlarge:spot": 2, "r5n.large": 9} == found["present"]
    assert {"g4dn.xlarge:spot": 1} == found["worst_loss"]


def test_the_recommended_pool_keeps_the_constraints_as_the_plan_does(kairos: Kairos) -> None:
    """Plan and explanation agree on the pool, on what is lost of it, and on its rate."""
    plan = json.loads(kairos("plan", SPOT, *QUICK, "--json").stdout)
    found = document(kairos, SPOT, "--pool", "r5n.large=9")["recommended"]

    assert plan["pool"] == found["pool"]
    assert plan["worst_loss"] == found["worst_loss"]
    assert plan["verified"]["allowable_qps"] == found["allowable_qps"]


def test_a_search_that_is_out_of_time_still_recommends(kairos: Kairos) -> None:
    """Where pools are too many to list, the best one found in a tenth of a second is set beside the pool."""
    found = document(kairos, RM2, "--budget", "15", "--time-limit", "0.1", "--pool", "g4dn.xlarge=4,r5n.large=20")

    assert found["recommended"]["allowable_qps"] > found["pool"]["allowable_qps"]


def test_a_mix_beyond_a_profile_is_told_for_every_way_to_buy() -> None:
    """A spot instance is measured as its machine is: there is a profile of aux, and it is too short."""
    prices = price_list({"big": 1.0, "aux:spot": 0.1})
    question = scenario({"big": {10: 1.0, 100: 2.0}, "aux": {10: 1.0}}, prices, {10: 1, 100: 1})

    with pytest.raises(InputError) as refused:
        check_pool(question, Pool((("aux:spot", 1),)), "--pool")
    assert (
        "error: batch size 100 of toy is beyond the profile of aux:spot\n"
        "hint: it ends at 10; latencies are not extrapolated"
    ) == str(refused.value)


def test_an_edited_plan_is_refused(kairos: Kairos, plan_file: Path) -> None:
    """As everywhere else: its digest does not fit."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    plan_file.write_text(json.dumps(plan | {"pool": {"r5n.large": 14}}), encoding="utf-8")
    result = kairos("explain", "--plan", plan_file, "--pool", POOL)

    assert 2 == result.exit_code
    assert f"{plan_file}: error: was edited after kairos wrote it: its digest does not fit\n" in result.stderr


def test_a_type_that_the_plan_left_out_has_no_price_there(kairos: Kairos, tmp_path: Path) -> None:
    """A plan carries the types that took part, and no others."""
    path = tmp_path / "plan.json"
    kairos("plan", RM2, "--only", "g4dn.xlarge", "--only", "r5n.large", *QUICK, "-o", path)
    result = kairos("explain", "--plan", path, "--pool", "c5n.2xlarge=1")

    assert "--pool: error: there is no price of c5n.2xlarge\nhint: did you mean 'r5n.large'?\n" == result.stderr
