"""What becomes of queries that cannot be served in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rules:
    """What becomes of queries that cannot be served in time.

    With `late` "serve" a late query waits on, behind those that can be on time, but not longer than
    `longest_wait_ms`; with "reject" it is refused as soon as no instance could be in time. A query that finds
    `most_waiting` before it is refused, and so is one that has lost `most_attempts` servers.
    """

    late: Literal["serve", "reject"] = "serve"
    longest_wait_ms: float = 60_000.0
    most_waiting: int = 10_000
    most_attempts: int = 5
