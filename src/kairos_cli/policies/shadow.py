"""Matching of queries and instances by shadow prices: the default of kairos.

At every event the earliest queries that can still be on time are matched with all instances, the busy ones
too, at least total cost; every query may also wait. Only pairs with an idle instance are carried out, and
all is matched anew at the next event. What each part is for (docs/shadow.md has what each buys):

- *Cost.* A pair costs what the time it takes is worth: the shadow price of that type, which is what the
  pool's capacity would lose without that time, times the rest of its present work and the service. Less the
  price of the query's time where it is cheapest in time: sent there at once, a query costs nothing. The time of a
  type that alone is fast enough for some sizes is held 5 % dearer, so that near-ties spare it.
- *Chance of being late.* The pair costs 6 times its chance of missing the target besides, from the quantiles
  of the latency: noisy machines are not trusted with queries that have little time left. It costs more than 6
  where time on the machines that keep the target is so dear that it would pay to be late.
- *Waiting* costs 1 + 4 x the part of the target that is gone, the latency of the fastest type included, so
  that an instance that is worth more to others is left to them while there is time, and a query in a hurry is
  served anywhere in time. It costs a little less for queries of much work (power -0.2 of it), so that bursts
  delay few queries. Waiting for a busy instance costs a fifth as much, for the part of the target that it
  takes: of queries that cost the same there, the one in most hurry is served first.
- *Sacrifice.* If the work of the queries before it would keep all instances busy beyond the time at which a
  query must start, the query with most work of them and itself is given up, and so on. Where those that came
  first must start first, no other way to drain the queue in its order gives up fewer (as Moore and Hodgson
  1968). What is given up may be taken back.
- *Late queries last.* Those that are late or given up take what instances others leave, where they are
  cheapest; they become less choosy with age, by 1 % of a query's worth for every target they have waited.
- *While all instances are idle* no query waits.
- *Nothing starves.* One instance in 16 of the most numerous type, at least one, serves a query that has
  waited more than 50 targets before all others, the oldest first. In overload the rest of the pool goes on
  serving what can be on time.

- *Parts.* Where queries may be split, one that could not be in time as a whole where its time is cheapest is
  matched in parts alike in size, as few as take at most 0.7 targets each, so that all can begin in time.
- *Batches.* Where queries may be merged, time is held as dear as it is in the batches that suit a query best, the more
  so the more wait; each query that is matched with an idle instance takes others along (policies.batches).
  Waiting for a busy instance costs ten times as much as one at a time, since many may join its next batch and all
  wait for it. Late queries bring a third less than their worth. An instance left idle is looked at again after a
  twentieth of the target.

Options, where queries may be merged or split: whether to, since not on every pool does it pay (simulate.tuning). The
numbers are the same for all models and pools; `make bench-shadow` shows what others do.

Of the queries that are cheapest on a type the earliest are matched, 8 and three for each instance of that type
but not more than 32; and of each type the 16 instances that are free first, or more if more are idle.

Example: g4dn.xlarge idle, r5n.large free in 2 ms, a query of 10 items that takes 3.6 ms on the one and 3 ms
on the other, at 0.22 and 0.08 queries for a ms. It waits for r5n.large: 0.40 against 0.79.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.policies.batches import NEVER_MS, taken_along
from kairos_cli.policies.compiled import inlined, kernel
from kairos_cli.policies.kairos import first_free
from kairos_cli.policies.matching import match

#: What a query that waits costs, at first and as its time runs out.
WAIT, HURRY = 1.0, 4.0
#: What waiting for a busy instance costs, in times of that, if it takes the whole target; and where queries are
#: merged, since then all that are left wait for it, not one.
DELAY, DELAY_MERGED = 0.2, 2.0
#: What a late query pays for another machine than its cheapest, by targets waited. Where it could be merged, how
#: much less of its worth it brings: while it has an instance, those that can be in time have not.
LATE_WAIT, LATE_WAIT_MERGED, LATE_DISCOUNT = 0.01, 0.03, 0.3
#: More than any pair costs: what no query pays that can be served.
TOO_DEAR = 1e9
#: What a piece pays to be taken along, in shares of what it costs to wait.
ALONG = 0.02
#: When to look again at an instance that was left idle for a larger batch, in targets.
LOOK_AGAIN = 0.05
#: So many queries and instances of each type are matched, the earliest and those free first; of queries not
#: more than some and three for each instance, which saves time in small pools and nothing is lost by.
MOST_QUERIES, MOST_INSTANCES, SOME_QUERIES = 32, 16, 8
#: After so many targets a late query comes first, on one instance in so many.
LONGEST_TARGETS, RESERVED = 50.0, 16


@kernel
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Serve what must not starve; match the others with the instances or let them wait."""
    if pool.outstanding.min() > 0:
        return 0  # only idle instances are given anything
    count = _overdue(now_ms, waiting, pool, service, chosen)
    taken = chosen[0, 1] if count else -1
    queries, sizes, spare_ms = _looked_at(now_ms, waiting, pool, service, count)
    idle = (pool.outstanding == 0).sum()
    instances = first_free(now_ms, pool, min(len(queries), max(idle, MOST_INSTANCES)))
    if len(instances) == 0 or len(queries) == 0:
        return count
    _give_up(sizes, spare_ms, pool, service)
    slack_ms, worth, wait = _priced(now_ms, waiting, pool, service, queries, sizes, spare_ms)
    cost = np.empty((len(queries), len(instances)))
    full = _how_full(sizes, spare_ms, service)
    delay = DELAY_MERGED if service.merge else DELAY
    for row in range(len(queries)):
        size = sizes[row]
        for column in range(len(instances)):
            instance = instances[column]
            kind = pool.type[instance]
            is_busy = pool.outstanding[instance] > 0
            rest_ms = max(pool.free_at_ms[instance] - now_ms, 0.0) if is_busy else 0.0
            alone_ms = service.mean_ms[kind, size]
            # Alone it takes more of the instance's time than in a full batch; where none are merged, as much.
            own_ms = alone_ms + (1.0 if is_busy else full[kind]) * (service.share_ms[kind, size] - alone_ms)
            pair = service.time_price[kind] * (rest_ms + own_ms) - worth[row]
            if spare_ms[row] >= 0:
                pair += service.late_price * _chance_of_more(service, kind, size, slack_ms[row] - rest_ms)
                pair += delay * wait[row] * rest_ms / service.target_ms
            cost[row, column] = pair if instance != taken and size < service.largest[kind] else np.inf
    matched = np.empty(len(instances), np.int64)
    match(cost, wait, matched)
    if service.merge:
        pieces = queries, sizes, slack_ms, worth, wait
        return _give_batches(now_ms, pool, service, chosen, count, instances, matched, cost, pieces)
    for column in range(len(instances)):
        if matched[column] >= 0 and pool.outstanding[instances[column]] == 0:
            chosen[count, 0] = queries[matched[column]]
            chosen[count, 1] = instances[column]
            chosen[count, 2] = sizes[matched[column]]
            count += 1
    return count


