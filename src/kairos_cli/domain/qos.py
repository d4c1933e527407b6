"""The QoS target: a latency limit that a share of all queries must keep."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

# Decimals, so that 1.001 s is 1001 ms and not 1000.9999999999999.
_UNIT_MS = {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000), "": Decimal(1)}
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
        percentile = float(match["percentile"])
        limit = float(Decimal(match["limit"]) * _UNIT_MS[match["unit"]])
        if not 0 < percentile < 100:
            raise ValueError(f"the percentile must lie between 0 and 100, got {percentile:g}")
        if math.isinf(limit):
            raise ValueError("the latency limit has too many digits")
        if limit <= 0:
            raise ValueError(f"the latency limit must be > 0, got {limit:g} ms")
        return cls(percentile, limit)

    def slowed(self, factor: float) -> QosTarget:
        """Return the target with `factor` times the latency."""
        return QosTarget(self.percentile, self.latency_ms * factor)

    def __str__(self) -> str:
        """Return the text that `parse` reads as this very target."""
        return f"p{_plain(self.percentile)}<{_plain(self.latency_ms)}ms"


def _plain(number: float) -> str:
    """Return all digits of a number, without an exponent."""
    return f"{Decimal(str(number)).normalize():f}"
