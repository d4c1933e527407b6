"""`kairos rehearse`: real ports, a real router, and servers that die; and what is refused."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_documents import check
from tests.conftest import ROOT, Kairos, interrupted

PLAN = "examples/ci/plan.json"
#: A pool of ten, for a few seconds.
SHORT = ["rehearse", "--plan", PLAN, "--rate", "70", "--slow", "1.2", "--duration", "2s"]


def test_live_and_simulated_stand_side_by_side(kairos: Kairos) -> None:
    """For each policy in the order given; nothing is lost, and the document is valid by its schema."""
    policies = ["--policy", "shadow", "--policy", "round_robin"]
    result = kairos(*SHORT, *policies, "--json")
    document = json.loads(result.stdout)

    check(document)
    assert ["shadow", "round_robin"] == [each["policy"] for each in document["results"]]
    for each in document["results"]:
        assert each["sent"] == each["answered"] > 100
        assert (0, 0, 70) == (each["lost"], each["duplicated"], each["rate_qps"])
    shadow, round_robin = document["results"]
    for key in ("p50_ms", "p99_ms"):
        assert shadow["simulated"][key] == pytest.approx(shadow["live"][key], rel=0.5)
    assert shadow["live"]["on_time_fraction"] > round_robin["live"]["on_time_fraction"]
    assert 420 == document["qos_latency_ms"]
    assert document["results"][0]["sent"] // 10 == document["warm_up"]
    assert 0 < document["added_latency_ms"]["p50"] < 20
    assert document["target_kept"] == (result.exit_code == 0)


def test_nothing_is_lost_when_servers_die(kairos: Kairos) -> None:
    """With a death every half second each query is answered once; without a router some are lost."""
    routed = kairos(*SHORT, "--kill-every", "500ms", "--json")
    (result,) = json.loads(routed.stdout)["results"]
    alone = kairos(*SHORT, "--kill-every", "0.5", "--policy", "round_robin", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(alone.stdout))

    assert (result["sent"], 0, 0) == (result["answered"], result["lost"], result["duplicated"])
    assert 4 == routed.stderr.count("killed ")
    assert "at http://127.0.0.1:" in routed.stderr
    assert 0 < int(row["lost"]) == int(row["sent"]) - int(row["answered"])
    assert 1 == alone.exit_code
    assert f"on time; {row['lost']} lost\n" in alone.stderr


def test_the_table_says_what_the_document_says(kairos: Kairos) -> None:
    """Deaths, slowness and what the router adds are told in words; quiet says no more than the verdict, if bad."""
    result = kairos(*SHORT[:-1], "1s", "--kill-every", "10m", "--policy", "least_loaded", "-q")

    assert "1 × g4dn.xlarge + 1 × c5n.2xlarge + 8 × r5n.large: 70.0 queries/s for 1 s\n" in result.stdout
    assert "rm2, 1.2 x as slow, p99<420ms, mix deeprecsys, seed 0\n" in result.stdout
    assert "a server is killed every 600 s; the simulation knows of no such thing\n" in result.stdout
    assert "the router adds " in result.stdout
    assert result.exit_code == ("missed" in result.stderr)


def test_a_load_beyond_the_capacity_is_sent_but_not_simulated(kairos: Kairos) -> None:
    """There is no steady state to be simulated; the target is missed."""
    args = ["rehearse", "--plan", PLAN, "--rate", "500", "--duration", "1s", "--policy", "round_robin"]
    result = kairos(*args, "--json")
    document = json.loads(result.stdout)

    check(document)
    assert document["results"][0]["simulated"] is None
    assert "note: not simulated, for it is unstable: capacity 104.9 queries/s\n" in result.stderr
    assert 1 == result.exit_code
    assert result.stderr.splitlines()[-1].startswith("p99<350ms missed by round_robin: ")


def routers() -> list[str]:
    """Return the routers that run for the plan of these tests."""
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"serve --plan {PLAN} --policy greedy " in line]


def test_interrupting_leaves_no_answer_and_no_router() -> None:
    """Ctrl-C in the middle: exit code 130, nothing on standard output, and the router is gone."""
    code, stdout, stderr = interrupted(
        "rehearse", "--plan", PLAN, "--rate", "5", "--duration", "50", "--policy", "greedy"
    )

    assert (130, "") == (code, stdout)
    assert stderr.endswith("interrupted\n")
    assert [] == routers()


def test_being_told_to_end_leaves_no_router() -> None:
    """SIGTERM means what Ctrl-C does."""
    args = ["rehearse", "--plan", PLAN, "--rate", "5", "--duration", "50", "--policy", "greedy"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kairos_cli", *args], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not routers():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=30)

    assert (130, "", "\ninterrupted\n") == (process.returncode, stdout, stderr)
    assert [] == routers()


def test_a_pool_that_no_machine_emulates_is_refused(kairos: Kairos, tmp_path: Path) -> None:
    """Before anything runs."""
    path = tmp_path / "plan.json"
    kairos("plan", "examples/01_rm2_budget.toml", "--budget", "40", "--choose", "capacity", "-o", path)
    size = sum(json.loads(path.read_text())["pool"].values())
    result = kairos("rehearse", "--plan", path, "--rate", "1")

    assert size > 200
    assert (
        2,
        f"--plan: error: a pool of {size} instances is too large for one machine\n"
        "hint: the limit is 200; kairos evaluate simulates larger ones\n",
    ) == (result.exit_code, result.stderr)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--rate", "0"], "--rate: error: the rate must be > 0, got 0\n"),
        (["--rate", "1", "--duration", "soon"],
         "Error: Invalid value for '--duration': 'soon' is no time; write it as 30s\n"),
        (["--rate", "1", "--kill-every", "0"],
         "Error: Invalid value for '--kill-every': '0' is no time; write it as 30s\n"),
        (["--rate", "1", "--policy", "best"], "Error: Invalid value for '--policy': 'best' is not one of "),
        (["--rate", "1", "--slow", "0"], "Error: Invalid value for '--slow': 0.0 is not in the range 0<x<=1000.\n"),
        (["--rate", "0.1", "--duration", "1ms"],
         "--duration: error: no query arrives within 0.001 s\nhint: give a longer one\n"),
        ([], "Error: Missing option '--rate'.\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_rehearsed_is_refused(kairos: Kairos, args: list[str], message: str) -> None:
    """Before anything runs, with what is wrong."""
    result = kairos("rehearse", "--plan", PLAN, *args)

    assert (2, "") == (result.exit_code, result.stdout)
    assert message in result.stderr


def test_a_file_that_is_no_plan_is_refused(kairos: Kairos, tmp_path: Path) -> None:
    """As by all commands that read one."""
    path = tmp_path / "plan.json"
    path.write_text("{}")
    result = kairos("rehearse", "--plan", path, "--rate", "1")

    assert 2 == result.exit_code
    assert f"{path}: error: is no plan of this version: it has no schema" in result.stderr


def test_a_router_that_does_not_start_says_why(kairos: Kairos, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says itself is passed on."""
    monkeypatch.setenv("KAIROS_PROFILES", "/nosuch")
    result = kairos("rehearse", "--plan", PLAN, "--rate", "5", "--duration", "1s")

    assert 2 == result.exit_code
    assert "error: the router did not start: " in result.stderr
    assert "'/nosuch' does not exist.\nhint: try kairos serve alone\n" in result.stderr
