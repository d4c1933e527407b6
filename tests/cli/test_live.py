"""`kairos emulate` and `kairos load`: a pool emulated by one process, load offered by another, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_documents import check
from tests.conftest import ROOT, Kairos, interrupted

ONE = ("--only", "g4dn.xlarge", "--budget", "0.6", "--choose", "capacity")
NOWHERE = ("--url", "http://127.0.0.1:1")


@contextmanager
def emulated(*args: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Emulate a pool while the block runs; yields the process and the address of its first server."""
    command = [sys.executable, "-m", "kairos_cli", "emulate", *map(str, args), "--port-from", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def first_url(flags: str) -> str:
    return flags.split("=")[1].split()[0].split(",")[0]


@pytest.fixture(scope="module")
def ncf() -> Iterator[str]:
    """Yield the address of an emulated instance that serves ncf, which takes some milliseconds."""
    with emulated("--model", "ncf", "--pool", "g4dn.xlarge=1", "-q") as (_, flags):
        yield first_url(flags)


def test_a_pool_is_emulated_until_the_process_is_told_to_end(kairos: Kairos) -> None:
    """It prints the flags for `kairos serve`, an address for each instance, and at its end what it took."""
    args = ("--model", "rm2", "--pool", "g4dn.xlarge=1,r5n.large=2", "--slow", "2", "--seed", "3")
    with emulated(*args) as (process, flags):
        url = first_url(flags)
        result = kairos("load", "--url", url, "--model", "rm2", "--mix", "deeprecsys", "--rate", "20", "--duration",
                        "0.3", "--slow", "2")  # fmt: skip
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=20)

    kinds = [each.partition("=")[0] for each in flags.split(" ") if not each.startswith("--")]
    assert ["g4dn.xlarge", "r5n.large"] == kinds
    assert 3 == flags.count("http://127.0.0.1:")
    assert ("", 0) == (stdout, process.returncode)
    assert "rm2, p99<700ms, mix deeprecsys, seed 0" in result.stdout
    started, ended = stderr.splitlines()
    assert "emulating rm2 on g4dn.xlarge=1,r5n.large=2, 2 x as slow, seed 3; Ctrl-C ends it" == started
    assert ended.startswith("took ")


def test_a_pool_that_nobody_asked_says_so() -> None:
    """Ctrl-C ends it with the exit code of all interrupted commands."""
    with emulated("--model", "ncf", "--pool", "g4dn.xlarge=1") as (process, _):
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)

    assert 130 == process.returncode
    assert ["took 0 queries", "interrupted"] == [line for line in stderr.splitlines()[1:] if line]


def test_live_and_simulated_stand_side_by_side(kairos: Kairos, tmp_path: Path) -> None:
    """With a plan its pool is simulated on the same queries; the document is valid, and alone on standard output."""
    plan = tmp_path / "plan.json"
    kairos("plan", "examples/02_ncf_budget.toml", *ONE, "-o", plan)
    with emulated("--plan", plan, "--slow", "20", "-q") as (_, flags):
        result = kairos("load", "--url", first_url(flags), "--plan", plan, "--slow", "20", "--rate", "5",
                        "--duration", "4", "--policy", "fcfs", "--json")  # fmt: skip
    document = json.loads(result.stdout)

    check(document)
    assert [("live", None), ("simulated", "fcfs")] == [
        (each["measured"], each["policy"]) for each in document["results"]
    ]
    assert {"g4dn.xlarge": 1} == document["pool"]
    assert 20 * 5 == document["qos_latency_ms"]
    assert document["ends"]["sent"] == document["ends"]["answered"] > 5
    assert document["ends"]["sent"] // 10 == document["ends"]["warm_up"]
    ranges = [[(c["batch_size_from"], c["query_share"]) for c in each["size_classes"]] for each in document["results"]]
    assert ranges[0] == ranges[1]


def test_the_target_decides_the_exit_code(kairos: Kairos, ncf: str) -> None:
    """A target that is kept is a yes; one that no server keeps is a no, and is said to be missed."""
    args = ("load", "--url", ncf, "--model", "ncf", "--mix", "deeprecsys", "--rate", "40", "--duration", "0.5")
    kept, missed = (kairos(*args, "--qos", qos, "--json") for qos in ("p50<5s", "p99<1us"))

    assert (0, "p50<5000ms kept: 100.00% on time") == (kept.exit_code, kept.stderr.splitlines()[-1])
    assert (1, "p99<0.001ms missed: 0.00% on time") == (missed.exit_code, missed.stderr.splitlines()[-1])
    check(json.loads(kept.stdout))
    assert not json.loads(missed.stdout)["target_kept"]
    assert json.loads(kept.stdout)["results"][0]["on_time_fraction"] == 1


