"""What is known of a pool's latencies: the table of the plan, mended by what is measured, as policies take it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints, Service, service
from kairos_cli.router.learned import Learned
from kairos_cli.router.refused import Refused
from kairos_cli.router.work import Batch, Piece

#: The shadow prices (J,) of a pool (J,) of a table, in queries/s an instance; the planner knows them.
ShadowPrices = Callable[[ServiceTable, Ints], Floats]
#: The policies' tables are made anew where a latency has changed by more than this since they were made.
_WORTH_IT = 0.02


class Knowledge:
    """The table in use, and what policies know for each pool that there has been since it changed."""

    def __init__(self, table: ServiceTable, shadow_prices: ShadowPrices) -> None:
        self.planned = self.table = table
        self.learned = Learned(table)
        self._shadow_prices = shadow_prices
        self._sizes = table.batch_size.tolist()
        self._services: dict[bytes, Service] = {}

    def size(self, items: int) -> int:
        """Return the row of the table that stands for so many items; raises Refused beyond the last."""
        if items < 1:
            raise Refused(f"the batch size must be at least 1, got {items}")
        if items > self._sizes[-1]:
            raise Refused(f"a batch of {items} is larger than any that was planned for: at most {self._sizes[-1]}")
        return bisect_left(self._sizes, items)

    def batch(self, pieces: Sequence[Piece]) -> Batch:
        """Return pieces as one batch; a single one keeps its size."""
        if len(pieces) == 1:
            return Batch((pieces[0],), pieces[0].size)
        return Batch(tuple(pieces), self.size(sum(piece.items for piece in pieces)))

    def service(self, counts: Ints) -> Service:
        """Return what policies know for a pool (J,), which must have instances."""
        key = counts.tobytes()
        known = self._services.get(key)
        if known is None:
            known = self._services[key] = service(self.table, counts, self._shadow_prices(self.table, counts))
        return known

    def relearned(self, counts: Ints) -> tuple[ServiceTable, Service | None] | None:
        """Return the table as measurements now have it and what policies make of it; None if it is as it was.

        It takes some milliseconds and changes nothing, so that another thread may do it; `use` puts it into use.
        """
        table = self.learned.table()
        change = np.abs(np.log(table.quantile_ms[..., 1:] / self.table.quantile_ms[..., 1:])).max()
        if change <= _WORTH_IT:
            return None
        prices = self._shadow_prices(table, counts) if counts.any() else None
        return table, service(table, counts, prices) if counts.any() else None

    def use(self, table: ServiceTable, known: Service | None, counts: Ints) -> None:
        """Decide by another table from now on."""
        self.table = table
        self._services = {} if known is None else {counts.tobytes(): known}
