"""What is ready to use in continuous integration: the action, the snippets, the pull requests that are acted out.

The action's own script is run, with a `kairos` that notes how it was called and with the real one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kairos_cli.cli.main import main
from tests.conftest import ROOT

DOCS = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
EXAMPLES = ROOT / "examples" / "ci"
SNIPPETS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)]


def kairos_on_path(folder: Path, script: str) -> dict[str, str]:
    """Return an environment in which `kairos` is a shell script."""
    folder.mkdir(exist_ok=True)
    (folder / "kairos").write_text(f"#!/usr/bin/env bash\n{script}")
    (folder / "kairos").chmod(0o755)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("KAIROS_", "GITHUB_", "CI_"))}
    return {**clean, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def real_kairos(folder: Path) -> dict[str, str]:
    """Return an environment in which `kairos` is this one."""
    return kairos_on_path(folder, f'exec "{sys.executable}" -m kairos_cli "$@"\n')


def run_action(tmp_path: Path, env: dict[str, str], at: Path, **inputs: str) -> tuple[int, dict[str, str], str]:
    """Run the action's check; return its exit code, its outputs and the job's summary."""
    step = next(each for each in ACTION["runs"]["steps"] if each.get("id") == "check")
    given = {key: str(each.get("default", "")) for key, each in ACTION["inputs"].items()} | inputs
    names = {
        variable: re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", text)[1]  # type: ignore[index]
        for variable, text in step["env"].items()
    }
    output, summary = tmp_path / "output", tmp_path / "summary"
    output.touch()
    summary.touch()
    of_github = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=at, env={**env, **of_github, **{variable: given[name] for variable, name in names.items()}},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return done.returncode, outputs, summary.read_text()


NOTING = 'printf "%s\\n" "$@" > called\necho "the report" >> "$GITHUB_STEP_SUMMARY"\nexit {code}\n'


def test_inputs_reach_the_command_word_by_word(tmp_path: Path) -> None:
    """Each input that is given becomes its flag; several targets and further flags stand one a line; no word is run."""
    env = kairos_on_path(tmp_path / "bin", NOTING.format(code=0))
    inputs = {
        "scenario": "my scenario.toml", "plan": "plan.json", "baseline": "main.json", "max-cost": "$(touch run)",
        "max-cost-increase": "5%", "min-qps": "80", "qos": "p99<350ms\np50<90ms", "min-headroom": "20%",
        "max-gap": "5%", "args": "--tolerate-loss\n1\n\n--warn-only",
    }  # fmt: skip
    code, outputs, summary = run_action(tmp_path, env, tmp_path, **inputs)

    assert 0 == code
    assert [
        "check", "my scenario.toml", "--plan", "plan.json", "--baseline", "main.json", "--max-cost", "$(touch run)",
        "--max-cost-increase", "5%", "--min-qps", "80", "--min-headroom", "20%", "--max-gap", "5%",
        "--qos", "p99<350ms", "--qos", "p50<90ms", "--tolerate-loss", "1", "--warn-only", "--format", "github",
    ] == (tmp_path / "called").read_text().splitlines()  # fmt: skip
    assert not (tmp_path / "run").exists()
    assert {"verdict": "pass", "exit-code": "0", "report": "kairos-check.md"} == outputs
    assert "the report\n" == summary == (tmp_path / "kairos-check.md").read_text()


def test_inputs_that_are_not_given_are_no_flags(tmp_path: Path) -> None:
    """By default the plan alone is named."""
    env = kairos_on_path(tmp_path / "bin", NOTING.format(code=0))
    run_action(tmp_path, env, tmp_path)

    assert ["check", "--plan", "plan.json", "--format", "github"] == (tmp_path / "called").read_text().splitlines()


@pytest.mark.parametrize(("code", "verdict"), [(0, "pass"), (1, "fail"), (2, "none"), (130, "none")])
def test_the_exit_code_is_the_verdict(tmp_path: Path, code: int, verdict: str) -> None:
    """The action ends as the command does, and tells it."""
    env = kairos_on_path(tmp_path / "bin", NOTING.format(code=code))
    ended, outputs, _ = run_action(tmp_path, env, tmp_path)

    assert (code, verdict, str(code)) == (ended, outputs["verdict"], outputs["exit-code"])


def test_a_failure_that_may_pass_is_still_told(tmp_path: Path) -> None:
    """With --exit-zero the job goes on, and the verdict is the report's."""
    env = kairos_on_path(tmp_path / "bin", 'echo "### Check failed: 1 × a" >> "$GITHUB_STEP_SUMMARY"\n')
    code, outputs, _ = run_action(tmp_path, env, tmp_path, args="--exit-zero")

    assert (0, "fail", "0") == (code, outputs["verdict"], outputs["exit-code"])


