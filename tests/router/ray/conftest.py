"""Tests of what needs Ray: not collected where it is not installed, and that is said at the end."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kairos_cli.cli.main import main

INSTALLED = importlib.util.find_spec("ray") is not None

if INSTALLED:
    with warnings.catch_warnings():  # it warns of itself while it is imported
        warnings.simplefilter("ignore")
        importlib.import_module("examples.ray.one_machine")
else:
    if os.environ.get("KAIROS_NEEDS_RAY"):
        raise RuntimeError("Ray is to be tested and is not installed: make ray-test")
    collect_ignore_glob = ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not INSTALLED:
        terminalreporter.write_line("NOT TESTED: tests/router/ray, since Ray is not installed; `make ray-test` does")


@pytest.fixture(scope="session")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a plan of whole queries."""
    return planned(tmp_path_factory.mktemp("plan"))


def planned(folder: Path, *flags: str) -> Path:
    """Return the path of a plan of rm2 with both types, as `kairos plan` writes it."""
    path = folder / "plan.json"
    asked = ["--model", "rm2", "--prices", "ec2-us-east-1", "--mix", "deeprecsys", "--budget", "2.5", *flags]
    done = CliRunner().invoke(main, ["plan", *asked, "--choose", "capacity", "-q", "-o", str(path)])
    assert 0 == done.exit_code, done.output
    return path


@pytest.fixture(scope="session")
def plan(plan_file: Path) -> dict[str, Any]:
    """Return the document of the plan."""
    document: dict[str, Any] = json.loads(plan_file.read_text())
    return document
