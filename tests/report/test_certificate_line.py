"""The sentence that says what a certificate proves, where pools were too many to list."""

from __future__ import annotations

from typing import Any

import pytest

from kairos_cli.report.certificate_line import certificate_line


def document(budget: float | None = 20.0, **certificate: Any) -> dict[str, Any]:
    """Return as much of a plan as the sentence is made from."""
    return {
        "scenario": {"budget_usd_per_hour": budget},
        "verified": {"policy": "kairos"},
        "certificate": {
            "method": "integer program",
            "pools_simulated": 13,
            "best_other_capacity_qps": 110.0,
            "gap_percent": 3.0,
            "gap_own_percent": 2.5,
            "gap_others_percent": 0.5,
            "ended": "no_better",
            **certificate,
        },
    }


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        pytest.param({}, "too many pools to list; 13 were simulated in the order of capacity, the last of them not "
                     "better; another one could serve at most 3.0 % more: 2.5 % is what queueing and distribution cost "
                     "this one, 0.5 % the capacity that others have more", id="no better"),
        pytest.param({"ended": "time_limit", "pools_simulated": 1},
                     "too many pools to list; 1 was simulated in the order of capacity until the time limit; another "
                     "one could serve at most 3.0 % more: 2.5 % is what queueing and distribution cost this one, 0.5 % "
                     "the capacity that others have more", id="time"),
        pytest.param({"ended": "bound", "gap_percent": 0.0},
                     "too many pools to list; 13 were simulated in the order of capacity; no other one can serve more",
                     id="proven"),
        pytest.param({"ended": "no_better", "budget": None},
                     "too many pools to list; 13 were simulated, the last of them not better; this one costs at most "
                     "3.0 % more than the cheapest that has the capacity for the load", id="load"),
    ],
)  # fmt: skip
def test_what_is_proven(certificate: dict[str, Any], expected: str) -> None:
    """How the search ended, what it leaves open, and what that is made of."""
    assert expected == certificate_line(document(**certificate))
