"""Which numbers can be computed with: none but these pass the border."""

from __future__ import annotations

import math
from typing import Any

#: Prices, sums, rates and latencies beyond are slips of the keyboard, and overflow what is computed from them.
SMALLEST, LARGEST = 1e-9, 1e9
LARGEST_BATCH_SIZE = 1_000_000
#: What to do about batches larger than any that was measured.
BEYOND_THE_PROFILE_HINT = "measure larger batches, or give a smaller largest_batch"


def is_number(value: Any) -> bool:
    """Return whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def broken_rule(value: float) -> str | None:
    """Return the rule, such as `> 0`, that a price, sum, rate or latency breaks, or None."""
    if not (math.isfinite(value) and value > 0):
        return "> 0"
    if value < SMALLEST:
        return f">= {SMALLEST:g}"
    return f"<= {LARGEST:g}" if value > LARGEST else None


def batch_size_problem(value: Any) -> str | None:
    """Return what is wrong with a batch size, or None."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        return f"batch size must be a whole number >= 1, got {value!r}"
    return f"batch size must be <= {LARGEST_BATCH_SIZE}, got {value}" if value > LARGEST_BATCH_SIZE else None


def beyond_the_profile(largest_batch: int, measured: int) -> str:
    """Return the words for a limit on batches that is larger than any batch that was measured."""
    return (
        f"largest_batch {largest_batch} is beyond the profile, which ends at {measured}; latencies are not extrapolated"
    )


def whole_number(cell: str) -> int | str:
    """Return the whole number above zero that a cell of a table holds, or the cell as it is if it holds none.

    Those longer than any limit stay as they are: Python reads no more than some thousand digits.
    """
    return int(cell) or cell if cell.isdecimal() and len(cell) < 20 else cell
