"""What tests share: the command as a user runs it, scenarios over the shipped profiles, golden texts."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kairos_cli.cli.main import main
from kairos_cli.domain.scenario import Scenario
from kairos_cli.loading.scenario import load_scenario

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).resolve().parent / "golden"

Kairos = Callable[..., Result]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is printed now as the golden texts")


@pytest.fixture
def kairos(monkeypatch: pytest.MonkeyPatch) -> Kairos:
    """Return a function that runs `kairos` with arguments, from the root of the repository."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)  # in which kairos check says more

    def run(*args: str | Path, **extra: Any) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="kairos", **extra)

    return run


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a function that compares a text with the golden one of that name, whole."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return compare


def shipped_scenario(model: str, budget_usd_per_hour: float | None = 2.5, **values: Any) -> Scenario:
    """Return a scenario over the shipped price list and mix."""
    return load_scenario(
        None,
        {
            "model": model,
            "prices": "ec2-us-east-1",
            "mix": "deeprecsys",
            "budget_usd_per_hour": budget_usd_per_hour,
            **values,
        },
    )


def interrupted(*args: str) -> tuple[int, str, str]:
    """Press Ctrl-C in the middle of a command; return its exit code, standard output and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kairos_cli", *args], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(3)
    for _ in range(30):  # a signal that comes while libraries are loaded can get lost: Ctrl-C is pressed again
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        if process.poll() is not None:
            break
    process.kill()
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr
