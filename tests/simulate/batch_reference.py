"""A second simulator for batches and parts, in plain Python and slow: lists of pieces, rules in a few lines.

It shares with the engine the drawn queries, and what a policy answers where that is a kernel.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kairos_cli.policies import NAMES
from kairos_cli.policies.dispatch import most_pieces
from kairos_cli.policies.state import PoolState, Service, Waiting, service
from kairos_cli.simulate.engine import NEXT_LUCK
from tests.policies.states import asked
from tests.simulate.tables import Case, type_of_instance

ARRIVAL, COMPLETION = 0, 1  # at equal times in this order
NEVER = math.inf


@dataclass(frozen=True)
class Piece:
    """Some units of a query."""

    query: int
    units: int


@dataclass
class Machine:
    """An instance with the batch it serves and the pieces that queue for it."""

    kind: int
    batch: list[Piece] = field(default_factory=list)
    queue: list[Piece] = field(default_factory=list)
    expected_free_ms: float = 0.0

    @property
    def outstanding(self) -> int:
        return len(self.batch) + len(self.queue)


#: What a policy answers: how many units of which waiting query go to which machine.
Answer = list[tuple[int, int, int]]


class BatchReference:
    """A pool that serves a batch at a time on each machine; `wake_ms` is when its policy wants to be asked again."""

    def __init__(self, case: Case) -> None:
        self.case, self.serving, self.target_ms = case, case.table.serving, case.table.qos.latency_ms
        self.arrival_ms = (case.stream.arrival * (1000 / case.rate_qps)).tolist()
        number = len(self.arrival_ms)
        self.machines = [Machine(int(kind)) for kind in type_of_instance(case.counts)]
        self.largest, self.base = case.table.largest.tolist(), service(case.table).base
        self.left = (case.stream.size + 1).tolist()  # units that are not done
        self.waiting: list[Piece] = []
        self.started_ms, self.finished_ms = [NEVER] * number, [NEVER] * number
        self.served_by, self.parts = [-1] * number, [0] * number
        self.served_units = np.zeros((number, len(case.counts)), dtype=int)
        self.busy_ms = [0.0] * len(self.machines)
        self.largest_seen = self.most_pieces_seen = self.woken = 0
        self.now_ms, self.wake_ms = 0.0, NEVER
        self.events = [(time_ms, ARRIVAL, query) for query, time_ms in enumerate(self.arrival_ms)]
        heapq.heapify(self.events)

    def mean_ms(self, kind: int, units: int) -> float:
        return float(self.case.table.mean_ms[kind, units - 1])

    def surely_ms(self, kind: int, units: int) -> float:
        """Return what 99 of 100 such batches keep to."""
        return float(np.interp(0.99, self.case.table.level, self.case.table.quantile_ms[kind, units - 1]))

    def run(self, policy: Callable[[BatchReference], Answer]) -> None:
        """Play all events; the policy is asked after each, and when it wanted to be."""
        while self.events or self.waiting:
            if self.events and self.events[0][0] <= self.wake_ms:
                self.now_ms, what, number = heapq.heappop(self.events)
                if what == ARRIVAL:
                    self.waiting.append(Piece(number, self.left[number]))
                else:
                    self.complete(number)
            else:
                assert self.wake_ms < NEVER, "all wait for nothing"
                self.now_ms = self.wake_ms
                self.woken += 1
            self.wake_ms = NEVER
            if self.waiting:
                self.give(policy(self))

    def give(self, answer: Answer) -> None:
        """Hand over pieces: to a machine that is idle as one batch, to another into its queue."""
        batches: dict[int, list[Piece]] = {}
        taken: dict[int, int] = {}
        for place, number, units in answer:
            piece = Piece(self.waiting[place].query, units)
            taken[place] = taken.get(place, 0) + units
            if self.machines[number].batch:
                self.queue_up(self.machines[number], piece)
            else:
                batches.setdefault(number, []).append(piece)
        left = [Piece(each.query, each.units - taken.get(place, 0)) for place, each in enumerate(self.waiting)]
        assert all(each.units >= 0 for each in left)
        self.waiting = [each for each in left if each.units]
        for number, batch in batches.items():
            self.machines[number].expected_free_ms = self.now_ms + self.mean_ms(
                self.machines[number].kind, total(batch)
            )
            self.start(number, batch)

    def queue_up(self, machine: Machine, piece: Piece) -> None:
        more_ms = self.queue_ms(machine, [*machine.queue, piece]) - self.queue_ms(machine, machine.queue)
        machine.expected_free_ms = max(machine.expected_free_ms, self.now_ms) + more_ms
        machine.queue.append(piece)

    def queue_ms(self, machine: Machine, queue: list[Piece]) -> float:
        """Return what a queue should take: piece by piece, or in batches that are as full as can be in time."""
        if not self.serving.merge:
            return sum(self.mean_ms(machine.kind, piece.units) for piece in queue)
        sizes = range(1, self.largest[machine.kind] + 1)
        full = max([size for size in sizes if self.surely_ms(machine.kind, size) <= self.target_ms], default=1)
        batches, rest = divmod(total(queue), full)
        return batches * self.mean_ms(machine.kind, full) + (self.mean_ms(machine.kind, rest) if rest else 0.0)

    def complete(self, number: int) -> None:
        """End the batch of a machine, which takes the next from its queue."""
        machine = self.machines[number]
        for piece in machine.batch:
            self.left[piece.query] -= piece.units
            if self.left[piece.query] == 0:
                self.finished_ms[piece.query] = self.now_ms
        machine.batch = []
        machine.expected_free_ms = self.now_ms
        if machine.queue:
            size = self.next_batch(machine)
            batch, machine.queue = machine.queue[:size], machine.queue[size:]
            machine.expected_free_ms += self.mean_ms(machine.kind, total(batch)) + self.queue_ms(machine, machine.queue)
            self.start(number, batch)

    def next_batch(self, machine: Machine) -> int:
        """Return how many pieces of its queue a machine takes at once: the longest beginning that it may."""
        size = 1
        while self.serving.merge and size < len(machine.queue) and self.may_be(machine, machine.queue[: size + 1]):
            size += 1
        return size

    def may_be(self, machine: Machine, batch: list[Piece]) -> bool:
        most_targets, in_time_only = self.case.option
        if total(batch) > self.largest[machine.kind]:
            return False
        ends_ms = self.now_ms + self.mean_ms(machine.kind, total(batch))
        must_end_ms = [self.arrival_ms[piece.query] + self.target_ms for piece in batch]
        alone_ms = [self.now_ms + self.mean_ms(machine.kind, piece.units) for piece in batch]
        in_time = all(ends_ms <= by for by, alone in zip(must_end_ms, alone_ms, strict=True) if alone <= by)
        return ends_ms - self.now_ms <= most_targets * self.target_ms and (in_time or not in_time_only)

    def start(self, number: int, batch: list[Piece]) -> None:
        machine, drawn = self.machines[number], self.case.stream
        assert not machine.batch, "one batch at a time"
        assert self.serving.merge or len(batch) == 1
        assert total(batch) <= self.largest[machine.kind]
        machine.batch = batch
        self.largest_seen = max(self.largest_seen, total(batch))
        self.most_pieces_seen = max(self.most_pieces_seen, len(batch))
        luck = (batch[0].query + NEXT_LUCK * self.parts[batch[0].query]) % len(self.left)
        quantiles = self.case.table.quantile_ms[machine.kind, total(batch) - 1]
        low, high = quantiles[drawn.step[luck]], quantiles[drawn.step[luck] + 1]
        ends_ms = float(self.now_ms + low + drawn.fraction[luck] * (high - low))
        self.busy_ms[number] += ends_ms - self.now_ms
        for piece in batch:
            self.started_ms[piece.query] = min(self.started_ms[piece.query], self.now_ms)
            self.served_by[piece.query] = number
            self.parts[piece.query] += 1
            self.served_units[piece.query, machine.kind] += piece.units
        heapq.heappush(self.events, (ends_ms, COMPLETION, number))

    def seen(self) -> tuple[Waiting, PoolState]:
        """Return what a kernel sees."""
        state = PoolState(
            type_of_instance(self.case.counts),
            np.array([machine.expected_free_ms for machine in self.machines]),
            np.array([machine.outstanding for machine in self.machines]),
            np.array([total(machine.queue) for machine in self.machines]),
            np.concatenate([[0], np.cumsum(self.case.counts)]),
            np.full(1, 1e300),
        )
        size = np.array([piece.units - 1 for piece in self.waiting])
        return Waiting(size, np.array([self.arrival_ms[piece.query] for piece in self.waiting])), state


def total(batch: list[Piece]) -> int:
    """Return the units of some pieces together."""
    return sum(piece.units for piece in batch)


def by_kernel(policy: str, case: Case) -> Callable[[BatchReference], Answer]:
    """Return the rule that asks the compiled policy, and is woken when it wants to be."""
    known: Service = service(case.table, case.counts)

    def rule(pool: BatchReference) -> Answer:
        waiting, state = pool.seen()
        chosen = np.empty((most_pieces(len(state.type), known), 3), dtype=np.int64)
        options = np.array(case.option)
        count = asked(list(NAMES).index(policy), pool.now_ms, waiting, state, known, options, chosen)
        pool.wake_ms = NEVER if state.wake_ms[0] == 1e300 else float(state.wake_ms[0])
        return [(int(place), int(number), int(row) + 1) for place, number, row in chosen[:count]]

    return rule


# --- rules, each written a second time


def fcfs(pool: BatchReference) -> Answer:
    """Idle machines take the earliest that fit, once the first of them has waited through the delay window."""
    limit_ms, delay_ms = pool.case.option[0] * pool.target_ms, pool.case.option[1]
    present = [kind for kind, count in enumerate(pool.case.counts) if count]
    answer: Answer = []
    left = list(enumerate(pool.waiting))
    for number, machine in enumerate(pool.machines):
        if machine.batch:
            continue
        batch: list[tuple[int, Piece]] = []
        turned_away = False
        for place, piece in left:
            units = piece.units + sum(each.units for _, each in batch)
            able_ms = [pool.mean_ms(kind, units) for kind in present if units <= pool.largest[kind]]
            most_ms = limit_ms if batch else max(limit_ms, min(able_ms))
            fits = units <= pool.largest[machine.kind] and pool.mean_ms(machine.kind, units) <= most_ms
            turned_away |= bool(batch) and not fits
            batch += [(place, piece)] if fits else []
        left = [each for each in left if each not in batch]
        opens_ms = pool.arrival_ms[batch[0][1].query] + delay_ms if batch else NEVER
        if batch and (turned_away or opens_ms <= pool.now_ms):
            answer += [(place, number, piece.units) for place, piece in batch]
        else:
            pool.wake_ms = min(pool.wake_ms, opens_ms)
    return answer


def _least(score: Callable[[BatchReference, Machine], object]) -> Callable[[BatchReference], Answer]:
    """Return the rule that gives the earliest query to the first machine with the least score."""

    def rule(pool: BatchReference) -> Answer:
        scores = [score(pool, machine) for machine in pool.machines]
        return [(0, scores.index(min(scores)), pool.waiting[0].units)]  # type: ignore[type-var]

    return rule


def _finish_ms(pool: BatchReference, machine: Machine) -> float:
    more_ms = pool.queue_ms(machine, [*machine.queue, pool.waiting[0]]) - pool.queue_ms(machine, machine.queue)
    return max(pool.now_ms, machine.expected_free_ms) + more_ms


def _greedy(pool: BatchReference, machine: Machine) -> tuple[bool, float, float]:
    """Late ones last, then by what the time of the query costs in the batches that suit it, then by its end."""
    units, finish_ms = pool.waiting[0].units, _finish_ms(pool, machine)
    late = finish_ms > pool.arrival_ms[pool.waiting[0].query] + pool.target_ms
    sizes = range(units, pool.largest[machine.kind] + 1)
    shares = [pool.mean_ms(machine.kind, size) * units / size for size in sizes
              if pool.surely_ms(machine.kind, size) <= pool.target_ms]  # fmt: skip
    share_ms = min(shares, default=pool.mean_ms(machine.kind, units))
    cost = float(pool.case.table.price_usd_per_hour[machine.kind]) * share_ms
    return late, 0.0 if late else cost, finish_ms


def _load(pool: BatchReference, machine: Machine) -> float:
    mean_ms = float(pool.case.table.mean_ms[machine.kind] @ pool.case.table.probability)
    return (machine.outstanding + 1) * mean_ms


def deeprecsys(pool: BatchReference) -> Answer:
    """Idle machines take the next query of their kind; small ones go out in parts alike in size."""
    threshold, most_targets = pool.case.option
    base = pool.base
    one_kind = pool.case.counts[base] in (0, pool.case.counts.sum())
    answer: Answer = []
    left = [piece.units for piece in pool.waiting]
    shut = set()  # large queries of which a part was given: the rest waits
    for number, machine in enumerate(pool.machines):
        small = one_kind or machine.kind != base
        fit = [place for place, piece in enumerate(pool.waiting) if left[place] and place not in shut
               and (one_kind or (piece.units - 1 > threshold) != small)]  # fmt: skip
        if machine.batch or not fit:
            continue
        place, largest = fit[0], pool.largest[machine.kind]
        most = min(left[place], largest)
        if small:
            sizes = [size for size in range(1, most + 1)
                     if pool.mean_ms(machine.kind, size) <= most_targets * pool.target_ms]  # fmt: skip
            most = max(sizes, default=1)
        else:
            shut.add(place)
        units = math.ceil(left[place] / math.ceil(left[place] / most))
        answer.append((place, number, units))
        left[place] -= units
        if not small and left[place]:
            pool.wake_ms = pool.now_ms
    return answer


MERGING_RULES = {
    "fcfs": fcfs,
    "clockwork": _least(_finish_ms),
    "greedy": _least(_greedy),
    "least_loaded": _least(lambda _, machine: machine.outstanding),
    "instance_aware": _least(_load),
}