@kernel
def _priced(now_ms: float, waiting: Any, pool: Any, service: Any, queries: Any, sizes: Any, spare_ms: Any) -> Any:
    """Return of each piece (N,) the time it has left, the worth of its time, and what it costs to let it wait."""
    slack_ms = np.full(len(queries), NEVER_MS)
    worth = np.empty(len(queries))
    wait = np.empty(len(queries))
    nothing_to_wait_for = pool.outstanding.max() == 0
    for row in range(len(queries)):
        size = sizes[row]
        waited_ms = now_ms - waiting.arrival_ms[queries[row]]
        if spare_ms[row] >= 0:
            slack_ms[row] = service.target_ms - waited_ms
            worth[row] = service.worth[size]
            wait[row] = (WAIT + HURRY * (1 - spare_ms[row] / service.target_ms)) * service.lightness[size]
        else:
            worth[row] = service.late_worth[size]
            wait[row] = LATE_WAIT * waited_ms / service.target_ms
            if service.merge:
                wait[row] = LATE_WAIT_MERGED * waited_ms / service.target_ms - LATE_DISCOUNT * worth[row]
        if nothing_to_wait_for:
            wait[row] += TOO_DEAR
    return slack_ms, worth, wait


@kernel
def _how_full(sizes: Any, spare_ms: Any, service: Any) -> Any:
    """Return how full a batch of all pieces in time would be on each type (J,), from 0 to 1."""
    units = 0
    for row in range(len(sizes)):
        if spare_ms[row] >= 0:
            units += sizes[row] + 1
    return np.minimum(units / (service.full + 1.0), 1.0)


@kernel
def _give_batches(
    now_ms: float,
    pool: Any,
    service: Any,
    chosen: Any,
    count: int,
    instances: Any,
    matched: Any,
    cost: Any,
    pieces: Any,
) -> int:
    """Write the pieces that are matched with idle instances, each with those it takes along; return how many rows."""
    queries, sizes, slack_ms, worth, wait = pieces
    free = np.ones(len(queries), np.bool_)
    value = worth + ALONG * wait
    for column in range(len(instances)):
        row = matched[column]
        if row >= 0 and pool.outstanding[instances[column]] == 0:
            free[row] = False
        elif row >= 0:
            value[row] = worth[row] + ALONG * max(cost[row, column], 0.0)
        elif pool.outstanding[instances[column]] == 0:
            pool.wake_ms[0] = now_ms + LOOK_AGAIN * service.target_ms
    order = np.argsort(-slack_ms)
    for column in range(len(instances)):
        instance, first = instances[column], matched[column]
        if first < 0 or pool.outstanding[instance] > 0:
            continue
        kind = pool.type[instance]
        chosen[count, 0], chosen[count, 1], chosen[count, 2] = queries[first], instance, sizes[first]
        count += 1
        can_be_in_time = service.high_ms[kind, sizes[first]] <= slack_ms[first]
        until_ms = slack_ms[first] if can_be_in_time else NEVER_MS
        for row in taken_along(kind, sizes[first], until_ms, order, free, sizes, slack_ms, value, service):
            free[row] = False
            chosen[count, 0], chosen[count, 1], chosen[count, 2] = queries[row], instance, sizes[row]
            count += 1
    return count


