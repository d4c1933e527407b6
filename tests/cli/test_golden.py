"""What the command prints, whole: every help text, every format, every way an answer can end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Kairos

RM2 = "examples/01_rm2_budget.toml"
IN_USE = "examples/ci/plan.json"
CHECK = [
    "check", "tests/data/check/scenario.toml", "--plan", IN_USE, "--baseline", IN_USE, "--queries", "2000",
]  # fmt: skip
COMMANDS = {
    "help": ["--help"],
    "help_plan": ["plan", "--help"],
    "help_show": ["show", "--help"],
    "help_validate": ["validate", "--help"],
    "help_profile": ["profile", "--help"],
    "help_serve": ["serve", "--help"],
    "help_top": ["top", "--help"],
    "help_profile_refresh": ["profile", "refresh", "--help"],
    "help_profile_import": ["profile", "import", "--help"],
    "plan_rm2": ["plan", RM2],
    "plan_rm2_markdown": ["plan", RM2, "--format", "markdown"],
    "plan_rm2_csv": ["plan", RM2, "--format", "csv", "--top", "10"],
    "help_evaluate": ["evaluate", "--help"],
    "help_frontier": ["frontier", "--help"],
    "frontier_load": ["frontier", RM2, "--budgets", "0.1,0.5:2:0.5", "--min-qps", "60", "--queries", "3000"],
    "frontier_capacity_markdown": [
        "frontier",
        RM2,
        "--budgets",
        "1:3:0.2",
        "--max",
        "r5n.large=5",
        "--choose",
        "capacity",
        "--format",
        "markdown",
    ],
    "frontier_csv": ["frontier", RM2, "--budgets", "0.5,1,1.5", "--queries", "3000", "--format", "csv"],
    "frontier_none": ["frontier", RM2, "--budgets", "0.1,0.5"],
    "help_explain": ["explain", "--help"],
    "help_compare": ["compare", "--help"],
    "help_emulate": ["emulate", "--help"],
    "help_load": ["load", "--help"],
    "help_rehearse": ["rehearse", "--help"],
    "plan_rm2_capacity": ["plan", RM2, "--choose", "capacity"],
    "evaluate_rm2": ["evaluate", RM2],
    "evaluate_all": ["evaluate", RM2, "--policy", "all", "--queries", "3000"],
    "evaluate_rate_markdown": ["evaluate", RM2, "--pool", "g4dn.xlarge=4", "--rate", "40", "--format", "markdown"],
    "evaluate_shards": [
        "evaluate", RM2, "--pool", "g4dn.xlarge=3,r5n.large=20", "--shards", "4", "--rate", "100", "--queries", "3000",
    ],
    "evaluate_csv": ["evaluate", RM2, "--policy", "greedy", "--policy", "kairos", "--format", "csv"],
    "evaluate_unstable": ["evaluate", RM2, "--pool", "g4dn.xlarge=1,r5n.large=13", "--rate", "160"],
    "explain_queues": ["explain", RM2, "--model", "mtwnd", "--qos", "p99<25ms", "--pool", "g4dn.xlarge=1,r5n.large=10"],
    "explain_recommended": ["explain", RM2, "--pool", "g4dn.xlarge=1,r5n.large=13", "--queries", "2000"],
    "explain_too_slow_markdown": [
        "explain", RM2, "--pool", "c5n.2xlarge=6", "--queries", "2000", "--format", "markdown",
    ],
    "explain_load": [
        "explain", "examples/06_cheapest_for_a_load.toml", "--pool", "g4dn.xlarge=12", "--queries", "1000",
    ],
    "explain_no_pool": ["explain", RM2, "--budget", "0.5", "--pool", "g4dn.xlarge=3", "--queries", "2000"],
    "explain_load_too_large": [
        "explain", RM2, "--min-qps", "500", "--only", "g4dn.xlarge", "--only", "r5n.large",
        "--pool", "g4dn.xlarge=3,c5n.2xlarge=1", "--queries", "1000",
    ],
    "explain_csv": ["explain", RM2, "--pool", "g4dn.xlarge=2,r5n.large=9", "--queries", "2000", "--format", "csv"],
    "compare_small": ["compare", RM2, "--budget", "1.2", "--queries", "3000"],
    "plan_published_gap": ["plan", RM2, "--model", "mtwnd", "--qos", "p99<25ms", "--choose", "published"],
    "plan_cheapest": [
        "plan",
        "--model",
        "wnd",
        "--prices",
        "ec2-us-east-1",
        "--mix",
        "deeprecsys",
        "--min-qps",
        "2000",
    ],
    "plan_from": ["plan", RM2, "--from", IN_USE, "--queries", "2000"],
    "plan_from_max_changes_markdown": [
        "plan", RM2, "--from", IN_USE, "--max-changes", "4", "--queries", "2000", "--format", "markdown",
    ],
    "plan_from_over_budget": [
        "plan", "examples/ci/scenario.toml", "--from", IN_USE, "--budget", "2.2", "--max", "c5n.2xlarge=0",
        "--min-qps", "95", "--queries", "2000",
    ],
    "plan_from_no_change": ["plan", RM2, "--from", IN_USE, "--max-changes", "0", "--choose", "capacity"],
    "help_diff": ["diff", "--help"],
    "diff_mended": ["diff", IN_USE, "examples/ci/mended/plan.json"],
    "diff_mended_markdown": ["diff", IN_USE, "examples/ci/mended/plan.json", "--format", "markdown"],
    "diff_mended_csv": ["diff", IN_USE, "examples/ci/mended/plan.json", "--format", "csv"],
    "diff_same_exit_code": ["diff", IN_USE, IN_USE, "--exit-code"],
    "help_check": ["check", "--help"],
    "check_pass": [
        "check", "--plan", IN_USE, "--max-cost", "2.2", "--min-qps", "80", "--qos", "p99<350ms",
        "--min-headroom", "10%", "--queries", "2000",
    ],
    "check_fail": CHECK,
    "check_fail_json": [*CHECK, "--json"],
    "check_fail_csv": [*CHECK, "--format", "csv"],
    "check_fail_markdown": [*CHECK, "--format", "markdown"],
    "check_fail_github": [*CHECK, "--format", "github"],
    "check_fail_junit": [*CHECK, "--format", "junit"],
    "check_fail_sarif": [*CHECK, "--format", "sarif"],
    "check_warn_only": [*CHECK, "--warn-only"],
    "check_exit_zero": [
        "check", "examples/ci/scenario.toml", "--pool", "g4dn.xlarge=4", "--max-cost", "2", "--exit-zero",
        "--queries", "2000",
    ],
    "check_nothing_fits": [
        "check", "examples/ci/scenario.toml", "--pool", "t3.xlarge=4", "--max-cost", "0.5", "--min-qps", "80",
        "--qos", "p99<300ms", "--queries", "2000",
    ],
    "check_no_limit": ["check", "--plan", IN_USE],
    "check_bad_limits": ["check", "--plan", IN_USE, "--qos", "p99 < fast", "--max-gap", "5", "--fresh-prices", "May"],
    "plan_from_conflict": ["plan", RM2, "--from", IN_USE, "--max-changes", "1", "--budget", "1"],
    "plan_by_integer_program": ["plan", RM2, "--budget", "40", "--choose", "capacity"],
    "plan_spot_and_losses": ["plan", "examples/07_spot_and_losses.toml", "--queries", "2000", "--top", "3"],
    "plan_spot_csv": ["plan", "examples/07_spot_and_losses.toml", "--choose", "capacity", "--format", "csv"],
    "evaluate_spot": [
        "evaluate",
        "examples/07_spot_and_losses.toml",
        "--pool",
        "g4dn.xlarge:spot=4,r5n.large=9",
        "--queries",
        "2000",
    ],
    "conflict": ["plan", "examples/07_spot_and_losses.toml", "--budget", "0.4", "--min-types", "3"],
    "conflict_alone": ["plan", RM2, "--min-types", "9"],
    "loss_no_pool_meets": [
        "plan",
        RM2,
        "--budget",
        "0.6",
        "--max",
        "r5n.large=0",
        "--max",
        "t3.xlarge=0",
        "--tolerate-loss",
        "1",
    ],
    "loss_too_dear": ["plan", RM2, "--budget", "1.0", "--tolerate-loss", "1"],
    "spot_share_without_spot": ["plan", RM2, "--max-spot-share", "0.5"],
    "no_plan": ["plan", RM2, "--budget", "0.5"],
    "no_plan_json": ["plan", RM2, "--budget", "0.5", "--json"],
    "no_plan_load": ["plan", RM2, "--min-qps", "500"],
    "show_models": ["show", "models"],
    "show_model": ["show", "models", "rm2"],
    "show_prices": ["show", "prices", "ec2-us-east-1"],
    "show_mix": ["show", "mixes", "deeprecsys"],
    "show_spot_prices": ["show", "prices", "examples/prices/spot_made_up.toml"],
    "validate": ["validate", RM2, "profiles/models/rm2.toml", "pyproject.toml"],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_output(name: str, kairos: Kairos, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A command prints the same on every run, to each stream, and ends with the same code."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1781481600")  # 15 June 2026: prices grow older by the day
    result = kairos(*COMMANDS[name])

    golden(
        f"{name}.txt",
        f"$ kairos {' '.join(COMMANDS[name])}\n{result.stdout}--- stderr\n{result.stderr}"
        f"--- exit code {result.exit_code}\n",
    )