def test_without_a_report_none_is_named(tmp_path: Path) -> None:
    """A check that could not be made writes no report, and one of an earlier run is not taken for it."""
    (tmp_path / "kairos-check.md").write_text("of another run")
    code, outputs, summary = run_action(tmp_path, kairos_on_path(tmp_path / "bin", "exit 2\n"), tmp_path)

    assert (2, "") == (code, summary)
    assert {"verdict": "none", "exit-code": "2"} == outputs


def test_what_others_run_is_pinned() -> None:
    """Every action that is used, here and in the snippets, is named by a whole commit or is this one."""
    steps = [each for snippet in SNIPPETS if "jobs" in snippet for each in snippet["jobs"]["check"]["steps"]]
    used = [each["uses"] for each in (*steps, *ACTION["runs"]["steps"]) if "uses" in each]

    assert 3 == len(used)
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}|OWNER/kairos@COMMIT", each) for each in used)


def test_no_script_holds_an_input() -> None:
    """Scripts have no `${{ … }}`, which GitHub would paste into their text; the shell of each is named."""
    scripts = [each for each in ACTION["runs"]["steps"] if "run" in each]

    assert all("${{" not in each["run"] and each["shell"] == "bash" for each in scripts)


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_inputs_and_outputs_are_described(kind: str) -> None:
    """Each has a description, and a row in the documentation in the same order."""
    table = DOCS.split(f"| {kind[:-1]} | |\n|---|---|\n")[1].split("\n\n")[0]

    assert list(ACTION[kind]) == re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert all(each["description"] for each in ACTION[kind].values())


def test_the_snippet_gives_inputs_that_there_are() -> None:
    """The workflow of the documentation uses no other inputs and outputs than the action has."""
    [workflow] = [each for each in SNIPPETS if "jobs" in each]
    [step] = [each for each in workflow["jobs"]["check"]["steps"] if each.get("id") == "kairos"]

    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(r"steps\.kairos\.outputs\.([a-z-]+)", DOCS)) <= set(ACTION["outputs"])


def test_the_hook_is_the_one_that_the_snippet_names() -> None:
    """pre-commit finds the hook by its id, runs `kairos check`, and passes no file names."""
    [snippet] = [each["repos"][0]["hooks"][0] for each in SNIPPETS if "repos" in each]
    [hook] = HOOKS

    assert snippet["id"] == hook["id"]
    assert ("kairos check", "python", False) == (hook["entry"], hook["language"], hook["pass_filenames"])
    for file in ("scenario.toml", "prices.toml", "plan.json"):
        assert re.search(hook["files"], file)
        assert re.search(snippet["files"], file)


def test_every_flag_is_one_of_the_command() -> None:
    """Flags of `kairos check` in the action, the snippets and the acted pull requests are real."""
    command = main.get_command(click.Context(main), "check")
    assert command is not None
    real = {flag for option in command.params for flag in option.opts}
    script = ACTION["runs"]["steps"][-1]["run"]
    texts = [script, (EXAMPLES / "act_out.sh").read_text(encoding="utf-8"), DOCS.split("## GitHub")[1]]
    named = {flag for text in texts for flag in re.findall(r"(?<![\w-])--[a-z-]{3,}", text)}

    assert named - {"--quiet", "--edit-last", "--create-if-none", "--body-file", "--from", "--max-changes"} <= real


