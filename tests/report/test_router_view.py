"""The screen of `kairos top`."""

from __future__ import annotations

import copy
from typing import Any

from rich.console import Console

from kairos_cli.report.router_view import router_view

STATUS: dict[str, Any] = {
    "model": "rm2", "policy": "shadow", "qos": "p99<350ms", "stopping": False, "waiting": 3, "arrived": 110,
    "ended": {"on_time": 90, "late": 10, "refused": 0, "failed": 0, "cancelled": 5}, "on_time_fraction": 0.9,
    "resubmitted": 1, "quarantined": 2,
    "decisions": {"number": 200, "mean_us": 42.4, "longest_us": 900.0},
    "types": [
        {"type": "r5n.large", "up": 2, "batches": 100, "items": 9000, "measured_ms": 3000.0, "predicted_ms": 2000.0,
         "drift": {"median": 1.5, "high": 1.6, "measured": 100}},
    ],
    "instances": [
        {"backend": "http://a", "type": "r5n.large", "state": "up", "why": "", "outstanding": 1, "served": 60,
         "ratio": 1.51},
        {"backend": "http://b", "type": "r5n.large", "state": "quarantined", "why": "not ready", "outstanding": 0,
         "served": 40, "ratio": None},
    ],
}  # fmt: skip


def shown(document: dict[str, Any], before: dict[str, Any] | None, seconds: float) -> list[str]:
    console = Console(width=110, highlight=False, no_color=True)
    with console.capture() as capture:
        console.print(router_view(document, before, seconds))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_one_look_has_totals() -> None:
    """Without a look before there are no rates: what has ended, and how far latencies are from those predicted."""
    assert [
        "rm2, p99<350ms, policy shadow: 3 waiting",
        "90 on time, 10 late, 0 refused, 0 failed, 5 cancelled; 90.00% on time",
        "200 decisions, 42 µs each; 1 sent again, 2 servers taken out",
        "type       up  batches  items  busy  measured ÷ predicted  ÷ profile",
        "r5n.large   2      100   9000     –                  1.50       1.50",
        "instance  type       state                   has  served  ÷ profile",
        "http://a  r5n.large  up                        1      60       1.51",
        "http://b  r5n.large  quarantined: not ready    0      40          –",
    ] == shown(STATUS, None, 0.0)


def test_two_looks_have_rates() -> None:
    """Two seconds later: 40 queries more, 30 of 40 on time, and two instances that worked for three of four seconds."""
    later = copy.deepcopy(STATUS)
    later["arrived"] += 40
    later["ended"]["on_time"] += 30
    later["ended"]["late"] += 10
    later["types"][0]["measured_ms"] += 3000.0
    lines = shown(later, STATUS, 2.0)

    assert lines[1].endswith("; now 20.0 queries/s, 75.00% on time")
    assert "75%" in lines[4]


def test_a_router_that_stops_says_so() -> None:
    """Shutting down stands where the number of those that wait does; nothing has been decided yet."""
    stopping = {**STATUS, "stopping": True, "decisions": {"number": 0, "mean_us": None, "longest_us": 0.0}}

    assert "rm2, p99<350ms, policy shadow: shutting down" == shown(stopping, None, 0.0)[0]
    assert shown(stopping, None, 0.0)[2].startswith("0 decisions, –;")
