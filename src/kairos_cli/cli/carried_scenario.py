"""A saved plan carries its own scenario: what the command line may not say beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kairos_cli.errors import InputError, Problem, Source


def nothing_beside_the_plan(scenario: Path | None, given: dict[str, Any]) -> None:
    """Raise InputError for a scenario or flags that would contradict the one that a plan carries."""
    from kairos_cli.loading.scenario_values import FLAG_BY_KEY, SERVING_FLAG_BY_KEY

    flags = [
        flag
        for key, flag in (FLAG_BY_KEY | SERVING_FLAG_BY_KEY).items()
        if key != "seed" and given.get(key) is not None and key not in given["variables"]
    ]
    sources = [*([str(scenario)] if scenario else []), *flags]
    hint = "leave it out, or leave out --plan"
    problems = [Problem("a plan carries its own scenario", Source(each), hint) for each in sources]
    if problems:
        raise InputError(problems)