# The pull requests


def act_out(tmp_path: Path, which: str, *flags: str) -> subprocess.CompletedProcess[str]:
    env = {**real_kairos(tmp_path / "bin"), "TMPDIR": str(tmp_path)}
    return subprocess.run(
        [EXAMPLES / "act_out.sh", which, *flags], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("which", ["passing", "failing", "mended"])
def test_a_pull_request_changes_what_it_says(which: str) -> None:
    """It replaces files that the target branch has, each by another text."""
    changed = sorted((EXAMPLES / which).iterdir())

    assert changed
    assert all(path.read_bytes() != (EXAMPLES / path.name).read_bytes() for path in changed)


@pytest.mark.parametrize(
    ("which", "code", "verdict"), [("passing", 0, "pass"), ("failing", 1, "fail"), ("mended", 0, "pass")]
)
def test_the_pull_requests_end_as_they_should(tmp_path: Path, which: str, code: int, verdict: str) -> None:
    """A small rise of a price passes, a large one fails on the cost alone, and a new plan mends it."""
    done = act_out(tmp_path, which, "--json")
    answer = json.loads(done.stdout[done.stdout.index('{\n  "schema"') :])

    assert code == done.returncode, done.stderr
    assert verdict == answer["verdict"]
    assert (["max-cost"] if code else []) == [
        each["name"].replace("_", "-") for each in answer["limits"] if each["status"] == "fail"
    ]


@pytest.mark.parametrize(("which", "code"), [("passing", 0), ("failing", 1)])
def test_the_action_on_the_pull_requests(tmp_path: Path, which: str, code: int) -> None:
    """The action's script with the real command: exit code, verdict, and a report that names the limit."""
    branch = tmp_path / "branch"
    branch.mkdir()
    for path in (*EXAMPLES.glob("*.toml"), EXAMPLES / "plan.json", *(EXAMPLES / which).iterdir()):
        (branch / path.name).write_bytes(path.read_bytes())
    inputs: dict[str, Any] = {"scenario": "scenario.toml", "max-cost": "2.2", "min-qps": "80"}
    ended, outputs, summary = run_action(tmp_path, real_kairos(tmp_path / "bin"), branch, **inputs)

    assert (code, str(code)) == (ended, outputs["exit-code"])
    assert summary == (branch / outputs["report"]).read_text()
    assert "2.2" in summary


def test_the_mended_plan_is_the_one_that_kairos_makes(tmp_path: Path) -> None:
    """From the plan in use, at the new prices and with four changes, comes the plan of the pull request."""
    for path in (*EXAMPLES.glob("*.toml"), EXAMPLES / "plan.json", EXAMPLES / "mended" / "prices.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    subprocess.run(
        [sys.executable, "-m", "kairos_cli", "plan", "scenario.toml", "--from", "plan.json", "--max-changes", "4",
         "-q", "-o", "next.json"],
        cwd=tmp_path, check=True,
    )  # fmt: skip

    assert (EXAMPLES / "mended" / "plan.json").read_bytes() == (tmp_path / "next.json").read_bytes()


def test_the_committed_plan_is_the_one_that_kairos_makes(tmp_path: Path) -> None:
    """The scenario of the example gives its plan."""
    subprocess.run(
        [sys.executable, "-m", "kairos_cli", "plan", "scenario.toml", "-q", "-o", tmp_path / "plan.json"],
        cwd=EXAMPLES, check=True,
    )  # fmt: skip

    assert (EXAMPLES / "plan.json").read_bytes() == (tmp_path / "plan.json").read_bytes()
