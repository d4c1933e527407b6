"""`kairos check`: what it takes, what it cannot evaluate, and what it leaves for GitHub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.domain.digest import digest
from tests.conftest import ROOT, Kairos

PLAN = ROOT / "examples" / "ci" / "plan.json"
SCENARIO = ROOT / "examples" / "ci" / "scenario.toml"
PRICES = (ROOT / "examples" / "ci" / "prices.toml").read_text("utf-8")
QUICK = ["--queries", "1000", "--replications", "2"]


def edited(path: Path, at: Path = PLAN, **values: Any) -> Path:
    """Write a plan with other values, `inputs__currency="EUR"` for one further in, as if kairos had written it."""
    document = json.loads(at.read_text("utf-8"))
    for key, value in values.items():
        *tables, name = key.split("__")
        table = document
        for each in tables:
            table = table[each]
        table[name] = value
    document = {key: value for key, value in document.items() if key != "digest"}
    path.write_text(json.dumps({**document, "digest": digest(document)}), encoding="utf-8")
    return path


def repository(folder: Path, prices: str = PRICES, more: str = "") -> Path:
    """Write the scenario of examples/ci with these prices and limits; return its path."""
    (folder / "prices.toml").write_text(prices, encoding="utf-8")
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.read_text("utf-8") + more, encoding="utf-8")
    return path


BAD = {
    "nothing to check": (["--max-cost", "2"], "error: no pool is given to check\nhint: --plan plan.json, or a scenario "
                         "and --pool\n"),
    "two pools": (["--plan", PLAN, "--pool", "t3.xlarge=1", "--max-cost", "2"],
                  "error: both --pool and --plan name a pool\nhint: give one of them\n"),
    "pool alone": (["--pool", "t3.xlarge=1", "--max-cost", "2"],
                   "--pool: error: a pool needs a scenario\nhint: kairos check SCENARIO.toml --pool g4dn.xlarge=2\n"),
    "no baseline": (["--plan", PLAN, "--max-cost-increase", "5%"],
                    "--max-cost-increase: error: an increase needs a baseline\nhint: --baseline old-plan.json\n"),
    "idle baseline": (["--plan", PLAN, "--max-cost", "5", "--baseline", PLAN],
                      "--baseline: error: no limit refers to the baseline\nhint: --max-cost-increase 5%\n"),
    "headroom of no load": (["{tmp}/no_load.json", "--min-headroom", "5%"],
                            "--min-headroom: error: headroom needs a load\nhint: --min-qps 100\n"),
    "no question": (["{tmp}/no_question.json", "--max-gap", "5%", "--pool-unchanged", "5%"],
                    "--max-gap: error: max_gap needs a scenario that says which pool is wanted\n"
                    "hint: give the scenario a budget_usd_per_hour or a min_qps\n"
                    "--pool-unchanged: error: pool_unchanged needs a scenario that says which pool is wanted\n"
                    "hint: give the scenario a budget_usd_per_hour or a min_qps\n"),
    "prices without a day": (["--plan", PLAN, "--fresh-prices", "30d"],
                             "--fresh-prices: error: the price list team-prices does not say of which day it is\n"
                             "hint: give the price list as_of = 2026-07-01\n"),
    "no plan": (["{tmp}/none.json", "--max-cost", "2"], "{tmp}/none.json: error: no such file\n"
                "hint: check the path; names are relative to where you are\n"),
    "plan of another model": (["{tmp}/other.json", SCENARIO, "--max-cost", "2"],
                              "{tmp}/other.json: error: is a plan for the model ncf, not for rm2\n"
                              "hint: check it with a scenario of its own model\n"),
    "baseline of another model": (["--plan", PLAN, "--baseline", "{tmp}/other.json", "--max-cost-increase", "5%"],
                                  "{tmp}/other.json: error: is a plan for the model ncf, not for rm2\n"
                                  "hint: check it with a scenario of its own model\n"),
    "baseline of another currency": (["--plan", PLAN, "--baseline", "{tmp}/euro.json", "--max-cost-increase", "5%"],
                                     "{tmp}/euro.json: error: its costs are in EUR, not in USD\n"
                                     "hint: plan with prices in $ per hour\n"),
    "prices in another currency": (["--plan", PLAN, "{tmp}/scenario.toml", "--max-cost", "2"],
                                   "{tmp}/prices.toml:4: error: prices are in EUR, not in USD\n"
                                   "hint: convert them to $ per hour\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_evaluated(tmp_path: Path, kairos: Kairos, name: str) -> None:
    """Exit code 2 with the place and a hint, and no answer: never a pass."""
    edited(tmp_path / "no_load.json", scenario__min_qps=None)
    edited(tmp_path / "no_question.json", scenario__min_qps=None, scenario__budget_usd_per_hour=None)
    edited(tmp_path / "other.json", scenario__model="ncf")
    edited(tmp_path / "euro.json", inputs__currency="EUR")
    repository(tmp_path, PRICES.replace('name = "team-prices"', 'name = "team-prices"\ncurrency = "EUR"'))
    args, said = BAD[name]
    given = [str(each).format(tmp=tmp_path) for each in args]
    result = kairos("check", *(["--plan"] if given[0].endswith(".json") else []), *given)

    assert (2, "", said.format(tmp=tmp_path)) == (result.exit_code, result.stdout, result.stderr)


def test_a_type_that_the_price_list_no_longer_has(tmp_path: Path, kairos: Kairos) -> None:
    """The plan buys it, so the check cannot be made."""
    gone = "".join(line for line in PRICES.splitlines(keepends=True) if "c5n.2xlarge" not in line)
    result = kairos("check", repository(tmp_path, gone), "--plan", PLAN, "--max-cost", "9")

    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"{PLAN}: error: there is no price of c5n.2xlarge\nhint: ")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, kairos: Kairos) -> None:
    """Flags, limits of the file, the plan and the scenario, each once."""
    path = repository(tmp_path, more="[limits]\nmax_gap = 7\n")
    path.write_text(path.read_text("utf-8").replace("budget_usd_per_hour = 2.2", "budget_usd_per_hour = -2"))
    result = kairos("check", path, "--plan", tmp_path / "none.json", "--max-cost", "cheap")

    assert [
        "--max-cost: error: cannot read the limit 'cheap' of max_cost",
        f"{path}:11: error: cannot read the limit 7 of max_gap",
        f"{tmp_path}/none.json: error: no such file",
        f"{path}:7: error: the budget must be a number > 0, got -2 $/h",
    ] == [line for line in result.stderr.splitlines() if "error:" in line]


def test_the_rate_of_the_file_is_never_trusted(tmp_path: Path, kairos: Kairos) -> None:
    """A plan that says it serves 500 queries/s serves what is simulated."""
    plan = edited(tmp_path / "plan.json", allowable_qps=500.0, verified__allowable_qps=500.0, capacity_qps=600.0)
    result = kairos("check", "--plan", plan, "--min-qps", "110", "--json", *QUICK)
    answer = json.loads(result.stdout)

    assert (1, "fail") == (result.exit_code, answer["verdict"])
    assert 90 < answer["limits"][0]["actual"] < 110


def test_the_limit_of_latency_at_the_rate_served_is_kept(kairos: Kairos) -> None:
    """The rate was found for this very target."""
    plan = ["--plan", ROOT / "examples/ci/mended/plan.json"]
    kept = kairos("check", SCENARIO, *plan, "--qos", "p99<350ms", *QUICK)

    assert 0 == kept.exit_code


def test_prices_of_the_scenario_count(tmp_path: Path, kairos: Kairos) -> None:
    """Not those of the plan; what changed is said, and costs are compared with those of the baseline's own day."""
    dearer = repository(tmp_path, PRICES.replace("0.149", "0.2"))
    args = [dearer, "--plan", PLAN, "--baseline", PLAN, "--max-cost-increase", "10%", "--json", *QUICK]
    answer = json.loads(kairos("check", *args).stdout)

    assert pytest.approx(0.526 + 0.432 + 8 * 0.2) == answer["cost_usd_per_hour"]
    assert pytest.approx(0.526 + 0.432 + 8 * 0.149) == answer["baseline_usd_per_hour"]
    assert [{"what": "price", "of": "r5n.large", "was": 0.149, "now": 0.2}] == answer["changed"]
    assert pytest.approx(((0.958 + 1.6) / (0.958 + 1.192) - 1) * 100, abs=1e-4) == answer["limits"][0]["actual"]


