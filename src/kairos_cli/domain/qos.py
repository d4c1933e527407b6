"""The QoS target: a latency limit that a share of all queries must keep."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "": 1.0}
_TEXT = re.compile(r"\s*p(?P<percentile>\d+(\.\d+)?)\s*<=?\s*(?P<limit>\d+(\.\d+)?)\s*(?P<unit>us|ms|s|)\s*")


@dataclass(frozen=True, slots=True)
class QosTarget:
    """At least `percentile` per cent of the queries are answered within `latency_ms`, waiting included."""

    percentile: float
    latency_ms: float

    @property
    def late_share(self) -> float:
        """The share of queries that may be late: 0.01 for a 99th percentile."""
        return round(1.0 - self.percentile / 100.0, 12)

    @classmethod
    def parse(cls, text: str) -> QosTarget:
        """Return the target that a text such as `p99<350ms` states.

        Raises ValueError where the text is no target; a limit without a unit is in milliseconds.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"cannot read the QoS target {text!r}")
        percentile, limit = float(match["percentile"]), float(match["limit"]) * _UNIT_MS[match["unit"]]
        if not 0 < percentile < 100:
            raise ValueError(f"the percentile must lie between 0 and 100, got {percentile:g}")
        if limit <= 0:
            raise ValueError(f"the latency limit must be > 0, got {limit:g} ms")
        return cls(percentile, limit)

    def __str__(self) -> str:
        return f"p{self.percentile:g}<{self.latency_ms:g}ms"
