"""The comparison of schemes: its two blocks, and what each figure is a ratio to."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import Serving
from kairos_cli.loading.scenario import load_scenario
from kairos_cli.planner.comparison import HOMOGENEOUS, SchemeResult
from kairos_cli.report.comparison import comparison_document, comparison_rows, comparison_sections
from kairos_cli.report.document import csv_text
from tests.cli.test_documents import check
from tests.loading.files import write_files

EFFORT = {"queries": 1000, "replications": 2, "seed": 0}


def result(scheme: str, allowable_qps: float) -> SchemeResult:
    interval = (allowable_qps - 1, allowable_qps + 1)
    return SchemeResult(scheme, "fcfs", Pool.of(["fast.large"], [2]), 1.0, allowable_qps, interval, 200.0, 3)


@pytest.fixture
def question(tmp_path: Path) -> Scenario:
    return load_scenario(write_files(tmp_path) / "scenario.toml")


@pytest.fixture
def document(question: Scenario) -> dict[str, Any]:
    """Return a document in which the best scheme serves 100 queries/s one at a time and 150 merging."""
    one_at_a_time = [result(HOMOGENEOUS, 80), result("greedy", 100)]
    merging = [result(HOMOGENEOUS, 120), result("greedy", 150)]
    batching = replace(question, serving=Serving(merge=True, largest_batch=30))
    return comparison_document(question, one_at_a_time, EFFORT, batching, merging)


def test_each_block_has_its_own_homogeneous_pool(document: dict[str, Any]) -> None:
    """A scheme that batches is compared with a homogeneous pool that batches."""
    assert [1.0, 1.25] == [each["ratio_to_homogeneous"] for each in document["schemes"]]
    assert [1.0, 1.25] == [each["ratio_to_homogeneous"] for each in document["batching"]["schemes"]]


def test_batching_is_compared_with_the_best_one_at_a_time(document: dict[str, Any]) -> None:
    """And with the best scheme of the first block, whichever it is."""
    assert [1.2, 1.5] == [each["ratio_to_one_at_a_time"] for each in document["batching"]["schemes"]]
    assert all("ratio_to_one_at_a_time" not in each for each in document["schemes"])


def test_the_document_follows_its_schema(document: dict[str, Any], question: Scenario) -> None:
    """With both blocks, and with one alone where the model allows no batches."""
    check(document)
    check(comparison_document(question, [result("greedy", 100)], EFFORT))
    assert {"merge": True, "split": False, "largest_batch": 30} == document["batching"]["serving"]
    assert "serving" not in document["scenario"]


def test_two_tables(document: dict[str, Any]) -> None:
    """Each table says in its title how queries are served, the second also what its ratio is to."""
    alone, batching = comparison_sections(document)

    assert alone.title.endswith("prices list, one at a time, as published")
    assert batching.title.endswith("prices list, merging queries, batches up to 30")
    assert ("greedy", "2 × fast.large", "1.000", "100.0", "1.25 x", "50.0%", "3") == tuple(alone.rows[1])
    assert ("greedy", "2 × fast.large", "1.000", "150.0", "1.25 x", "1.50 x", "75.0%") == tuple(batching.rows[1])
    assert ["to above: to greedy, one at a time, 100.0 queries/s"] == list(batching.lines)


def test_one_table_where_nothing_may_be_batched(question: Scenario) -> None:
    """Without a second block there is one table."""
    document = comparison_document(question, [result("greedy", 100)], EFFORT)

    assert document["batching"] is None
    assert 1 == len(comparison_sections(document))


def test_rows_of_both_blocks(document: dict[str, Any]) -> None:
    """The CSV has all rows, each with how its queries are served."""
    rows = list(csv.DictReader(io.StringIO(csv_text(comparison_rows(document)))))

    assert [
        ("one at a time", "80.0", ""),
        ("one at a time", "100.0", ""),
        ("merging queries, batches up to 30", "120.0", "1.2"),
        ("merging queries, batches up to 30", "150.0", "1.5"),
    ] == [(each["serving"], each["allowable_qps"], each["ratio_to_one_at_a_time"]) for each in rows]