def test_limits_of_the_scenario_know_their_line(tmp_path: Path, kairos: Kairos) -> None:
    """And flags their name; an entry may warn."""
    path = repository(tmp_path, more='[limits]\nmax_cost = { limit = 1, level = "warn" }\n')
    result = kairos("check", path, "--plan", PLAN, "--min-qps", "80", "--json", *QUICK)
    answer = json.loads(result.stdout)

    assert (0, "warn") == (result.exit_code, answer["verdict"])
    assert "check passed with warnings: max_cost (1 of 2 limits)\n" == result.stderr
    assert [(str(path), 11, None), (None, None, "--min-qps")] == [
        (each["file"], each["line"], each["flag"]) for each in answer["limits"]
    ]


def test_the_age_of_prices_is_that_of_the_plan_without_a_scenario(
    tmp_path: Path, kairos: Kairos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan carries the day of its prices: 1 May 2026 is 45 days before 15 June."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1781481600")
    path = repository(tmp_path, PRICES.replace('name = "team-prices"', 'name = "team-prices"\nas_of = 2026-05-01'))
    kairos("plan", path, "--choose", "capacity", "-q", "-o", tmp_path / "plan.json")
    args = ["check", "--plan", tmp_path / "plan.json", *QUICK, "--fresh-prices"]
    old, fresh = (kairos(*args, each) for each in ("44d", "45d"))

    assert (0, "check passed with warnings: fresh_prices (1 of 1 limit)\n") == (old.exit_code, old.stderr)
    assert (0, "check passed: 1 limit\n") == (fresh.exit_code, fresh.stderr)


