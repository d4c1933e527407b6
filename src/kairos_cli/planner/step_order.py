"""In which order to add and remove instances, so that the load is carried all the way.

A step only adds or only removes. More instances never cost less or lower a capacity, so in whatever order the
instances of one step come and go, cost and capacity stay between those before and after it: it is enough to
look at the pools where a step ends.

Pools on the way lie between the first and the last, type by type. To add everything first always carries the
load if both ends do, but for a time it costs most. So the order is sought, in this order of importance, that
carries the load; goes least beyond a sum of money; and has fewest steps, of these one that begins by adding.
Where instances are many they move in bundles, so that the pools on the way can be looked at.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts

#: Bundles are so large that about so many pools lie between the ends, and no more are looked at.
MOST_PLACES = 4096

#: How many bundles of each changing type have been moved.
Place = tuple[int, ...]
#: A place, and the direction of the step that led there: +1 adds, -1 removes, 0 at the start.
_State = tuple[Place, int]


def step_order(
    start: Counts, end: Counts, price: Floats, most_usd: float, holds: Callable[[Counts], bool]
) -> list[Counts]:
    """Return the pools at the ends of the steps from `start` to `end` (J,), the last of them `end`.

    `holds` tells whether a pool carries the load; both ends are taken to. `most_usd` is the money that the
    pools on the way should not exceed; where none holds within it, or they are too many to look at, more is spent.
    """
    adding_first = [np.maximum(start, end), end]
    free_usd = max(most_usd, float(start @ price), float(end @ price)) + USD_TOLERANCE
    if float(adding_first[0] @ price) > free_usd:
        search = _Search(start, end, price, holds)
        cheapest = search.cheapest_way(free_usd)
        if cheapest is not None:
            level_usd = max(free_usd, *(search.usd(place) for place, _ in cheapest))
            way = search.way_of_fewest_steps(level_usd) or cheapest
            return [search.counts(place) for place in _ends_of_steps(way)]
    ends = zip([start, *adding_first], adding_first, strict=False)
    return [after for before, after in ends if (after != before).any()]


class _Search:
    """The pools between two, and the ways through them."""

    def __init__(self, start: Counts, end: Counts, price: Floats, holds: Callable[[Counts], bool]) -> None:
        self.start, self.price, self._holds = start, price, holds
        self.moved = np.flatnonzero(end != start)
        self.cuts = _bundles(np.abs(end - start)[self.moved])
        self.sign = [1 if end[j] > start[j] else -1 for j in self.moved]
        self.last: Place = tuple(len(each) - 1 for each in self.cuts)
        self.first: Place = (0,) * len(self.cuts)
        self._known: dict[Place, bool] = {self.first: True, self.last: True}

    def counts(self, place: Place) -> Counts:
        """Return the pool (J,) at a place."""
        counts = self.start.copy()
        for j, sign, cuts, at in zip(self.moved, self.sign, self.cuts, place, strict=True):
            counts[j] += sign * cuts[at]
        return counts

    def usd(self, place: Place) -> float:
        """Return what the pool at a place costs by the hour."""
        return float(self.counts(place) @ self.price)

    def holds(self, place: Place) -> bool:
        """Tell whether the pool at a place carries the load; each is looked at once."""
        if place not in self._known:
            self._known[place] = self._holds(self.counts(place))
        return self._known[place]

    def onward(self, place: Place) -> Iterator[tuple[Place, int]]:
        """Yield the places one bundle further that hold, each with its direction, those that add first."""
        for sign, i in sorted(((-sign, i) for i, sign in enumerate(self.sign)), key=lambda each: each[0]):
            further = (*place[:i], place[i] + 1, *place[i + 1 :])
            if place[i] < self.last[i] and self.holds(further):
                yield further, -sign

    def cheapest_way(self, free_usd: float) -> list[_State] | None:
        """Return a way whose dearest pool costs least, all up to `free_usd` being alike; None if too many are seen."""
        queue = [(free_usd, 0, (self.first, 0))]
        before: dict[_State, _State] = {}
        seen = {self.first}
        while queue and len(seen) <= MOST_PLACES:
            peak_usd, _, state = heapq.heappop(queue)
            if state[0] == self.last:
                return _way_to(state, before)
            for further, sign in self.onward(state[0]):
                if further not in seen:
                    seen.add(further)
                    before[further, sign] = state
                    # Of ways alike so far the one that is nearest to the end is followed.
                    heapq.heappush(queue, (max(peak_usd, self.usd(further)), -sum(further), (further, sign)))
        return None

    def way_of_fewest_steps(self, level_usd: float) -> list[_State] | None:
        """Return a way of fewest steps among pools that cost at most a sum; None if too many are seen.

        A shortest-path search in which going on in the same direction is free: a queue with two ends.
        """
        queue: deque[tuple[int, _State]] = deque([(0, (self.first, 0))])
        steps: dict[_State, int] = {(self.first, 0): 0}
        before: dict[_State, _State] = {}
        while queue and len(steps) <= 2 * MOST_PLACES:
            number, state = queue.popleft()
            place, direction = state
            if number > steps[state]:
                continue
            if place == self.last:
                return _way_to(state, before)
            for further, sign in self.onward(place):
                turns = number + (sign != direction)
                after = (further, sign)
                if self.usd(further) <= level_usd and turns < steps.get(after, turns + 1):
                    steps[after], before[after] = turns, state
                    (queue.append if turns > number else queue.appendleft)((turns, after))
        return None


def _way_to(state: _State, before: dict[_State, _State]) -> list[_State]:
    """Return the states that lead to one, the first at the start."""
    way = [state]
    while way[-1] in before:
        way.append(before[way[-1]])
    return way[::-1]


def _ends_of_steps(way: list[_State]) -> list[Place]:
    """Return the places of a way where its direction changes, and the last."""
    turns = [place for (place, sign), (_, after) in itertools.pairwise(way) if sign and sign != after]
    return [*turns, way[-1][0]]


def _bundles(changes: Counts) -> list[list[int]]:
    """Return, of each type, how many instances have moved after each bundle: 0, 1, 2, … where they are few."""
    number = [int(each) for each in changes]
    while np.prod([each + 1 for each in number], dtype=float) > MOST_PLACES and max(number) > 1:
        largest = number.index(max(number))
        number[largest] = (number[largest] + 1) // 2
    return [
        [round(moved * int(change) / bundles) for moved in range(bundles + 1)]
        for change, bundles in zip(changes, number, strict=True)
    ]
