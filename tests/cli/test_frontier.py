"""`kairos frontier`: each budget as `kairos plan` has it, by any number of threads, and what is refused."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.cli.side_by_side import side_by_side
from tests.conftest import Kairos, interrupted

RM2 = "examples/01_rm2_budget.toml"
QUICK = ("--queries", "1000", "--replications", "2")
HOW = "hint: write --budgets 1:20:0.5 for start:stop:step, or --budgets 1,2.5,5; in $/h\n"


def curve(kairos: Kairos, *args: str) -> dict[str, Any]:
    """Return the document of a curve of rm2."""
    document: dict[str, Any] = json.loads(kairos("frontier", RM2, *args, *QUICK, "--json").stdout)
    return document


@pytest.mark.parametrize("rule", ["verified", "capacity", "published"])
def test_each_budget_is_planned_as_plan_does(kairos: Kairos, rule: str) -> None:
    """Pool, cost, capacity, rate, interval and price are those of `kairos plan --budget`; the gap may stay at 1 %."""
    points = curve(kairos, "--budgets", "1:2.5:0.5", "--choose", rule)["points"]
    plans = [
        json.loads(
            kairos("plan", RM2, "--budget", point["budget_usd_per_hour"], "--choose", rule, *QUICK, "--json").stdout
        )
        for point in points
    ]
    keys = ("pool", "cost_usd_per_hour", "capacity_qps", "verified", "usd_per_million_queries")

    assert [1.0, 1.5, 2.0, 2.5] == [point["budget_usd_per_hour"] for point in points]
    assert [{key: plan[key] for key in keys} for plan in plans] == [
        {key: point[key] for key in keys} for point in points
    ]
    for plan, point in zip(plans, points, strict=True):
        assert plan["certificate"]["gap_percent"] <= point["gap_percent"]
        assert plan["certificate"]["ended"] == point["ended"] or ("close", True) == (
            point["ended"], 0 < point["gap_percent"] <= 1,
        )  # fmt: skip


def test_the_number_of_threads_changes_no_byte(kairos: Kairos, monkeypatch: pytest.MonkeyPatch) -> None:
    """One budget after the other, or five at once."""
    printed = []
    for workers in (1, 5):
        monkeypatch.setattr(os, "cpu_count", lambda workers=workers: workers)
        printed.append(kairos("frontier", RM2, "--budgets", "0.5:2.5:0.25", *QUICK, "--json").stdout)

    assert '"schema": "kairos.frontier/1"' in printed[0]
    assert printed[0] == printed[1]


def test_the_seed_changes_the_rates(kairos: Kairos) -> None:
    """And is part of the document."""
    first, other = (curve(kairos, "--budgets", "2.5", "--seed", seed) for seed in ("0", "1"))

    assert (0, 1) == (first["simulated"]["seed"], other["simulated"]["seed"])
    assert first["points"][0]["verified"] != other["points"][0]["verified"]


def test_results_stand_in_the_order_of_the_tasks() -> None:
    """Whichever is done first."""
    told: list[int] = []
    tasks = [lambda wait=wait: time.sleep(wait) or wait for wait in (0.05, 0.0, 0.01)]

    assert [0.05, 0.0, 0.01] == side_by_side(tasks, lambda: told.append(1))
    assert 3 == len(told)


def test_budgets_that_buy_nothing_are_rows(kairos: Kairos) -> None:
    """0.10 $/h buy no machine, 0.50 none that is fast enough: rows with a reason; at 1 $/h there is a pool."""
    result = kairos("frontier", RM2, "--budgets", "0.1,0.5,1", *QUICK, "--json")
    points = json.loads(result.stdout)["points"]

    assert (0, "") == (result.exit_code, result.stderr)
    assert [True, True, False] == [point["pool"] is None for point in points]
    assert [
        "no instance type can take part",
        "none of the 10 pools within 0.5 $/h can keep p99<350ms at any rate",
        None,
    ] == [point["reason"] for point in points]


def test_without_any_pool_the_answer_is_no(kairos: Kairos) -> None:
    """Exit 1, with the reason of the richest budget."""
    result = kairos("frontier", RM2, "--budgets", "0.1,0.5", *QUICK)

    reason = "none of the 10 pools within 0.5 $/h can keep p99<350ms at any rate"
    assert (1, f"no pool fits any of the budgets: {reason}\n") == (result.exit_code, result.stderr)


def test_the_budget_that_carries_a_load_is_marked(kairos: Kairos) -> None:
    """The first whose rate is the load or more, which no smaller budget reaches."""
    document = curve(kairos, "--budgets", "0.5:2.5:0.5", "--min-qps", "60")
    rate = {
        point["budget_usd_per_hour"]: point["verified"]["allowable_qps"]
        for point in document["points"]
        if point["pool"]
    }
    at = document["load"]["budget_usd_per_hour"]

    assert 60.0 == document["load"]["min_qps"]
    assert rate[at] >= 60.0
    assert all(rate[budget] < 60.0 for budget in rate if budget < at)


def test_a_load_that_no_budget_carries_is_a_no(kairos: Kairos) -> None:
    """The curve is shown, the exit code is 1, and the best rate is told."""
    result = kairos("frontier", RM2, "--budgets", "1,1.5", "--min-qps", "1e6", "--choose", "capacity")

    assert (1, "no budget carries 1e+06 queries/s: the best rate is 74.5\n") == (result.exit_code, result.stderr)
    assert "none of these budgets carries 1e+06 queries/s" in result.stdout


def test_rows_for_a_spreadsheet_mark_the_load(kairos: Kairos) -> None:
    """Of 44.9 and 74.5 queries/s by capacity, the second carries 50."""
    result = kairos(
        "frontier", RM2, "--budgets", "0.5,1,1.5", "--min-qps", "50", "--choose", "capacity", "--format", "csv"
    )
    head, *rows = [line.split(",") for line in result.stdout.splitlines()]

    assert "budget_usd_per_hour" == head[0]
    assert ["0.5", "1.0", "1.5"] == [row[0] for row in rows]
    assert ["False", "False", "True"] == [row[-2] for row in rows]


# What is refused


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], f"--budgets: error: no budgets are given\n{HOW}"),
        (["--budgets", "1:20"], f"--budgets: error: cannot read '1:20'\n{HOW}"),
        (["--budgets", "1:20:0"], f"--budgets: error: the step of '1:20:0' must be a number > 0, got 0 $/h\n{HOW}"),
        (["--budgets", "-1"], f"--budgets: error: a budget must be a number > 0, got -1 $/h\n{HOW}"),
        (["--budgets", "9:1:1"], f"--budgets: error: '9:1:1' stops before it starts\n{HOW}"),
        (
            ["--budgets", "1:9000:1"],
            "--budgets: error: these are 9000 budgets, 1000 are the most\nhint: take larger steps or a shorter range\n",
        ),
        (
            ["--budgets", "1,2", "--budget", "2.5"],
            "--budget: error: a curve takes its budgets from --budgets\nhint: leave --budget out\n",
        ),
        (
            ["--budgets", "x", "--model", "rm3"],
            f"--budgets: error: cannot read 'x'\n{HOW}--model: error: no model profile is called 'rm3'\n"
            "hint: did you mean 'rm2'? `kairos show models` lists all; a path must contain a slash or end in .toml\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_budgets_are_refused(kairos: Kairos, tmp_path: Path, args: list[str], said: str) -> None:
    """All that is wrong is told, with the scenario's problems; nothing is answered or written."""
    result = kairos("frontier", RM2, *args, "-o", tmp_path / "out.json")

    assert (2, "", said) == (result.exit_code, result.stdout, result.stderr)
    assert [] == list(tmp_path.iterdir())


