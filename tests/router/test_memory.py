"""What a router holds on to once it serves."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import re
from numba import njit
from kairos_cli.router.memory import settle

def code_mb():
    maps = open("/proc/self/smaps").read()
    found = re.findall(r"r-xp .*libllvmlite.*\\nSize:.*\\n(?:.*\\n){0,3}?Rss: +([0-9]+)", maps)
    return sum(map(int, found)) / 1024

twice = njit(lambda x: 2 * x)
twice(1)
before = code_mb()
settle()
after = code_mb()
print(before, after, twice(4), njit(lambda x: 3 * x)(5))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are given back on Linux only")
def test_the_compiler_is_let_go_and_comes_back() -> None:
    """Its code leaves memory; what it has compiled runs on, and more can be compiled."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before_mb, after_mb, twice, thrice = map(float, done.stdout.split())

    assert before_mb > 20
    assert after_mb < 1
    assert (8, 15) == (twice, thrice)
