"""The event loop: arrivals and completions in the order of time, and the policy after each.

Invariants. The clock never goes back. A query is in exactly one place: not yet arrived, waiting, queued
at an instance, in service, or done. An instance serves one query at a time, so an instance is busy if and
only if it stands in the heap of completions. At equal times an arrival comes before a completion.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.policies.compiled import kernel
from kairos_cli.policies.dispatch import assign
from kairos_cli.policies.state import Ints, PoolState, Waiting


class Queries(NamedTuple):
    """The queries (N,) in the order of arrival; `size`, `step` and `fraction` as in simulate.streams."""

    arrival_ms: Floats
    size: Ints
    step: Ints
    fraction: Floats


class Record(NamedTuple):
    """What happens to the queries (N,): start and end of service, and the instance that serves."""

    started_ms: Floats
    finished_ms: Floats
    served_by: Ints


# One long function with its state in local arrays, on purpose: handed from function to function in tuples,
# the same state costs twice the time, in counted references.
@kernel
def run(  # noqa: C901
    policy: int,
    options: Any,
    service: Any,
    quantile_ms: Any,
    first: Any,
    queries: Any,
    record: Any,
    counted_from: int,
    most_late: int,
) -> int:
    """Simulate a pool until all queries are served; return how many of those that count are late.

    Queries before `counted_from` fill the pool and do not count. With more than `most_late` late ones the
    run is over, and the record is incomplete. `first` (J + 1,) tells where the instances of each type
    begin, `quantile_ms` (J, B, Q) what service takes.
    """
    arrival_ms, size, step, fraction = queries
    started_ms, finished_ms, served_by = record
    number, instances, target_ms = len(arrival_ms), first[-1], service.target_ms
    kind = _types(first)
    free_at_ms = np.zeros(instances)
    outstanding = np.zeros(instances, np.int64)
    pool = PoolState(kind, free_at_ms, outstanding, first)
    # What was given to busy instances: linked lists of queries, and their mean work.
    queue_first = np.full(instances, -1)
    queue_last = np.full(instances, -1)
    queue_next = np.full(number, -1)
    queued_ms = np.zeros(instances)
    in_service = np.full(instances, -1)
    # The completions to come, a heap with the earliest first.
    due_ms = np.empty(instances + 1)
    due_instance = np.empty(instances + 1, np.int64)
    busy = 0
    # The queries that wait are [head:tail], the earliest first.
    waiting_query = np.empty(number, np.int64)
    waiting_size = np.empty(number, np.int64)
    waiting_since_ms = np.empty(number)
    head = tail = 0
    chosen = np.empty((instances + 1, 2), np.int64)
    starting = np.empty((instances + 1, 2), np.int64)  # (query, instance)
    arrived = done = late = 0
    while done < number:
        starts = 0
        if arrived < number and (busy == 0 or arrival_ms[arrived] <= due_ms[0]):
            now_ms = arrival_ms[arrived]
            waiting_query[tail], waiting_size[tail], waiting_since_ms[tail] = arrived, size[arrived], now_ms
            tail += 1
            arrived += 1
        else:
            now_ms, instance = due_ms[0], due_instance[0]
            busy = _pop(due_ms, due_instance, busy)
            done += 1
            query = in_service[instance]
            if query >= counted_from and now_ms - arrival_ms[query] > target_ms:
                late += 1
                if late > most_late:
                    return late
            outstanding[instance] -= 1
            free_at_ms[instance] = now_ms
            following = queue_first[instance]
            if following < 0:
                queued_ms[instance] = 0.0  # sums and differences of floats leave dust
            else:
                queue_first[instance] = queue_next[following]
                queued_ms[instance] -= service.mean_ms[kind[instance], size[following]]
                starting[0, 0], starting[0, 1] = following, instance
                starts = 1
                free_at_ms[instance] += service.mean_ms[kind[instance], size[following]] + queued_ms[instance]
        if head < tail:
            # So many wait past their time already that too many will be late.
            last = head + most_late - late
            if last < tail and waiting_query[head] >= counted_from and now_ms - waiting_since_ms[last] > target_ms:
                return most_late + 1
            waiting = Waiting(waiting_size[head:tail], waiting_since_ms[head:tail])
            count = assign(policy, now_ms, waiting, pool, service, options, chosen)
            for row in range(count):
                query, instance = waiting_query[head + chosen[row, 0]], chosen[row, 1]
                mean_ms = service.mean_ms[kind[instance], size[query]]
                free_at_ms[instance] = max(free_at_ms[instance], now_ms) + mean_ms
                outstanding[instance] += 1
                if outstanding[instance] == 1:
                    starting[starts, 0], starting[starts, 1] = query, instance
                    starts += 1
                    continue
                if queue_first[instance] < 0:
                    queue_first[instance] = query
                else:
                    queue_next[queue_last[instance]] = query
                queue_last[instance] = query
                queued_ms[instance] += mean_ms
            head = _close_up(waiting_query, waiting_size, waiting_since_ms, head, chosen[:count, 0])
        for row in range(starts):
            query, instance = starting[row, 0], starting[row, 1]
            low = quantile_ms[kind[instance], size[query], step[query]]
            high = quantile_ms[kind[instance], size[query], step[query] + 1]
            started_ms[query] = now_ms
            finished_ms[query] = now_ms + low + fraction[query] * (high - low)
            served_by[query] = instance
            in_service[instance] = query
            busy = _push(due_ms, due_instance, busy, finished_ms[query], instance)
    return late


@kernel
def _types(first: Any) -> Any:
    """Return the type of each instance."""
    kind = np.empty(first[-1], np.int64)
    for each in range(len(first) - 1):
        kind[first[each] : first[each + 1]] = each
    return kind


@kernel
def _close_up(query: Any, size: Any, since_ms: Any, head: int, taken: Any) -> int:
    """Move those that wait before a place just taken towards the tail, over it; return the new head.

    `taken` holds places after the head. A policy that takes the earliest queries moves nothing.
    """
    write = head - 1
    for place in taken:
        query[head + place] = -1
        write = max(write, head + place)
    for read in range(write, head - 1, -1):
        if query[read] >= 0:
            query[write], size[write], since_ms[write] = query[read], size[read], since_ms[read]
            write -= 1
    return write + 1


@kernel
def _push(due_ms: Any, due_instance: Any, count: int, time_ms: float, instance: int) -> int:
    """Add a completion to the heap; return its new size."""
    place = count
    while place > 0:
        above = (place - 1) // 2
        if due_ms[above] <= time_ms:
            break
        due_ms[place], due_instance[place] = due_ms[above], due_instance[above]
        place = above
    due_ms[place], due_instance[place] = time_ms, instance
    return count + 1


@kernel
def _pop(due_ms: Any, due_instance: Any, count: int) -> int:
    """Remove the earliest completion from the heap; return its new size."""
    count -= 1
    time_ms, instance = due_ms[count], due_instance[count]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and due_ms[below + 1] < due_ms[below]:
            below += 1
        if time_ms <= due_ms[below]:
            break
        due_ms[place], due_instance[place] = due_ms[below], due_instance[below]
        place = below
    due_ms[place], due_instance[place] = time_ms, instance
    return count
