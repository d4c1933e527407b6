"""What `kairos show` says of what servers may do with a model's queries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.loading.model import load_model
from kairos_cli.report.profiles import profile_document, profile_sections
from tests.cli.test_documents import check
from tests.loading.files import write_files


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "batches: queries may be merged and may be split"),
        ({"mergeable": False}, "batches: queries may not be merged and may be split"),
        (
            {"splittable": False, "largest_batch": 20},
            "batches: queries may be merged and may not be split, at most 20 items at once",
        ),
    ],
    ids=["all", "no merging", "no splitting, and a limit"],
)
def test_what_a_model_allows(tmp_path: Path, told: dict[str, Any], line: str) -> None:
    """The document has the three values of the profile, and the text says them in a line."""
    document = profile_document(replace(load_model(write_files(tmp_path) / "model.toml"), **told))

    check(document)
    usual = {"mergeable": True, "splittable": True, "largest_batch": None}
    assert usual | told == {key: document[key] for key in usual}
    assert line in profile_sections(document)[0].lines
