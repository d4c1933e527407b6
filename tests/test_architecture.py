"""The shape of the code: which folder may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "kairos_cli"

#: Each folder and the folders it may import; `errors` and the version may be imported by all. `router/ray` is loaded by
#: Ray, not by `cli`, and so puts together what it needs.
ALLOWED = {
    "domain": set(),
    "loading": {"domain"},
    "planner": {"domain"},
    "policies": {"domain"},
    "simulate": {"domain", "policies"},
    "report": {"domain", "planner", "simulate"},
    "router": {"domain", "policies"},
    "router/ray": {"domain", "loading", "planner", "policies", "simulate", "router"},
    "cli": {"domain", "loading", "planner", "policies", "simulate", "report", "router"},
}
PURE = ("domain", "planner", "simulate")


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def folders() -> list[str]:
    return sorted(path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/**/__init__.py"))


def folder_of(module: str) -> str:
    """Return the deepest folder with a rule that a module is in."""
    path = "/".join(module.split(".")[1:])
    return max((each for each in ALLOWED if f"{path}/".startswith(f"{each}/")), key=len, default="")


def test_every_folder_has_a_rule() -> None:
    """A new folder must say what it may import."""
    assert sorted(ALLOWED) == folders()


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_arrows_point_one_way(folder: str) -> None:
    """A folder imports only those below it."""
    broken = [
        f"{path.name} imports {name}"
        for path in (PACKAGE / folder).glob("*.py")
        for name in imported(path)
        if name.startswith("kairos_cli.")
        and (target := folder_of(name)) not in ("", folder)
        and target not in ALLOWED[folder]
    ]

    assert [] == broken


@pytest.mark.parametrize("folder", PURE)
def test_the_core_knows_no_clock_no_chance_and_no_screen(folder: str) -> None:
    """What plans imports nothing that reads the clock, draws at random, or prints."""
    forbidden = {"time", "random", "datetime", "logging", "click", "rich", "tomli", "pathlib"}

    assert [] == [
        f"{path.name} imports {name}"
        for path in (PACKAGE / folder).glob("*.py")
        for name in imported(path)
        if name.split(".")[0] in forbidden
    ]
