"""`kairos compare`: which blocks there are, and which schemes each has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.cli.schemes import SCHEMES
from tests.conftest import Kairos

QUICK = ("examples/01_rm2_budget.toml", "--budget", "0.6", "--queries", "200", "--replications", "2", "--json")
RM2 = Path("profiles/models/rm2.toml")


def compared(kairos: Kairos, *args: str | Path) -> dict[str, Any]:
    result = kairos("compare", *QUICK, *args)
    assert 0 == result.exit_code, result.stderr
    return dict(json.loads(result.stdout))


def model(folder: Path, old: str, new: str) -> Path:
    """Return the model rm2 with something else that its servers may do."""
    path = folder / "rm2.toml"
    path.write_text(RM2.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


def test_the_published_matching_does_not_batch(kairos: Kairos) -> None:
    """The second block has every scheme of the first but those of the published matching, in the same order."""
    document = compared(kairos)
    first = [each["scheme"] for each in document["schemes"]]

    assert ["best homogeneous", "best homogeneous, shadow", *SCHEMES] == [
        each for each in first if each != "Kairos, published choice"
    ]
    assert [each for each in first if not each.startswith("Kairos")] == [
        each["scheme"] for each in document["batching"]["schemes"]
    ]


def serving(**asked: Any) -> dict[str, Any]:
    return {"merge": False, "split": False, "largest_batch": None, **asked}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], serving(merge=True)),
        (["--split"], serving(split=True)),
        (["--merge", "--split", "--largest-batch", "500"], serving(merge=True, split=True, largest_batch=500)),
        (["--largest-batch", "1000"], serving(merge=True, largest_batch=1000)),
    ],
    ids=["merging if not told", "splitting", "both, in batches up to 500", "a limit alone"],
)
def test_what_batching_is(kairos: Kairos, flags: list[str], expected: dict[str, Any]) -> None:
    """The second block is what the flags ask for, and merging where they ask for neither."""
    document = compared(kairos, *flags)

    assert expected == document["batching"]["serving"]
    assert "serving" not in document["scenario"]


def test_splitting_where_merging_is_forbidden(kairos: Kairos, tmp_path: Path) -> None:
    """Of a model whose queries may not share a batch the second block splits them."""
    only_split = model(tmp_path, "mergeable = true", "mergeable = false")

    assert serving(split=True) == compared(kairos, "--model", only_split)["batching"]["serving"]


def test_no_block_where_both_are_forbidden(kairos: Kairos, tmp_path: Path) -> None:
    """Of a model that allows neither there is the first block alone."""
    neither = model(tmp_path, "mergeable = true\nsplittable = true", "mergeable = false\nsplittable = false")

    assert compared(kairos, "--model", neither)["batching"] is None
