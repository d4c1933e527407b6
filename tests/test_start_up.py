"""What starting costs: the heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numpy", "pulp", "highspy", "numba", "rich", "plotext", "tomli", "aiohttp"}
COMMANDS = (
    "plan", "frontier", "evaluate", "explain", "compare", "show", "serve", "top", "emulate", "load", "rehearse",
)  # fmt: skip


@pytest.mark.parametrize("args", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    """Help and version come without numpy, pulp, highspy, numba, rich, plotext or aiohttp."""
    program = (
        "import sys\n"
        "from kairos_cli.cli.main import main\n"
        f"try: main({args!r})\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]" == done.stderr.strip()
