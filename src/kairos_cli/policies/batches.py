"""What `shadow` takes along: the pieces that join one that was matched with an idle instance, in the same batch.

The batch is the one that is worth most, which is

    sum over its pieces of (worth + what it costs them to wait)  -  price of the instance's time x mean latency

- *Worth* is the price of the time that a piece takes in the batches that suit it best (policies.state): in a full
  batch on the type where it is cheapest that pays for the time, on another type or in a small batch it does not.
- What it costs a piece to *wait* is what the matching says: its own cost, or that of the busy instance that it is
  matched with. So what is dear here is taken along only if it can wait no longer.
- *In time.* The latency that the batch all but surely keeps to must leave all on board in time that can be.

It is found exactly, by dynamic programming over the units of items in the batch: pieces join in the order of the
time they have left, the longest first, so that the one that joined last says how long the batch may take.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.policies.compiled import kernel

#: A batch is made up of so many steps at most; where it has more units, of several units each.
STEPS = 128
#: A time that never comes.
NEVER_MS = 1e300


@kernel
def taken_along(
    kind: int, first: int, until_ms: float, order: Any, free: Any, sizes: Any, slack_ms: Any, value: Any, service: Any
) -> Any:
    """Return the rows of the pieces that join one of size `first`, which must end `until_ms` from now.

    `order` (N,) are the rows by the time that the pieces have left, the longest first; `free` (N,) tells which may
    join; `sizes`, `slack_ms`, the time left, and `value`, worth and waiting, are of all pieces (N,).
    """
    step = (service.largest[kind] + STEPS - 1) // STEPS
    steps = service.largest[kind] // step
    begun = (first + step) // step  # of first + 1 units, rounded up
    most = np.full(steps + 1, -np.inf)  # the most value of pieces that fill so many steps
    joins = np.zeros((len(order), steps + 1), np.bool_)
    best, last, filled = -service.time_price[kind] * service.mean_ms[kind, first], -1, 0
    if begun <= steps:
        most[begun] = 0.0
    for place in range(len(order)):
        row = order[place]
        if free[row]:
            _join(most, joins[place], begun, (sizes[row] + step) // step, value[row])
        if place + 1 < len(order) and slack_ms[order[place + 1]] == slack_ms[row]:
            continue
        for total in range(begun + 1, steps + 1):
            rows = total * step - 1
            if service.high_ms[kind, rows] > min(slack_ms[row], until_ms):
                break
            worth = most[total] - service.time_price[kind] * service.mean_ms[kind, rows]
            if worth > best:
                best, last, filled = worth, place, total
    taken = np.empty(last + 1, np.int64)
    count = 0
    for place in range(last, -1, -1):
        if joins[place, filled]:
            taken[count] = order[place]
            count += 1
            filled -= (sizes[order[place]] + step) // step
    return taken[:count]


@kernel
def _join(most: Any, joins: Any, begun: int, size: int, value: float) -> None:
    """Let one more piece of so many steps join, or not, each batch that there could be so far."""
    for total in range(len(most) - 1, begun + size - 1, -1):
        if most[total - size] + value > most[total]:
            most[total] = most[total - size] + value
            joins[total] = True
