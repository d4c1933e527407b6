"""Simulations on a Ray cluster: the same documents, byte for byte."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kairos_cli.cli.side_by_side import side_by_side
from kairos_cli.errors import InputError
from tests.conftest import ROOT, Kairos

RM2, WND = "examples/01_rm2_budget.toml", "examples/03_wnd_budget.toml"
QUICK = ["--queries", "500", "--replications", "3", "-q", "--json"]

without_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: make ray-test")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the address of a cluster of two workers."""
    from examples.ray.one_machine import nodes

    with nodes({"any": 1}, num_cpus=2) as address:
        yield address


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "kairos_cli", *args]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False)


@without_ray
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["evaluate", RM2, "--policy", "shadow", "--policy", "fcfs"], id="evaluate"),
        pytest.param(["compare", WND, "--budget", "0.7"], id="compare"),
        pytest.param(["frontier", RM2, "--budgets", "0.1,1,1.5"], id="frontier"),
    ],
)
def test_on_ray_the_document_is_the_same(args: list[str], address: str) -> None:
    """And nothing else is printed."""
    here, there = run(*args, *QUICK), run(*args, *QUICK, "--engine", "ray", RAY_ADDRESS=address)

    assert (0, b"") == (there.returncode, there.stderr)
    assert len(here.stdout) > 500
    assert here.stdout == there.stdout


@without_ray
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_an_error_in_a_worker_is_raised_as_it_is_here(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Ray's own wrapping, so that the command tells it as it would have."""
    from kairos_cli.cli.ray_executor import RayExecutor

    monkeypatch.setenv("RAY_ADDRESS", address)

    def fails() -> None:
        raise InputError.of("no such pool", "--pool", "name another")

    with RayExecutor() as executor, pytest.raises(InputError) as raised:
        side_by_side([fails], lambda: None, executor)
    assert InputError is type(raised.value)
    assert "--pool: error: no such pool\nhint: name another" == str(raised.value)


@without_ray
def test_a_cluster_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, kairos: Kairos) -> None:
    """It says what to do about it."""
    import ray

    def away(**given: object) -> None:
        raise ConnectionError("nobody listens at 10.0.0.9:6379")

    monkeypatch.setattr(ray, "init", away)
    result = kairos("evaluate", RM2, *QUICK, "--engine", "ray")

    assert 2 == result.exit_code
    assert (
        "--engine: error: Ray cannot be used: nobody listens at 10.0.0.9:6379\n"
        "hint: set RAY_ADDRESS to a cluster that runs, or unset it to start one here\n"
    ) == result.stderr


def test_without_ray_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, kairos: Kairos) -> None:
    """Before anything is simulated."""
    monkeypatch.setitem(sys.modules, "ray", None)
    result = kairos("evaluate", RM2, *QUICK, "--engine", "ray")

    assert 2 == result.exit_code
    assert 'error: --engine ray needs Ray\nhint: pip install "kairos-cli[ray]"\n' == result.stderr
