"""What an unknown pool is sure of, in an integer program: the instances that are there, and those a loss takes.

How many spot instances are there, and what is left after a loss, are no linear functions of what is bought. A
program starts from linear bounds on them and so thinks pools better than they are. What such a pool is really
sure of is known once it is looked at; `bound` then tells it to the program, by rows that hold for every pool and
are exact for that one.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulp

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.presence import bought_for, most_present_share, present_count
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.constraint_rows import Numbers

#: Stands for a number without limit where only a bound on a share depends on it.
_UNLIMITED = 1_000_000


class SureRows:
    """The variables `present` by type, at most the `number` bought, of which there are at most `most`.

    Types without a limit (None) may be counted on, but not looked at: their rows need one.
    """

    def __init__(
        self, problem: pulp.LpProblem, table: ServiceTable, number: Numbers, most: Mapping[int, int | None]
    ) -> None:
        self.problem, self.table, self.number, self.most = problem, table, number, most
        self.added = 0
        self.present = {j: self._present(j) for j in number}
        self._lost: dict[tuple[int, int], pulp.LpVariable] = {}

    def bound(self, counts: Counts, present: Counts, loss: Counts, shadow_price: Floats) -> pulp.LpAffineExpression:
        """Return what no pool's capacity exceeds, having looked at one pool; all arguments (J,).

        Of n instances k(n) are present, which does not fall as n rises: either there are no more present
        than here, or at least as many are bought as it takes for one more. And with the shadow prices pi of
        the case in which this loss struck, no pool has a rate above pi (present - what the loss takes).
        """
        for j in self.number:
            if self.present[j] is not self.number[j] and counts[j]:
                self._add_step(j, int(present[j]))
        left = [(self.present[j], float(shadow_price[j])) for j in self.number]
        lost = [(self._is_lost(j, m), -float(shadow_price[j])) for j in self.number for m in range(1, loss[j] + 1)]
        return pulp.LpAffineExpression([*left, *lost])

    def limit(self, j: int) -> int:
        """Return the largest number of a type that has a limit."""
        most = self.most[j]
        assert most is not None, "pools are looked at only where their number has a limit"
        return most

    def binary(self) -> pulp.LpVariable:
        """Return a new variable of 0 or 1."""
        self.added += 1
        return self.problem.add_variable(f"either_{self.added}", 0, 1, pulp.LpInteger)

    def add(self, row: pulp.LpConstraint) -> None:
        """Add a row."""
        self.added += 1
        self.problem += row, f"added_{self.added}"

    def _availability(self, j: int) -> float:
        return 1.0 if self.table.availability is None else float(self.table.availability[j])

    def _present(self, j: int) -> pulp.LpVariable:
        """Return the variable of the instances that are there: the number itself, or at most a share of it."""
        availability, most = self._availability(j), self.most[j]
        if availability >= 1:
            return self.number[j]
        share = most_present_share(_UNLIMITED if most is None else most, availability, self.table.qos.percentile)
        present = self.problem.add_variable(f"present_{j}", 0)
        self.problem += present <= share * self.number[j], f"present_{j}"
        return present

    def _add_step(self, j: int, present: int) -> None:
        """Add that more than `present` are there only if enough are bought for it."""
        availability, percentile = self._availability(j), self.table.qos.percentile
        room = present_count(self.limit(j), availability, percentile) - present
        more = self.binary()
        self.add(self.present[j] <= present + room * more)
        if room > 0:
            self.add(self.number[j] >= bought_for(present + 1, availability, percentile) * more)

    def _is_lost(self, j: int, number: int) -> pulp.LpVariable:
        """Return the variable that is 1 where at least `number` of type j are present, so that so many can be lost."""
        if (j, number) not in self._lost:
            self._lost[j, number] = self.binary()
            room = self.limit(j) - number + 1
            self.add(self.present[j] <= number - 1 + room * self._lost[j, number])
        return self._lost[j, number]
