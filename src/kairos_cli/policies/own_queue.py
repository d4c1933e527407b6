"""What an instance with a queue of its own serves next, and when it will be done.

The policies that place a query on its arrival leave it in the queue of an instance. Where queries may be merged,
an instance that gets free takes the first piece and further ones in their order, as dynamic batchers do, while

- the batch is not larger than the largest that the type serves,
- it takes no more than `options[0]` targets on average, the limit that operators set by its size,
- if `options[1]` is 1, it is expected to end in time for all on board that can still be in time.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined


@inlined
def may_grow(kind: int, rows: int, deadline_ms: float, now_ms: float, service: Any, options: Any) -> bool:
    """Tell whether a batch of so many rows may be served at once, if the first on board must end by a time."""
    if rows >= service.largest[kind]:
        return False
    mean_ms = service.mean_ms[kind, rows]
    return bool(mean_ms <= options[0] * service.target_ms and (options[1] == 0 or now_ms + mean_ms <= deadline_ms))


@inlined
def deadline_ms(kind: int, rows: int, arrival_ms: float, now_ms: float, service: Any) -> float:
    """Return when a piece must end; a piece that is late even alone has no deadline to keep."""
    until_ms = arrival_ms + service.target_ms
    return float(until_ms if now_ms + service.mean_ms[kind, rows] <= until_ms else 1e300)


@inlined
def in_batches_ms(kind: int, units: int, service: Any) -> float:
    """Return how long so many units take in full batches and one of what is left over."""
    full = service.full[kind] + 1
    taken_ms = units // full * service.mean_ms[kind, full - 1]
    return float(taken_ms + service.mean_ms[kind, units % full - 1] if units % full else taken_ms)


@inlined
def more_ms(kind: int, queued: int, size: int, service: Any) -> float:
    """Return how much longer a queue of so many units takes for one more piece, given as a row."""
    if not service.merge:
        return float(service.mean_ms[kind, size])
    return in_batches_ms(kind, queued + size + 1, service) - in_batches_ms(kind, queued, service)
