"""What starting costs: the heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "args",
    [["--help"], ["--version"], ["plan", "--help"], ["show", "--help"], ["evaluate", "--help"], ["compare", "--help"]],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    """Help and version come without numpy, pulp, highspy, numba, rich or plotext."""
    program = (
        "import sys\n"
        "from kairos_cli.cli.main import main\n"
        f"try: main({args!r})\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'pulp', 'highspy', 'rich', 'plotext', 'tomli', 'numba'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]" == done.stderr.strip()
