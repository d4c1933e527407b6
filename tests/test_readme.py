"""The README shows real commands with their real output."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Kairos

README = Path(__file__).resolve().parent.parent / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
#: Commands that need what a test does not have, such as servers; the installation itself is what `make test` runs.
_NOT_RUN = (
    "git clone", "make demo", "kairos profile import samples.csv", "pip install", "kairos emulate", "kairos load",
    "kairos rehearse", "kairos top",
)  # fmt: skip


def printed(kairos: Kairos, command: str) -> str:
    """Return what a command line of the README prints, exit code and a jq filter included."""
    command, echo, _ = command.partition("; echo $?")
    command, piped, jq = command.partition(" | jq -c .")
    result = kairos(*shlex.split(command)[1:])
    text = result.output
    if piped:
        text = json.dumps(json.loads(result.stdout)[jq], separators=(",", ":")) + "\n"
    return text + (f"{result.exit_code}\n" if echo else "")


def test_readme_shows_real_output(kairos: Kairos, request: pytest.FixtureRequest) -> None:
    """Each command of the README prints what stands under it."""
    text = README.read_text(encoding="utf-8")

    def real(match: re.Match[str]) -> str:
        commands = [line[2:] for line in match[1].splitlines() if line.startswith("$ ")]
        if any(command.startswith(_NOT_RUN) for command in commands):
            return match[0]
        outputs = (f"$ {command}\n{printed(kairos, command)}" for command in commands)
        return f"```console\n{''.join(outputs)}```"

    now = _BLOCK.sub(real, text)
    if request.config.getoption("--update-golden"):
        README.write_text(now, encoding="utf-8")

    assert README.read_text(encoding="utf-8") == now


def test_readme_names_every_command(kairos: Kairos) -> None:
    """No command is missing from the README."""
    from kairos_cli.cli.main import COMMANDS

    text = README.read_text(encoding="utf-8")

    assert [] == [name for name in COMMANDS if f"kairos {name}" not in text]
