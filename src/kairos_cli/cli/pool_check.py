"""Whether a pool that the user names can be looked at: its types are known, and it is not too large."""

from __future__ import annotations

from typing import Any

from kairos_cli.errors import InputError


def check_pool(question: Any, pool: Any, source: str) -> None:
    """Raise InputError where a type of the pool has no price or profile, or the pool is too large."""
    from kairos_cli.loading.toml_file import near_name
    from kairos_cli.planner.candidates import usable_types
    from kairos_cli.planner.rating import MOST_SIMULATED

    for name in pool.by_type:
        profile = question.model.latency.get(name)
        if profile is not None and question.mix.largest > profile.largest:
            message = f"batch size {question.mix.largest} of {question.mix.name} is beyond the profile of {name}"
            hint = f"it ends at {profile.largest}; latencies are not extrapolated"
            raise InputError.of(message, None, hint)
    names = [each.name for each in usable_types(question)]
    for name in pool.by_type:
        if name not in names:
            priced = name in question.prices.price_usd_per_hour()
            what = f"no latency profile of {question.model.name} for {name}" if priced else f"no price of {name}"
            raise InputError.of(f"there is {what}", source, near_name(name, names, "types with both"))
    if pool.size > MOST_SIMULATED:
        message = f"a pool of {pool.size} instances is too large to be simulated"
        raise InputError.of(message, source, f"the limit is {MOST_SIMULATED}; larger ones come close to their capacity")
