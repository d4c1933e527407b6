"""What a policy makes of what it may do with queries: merging and splitting do not pay on every pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kairos_cli.domain.serving import Serving


def serving_under(policy: str, option: Sequence[float], serving: Serving) -> Serving:
    """Return what a policy does with queries: `shadow` may leave be what it may do, all others do it.

    The option of `shadow` is whether to merge and whether to split, where it may do either (simulate.tuning).
    """
    if policy != "shadow" or serving.one_at_a_time:
        return serving
    merge, split = option
    return replace(serving, merge=merge > 0, split=split > 0)
