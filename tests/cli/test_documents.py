"""The JSON documents: valid by their schemas, alone on standard output, the same every time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import ROOT, Kairos

SCHEMAS = ROOT / "src" / "kairos_cli" / "report" / "schemas"
RM2 = "examples/01_rm2_budget.toml"
SPOT = "examples/07_spot_and_losses.toml"
IN_USE = "examples/ci/plan.json"
CHECKED = "tests/data/check/scenario.toml"
QUICK = ["--queries", "2000", "--replications", "2"]


def check(document: dict[str, Any]) -> None:
    """Raise unless the document is valid by the schema that it names."""
    name = str(document["schema"]).replace("/", "-")
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def test_all_schemas_mean_the_same_by_a_scenario() -> None:
    """Each file stands alone, so each repeats the definition; none may drift from the others."""
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))]
    definitions = {each["title"]: each["$defs"]["scenario"] for each in schemas if "scenario" in each.get("$defs", {})}

    assert 7 == len(definitions)
    assert [definitions] == [dict.fromkeys(definitions, each) for each in definitions.values()][:1]


@pytest.mark.parametrize(
    "args",
    [
        ["plan", RM2],
        ["plan", RM2, "--choose", "published"],
        ["plan", RM2, "--choose", "capacity"],
        ["evaluate", RM2, "--policy", "all", *QUICK],
        ["evaluate", RM2, "--pool", "g4dn.xlarge=4", "--rate", "40", *QUICK],
        ["evaluate", RM2, "--pool", "g4dn.xlarge=2,r5n.large=9", "--shards", "2", "--policy", "all", *QUICK],
        ["compare", RM2, "--budget", "1.2", *QUICK],
        ["frontier", RM2, "--budgets", "0.1,0.5,1", "--min-qps", "30", *QUICK],
        ["frontier", RM2, "--budgets", "1:2:0.1", "--max", "r5n.large=4", "--choose", "capacity"],
        ["frontier", RM2, "--budgets", "0.1", "--min-qps", "30", *QUICK],
        ["explain", RM2, "--pool", "g4dn.xlarge=2,r5n.large=9", *QUICK],
        ["explain", RM2, "--pool", "g4dn.xlarge=1,r5n.large=13", *QUICK],
        ["explain", RM2, "--pool", "c5n.2xlarge=6", *QUICK],
        ["explain", RM2, "--pool", "g4dn.xlarge=3", "--budget", "0.5", *QUICK],
        ["explain", RM2, "--pool", "g4dn.xlarge=3,c5n.2xlarge=1", "--only", "g4dn.xlarge", "--min-qps", "500", *QUICK],
        ["explain", SPOT, "--pool", "g4dn.xlarge:spot=4,r5n.large=9,r5n.large:reserved=1", *QUICK],
        ["explain", SPOT, "--pool", "g4dn.xlarge:spot=9", "--min-types", "2", "--max", "g4dn.xlarge=5", *QUICK],
        ["plan", RM2, "--budget", "40", "--choose", "capacity"],
        ["plan", RM2, "--budget", "0.5"],
        ["plan", RM2, "--split", "--choose", "capacity"],
        ["plan", RM2, "--merge", "--split", "--largest-batch", "600", "--choose", "capacity"],
        ["plan", SPOT, "--choose", "capacity"],
        ["plan", RM2, "--from", IN_USE, "--choose", "capacity"],
        ["plan", RM2, "--from", IN_USE, "--max-changes", "0", "--choose", "capacity"],
        ["plan", SPOT, "--budget", "9", "--tolerate-loss", "0", "--choose", "capacity"],
        ["plan", SPOT, "--purchase", "reserved", "--budget", "0.5", "--tolerate-loss", "0", "--min-zones", "1"],
        ["evaluate", SPOT, "--pool", "g4dn.xlarge:spot=3,r5n.large=8", *QUICK],
        ["plan", "--model", "wnd", "--prices", "ec2-us-east-1", "--mix", "deeprecsys", "--min-qps", "2000"],
        ["diff", IN_USE, "examples/ci/mended/plan.json"],
        ["diff", IN_USE, IN_USE],
        ["check", "--plan", IN_USE, "--max-cost", "2.2", "--qos", "p99<350ms", *QUICK],
        ["check", CHECKED, "--plan", IN_USE, "--baseline", IN_USE, *QUICK],
        ["check", CHECKED, "--pool", "t3.xlarge=1", "--baseline", IN_USE, *QUICK],
        ["check", "examples/ci/scenario.toml", "--plan", "examples/ci/mended/plan.json", "--max-cost", "0.5", *QUICK],
        ["show", "models"],
        ["show", "models", "rm2"],
        ["show", "prices"],
        ["show", "prices", "ec2-us-east-1"],
        ["show", "mixes"],
        ["show", "mixes", "deeprecsys"],
        ["validate", RM2, "pyproject.toml"],
    ],
    ids=" ".join,
)
def test_documents_follow_their_schema(kairos: Kairos, args: list[str]) -> None:
    """What `--json` prints begins with its schema and is valid by it."""
    document = json.loads(kairos(*args, "--json").stdout)

    assert "schema" == next(iter(document))
    check(document)


def test_standard_output_carries_the_answer_alone(kairos: Kairos) -> None:
    """A real process prints JSON and nothing else: the solver's banner does not get through."""
    done = subprocess.run(
        [sys.executable, "-m", "kairos_cli", "plan", RM2, "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert {"g4dn.xlarge": 1, "r5n.large": 13} == json.loads(done.stdout)["pool"]
    assert "" == done.stderr


def test_the_same_question_gives_the_same_bytes(kairos: Kairos) -> None:
    """Two runs print the same."""
    assert kairos("plan", RM2, "--json").stdout == kairos("plan", RM2, "--json").stdout


def test_the_file_says_what_the_screen_says(kairos: Kairos, tmp_path: Path) -> None:
    """`-o` writes what would have been printed, in the format of its name."""
    for name, format_ in (("plan.json", "json"), ("plan.md", "markdown"), ("plan.csv", "csv"), ("plan.txt", "table")):
        kairos("plan", RM2, "-o", tmp_path / name)

        assert kairos("plan", RM2, "--format", format_).stdout == (tmp_path / name).read_text(encoding="utf-8")


def test_the_numbers_of_the_paper_are_in_the_plan(kairos: Kairos) -> None:
    """The rm2 plan has the pool, the cost and the bounds that the paper's data give."""
    document = json.loads(kairos("plan", RM2, "--json").stdout)

    assert {"g4dn.xlarge": 1, "r5n.large": 13} == document["pool"]
    assert 2.463 == document["cost_usd_per_hour"]
    assert pytest.approx(143.8, rel=0.01) == document["capacity_qps"]
    assert pytest.approx(144.2, rel=0.01) == document["published_bound_qps"]
    assert {"g4dn.xlarge": 4} == document["homogeneous"]["pool"]
    assert 130 < document["verified"]["allowable_qps"] < 143.7
    assert 2.4 < document["ratio_to_homogeneous"] < 2.8
    assert 331 == document["certificate"]["pools_enumerated"]
    assert 143 > document["integer_program"]["qps"] > 0.98 * document["capacity_qps"]


def test_a_plan_says_how_to_buy(kairos: Kairos) -> None:
    """Each column of the pool has its option, price and the number that one may count on; the worst loss is named."""
    document = json.loads(kairos("plan", SPOT, "--choose", "capacity", "--json").stdout)
    bought = {each["column"]: each for each in document["instances"]}
    spot = bought["g4dn.xlarge:spot"]

    assert document["pool"] == {name: each["count"] for name, each in bought.items()}
    assert ("g4dn.xlarge", "spot", 0.9, 0.2104) == (
        spot["type"], spot["purchase"], spot["availability"], spot["price_usd_per_hour"],
    )  # fmt: skip
    assert spot["present"] < spot["count"]
    assert 1 == sum(document["worst_loss"].values())
    assert ["on-demand", "spot"] == document["scenario"]["purchase"]
    assert 0.5 >= sum(n for name, n in document["pool"].items() if ":" in name) / sum(document["pool"].values())


def test_the_gap_has_two_parts(kairos: Kairos) -> None:
    """What the chosen pool loses to queues and what others have more add up to the gap of the certificate."""
    args = ["--budget", "8.5", "--tolerate-loss", "0", "--time-limit", "0.1", "--queries", "100", "--replications", "2"]
    certificate = json.loads(kairos("plan", SPOT, *args, "--json").stdout)["certificate"]

    assert ("integer program", "time_limit", 1) == (
        certificate["method"], certificate["ended"], certificate["pools_simulated"],
    )  # fmt: skip
    assert 0 < certificate["gap_percent"]
    assert certificate["gap_percent"] == pytest.approx(
        certificate["gap_own_percent"] + certificate["gap_others_percent"], abs=1e-3
    )
