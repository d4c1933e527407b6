"""A check in words: the verdict, amounts, what changed, what to buy instead; and as Markdown."""

from __future__ import annotations

from typing import Any

import pytest

from kairos_cli.report.check_markdown import check_markdown
from kairos_cli.report.check_text import actual_text, asked_text, changed_lines, instead_lines, verdict_line
from tests.report.checks import FAIL, NONE, PASS, WARN, document, limit

BETTER = {
    "pool": {"r5n.large": 9}, "cost_usd_per_hour": 1.867, "capacity_qps": 104.0, "allowable_qps": 101.7,
    "gap_percent": 0.0, "qos_percentile": 99.0, "qos_latency_ms": 350.0, "tolerate_loss": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        ([PASS], "check passed: 1 limit"),
        ([PASS, PASS], "check passed: 2 limits"),
        ([PASS, WARN], "check passed with warnings: max_gap (1 of 2 limits)"),
        ([FAIL, WARN, PASS], "check failed: max_cost, max_gap (2 of 3 limits)"),
        ([{**PASS, "status": "fail"}], "check failed: qos p99 (1 of 1 limit)"),
    ],
)
def test_verdict(limits: list[dict[str, Any]], line: str) -> None:
    """The worst status decides; what does not hold is named."""
    assert line == verdict_line(document(*limits))


@pytest.mark.parametrize(
    ("name", "unit", "bound", "actual", "asked", "found"),
    [
        ("max_cost", "$/h", 2.5, 2.46251, "at most 2.5 $/h", "2.463 $/h"),
        ("max_cost_increase", "%", 5.0, -4.614, "at most 5 %", "-4.61 %"),
        ("min_qps", "queries/s", 1000.0, 98.94, "at least 1,000 queries/s", "98.9 queries/s"),
        ("qos", "ms", 0.25, 0.24996, "at most 0.25 ms", "0.25 ms"),
        ("qos", "ms", 350.0, 329.053, "at most 350 ms", "329.1 ms"),
        ("tolerate_loss", "instances", 1.0, 0.0, "at least 1 instance", "0 instances"),
        ("fresh_prices", "days", 30.0, 1.0, "at most 30 days", "1 day"),
        ("max_gap", "%", 5.0, None, "at most 5 %", "–"),
    ],
)
def test_amounts(name: str, unit: str, bound: float, actual: float | None, asked: str, found: str) -> None:
    """A number has its unit and no more digits than it needs; small ones keep theirs."""
    given = limit(name, "pass", "", unit=unit, limit=bound, actual=actual)

    assert (asked, found) == (asked_text(given), actual_text(given))


def test_what_changed() -> None:
    """Prices in $/h, profiles by the end of their digest, others in words."""
    changed = [
        {"what": "price", "of": "r5n.large", "was": 0.149, "now": 0.2},
        {"what": "profile", "of": "r5n.large", "was": "sha256:0123456789", "now": "sha256:abcdefghij"},
        {"what": "qos", "of": "", "was": "p99<350ms", "now": "p99<300ms"},
    ]

    assert [
        "price of r5n.large: 0.149 $/h, now 0.2",
        "latency profile of r5n.large: other numbers (23456789, now cdefghij)",
        "qos: p99<350ms, now p99<300ms",
    ] == list(changed_lines(document(FAIL, changed=changed)))


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({}, []),
        ({"no_pool_reason": "too dear"}, ["no pool fits: too dear"]),
        ({"recommended": BETTER}, ["9 × r5n.large: 1.867 $/h", "it serves 101.7 queries/s at p99 < 350 ms"]),
        ({"recommended": {**BETTER, "tolerate_loss": 2}, "load_qps": 120.0},
         ["9 × r5n.large: 1.867 $/h", "it serves 101.7 queries/s at p99 < 350 ms after the loss of any 2 instances",
          "that falls short of the load of 120: it takes more money, or looser limits"]),
        ({"recommended": {**BETTER, "allowable_qps": None}},
         ["9 × r5n.large: 1.867 $/h", "it serves 104.0 queries/s at p99 < 350 ms"]),
        ({"recommended": {**BETTER, "pool": {"g4dn.xlarge": 1, "r5n.large": 8}}},
         ["nothing: no pool is better at p99 < 350 ms within the limit of cost"]),
    ],
)  # fmt: skip
def test_what_to_buy_instead(more: dict[str, Any], lines: list[str]) -> None:
    """The pool, what it serves at which target after which losses, and whether that is enough."""
    assert lines == list(instead_lines(document(FAIL, **more)))


def test_markdown_of_a_check_that_passes_is_short() -> None:
    """The verdict, and all else folded."""
    text = check_markdown(document(PASS))

    assert text.startswith(
        "### Check passed: 1 × g4dn.xlarge + 8 × r5n.large\n\n<details>\n<summary>All limits</summary>\n\n"
    )
    assert text.endswith("\n\n</details>\n")


def test_markdown_tells_what_broke_before_the_fold() -> None:
    """Each limit that does not hold, what changed and what to buy, once."""
    changed = [{"what": "price", "of": "r5n.large", "was": 0.149, "now": 0.2}]
    text = check_markdown(document(FAIL, PASS, NONE, changed=changed, recommended=BETTER))
    shown, folded = text.split("<details>")

    assert (
        "### Check failed: 1 × g4dn.xlarge + 8 × r5n.large\n\n"
        "- **fail** max_cost: costs 2.150 $/h; at most 2\n"
        "- **fail** tolerate_loss: serves nothing\n"
        "- changed: price of r5n.large: 0.149 $/h, now 0.2\n"
        "- buy instead: 9 × r5n.large: 1.867 $/h; it serves 101.7 queries/s at p99 < 350 ms\n\n"
    ) == shown
    assert "serves nothing" not in folded
    assert "| qos p99 | at most 350 ms | 329.1 ms | pass |" in folded
