"""`kairos serve`, `kairos top` and `kairos profile refresh` as commands."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.loading.model import load_model
from kairos_cli.router.emulated_pool import emulated_pool
from tests.conftest import ROOT, Kairos
from tests.router.live import query

PLAN = "examples/ci/plan.json"
TOKEN = "a-token-of-the-tests"
GPU, CPU = "g4dn.xlarge", "r5n.large"


@pytest.fixture(scope="module")
def emulated() -> Iterator[str]:
    """The flags that tell of a pool of emulated servers, which run in a thread, ten times as fast as real ones."""
    from kairos_cli.domain.pool import Pool

    flags, ready, loop = [""], threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        model = load_model(ROOT / "profiles/models/rm2.toml").slowed(0.1)
        async with emulated_pool(model, Pool(((GPU, 1), (CPU, 2)))) as pool:
            flags[0] = pool.backends
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(10)
    yield flags[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


class Serving:
    """A router in a process of its own; `journal` has its lines up to the one that says ready."""

    def __init__(self, *args: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kairos_cli", "serve", *map(str, args)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.journal: list[dict[str, Any]] = []
        self.notes: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if not line.startswith("{"):
                self.notes.append(line)
                continue
            self.journal.append(json.loads(line))
            if self.journal[-1]["event"] == "ready":
                break

    def stop(self) -> tuple[int, list[dict[str, Any]], str]:
        self.process.send_signal(signal.SIGTERM)
        stdout, stderr = self.process.communicate(timeout=20)
        return self.process.returncode, [json.loads(line) for line in stderr.splitlines()], stdout


@contextmanager
def serving(*args: str | Path) -> Iterator[Serving]:
    server = Serving(*args)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


async def _ask(port: int, sizes: list[int]) -> list[int]:
    import aiohttp

    async def one(session: aiohttp.ClientSession, items: int) -> int:
        url = f"http://127.0.0.1:{port}/v2/models/rm2/infer"
        async with session.post(url, json=query(items)) as response:
            await response.read()
            return response.status

    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(one(session, items) for items in sizes))


def test_serving_from_ready_to_stopped(kairos: Kairos, emulated: str, tmp_path: Path) -> None:
    """Queries are served; top and profile refresh tell of them; SIGTERM ends it with exit code 0, all of it logged."""
    token, learned = tmp_path / "token", tmp_path / "learned.toml"
    token.write_text(f"{TOKEN}\n")
    ports = ["--port", "0", "--admin-port", "0", "--admin-token-file", token]
    with serving("--plan", PLAN, *emulated.split(), *ports, "--slow", "0.1") as server:
        ready = server.journal[-1]
        assert (3, 3, "shadow") == (ready["backends"], ready["up"], ready["policy"])
        assert [
            "note: the plan's pool is g4dn.xlarge=1,c5n.2xlarge=1,r5n.large=8, "
            "the backends are g4dn.xlarge=1,r5n.large=2\n"
        ] == server.notes
        assert [200] * 60 == asyncio.run(_ask(ready["port"], [10, 100, 300] * 20))
        admin = ["--admin", f"http://127.0.0.1:{ready['admin_port']}", "--admin-token-file", token]
        shown = kairos("top", *admin, "--once")
        assert 0 == shown.exit_code
        assert "rm2, p99<35ms, policy shadow: 0 waiting\n" in shown.stdout
        written = kairos("profile", "refresh", *admin, "-o", learned)
        assert 0 == written.exit_code
        assert f"wrote {learned}: rm2 on g4dn.xlarge, c5n.2xlarge, r5n.large, t3.xlarge" in written.stderr
        assert ["g4dn.xlarge", "c5n.2xlarge", "r5n.large", "t3.xlarge"] == list(load_model(learned).latency)
        code, journal, stdout = server.stop()
        assert (0, "") == (code, stdout)
        assert ["stopping", "stopped"] == [each["event"] for each in journal][-2:]
        assert journal[-1]["finished"]


def test_a_table_of_the_scenario_says_it_all(emulated: str, tmp_path: Path) -> None:
    """[serve] holds plan, policy, ports and backends; a flag takes the place of its value."""
    plan = ROOT / PLAN
    urls = dict(flag.split("=", 1) for flag in emulated.split()[1::2])
    backends = "\n".join(f'"{name}" = {json.dumps(listed.split(","))}' for name, listed in urls.items())
    scenario = tmp_path / "serve.toml"
    table = f'plan = "{plan}"\npolicy = "fcfs"\nport = 1\n[serve.backends]\n{backends}\n'
    scenario.write_text(f'schema = "kairos.scenario/1"\n[serve]\n{table}')
    with serving(scenario, "--port", "0") as server:
        assert ("fcfs", 3) == (server.journal[-1]["policy"], server.journal[-1]["backends"])
        assert server.journal[-1]["port"] > 1
        assert server.journal[-1]["admin_port"] is None


BACKEND = ["--backend", f"{CPU}=http://127.0.0.1:9"]
HINT = "--backend g4dn.xlarge=http://127.0.0.1:9000,http://127.0.0.1:9001"
BAD = {
    "nothing": ([], "error: neither a plan nor a scenario is given\nhint: --plan plan.json"),
    "no_backend": (["--plan", PLAN], f"error: no backend is given\nhint: {HINT}"),
    "not_a_pair": (
        ["--plan", PLAN, "--backend", "http://a"],
        f"--backend: error: cannot read 'http://a'\nhint: write it as {HINT}",
    ),
    "no_url": (
        ["--plan", PLAN, "--backend", f"{CPU}=localhost:80"],
        "error: a backend is an http:// or https:// URL, got 'localhost:80'",
    ),
    "twice": (
        ["--plan", PLAN, "--backend", f"{CPU}=http://a,http://a/"], "error: http://a is named twice",
    ),
    "unknown_type": (
        ["--plan", PLAN, "--backend", "r5n.lagre=http://a"],
        "--backend: error: there is no price of r5n.lagre\nhint: did you mean 'r5n.large'?",
    ),
    "no_token": (
        ["--plan", PLAN, *BACKEND, "--admin-port", "0"],
        "--admin-port: error: the admin port needs a token\n"
        "hint: head -c 32 /dev/urandom | base64 > token; --admin-token-file token",
    ),
    "batch_from": (
        ["--plan", PLAN, *BACKEND, "--batch-from", "body"],
        "--batch-from: error: cannot read 'body'\nhint: write it as header:X-Items, or json:parameters.items",
    ),
    "half_tls": (
        ["--plan", PLAN, *BACKEND, "--tls-cert", "a.pem"],
        "error: HTTPS needs both --tls-cert and --tls-key\nhint: give both, or neither for HTTP",
    ),
    "no_such_cert": (
        ["--plan", PLAN, *BACKEND, "--tls-cert", "nosuch.pem", "--tls-key", "nosuch.pem"],
        "nosuch.pem: error: cannot be used: No such file or directory\nhint: a PEM chain, and its key",
    ),
    "no_time": (
        ["--plan", PLAN, *BACKEND, "--grace", "0"], "--grace: error: must be > 0 and < 1,000,000, got 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("args", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_served_is_told(kairos: Kairos, args: list[str], message: str) -> None:
    """Each mistake ends with exit code 2, before anything listens, and its message says what to do."""
    result = kairos("serve", *args)

    assert (2, f"{message}\n") == (result.exit_code, result.stderr)


def test_what_is_wrong_in_the_table_is_told_with_its_line(kairos: Kairos, tmp_path: Path) -> None:
    """All problems of a table [serve] at once, each with its line."""
    scenario = tmp_path / "serve.toml"
    scenario.write_text('schema = "kairos.scenario/1"\n[serve]\npolicy = 3\nprot = 8000\n[serve.backends]\n"a" = "b"\n')
    result = kairos("serve", scenario)

    assert 2 == result.exit_code
    assert (
        f"{scenario}:4: error: unknown key 'prot'\nhint: did you mean 'port'?\n"
        f"{scenario}:3: error: 'policy' must be text, got 3\n"
        f"{scenario}:6: error: 'a' must be a list, got 'b'\n"
        'hint: quote a name that has a dot in it: "g4dn.xlarge" = [ … ]\n'
    ) == result.stderr


def test_a_value_of_the_table_is_blamed_by_its_line(kairos: Kairos, tmp_path: Path) -> None:
    """A policy that there is not, and a port that is none."""
    scenario = tmp_path / "serve.toml"
    scenario.write_text('schema = "kairos.scenario/1"\n[serve]\nlate = "never"\nport = 70000\n')
    result = kairos("serve", scenario, *BACKEND)

    assert (
        f"{scenario}:3: error: must be one of serve, reject, got 'never'\n"
        f"{scenario}:4: error: must be a port, got 70000\n"
    ) == result.stderr


def test_merging_needs_the_shape(kairos: Kairos, tmp_path: Path) -> None:
    """Rows can be joined and cut only where the batch is the first dimension, so it cannot be read elsewhere."""
    scenario = tmp_path / "serve.toml"
    profiles = 'model = "rm2"\nprices = "ec2-us-east-1"\nmix = "deeprecsys"\n'
    scenario.write_text(f'schema = "kairos.scenario/1"\n{profiles}[serving]\nmerge = true\n')
    result = kairos("serve", scenario, *BACKEND, "--batch-from", "header:X")

    assert (
        "--batch-from: error: merging needs the batch to be the first dimension of all tensors\nhint: leave it out\n"
    ) == result.stderr


def test_a_port_in_use_is_told(kairos: Kairos, emulated: str) -> None:
    """A port that another program has ends with exit code 2."""
    taken = emulated.split()[1].rsplit(":", 1)[1].split(",")[0]
    done = subprocess.run(
        [sys.executable, "-m", "kairos_cli", "serve", "--plan", PLAN, *emulated.split(), "--port", taken],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert 2 == done.returncode
    assert done.stderr.endswith(
        "--port: error: cannot listen: Address already in use\nhint: choose another port or address\n"
    )


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("short", "error: must hold one word of at least 16 ASCII characters"),
        ("two words of a sentence", "error: must hold one word of at least 16 ASCII characters"),
    ],
)
def test_a_token_that_can_be_guessed_is_refused(kairos: Kairos, tmp_path: Path, token: str, message: str) -> None:
    """A token has at least 16 characters and no space."""
    file = tmp_path / "token"
    file.write_text(token)
    result = kairos("top", "--admin", "http://127.0.0.1:9", "--admin-token-file", file, "--once")

    assert (2, f"{file}: {message}\nhint: head -c 32 /dev/urandom | base64 > token\n") == (
        result.exit_code,
        result.stderr,
    )


def test_top_says_where_no_router_answers(kairos: Kairos, tmp_path: Path) -> None:
    """Nobody listens there: exit code 2."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    result = kairos("top", "--admin", "http://127.0.0.1:9", "--admin-token-file", file, "--once")

    assert 2 == result.exit_code
    assert result.stderr.startswith("--admin: error: no router answers at http://127.0.0.1:9: Cannot connect to host")


@pytest.mark.parametrize("command", [["serve", *BACKEND], ["top", "--admin", "http://a", "--admin-token-file", "t"]])
def test_the_missing_extra_is_named(kairos: Kairos, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """Without aiohttp the command says what to install."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    result = kairos(*command)

    assert (2, f'error: kairos {command[0]} needs aiohttp\nhint: pip install "kairos-cli[serve]"\n') == (
        result.exit_code, result.stderr,
    )  # fmt: skip