def test_a_quiet_yes_says_nothing_and_a_quiet_no_its_verdict(kairos: Kairos, ncf: str) -> None:
    """As `kairos check` does."""
    args = ("load", "--url", ncf, "--model", "ncf", "--mix", "deeprecsys", "--rate", "40", "--duration", "0.3", "-q")

    assert "" == kairos(*args, "--qos", "p50<5s").stderr
    assert "p99<0.001ms missed: 0.00% on time\n" == kairos(*args, "--qos", "p99<1us").stderr


def test_a_trace_is_sent_as_it_is(kairos: Kairos, ncf: str, tmp_path: Path) -> None:
    """At its own times, cut by a duration and stretched to a rate: three of four queries at half the speed."""
    path = tmp_path / "evening.csv"
    path.write_text("arrival_s,batch_size\n0,10\n0.1,20\n0.2,30\n0.3,40\n", encoding="utf-8")
    result = kairos("load", "--url", ncf, "--model", "ncf", "--trace", path, "--rate", "5", "--duration", "0.5",
                    "--qos", "p50<5s", "--format", "csv")  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(result.stdout))

    assert ("live", "3", "3") == (row["measured"], row["sent"], row["answered"])


def test_a_trace_without_a_rate_keeps_its_own(kairos: Kairos, ncf: str, tmp_path: Path) -> None:
    """All of its queries are sent."""
    path = tmp_path / "evening.csv"
    path.write_text("arrival_s,batch_size\n0,10\n0.1,20\n0.2,30\n", encoding="utf-8")
    offered = json.loads(
        kairos("load", "--url", ncf, "--model", "ncf", "--trace", path, "--tensors", "binary", "--json").stdout
    )

    assert {"rate_qps": 10.0, "duration_s": 0.2, "seed": 0, "trace": "evening"} == offered["offered"]
    assert (3, 3) == (offered["ends"]["sent"], offered["ends"]["answered"])


def test_what_the_server_refuses_is_said(kairos: Kairos, ncf: str, tmp_path: Path) -> None:
    """A batch beyond the profile: the server's own words, and no latency in any format."""
    path = tmp_path / "large.csv"
    path.write_text("arrival_s,batch_size\n0,5000\n0.01,5000\n", encoding="utf-8")
    args = ("load", "--url", ncf, "--model", "ncf", "--trace", path)
    table, document = kairos(*args), kairos(*args, "--json")

    assert 1 == table.exit_code
    assert 'note: 2 refused: 400 {"error": "a batch of 5000 is too large' in table.stderr
    assert "live       –    –    –      –        –    0.00%" in table.stdout
    check(json.loads(document.stdout))
    assert 'p99_ms": null' in document.stdout


def test_a_load_beyond_the_capacity_is_sent_but_not_simulated(kairos: Kairos, ncf: str, tmp_path: Path) -> None:
    """There is no steady state to be simulated."""
    plan = tmp_path / "plan.json"
    kairos("plan", "examples/02_ncf_budget.toml", *ONE, "-o", plan)
    result = kairos("load", "--url", ncf, "--plan", plan, "--rate", "2000", "--duration", "0.05", "--json")

    assert 1 == len(json.loads(result.stdout)["results"])
    assert "note: not simulated, for it is unstable: capacity " in result.stderr


def test_interrupting_a_load_leaves_no_answer(ncf: str) -> None:
    """Ctrl-C in the middle: exit code 130, and nothing on standard output."""
    code, stdout, stderr = interrupted("load", "--url", ncf, "--model", "ncf", "--mix", "deeprecsys", "--rate", "5")

    assert (130, "") == (code, stdout)
    assert stderr.endswith("interrupted\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "error: nothing says what to emulate\n"
         "hint: give --plan plan.json, or --model rm2 --pool g4dn.xlarge=1,r5n.large=2\n"),
        (["--model", "rm2"], "error: nothing says what to emulate\nhint: "),
        (["--plan", "examples/ci/plan.json", "--model", "rm2"],
         "error: both --plan and --model name a model\nhint: give one of them\n"),
        (["--model", "rm9", "--pool", "g4dn.xlarge=1"],
         "error: no model profile is called 'rm9'\nhint: did you mean 'rm2'?"),
        (["--model", "rm2", "--pool", "g4dn.xlarge"], "--pool: error: cannot read 'g4dn.xlarge'\n"),
        (["--model", "rm2", "--pool", "g4dn.xlarg=1"],
         "--pool: error: there is no latency profile of rm2 for g4dn.xlarg\nhint: did you mean 'g4dn.xlarge'?\n"),
        (["--model", "rm2", "--pool", "g4dn.xlarge=2", "--port-from", "65535"],
         "--port-from: error: 2 ports from 65535 on go beyond 65535\nhint: give a lower one\n"),
        (["--model", "rm2", "--pool", "g4dn.xlarge=1", "--host", "192.0.2.1", "-q"],
         "error: cannot listen on http://192.0.2.1:9000: "),
    ],
)  # fmt: skip
def test_what_cannot_be_emulated_is_refused(kairos: Kairos, args: list[str], message: str) -> None:
    """With what is wrong and what to do about it."""
    result = kairos("emulate", *args)

    assert (2, "") == (result.exit_code, result.stdout)
    assert message in result.stderr