def test_a_day_that_is_none(kairos: Kairos, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH is a number of seconds."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    result = kairos("check", "--plan", PLAN, "--fresh-prices", "30d")

    assert (2, "SOURCE_DATE_EPOCH: error: must be a whole number of seconds, got 'today'\n") == (
        result.exit_code,
        result.stderr,
    )


def test_the_environment_does_not_move_the_gate(kairos: Kairos, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate depends on what is committed: KAIROS_BUDGET and its like count for other commands."""
    args = ["check", SCENARIO, "--plan", PLAN, "--max-cost", "2", "--json", *QUICK]
    plain = kairos(*args)
    monkeypatch.setenv("KAIROS_BUDGET", "1")
    monkeypatch.setenv("KAIROS_MIN_QPS", "1000")

    assert 1 == plain.exit_code
    assert plain.stdout == kairos(*args).stdout


@pytest.mark.parametrize(("name", "start"), [("r.xml", "<?xml"), ("r.sarif", "{\n"), ("r.md", "### Check passed")])
def test_the_name_of_a_file_gives_the_format(tmp_path: Path, kairos: Kairos, name: str, start: str) -> None:
    """JUnit in .xml, SARIF in .sarif, Markdown in .md."""
    result = kairos("check", "--plan", PLAN, "--max-cost", "5", "-o", tmp_path / name, *QUICK)

    assert (tmp_path / name).read_text("utf-8").startswith(start)
    assert ("", f"wrote {tmp_path / name}\ncheck passed: 1 limit\n") == (result.stdout, result.stderr)


def test_quiet_still_tells_a_failure(kairos: Kairos) -> None:
    """A pass says nothing."""
    plan = ["check", "--plan", PLAN, "-q", *QUICK, "--max-cost"]

    assert "" == kairos(*plan, "5").stderr
    assert "check failed: max_cost (1 of 1 limit)\n" == kairos(*plan, "1").stderr


# GitHub Actions


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kairos: Kairos) -> Path:
    """Be a job whose repository is this one; return its summary file."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(ROOT.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path / "summary"


IN_JOB = ["check", "--plan", "examples/ci/plan.json", "--max-cost", "1", *QUICK]
ANNOTATION = (
    f"::error file={ROOT.name}/examples/ci/plan.json,title=kairos check%3A max_cost::costs 2.150 $/h; at most 1\n"
)


def test_a_job_is_annotated_and_summed_up(kairos: Kairos, github: Path) -> None:
    """Annotations go beside the answer, the Markdown to the end of the summary."""
    github.write_text("before\n")
    result = kairos(*IN_JOB)

    assert result.stdout.startswith("Check failed: ")
    assert f"{ANNOTATION}check failed: max_cost (1 of 1 limit)\n" == result.stderr
    assert github.read_text("utf-8") == "before\n" + kairos(*IN_JOB, "--format", "markdown").stdout


def test_annotations_that_are_the_answer_are_given_once(kairos: Kairos, github: Path) -> None:
    """With --format github they are on standard output alone."""
    result = kairos(*IN_JOB, "--format", "github")

    assert (ANNOTATION, "check failed: max_cost (1 of 1 limit)\n") == (result.stdout, result.stderr)


def test_annotations_in_a_file_are_also_given_to_the_job(kairos: Kairos, github: Path, tmp_path: Path) -> None:
    """The job does not read the file."""
    result = kairos(*IN_JOB, "--format", "github", "-o", tmp_path / "notes")

    assert (tmp_path / "notes").read_text("utf-8") == ANNOTATION
    assert ANNOTATION in result.stderr


def test_a_check_that_cannot_be_made_is_annotated(kairos: Kairos, github: Path) -> None:
    """At the file; there is no report."""
    result = kairos("check", "--plan", "none.json", "--max-cost", "1")

    assert 2 == result.exit_code
    assert result.stderr.startswith(
        f"::error file={ROOT.name}/none.json,title=kairos check cannot be made::no such file\nnone.json: error: "
    )
    assert not github.exists()


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    kairos: Kairos, github: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is noted."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    result = kairos(*IN_JOB)

    assert 1 == result.exit_code
    assert "note: the job summary cannot be written: Is a directory\n" in result.stderr
