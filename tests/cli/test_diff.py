"""`kairos diff`: two plans side by side, what changed between them, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_documents import check
from tests.conftest import Kairos

SCENARIO = "examples/ci/scenario.toml"
COMMITTED = "examples/ci/plan.json"
SPOT = "examples/07_spot_and_losses.toml"
PRICES = Path("examples/ci/prices.toml")
QUICK = ("--queries", "1000", "--replications", "2")

Planned = Callable[..., Path]


@pytest.fixture
def planned(kairos: Kairos, tmp_path: Path) -> Planned:
    """Return a function that makes a plan with some arguments and returns its file."""

    def make(*args: str | Path) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        scenario = () if args and str(args[0]).endswith(".toml") else (SCENARIO,)
        result = kairos("plan", *scenario, *args, "-q", "-o", path)
        assert 0 == result.exit_code, result.stderr
        return path

    return make


@pytest.fixture
def dearer(tmp_path: Path) -> Path:
    """Return the price list of the example with c5n.2xlarge at a higher price."""
    path = tmp_path / "dearer.toml"
    path.write_text(PRICES.read_text().replace("0.432", "0.54"))
    return path


def document(kairos: Kairos, *args: str | Path) -> dict[str, Any]:
    result = kairos("diff", *args, "--json")
    assert 0 == result.exit_code, result.stderr
    found = dict(json.loads(result.stdout))
    check(found)
    return found


def test_figures_are_those_of_the_plans(kairos: Kairos, planned: Planned) -> None:
    """Cost, rates and pools stand there as the two plans have them."""
    new = planned("--budget", "2.5", "--max", "r5n.large=20", *QUICK)
    found = document(kairos, COMMITTED, new)

    for which, path in (("old", Path(COMMITTED)), ("new", new)):
        plan = json.loads(path.read_text())
        for key in ("pool", "cost_usd_per_hour", "capacity_qps", "usd_per_million_queries"):
            assert plan[key] == found[which][key]
        assert plan["verified"] == {
            key: found[which][key] for key in ("policy", "allowable_qps", "ci95_qps")
        }  # fmt: skip


def test_trades_lead_from_the_old_cost_and_capacity_to_the_new(kairos: Kairos, planned: Planned, dearer: Path) -> None:
    """What the inputs do to the old pool, and then every trade, add up to what the new plan says of its pool."""
    new = planned("--prices", dearer, "--budget", "2.5", "--max", "r5n.large=20", "--choose", "capacity")
    found = document(kairos, COMMITTED, new)
    now, trades = found["old_pool_now"], found["trades"]

    assert 0.54 - 0.432 == pytest.approx(now["cost_usd_per_hour"] - found["old"]["cost_usd_per_hour"])
    assert trades
    assert found["new"]["cost_usd_per_hour"] == pytest.approx(
        now["cost_usd_per_hour"] + sum(each["cost_change_usd_per_hour"] for each in trades)
    )
    assert now["capacity_qps"] == pytest.approx(found["old"]["capacity_qps"], rel=1e-6)
    assert trades[-1]["capacity_after_qps"] == pytest.approx(found["new"]["capacity_qps"], rel=1e-6)


def test_shares_are_those_of_the_plans(kairos: Kairos, planned: Planned) -> None:
    """All sizes together: the share of a type in the queries is that of the plan's own ranges."""
    new = planned("--budget", "2.5", "--max", "r5n.large=20", "--choose", "capacity")
    *ranges, of_all = document(kairos, COMMITTED, new)["who_serves_what"]

    for which, path in (("old", Path(COMMITTED)), ("new", new)):
        plan = json.loads(path.read_text())
        for name in plan["pool"]:
            share = sum(each["query_share"] * each["share"][name] for each in plan["distribution"])
            assert share == pytest.approx(of_all[which]["share"][name], abs=2e-3)
        assert 1 == pytest.approx(sum(each[which]["query_share"] for each in ranges), abs=1e-3)
        for each in (*ranges, of_all):
            assert 1 == pytest.approx(sum(each[which]["share"].values()), abs=1e-3)