@kernel
def _overdue(now_ms: float, waiting: Any, pool: Any, service: Any, chosen: Any) -> int:
    """Give the oldest query, if it has waited too long, to an instance kept for that; return 1 if done."""
    if now_ms - waiting.arrival_ms[0] <= LONGEST_TARGETS * service.target_ms:
        return 0
    most = 0
    for kind in range(len(pool.first) - 1):
        if pool.first[kind + 1] - pool.first[kind] > pool.first[most + 1] - pool.first[most]:
            most = kind
    last = pool.first[most + 1]
    for instance in range(last - 1 - (last - pool.first[most] - 1) // RESERVED, last):
        if pool.outstanding[instance] == 0:
            chosen[0, 0] = 0
            chosen[0, 1] = instance
            chosen[0, 2] = min(waiting.size[0], service.largest[most] - 1)
            return 1
    return 0


@kernel
def _looked_at(now_ms: float, waiting: Any, pool: Any, service: Any, first: int) -> tuple[Any, Any, Any]:
    """Return the pieces to match, of queries from place `first` on: the earliest in time, then the earliest late.

    With each piece the place of its query, its size, and the time left before it must start on the fastest type;
    under 0 for late ones. A piece is the whole query unless it has to be served in parts. Of those in time so many
    for each type where they are cheapest: were there one limit for all, those that wait for a type without idle
    instances would hide the others.
    """
    number = len(waiting.size)
    types = len(pool.first) - 1
    room = types * MOST_QUERIES if service.split else min(number - first, types * MOST_QUERIES)
    queries = np.empty(room, np.int64)
    sizes = np.empty(room, np.int64)
    spare_ms = np.empty(room)
    places_left = np.empty(types, np.int64)
    for kind in range(types):
        places_left[kind] = min(SOME_QUERIES + 3 * (pool.first[kind + 1] - pool.first[kind]), MOST_QUERIES)
    count = 0
    # Those that have waited the whole target are late whatever their size, and the earliest.
    start = first + np.searchsorted(waiting.arrival_ms[first:], now_ms - service.target_ms)
    for late in range(2):
        for query in range(first if late else start, number):
            if count == room or (late and count >= MOST_QUERIES):
                break
            left_ms = service.target_ms - (now_ms - waiting.arrival_ms[query])
            units = waiting.size[query] + 1
            for parts in range(service.parts[units - 1], 0, -1):
                size = (units + parts - 1) // parts - 1
                in_time = left_ms >= service.fastest_ms[size]
                cheapest = service.cheapest[size]
                if in_time == (late == 1) or (in_time and places_left[cheapest] == 0) or count == room:
                    break
                places_left[cheapest] -= in_time
                queries[count], sizes[count] = query, size
                spare_ms[count] = left_ms - service.fastest_ms[size] if in_time else -1.0
                count += 1
                units -= size + 1
    return queries[:count], sizes[:count], spare_ms[:count]


@kernel
def _give_up(sizes: Any, spare_ms: Any, pool: Any, service: Any) -> None:
    """Mark as late the pieces that have to be given up, those with most work, for the others to be in time."""
    worth_per_ms = 0.0
    for kind in range(len(pool.first) - 1):
        worth_per_ms += service.time_price[kind] * (pool.first[kind + 1] - pool.first[kind])
    before = 0.0
    for row in range(len(sizes)):
        if spare_ms[row] < 0:
            return  # only late ones follow
        while before > spare_ms[row] * worth_per_ms:
            most = row
            for other in range(row):
                if spare_ms[other] >= 0 and service.worth[sizes[other]] > service.worth[sizes[most]]:
                    most = other
            spare_ms[most] = -1.0
            if most == row:
                break
            before -= service.worth[sizes[most]]
        if spare_ms[row] >= 0:
            before += service.worth[sizes[row]]


@inlined
def _chance_of_more(service: Any, kind: int, size: int, left_ms: float) -> float:
    """Return the chance that service takes longer than a time."""
    steps = len(service.level) - 1
    if left_ms >= service.quantile_ms[kind, size, steps]:
        return 0.0
    if left_ms < service.quantile_ms[kind, size, 0]:
        return 1.0
    step = 0
    while service.quantile_ms[kind, size, step + 1] <= left_ms:
        step += 1
    low = service.quantile_ms[kind, size, step]
    high = service.quantile_ms[kind, size, step + 1]
    part = (left_ms - low) / (high - low)
    return float(1 - (service.level[step] + part * (service.level[step + 1] - service.level[step])))
