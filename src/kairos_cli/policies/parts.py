"""A query that is more than one batch may have: the policies that serve whole queries give out part of it.

The rest must not wait for the next event while other instances are idle, so they ask to be asked again at once.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined


@inlined
def give_earliest(now_ms: float, instance: int, waiting: Any, pool: Any, service: Any, chosen: Any) -> int:
    """Give the earliest query to an instance, or as much of it as a batch may have; the others follow at once."""
    size = min(waiting.size[0], service.largest[pool.type[instance]] - 1)
    chosen[0, 0], chosen[0, 1], chosen[0, 2] = 0, instance, size
    if size < waiting.size[0] or len(waiting.size) > 1:
        pool.wake_ms[0] = now_ms
    return 1


@inlined
def ask_again(rest: int, now_ms: float, pool: Any) -> None:
    """Have the policy asked again at once if some units are left over."""
    if rest > 0:
        pool.wake_ms[0] = now_ms