def test_mixes_of_other_sizes_lie_in_the_outer_ranges(kairos: Kairos, planned: Planned, tmp_path: Path) -> None:
    """The old mix has sizes that the new one has not, below, between and above: no query is lost."""
    mixes = []
    for number, sizes in enumerate(([5, 20, 100, 400, 1000], [10, 50, 200, 300])):
        path = tmp_path / f"mix{number}.toml"
        path.write_text(
            f'schema = "kairos.mix/1"\nname = "m{number}"\nsource = "made up"\n[histogram]\nbatch_size = {sizes}\n'
            f"probability = {[1 / len(sizes)] * len(sizes)}\n"
        )
        mixes.append(planned("--mix", path, "--min-qps", "10", "--choose", "capacity"))
    found = document(kairos, *mixes)
    *ranges, of_all = found["who_serves_what"]

    for which in ("old", "new"):
        assert 1 == pytest.approx(sum(each[which]["query_share"] for each in ranges if each[which]), abs=1e-3)
    assert (5, 1000) == (of_all["batch_size_from"], of_all["batch_size_to"])
    [content] = [each for each in found["inputs"] if each["input"] == "mean_batch_size"]
    assert ((5 + 20 + 100 + 400 + 1000) / 5, (10 + 50 + 200 + 300) / 4) == (content["old"], content["new"])


def test_what_changed_in_the_inputs(kairos: Kairos, planned: Planned, dearer: Path, tmp_path: Path) -> None:
    """Prices, profile, target, budget and load are named with both values, and nothing else is."""
    model = Path("profiles/models/rm2.toml").read_text()
    slower = model.replace("[10, 5.39842, 5.257,", "[10, 10.39842, 5.257,").replace("5.58612, 5.592]", "5.58612, 99]")
    assert model != slower
    (tmp_path / "rm2.toml").write_text(slower)
    new = planned(
        "--prices", dearer, "--model", tmp_path / "rm2.toml", "--qos", "p95<350ms", "--budget", "2.4",
        "--min-qps", "85", "--choose", "capacity",
    )  # fmt: skip
    found = {(each["input"], each["of"]): each for each in document(kairos, COMMITTED, new)["inputs"]}

    assert {
        ("qos", None), ("budget_usd_per_hour", None), ("min_qps", None), ("choose", None),
        ("price_usd_per_hour", "c5n.2xlarge"), ("mean_service_ms", "g4dn.xlarge"),
    } == set(found)  # fmt: skip
    assert ("p99<350ms", "p95<350ms", None) == _values(found["qos", None])
    assert (2.2, 2.4, pytest.approx(100 / 11, abs=1e-3)) == _values(found["budget_usd_per_hour", None])
    assert (0.432, 0.54, pytest.approx(25.0)) == _values(found["price_usd_per_hour", "c5n.2xlarge"])
    assert found["mean_service_ms", "g4dn.xlarge"]["change_percent"] > 0


def _values(change: dict[str, Any]) -> tuple[Any, Any, Any]:
    return change["old"], change["new"], change["change_percent"]


def test_a_plan_does_not_differ_from_itself(kairos: Kairos, planned: Planned) -> None:
    """The same plan twice: nothing changed, no trade, and exit code 0 even where a difference would give 1."""
    found = document(kairos, COMMITTED, COMMITTED)
    result = kairos("diff", COMMITTED, COMMITTED, "--exit-code")

    assert (False, [], []) == (found["differ"], found["trades"], found["inputs"])
    assert all(each["old"] == each["new"] for each in found["who_serves_what"])
    assert 0 == result.exit_code


@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--exit-code"], 1)])
def test_exit_code(kairos: Kairos, planned: Planned, flags: list[str], code: int) -> None:
    """A difference is no failure unless it is asked to be one; here pool and rates stay, only the budget differs."""
    result = kairos("diff", COMMITTED, planned("--budget", "2.19"), *flags)

    assert result.stdout.startswith("Keep 1 × g4dn.xlarge + 1 × c5n.2xlarge + 8 × r5n.large\n")
    assert code == result.exit_code


def test_a_row_for_each_type(kairos: Kairos, planned: Planned) -> None:
    """CSV has the types of both pools with their numbers and prices."""
    new = planned("--budget", "2.5", "--max", "r5n.large=20", "--choose", "capacity")
    rows = list(csv.DictReader(io.StringIO(kairos("diff", COMMITTED, new, "--format", "csv").stdout)))

    assert [("g4dn.xlarge", "1", "1"), ("c5n.2xlarge", "1", "0"), ("r5n.large", "8", "13")] == [
        (each["column"], each["old"], each["new"]) for each in rows
    ]
    assert "0.149" == rows[2]["new_price_usd_per_hour"]