def test_budgets_in_the_environment(kairos: Kairos) -> None:
    """KAIROS_BUDGETS gives the budgets and is named where they are wrong; KAIROS_BUDGET is for other commands."""
    wrong = kairos("frontier", RM2, env={"KAIROS_BUDGETS": "1:2"})
    right = kairos("frontier", RM2, "--choose", "capacity", env={"KAIROS_BUDGETS": "1,2", "KAIROS_BUDGET": "7"})

    assert f"KAIROS_BUDGETS: error: cannot read '1:2'\n{HOW}" == wrong.stderr
    assert (0, "") == (right.exit_code, right.stderr)


def test_more_pools_than_the_published_rule_can_rank_are_refused(kairos: Kairos) -> None:
    """The rule ranks every pool; what one budget cannot be asked, no curve can."""
    result = kairos("frontier", RM2, "--budgets", "1,40", "--choose", "published")

    assert 2 == result.exit_code
    assert result.stderr.startswith(
        "--choose published: error: the published rule ranks every pool, and more than 200000 fit the budget\n"
    )


def test_interrupting_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while budgets are simulated: exit code 130, no answer, no half file."""
    args = ["frontier", RM2, "--budgets", "1:5:0.1", "--queries", "5000000", "-o", str(tmp_path / "out.json")]
    code, stdout, stderr = interrupted(*args)

    assert 130 == code
    assert "" == stdout
    assert stderr.endswith("interrupted\n")
    assert [] == list(tmp_path.iterdir())
