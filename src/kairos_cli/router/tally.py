"""What a router has done so far, in plain numbers: counted here, told by metrics, admin and logs."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

#: The upper edges of the classes of latency, in targets.
EDGES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0, 50.0)


@dataclass(slots=True)
class TypeTally:
    """One instance type: batches and items served, the time that took, and the time predicted for it."""

    batches: int = 0
    items: int = 0
    measured_ms: float = 0.0
    predicted_ms: float = 0.0


@dataclass(slots=True)
class Tally:
    """The counts of one router with a target and so many types.

    `ended` counts queries by how they ended: on_time, late, refused, failed, cancelled. `latency` counts those that
    were served by class of latency, the last one beyond all EDGES.
    """

    target_ms: float
    types: list[TypeTally]
    arrived: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    latency: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))
    latency_ms: float = 0.0
    resubmitted: int = 0
    quarantined: int = 0
    decisions: int = 0
    decision_s: float = 0.0
    longest_decision_s: float = 0.0

    @classmethod
    def of(cls, target_ms: float, types: int) -> Tally:
        """Return a tally of nothing."""
        return cls(target_ms, [TypeTally() for _ in range(types)])

    def served(self, latency_ms: float) -> None:
        """Count a query that was answered."""
        self.ended["on_time" if latency_ms <= self.target_ms else "late"] += 1
        self.latency[bisect_left(EDGES, latency_ms / self.target_ms)] += 1
        self.latency_ms += latency_ms

    def decided(self, seconds: float) -> None:
        """Count a decision."""
        self.decisions += 1
        self.decision_s += seconds
        self.longest_decision_s = max(self.longest_decision_s, seconds)

    def measured(self, kind: int, items: int, measured_ms: float, predicted_ms: float) -> None:
        """Count a batch that a server of a type has served."""
        of_type = self.types[kind]
        of_type.batches += 1
        of_type.items += items
        of_type.measured_ms += measured_ms
        of_type.predicted_ms += predicted_ms

    @property
    def on_time_share(self) -> float | None:
        """The share on time of all queries that were not taken back by those who asked; None before the first."""
        counted = sum(count for how, count in self.ended.items() if how != "cancelled")
        return self.ended["on_time"] / counted if counted else None
