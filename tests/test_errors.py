"""Errors as they travel between processes."""

from __future__ import annotations

import pickle

from kairos_cli.errors import InputError, NoSuchFile


def test_an_error_reads_the_same_in_another_process() -> None:
    """Its class, its problems and its text."""
    error = NoSuchFile.of("no such file", "plan.json", "look for it")
    copy = pickle.loads(pickle.dumps(error))

    assert (NoSuchFile, error.problems, str(error)) == (type(copy), copy.problems, str(copy))
    assert isinstance(copy, InputError)