def test_purchase_options_and_losses(kairos: Kairos, planned: Planned) -> None:
    """Spot instances and tolerated losses count in the capacities as they do in the plans."""
    old = planned(SPOT, "--choose", "capacity")
    new = planned(SPOT, "--choose", "capacity", "--budget", "2.2", "--tolerate-loss", "0", "--max-spot-share", "25%")
    found = document(kairos, old, new)

    assert found["trades"][-1]["capacity_after_qps"] == pytest.approx(found["new"]["capacity_qps"], rel=1e-6)
    assert {"tolerate_loss", "max_spot_share", "budget_usd_per_hour"} == {each["input"] for each in found["inputs"]}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["none.json", COMMITTED], "none.json: error: no such file\n"
         "hint: check the path; names are relative to where you are\n"),
        ([COMMITTED, SCENARIO], "{scenario}:1: error: not JSON: Expecting value\n"),
        ([COMMITTED, "{tmp}/diff.json"], "{tmp}/diff.json: error: is no plan of this version: its schema is "
         "'kairos.diff/1', expected 'kairos.plan/1'\n"
         "hint: make it anew with `kairos plan … -o plan.json`; to try another pool, use --pool\n"),
        ([COMMITTED, "{tmp}/edited.json"], "{tmp}/edited.json: error: was edited after kairos wrote it: its digest "
         "does not fit\nhint: make it anew with `kairos plan … -o plan.json`; to try another pool, use --pool\n"),
    ],
    ids=["no file", "no JSON", "no plan", "edited"],
)  # fmt: skip
def test_what_is_refused(kairos: Kairos, tmp_path: Path, texts: list[str], message: str) -> None:
    """Exit code 2, nothing on standard output, and the whole message."""
    kairos("diff", COMMITTED, COMMITTED, "-q", "-o", tmp_path / "diff.json")
    plan = json.loads(Path(COMMITTED).read_text())
    (tmp_path / "edited.json").write_text(json.dumps(plan | {"cost_usd_per_hour": 1.0}))
    result = kairos("diff", *(each.format(tmp=tmp_path) for each in texts))

    assert message.format(tmp=tmp_path, scenario=SCENARIO) == result.stderr
    assert (2, "") == (result.exit_code, result.stdout)


def test_the_same_plans_give_the_same_bytes(kairos: Kairos, planned: Planned) -> None:
    """Two runs print the same."""
    new = planned("--budget", "2.5", "--choose", "capacity")
    first, again = (kairos("diff", COMMITTED, new, "--json").stdout for _ in range(2))

    assert first == again


def test_another_way_of_serving_is_an_input_that_changed(kairos: Kairos, planned: Planned) -> None:
    """Two plans that differ in merging or in the largest batch differ in how queries are served."""
    alone, merged = planned("--choose", "capacity"), planned("--choose", "capacity", "--merge")
    limited = planned("--choose", "capacity", "--merge", "--largest-batch", "1000")

    def change(old: str, new: str) -> dict[str, Any]:
        return {"input": "serving", "of": None, "old": old, "new": new, "change_percent": None}

    assert [change("one at a time", "merging queries")] == document(kairos, alone, merged)["inputs"]
    assert [change("merging queries", "merging queries, batches up to 1000")] == document(kairos, merged, limited)[
        "inputs"
    ]
    assert "how queries are served  one at a time  merging queries" in kairos("diff", alone, merged).stdout


def test_what_a_model_allows_is_an_input(kairos: Kairos, planned: Planned, tmp_path: Path) -> None:
    """A profile that now forbids splitting, or has a largest batch, shows as such; yes and no are no numbers."""
    model = tmp_path / "model.toml"
    text = Path("profiles/models/rm2.toml").read_text()
    model.write_text(text.replace("splittable = true", "splittable = false\nlargest_batch = 1000"))
    found = document(kairos, planned("--choose", "capacity"), planned("--choose", "capacity", "--model", model))

    assert [("splittable", True, False, None), ("largest_batch", None, 1000, None)] == [
        (each["input"], each["old"], each["new"], each["change_percent"]) for each in found["inputs"]
    ]