PLAN = ["--plan", "examples/ci/plan.json"]
MODEL = ["--model", "rm2", "--mix", "deeprecsys"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mix", "deeprecsys"],
         "error: nothing says which model to ask\nhint: give --model NAME, or --plan plan.json\n"),
        (["--model", "rm2"],
         "error: nothing says how large queries are\nhint: give --mix deeprecsys, --trace FILE or --plan plan.json\n"),
        (MODEL, "error: nothing says how many queries to send\nhint: give --rate QPS or --trace FILE\n"),
        (["--model", "mine", "--mix", "deeprecsys", "--rate", "1"],
         'error: nothing says what is on time\nhint: give --qos "p99<350ms"\n'),
        ([*MODEL, "--rate", "1", "--qos", "fast"],
         '--qos: error: cannot read the QoS target \'fast\'\nhint: write it as "p99<350ms"\n'),
        ([*MODEL, "--rate", "0"], "--rate: error: the rate must be > 0, got 0\n"),
        ([*MODEL, "--rate", "nan"], "--rate: error: the rate must be > 0, got nan\n"),
        ([*MODEL, "--rate", "1", "--duration", "-1"], "--duration: error: the duration must be > 0, got -1\n"),
        ([*MODEL, "--rate", "1e9"],
         "error: 6e+10 queries are too many, the limit is 10000000\nhint: give a lower --rate or --duration\n"),
        ([*MODEL, "--rate", "0.1", "--duration", "0.001"],
         "--duration: error: no query arrives within 0.001 s\nhint: give a longer one\n"),
        ([*MODEL, "--rate", "1"], "--url: error: no server answers at http://127.0.0.1:1: Cannot connect to host "),
        ([*PLAN, "--model", "wnd", "--rate", "1"],
         "--model: error: the plan is of model rm2, not of wnd\nhint: leave it out\n"),
    ],
)  # fmt: skip
def test_a_load_that_cannot_be_offered_is_refused(kairos: Kairos, args: list[str], message: str) -> None:
    """Before anything is sent, with what is wrong and what to do about it."""
    result = kairos("load", *NOWHERE, *args)

    assert (2, "") == (result.exit_code, result.stdout)
    assert message in result.stderr


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", "http://host:port", "http://host?x=1"])
def test_what_is_no_address_is_refused(kairos: Kairos, url: str) -> None:
    """The hint shows one."""
    result = kairos("load", "--url", url, *MODEL, "--rate", "1")

    assert 2 == result.exit_code
    assert f"--url: error: {url!r} is no address\nhint: write it as http://127.0.0.1:8000\n" == result.stderr


@pytest.mark.parametrize("args", [["emulate"], ["load", *NOWHERE]], ids=["emulate", "load"])
def test_without_the_extra_both_say_what_to_install(
    kairos: Kairos, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    """aiohttp comes with the extra `serve`."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    result = kairos(*args)

    assert 2 == result.exit_code
    assert f'error: kairos {args[0]} needs aiohttp\nhint: pip install "kairos-cli[serve]"\n' == result.stderr


def test_a_generator_that_cannot_keep_up_says_so(kairos: Kairos, ncf: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured then is partly the generator."""
    import time

    from kairos_cli.router.load_bodies import LoadBodies

    real = LoadBodies.request

    def slow(*args: Any) -> Any:
        time.sleep(0.02)
        return real(*args)

    monkeypatch.setattr(LoadBodies, "request", slow)
    result = kairos("load", "--url", ncf, *MODEL[2:], "--model", "ncf", "--rate", "200", "--duration", "0.1")

    assert "at p99: this machine is too slow for the load\n" in result.stderr
