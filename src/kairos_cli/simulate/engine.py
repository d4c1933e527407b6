"""The event loop: arrivals and completions in the order of time, and the policy after each.

Vocabulary. A *piece* is a whole query, or a part of one, that was given to an instance. A *batch* is what an
instance serves at once: one piece, or several where queries may be merged.

Invariants. The clock never goes back. An item of a query is in exactly one place: not yet arrived, waiting, in a
piece that is queued at an instance or in service, or done; a query is done when its last item is. An instance serves
one batch at a time, so an instance is busy if and only if it stands in the heap of completions. At equal
times an arrival comes before a completion, and both before a time at which a policy asked to be woken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.policies.compiled import inlined, kernel
from kairos_cli.policies.dispatch import assign, most_pieces
from kairos_cli.policies.own_queue import deadline_ms, in_batches_ms, may_grow, more_ms
from kairos_cli.policies.state import Ints, PoolState, Waiting

#: Never, as a time.
NEVER_MS = 1e300
#: The luck of a further part of a query is that of a query so many places on, so that parts are not all unlucky.
NEXT_LUCK = 7919


class Queries(NamedTuple):
    """The queries (N,) in the order of arrival; `size`, `step` and `fraction` as in simulate.streams."""

    arrival_ms: Floats
    size: Ints
    step: Ints
    fraction: Floats


class Record(NamedTuple):
    """What happens to the queries (N,): start of the first and end of the last piece, and who serves the last one.

    `served_rows` (N, J) is how many units each type serves of them; it is filled only where queries are split, and
    may be (0, 0) elsewhere. `busy_ms` (I,) is how long each instance serves.
    """

    started_ms: Floats
    finished_ms: Floats
    served_by: Ints
    served_rows: Ints
    busy_ms: Floats


def empty_record(number: int, types: int, instances: int, *, split: bool) -> Record:
    """Return a record to be filled by a run."""
    return Record(
        np.full(number, -1.0),
        np.full(number, -1.0),
        np.full(number, -1),
        np.zeros((number, types) if split else (0, 0), np.int64),
        np.zeros(instances),
    )


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
    started_ms, finished_ms, served_by, served_rows, busy_ms = record
    number, instances, target_ms = len(arrival_ms), first[-1], service.target_ms
    kind = _types(first)
    free_at_ms = np.zeros(instances)
    outstanding = np.zeros(instances, np.int64)
    wake_ms = np.full(1, NEVER_MS)
    queued = np.zeros(instances, np.int64)
    pool = PoolState(kind, free_at_ms, outstanding, queued, first, wake_ms)
    # Pieces, and linked lists of them: those in service and those queued at each instance, and those not in use.
    room = 4 * instances + 64
    piece_query = np.empty(room, np.int64)
    piece_rows = np.empty(room, np.int64)
    piece_next = np.arange(1, room + 1)
    unused = 0
    in_service = np.full(instances, -1)
    batch_last = np.full(instances, -1)
    batch_rows = np.empty(instances, np.int64)
    batch_since = np.full(instances, -1)  # the event at which the batch was begun
    queue_first = np.full(instances, -1)
    queue_last = np.full(instances, -1)
    queued_ms = np.zeros(instances)
    open_places = np.ones(number, np.int64)  # where the items of a query are that are not done
    parts_begun = np.zeros(number if service.split else 0, np.int64)
    # The completions to come, a heap with the earliest first.
    due_ms = np.empty(instances + 1)
    due_instance = np.empty(instances + 1, np.int64)
    busy = 0
    # The queries that wait are [head:tail], the earliest first.
    waiting_query = np.empty(number, np.int64)
    waiting_size = np.empty(number, np.int64)
    waiting_since_ms = np.empty(number)
    head = tail = 0
    chosen = np.empty((most_pieces(instances, service), 3), np.int64)
    starting = np.empty(instances + 1, np.int64)
    arrived = done = late = event = 0
    while done < number:
        starts = 0
        event += 1
        coming_ms = arrival_ms[arrived] if arrived < number else NEVER_MS
        ending_ms = due_ms[0] if busy > 0 else NEVER_MS
        if coming_ms <= ending_ms and coming_ms <= wake_ms[0]:
            if coming_ms == NEVER_MS:
                raise RuntimeError("a policy let all queries wait, and nothing would ever happen")
            now_ms = coming_ms
            waiting_query[tail], waiting_size[tail], waiting_since_ms[tail] = arrived, size[arrived], now_ms
            tail += 1
            arrived += 1
        elif ending_ms <= wake_ms[0]:
            now_ms, instance = ending_ms, due_instance[0]
            busy = _pop(due_ms, due_instance, busy)
            piece = in_service[instance]
            while piece >= 0:
                query = piece_query[piece]
                open_places[query] -= 1
                if open_places[query] == 0:
                    done += 1
                    finished_ms[query] = now_ms
                    if query >= counted_from and now_ms - arrival_ms[query] > target_ms:
                        late += 1
                        if late > most_late:
                            return late
                outstanding[instance] -= 1
                following = piece_next[piece]
                piece_next[piece], unused = unused, piece
                piece = following
            in_service[instance] = -1
            free_at_ms[instance] = now_ms
            piece = queue_first[instance]
            if piece < 0:
                queued_ms[instance] = 0.0  # sums and differences of floats leave dust
            else:
                rows = piece_rows[piece]
                queued_ms[instance] -= service.mean_ms[kind[instance], rows]
                last = piece
                if service.merge:
                    until_ms = deadline_ms(kind[instance], rows, arrival_ms[piece_query[piece]], now_ms, service)
                    while piece_next[last] >= 0:
                        more = piece_next[last]
                        others_ms = deadline_ms(
                            kind[instance], piece_rows[more], arrival_ms[piece_query[more]], now_ms, service
                        )
                        together = rows + piece_rows[more] + 1
                        if not may_grow(kind[instance], together, min(until_ms, others_ms), now_ms, service, options):
                            break
                        rows, last, until_ms = together, more, min(until_ms, others_ms)
                    queued[instance] -= rows + 1
                    queued_ms[instance] = in_batches_ms(kind[instance], queued[instance], service)
                queue_first[instance] = piece_next[last]
                piece_next[last] = -1
                in_service[instance], batch_rows[instance] = piece, rows
                starting[0] = instance
                starts = 1
                free_at_ms[instance] += service.mean_ms[kind[instance], rows] + queued_ms[instance]
        else:
            now_ms = wake_ms[0]
        wake_ms[0] = NEVER_MS
        if head < tail:
            # So many wait past their time already that too many will be late.
            hopeless = head + most_late - late
            if (
                hopeless < tail
                and waiting_query[head] >= counted_from
                and now_ms - waiting_since_ms[hopeless] > target_ms
            ):
                return most_late + 1
            waiting = Waiting(waiting_size[head:tail], waiting_since_ms[head:tail])
            count = assign(policy, now_ms, waiting, pool, service, options, chosen)
            taken_up_to = head - 1
            for row in range(count):
                place, instance, rows = head + chosen[row, 0], chosen[row, 1], chosen[row, 2]
                query = waiting_query[place]
                if rows == waiting_size[place]:
                    waiting_query[place] = -1
                    taken_up_to = max(taken_up_to, place)
                else:
                    waiting_size[place] -= rows + 1
                    open_places[query] += 1
                if unused == room:
                    piece_query, piece_rows, piece_next = _doubled(piece_query, piece_rows, piece_next)
                    room *= 2
                piece, unused = unused, piece_next[unused]
                piece_query[piece], piece_rows[piece], piece_next[piece] = query, rows, -1
                outstanding[instance] += 1
                if outstanding[instance] == 1:
                    in_service[instance] = batch_last[instance] = piece
                    batch_rows[instance], batch_since[instance] = rows, event
                    starting[starts] = instance
                    starts += 1
                elif batch_since[instance] == event:
                    piece_next[batch_last[instance]] = piece
                    batch_last[instance] = piece
                    batch_rows[instance] += rows + 1
                else:
                    if queue_first[instance] < 0:
                        queue_first[instance] = piece
                    else:
                        piece_next[queue_last[instance]] = piece
                    queue_last[instance] = piece
                    longer_ms = more_ms(kind[instance], queued[instance], rows, service)
                    queued[instance] += rows + 1
                    queued_ms[instance] += longer_ms
                    free_at_ms[instance] = max(free_at_ms[instance], now_ms) + longer_ms
            head = _close_up(waiting_query, waiting_size, waiting_since_ms, head, taken_up_to)
        for row in range(starts):
            instance = starting[row]
            piece, rows = in_service[instance], batch_rows[instance]
            if batch_since[instance] == event:
                free_at_ms[instance] = now_ms + service.mean_ms[kind[instance], rows]
            luck = piece_query[piece]
            if service.split and parts_begun[luck] > 0:
                luck = (luck + NEXT_LUCK * parts_begun[luck]) % number
            low = quantile_ms[kind[instance], rows, step[luck]]
            high = quantile_ms[kind[instance], rows, step[luck] + 1]
            ends_ms = now_ms + low + fraction[luck] * (high - low)
            busy_ms[instance] += ends_ms - now_ms
            while piece >= 0:
                query = piece_query[piece]
                if started_ms[query] < 0:
                    started_ms[query] = now_ms
                served_by[query] = instance
                if service.split:
                    parts_begun[query] += 1
                    served_rows[query, kind[instance]] += piece_rows[piece] + 1
                piece = piece_next[piece]
            busy = _push(due_ms, due_instance, busy, ends_ms, instance)
    return late


@kernel
def _doubled(query: Any, rows: Any, following: Any) -> Any:
    """Return the arrays of pieces with room for twice as many; all of those there were are in use."""
    room = len(query)
    return (
        np.concatenate((query, query)),
        np.concatenate((rows, rows)),
        np.concatenate((following, np.arange(room + 1, 2 * room + 1))),
    )


@kernel
def _types(first: Any) -> Any:
    """Return the type of each instance."""
    kind = np.empty(first[-1], np.int64)
    for each in range(len(first) - 1):
        kind[first[each] : first[each + 1]] = each
    return kind


@inlined
def _close_up(query: Any, size: Any, since_ms: Any, head: int, taken_up_to: int) -> int:
    """Move those that wait before a place just taken towards the tail, over it; return the new head.

    Places just taken hold query -1; the last of them is `taken_up_to`, under `head` if there is none.
    """
    write = taken_up_to
    for read in range(taken_up_to, head - 1, -1):
        if query[read] >= 0:
            query[write], size[write], since_ms[write] = query[read], size[read], since_ms[read]
            write -= 1
    return max(write + 1, head)


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
