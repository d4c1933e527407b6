"""`kairos plan --from`: the pool in use, a limit on changes, the steps, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kairos

SCENARIO = "examples/ci/scenario.toml"
IN_USE = "examples/ci/plan.json"
PRICE = {"g4dn.xlarge": 0.526, "c5n.2xlarge": 0.432, "r5n.large": 0.149, "t3.xlarge": 0.1664}
QUICK = ("--queries", "1000", "--replications", "2")


def document(kairos: Kairos, *args: str | Path) -> dict[str, Any]:
    result = kairos("plan", SCENARIO, "--from", IN_USE, *QUICK, *args, "--json")
    assert 0 == result.exit_code, result.stderr
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("most", range(6))
def test_steps_add_up(kairos: Kairos, most: int) -> None:
    """From the pool in use the steps lead to the pool of the plan, within the changes and, by the list, at the cost."""
    found = document(kairos, "--budget", "2.5", "--max", "r5n.large=20", "--max-changes", str(most))
    pool = dict(found["move"]["from"]["pool"])
    changes = 0
    for step in found["move"]["steps"]:
        for name, count in (*step["add"].items(), *((name, -count) for name, count in step["remove"].items())):
            pool[name] = pool.get(name, 0) + count
            changes += abs(count)
        assert {name: count for name, count in pool.items() if count} == step["pool"]
        assert pytest.approx(sum(PRICE[name] * count for name, count in pool.items())) == step["cost_usd_per_hour"]
        assert step["allowable_qps"] >= found["move"]["load_qps"] == 80.0

    assert json.loads(Path(IN_USE).read_text())["pool"] == found["move"]["from"]["pool"]
    assert {name: count for name, count in pool.items() if count} == found["pool"]
    assert changes == found["move"]["instances_added"] + found["move"]["instances_removed"] <= most


def test_more_changes_never_serve_less(kairos: Kairos) -> None:
    """The best pool within more changes is at least as good, and with enough of them the best of all."""
    args = ("--budget", "2.5", "--max", "r5n.large=20", "--choose", "capacity")
    served = [document(kairos, *args, "--max-changes", str(most))["capacity_qps"] for most in range(0, 9, 2)]

    assert sorted(served) == served
    assert document(kairos, *args)["capacity_qps"] == served[-1]


def test_the_plan_that_moved_is_read_back(kairos: Kairos, tmp_path: Path) -> None:
    """A plan made from another can be evaluated, and moved from in its turn."""
    kairos("plan", SCENARIO, "--from", IN_USE, "--max-changes", "2", *QUICK, "-o", tmp_path / "next.json")
    evaluated = kairos("evaluate", "--plan", tmp_path / "next.json", *QUICK, "--json")
    again = kairos("plan", SCENARIO, "--from", tmp_path / "next.json", *QUICK, "--json")

    assert 2 == json.loads(evaluated.stdout)["scenario"]["max_changes"]
    assert json.loads((tmp_path / "next.json").read_text())["pool"] == json.loads(again.stdout)["move"]["from"]["pool"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--max-changes", "2"],
            "--max-changes: error: changes are counted from a plan, and none is given\nhint: --from plan.json\n",
        ),
        (
            ["--from", IN_USE, "--max-changes", "-1"],
            "--max-changes: error: 'max_changes' must be a whole number >= 0, got -1\n",
        ),
        (
            ["--from", "none.json"],
            "none.json: error: no such file\nhint: check the path; names are relative to where you are\n",
        ),
        (
            ["--from", IN_USE, "--prices", "{tmp}/prices.toml"],
            "--from: error: the price list few has no instance type 'c5n.2xlarge'\nhint: did you mean 'r5n.large'?\n",
        ),
        (
            ["--from", IN_USE, "--model", "{tmp}/model.toml", "--mix", "{tmp}/mix.toml"],
            "--from: error: c5n.2xlarge is in use, and there is no latency profile of few for it up to batch size 20\n"
            "hint: measure it, or leave out --from\n"
            "--from: error: r5n.large is in use, and there is no latency profile of few for it up to batch size 20\n"
            "hint: measure it, or leave out --from\n",
        ),
        (
            ["--from", IN_USE, "--max-changes", "1", "--budget", "1"],
            "--max-changes: error: no pool can keep --max-changes 1 together with --budget 1\n"
            "hint: loosen one of them\n",
        ),
    ],
    ids=lambda value: " ".join(value[-4:]) if isinstance(value, list) else "",
)
def test_what_is_refused(kairos: Kairos, tmp_path: Path, args: list[str], message: str) -> None:
    """Exit code 2, nothing on standard output, and the whole message."""
    (tmp_path / "prices.toml").write_text(
        'schema = "kairos.prices/1"\nname = "few"\nregion = "here"\nsource = "made up"\n[instance_types]\n'
        '"g4dn.xlarge" = { price_usd_per_hour = 0.526 }\n"r5n.large" = { price_usd_per_hour = 0.149 }\n'
    )
    (tmp_path / "model.toml").write_text(
        'schema = "kairos.model/1"\nname = "few"\nsource = "made up"\nqos = "p99<350ms"\nquantiles = [0, 1]\n'
        '[latency_ms]\n"g4dn.xlarge" = [[10, 5, 5, 5], [20, 8, 8, 8]]\n"r5n.large" = [[10, 5, 5, 5]]\n'
    )
    (tmp_path / "mix.toml").write_text(
        'schema = "kairos.mix/1"\nname = "few"\n[histogram]\nbatch_size = [10, 20]\nprobability = [0.5, 0.5]\n'
    )
    result = kairos("plan", SCENARIO, *(each.format(tmp=tmp_path) for each in args))

    assert message == result.stderr
    assert (2, "") == (result.exit_code, result.stdout)
