"""How queries are served, in words, and what a report says of batches."""

from __future__ import annotations

from typing import Any

import pytest

from kairos_cli.report.plan_sections import served_instead, serving_text
from kairos_cli.report.pool_use import who_serves_what


@pytest.mark.parametrize(
    ("serving", "expected"),
    [
        ({"merge": True, "split": False, "largest_batch": None}, "merging queries"),
        ({"merge": False, "split": True, "largest_batch": None}, "splitting queries"),
        ({"merge": True, "split": True, "largest_batch": 512}, "merging and splitting queries, batches up to 512"),
    ],
)
def test_serving_in_words(serving: dict[str, Any], expected: str) -> None:
    """The words say what is done with queries, and the largest batch where one is given."""
    assert expected == serving_text({"serving": serving})


def test_no_serving_is_one_at_a_time() -> None:
    """A question that says nothing of it is about whole queries, one at a time."""
    assert "one at a time" == serving_text({})


def sizes(**more: Any) -> dict[str, Any]:
    shared = {"share": {"fast": 0.996, "slow": 0.004}, "query_share": 0.5, "on_time_fraction": 1.0}
    return {"batch_size_from": 10, "batch_size_to": 20, **shared, **more}


def test_batches_stand_beside_the_shares() -> None:
    """In batches each share tells how many items the batches have; a share of next to nothing does not."""
    items = {"fast": 412.4, "slow": 20.0}
    document = {
        "pool": {"fast": 1, "slow": 2},
        "scenario": {"serving": {}},
        "distribution_summary": [sizes(items_per_batch=items)],
    }
    section = who_serves_what(document)

    assert [("10–20", "50.0%", "100% / 412", "0%", "100.0%")] == list(section.rows)
    assert ["share / items in the batches that serve them, on average"] == list(section.lines)


def test_single_queries_have_shares_alone() -> None:
    """One at a time a batch is a query, and nothing is said of batches."""
    document = {"pool": {"fast": 1, "slow": 2}, "scenario": {}, "distribution_summary": [sizes()]}
    section = who_serves_what(document)

    assert [("10–20", "50.0%", "100%", "0%", "100.0%")] == list(section.rows)
    assert [] == list(section.lines)


@pytest.mark.parametrize(
    ("does", "expected"),
    [((True, False), ""), ((False, False), ", one at a time")],
)
def test_a_policy_that_does_less_than_it_may_is_told_of(does: tuple[bool, bool], expected: str) -> None:
    """Where merging does not pay on the pool, the rate is named by what was done."""
    document = {
        "scenario": {"serving": {"merge": True, "split": False, "largest_batch": None}},
        "verified": {"merges": does[0], "splits": does[1]},
    }

    assert expected == served_instead(document)
