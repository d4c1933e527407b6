"""Errors as the user reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kairos_cli.errors import InputError, KairosError, Problem, SolverError, Source


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("it is wrong", Source("x.toml", 14), "mend it"), "x.toml:14: error: it is wrong\nhint: mend it"),
        (Problem("it is wrong", Source("--budget")), "--budget: error: it is wrong"),
        (Problem("it is wrong", None, "mend it"), "error: it is wrong\nhint: mend it"),
        (Problem("it is wrong"), "error: it is wrong"),
    ],
    ids=["file, line and hint", "flag", "hint only", "message only"],
)
def test_problem(problem: Problem, expected: str) -> None:
    """A problem is its place, what is wrong, and on a line of its own what to do."""
    assert expected == str(problem)


def test_problems() -> None:
    """Several problems are told below each other."""
    assert "error: one\nerror: two" == str(InputError([Problem("one"), Problem("two")]))


def test_many_problems() -> None:
    """After twenty problems the others are only counted, but all are kept."""
    error = InputError([Problem(f"number {number}") for number in range(23)])

    assert ["error: number 19", "… and 3 more problems"] == str(error).splitlines()[-2:]
    assert 23 == len(error.problems)


@pytest.mark.parametrize("source", ["x.toml", Path("x.toml"), Source("x.toml")], ids=["text", "path", "source"])
def test_single_problem(source: str | Path | Source) -> None:
    """The place of a single problem may be given as a text, a path or a source."""
    assert "x.toml: error: it is wrong\nhint: mend it" == str(InputError.of("it is wrong", source, "mend it"))


def test_one_tree() -> None:
    """Every error is a KairosError, which the command turns into exit code 2."""
    assert issubclass(InputError, KairosError)
    assert issubclass(SolverError, KairosError)
