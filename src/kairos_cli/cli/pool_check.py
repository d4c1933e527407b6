"""Whether a pool that the user names can be looked at: its types are known, and it is not too large."""

from __future__ import annotations

from typing import Any

from kairos_cli.errors import InputError, Problem, Source


def check_pool(question: Any, pool: Any, source: str) -> None:
    """Raise InputError for each type of the pool without a price or a profile, and for too large a pool."""
    from kairos_cli.domain.prices import machine_of
    from kairos_cli.loading.toml_file import near_name
    from kairos_cli.planner.candidates import usable_types
    from kairos_cli.planner.rating import MOST_SIMULATED

    names = [each.name for each in usable_types(question)]
    both = ", ".join(names)
    problems = []
    for name in pool.by_type:
        if name in names:
            continue
        profile = question.model.latency.get(machine_of(name))
        priced = name in question.prices.price_usd_per_hour()
        if profile is not None and not question.reaches(profile):
            what = f"batch size {question.mix.largest} of {question.mix.name} is beyond the profile of {name}"
            hint = f"it ends at {profile.largest}; latencies are not extrapolated"
            problems.append(Problem(what, None, hint))
        elif priced:
            what, hint = f"there is no latency profile of {question.model.name} for {name}", f"types with both: {both}"
            problems.append(Problem(what, Source(source), hint))
        else:
            hint = near_name(name, names, "types with both")
            problems.append(Problem(f"there is no price of {name}", Source(source), hint))
    if problems:
        raise InputError(problems)
    if pool.size > MOST_SIMULATED:
        message = f"a pool of {pool.size} instances is too large to be simulated"
        raise InputError.of(message, source, f"the limit is {MOST_SIMULATED}; larger ones come close to their capacity")


def table_of_pool(question: Any, pool: Any, source: str) -> tuple[Any, Any]:
    """Return the service table of the scenario's types and the pool's counts in it, if the pool can be looked at."""
    from kairos_cli.domain.service_table import service_table
    from kairos_cli.planner.candidates import usable_types

    check_pool(question, pool, source)
    types = [each for each in usable_types(question) if each.purchase in question.purchase or each.name in pool.by_type]
    table = service_table(question, types)
    return table, table.counts(pool)
