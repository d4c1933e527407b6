"""A verified plan says what its policy did with queries, and whoever reads it finds that."""

from __future__ import annotations

import json
from pathlib import Path

from kairos_cli.domain.serving import Serving
from kairos_cli.loading.plan_file import load_plan
from tests.cli.test_documents import check
from tests.conftest import Kairos

QUICK = ["--queries", "3000", "--replications", "2"]


def test_a_plan_whose_policy_merges_says_so(kairos: Kairos, tmp_path: Path) -> None:
    """On wnd merging pays: it is in the document, valid by the schema, and in the plan that is read back."""
    path = tmp_path / "plan.json"
    kairos("plan", "examples/03_wnd_budget.toml", "--merge", *QUICK, "-q", "--json", "-o", str(path))
    document = json.loads(path.read_text(encoding="utf-8"))
    saved = load_plan(path)

    check(document)
    assert (True, False) == (document["verified"]["merges"], document["verified"]["splits"])
    assert Serving(merge=True) == saved.serving == saved.scenario.serving
    assert "shadow" == saved.policy


def test_one_at_a_time_a_plan_says_nothing_of_it(kairos: Kairos) -> None:
    """What was never asked is not in the document."""
    result = kairos("plan", "examples/01_rm2_budget.toml", *QUICK, "-q", "--json")

    assert {"policy", "allowable_qps", "ci95_qps"} == set(json.loads(result.stdout)["verified"])


def test_a_plan_that_was_not_verified_merges_as_it_was_asked(kairos: Kairos, tmp_path: Path) -> None:
    """By capacity alone no policy is named, and all that may be done is taken to be done."""
    path = tmp_path / "plan.json"
    kairos("plan", "examples/03_wnd_budget.toml", "--merge", "--choose", "capacity", "-q", "--json", "-o", str(path))
    saved = load_plan(path)

    assert Serving(merge=True) == saved.serving
    assert saved.policy is None
