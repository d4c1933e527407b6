"""What a pool is held to: one limit of `kairos check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kairos_cli.errors import Source

#: What happens where a limit does not hold.
Level = Literal["warn", "fail"]

#: Every kind of limit and the unit of its bound; per cents are numbers of per cent, not shares.
UNIT = {
    "max_cost": "$/h",
    "max_cost_increase": "%",
    "min_qps": "queries/s",
    "qos": "ms",
    "min_headroom": "%",
    "max_gap": "%",
    "tolerate_loss": "instances",
    "fresh_prices": "days",
    "pool_unchanged": "%",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound, in the unit of its name (UNIT); `percentile` is that of a latency, None for all other limits.

    `source` is where the limit stands: a line of the scenario, or a flag.
    """

    name: str
    bound: float
    level: Level
    source: Source
    percentile: float | None = None

    @property
    def unit(self) -> str:
        """The unit of the bound."""
        return UNIT[self.name]
