"""A second simulator, in plain Python and slow: one heap of events, lists for queues, rules in one line.

It shares nothing with the engine but the drawn queries.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kairos_cli.policies.state import PoolState, Waiting, service
from tests.policies.published import published_answers
from tests.policies.shadow_page import Answer, Page, shadow_answers
from tests.simulate.tables import Case, type_of_instance

ARRIVAL, COMPLETION = 0, 1  # at equal times in this order


@dataclass
class Machine:
    """An instance with the queries it was given: the first is in service, the others queue."""

    kind: int
    given: list[int] = field(default_factory=list)
    expected_free_ms: float = 0.0


class Reference:
    """A pool that serves one query at a time on each machine."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.arrival_ms = (case.stream.arrival * (1000 / case.rate_qps)).tolist()
        self.machines = [Machine(int(kind)) for kind in type_of_instance(case.counts)]
        self.started_ms = [0.0] * len(self.arrival_ms)
        self.finished_ms = [0.0] * len(self.arrival_ms)
        self.served_by = [-1] * len(self.arrival_ms)
        self.waiting: list[int] = []
        self.now_ms = 0.0
        self.events = [(time_ms, ARRIVAL, query) for query, time_ms in enumerate(self.arrival_ms)]
        heapq.heapify(self.events)

    def mean_ms(self, kind: int, query: int) -> float:
        return float(self.case.table.mean_ms[kind, self.case.stream.size[query]])

    def drawn_ms(self, kind: int, query: int) -> float:
        drawn = self.case.stream
        quantiles = self.case.table.quantile_ms[kind, drawn.size[query]]
        low, high = quantiles[drawn.step[query]], quantiles[drawn.step[query] + 1]
        return float(low + drawn.fraction[query] * (high - low))

    def run(self, policy: Callable[[Reference], None]) -> None:
        """Play all events; the policy is asked after each."""
        while self.events:
            self.now_ms, what, number = heapq.heappop(self.events)
            if what == ARRIVAL:
                self.waiting.append(number)
            else:
                self.complete(self.machines[number], number)
            policy(self)

    def complete(self, machine: Machine, number: int) -> None:
        machine.given.pop(0)
        machine.expected_free_ms = self.now_ms + sum(self.mean_ms(machine.kind, each) for each in machine.given)
        if machine.given:
            self.start(machine, number)

    def give(self, number: int, place: int = 0) -> None:
        """Give a waiting query, the earliest if not said otherwise, to a machine, which starts it if idle."""
        machine, query = self.machines[number], self.waiting.pop(place)
        machine.expected_free_ms = max(machine.expected_free_ms, self.now_ms) + self.mean_ms(machine.kind, query)
        machine.given.append(query)
        if len(machine.given) == 1:
            self.start(machine, number)

    def start(self, machine: Machine, number: int) -> None:
        query = machine.given[0]
        self.served_by[query] = number
        self.started_ms[query] = self.now_ms
        self.finished_ms[query] = self.now_ms + self.drawn_ms(machine.kind, query)
        heapq.heappush(self.events, (self.finished_ms[query], COMPLETION, number))


def fcfs(pool: Reference) -> None:
    """Idle machines take the head of the queue."""
    for number, machine in enumerate(pool.machines):
        if pool.waiting and not machine.given:
            pool.give(number)


def clockwork(pool: Reference) -> None:
    """A new query goes where it is expected to finish first."""

    def finish_ms(number: int) -> float:
        machine = pool.machines[number]
        return max(pool.now_ms, machine.expected_free_ms) + pool.mean_ms(machine.kind, pool.waiting[0])

    if pool.waiting:
        pool.give(min(range(len(pool.machines)), key=finish_ms))


def least_loaded(pool: Reference) -> None:
    """A new query goes where the fewest are."""
    if pool.waiting:
        pool.give(min(range(len(pool.machines)), key=lambda number: len(pool.machines[number].given)))


def kairos(pool: Reference) -> None:
    """The queries and machines are matched by trying every assignment; there must be no two equally good."""
    if pool.waiting:
        (answer,) = published_answers(pool.now_ms, *seen(pool), service(pool.case.table))
        carry_out(pool, answer)


def shadow(pool: Reference) -> None:
    """The queries and machines are matched by trying every partial matching; all equally good must do the same."""
    if pool.waiting:
        page = Page(pool.case.table, np.array(pool.case.counts), service(pool.case.table).rate_qps)
        (answer,) = set(shadow_answers(pool.now_ms, *seen(pool), page))
        carry_out(pool, answer)


def seen(pool: Reference) -> tuple[Waiting, PoolState]:
    """Return what a policy sees."""
    size = pool.case.stream.size[pool.waiting]
    arrival_ms = np.array([pool.arrival_ms[query] for query in pool.waiting])
    state = PoolState(
        type_of_instance(pool.case.counts),
        np.array([machine.expected_free_ms for machine in pool.machines]),
        np.array([len(machine.given) for machine in pool.machines]),
        np.zeros(len(pool.machines), dtype=np.int64),
        np.concatenate([[0], np.cumsum(pool.case.counts)]),
        np.full(1, 1e300),
    )
    return Waiting(size, arrival_ms), state


def carry_out(pool: Reference, answer: Answer) -> None:
    """Give each query of an answer to its machine, from the end, so that places stay what they are."""
    for place, number in sorted(answer, reverse=True):
        pool.give(number, place)


RULES = {"fcfs": fcfs, "clockwork": clockwork, "least_loaded": least_loaded}
