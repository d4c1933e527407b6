"""What of a pool its rates count on, in words: the spot instances that are there, and what a loss leaves."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text


def sure_pool(figures: Document) -> dict[str, int]:
    """Return what is sure to be left of a pool: the present instances after the worst loss."""
    left = {name: count - figures["worst_loss"].get(name, 0) for name, count in figures["present"].items()}
    return {name: count for name, count in left.items() if count}


def sure_lines(scenario: Document, pools: dict[str, Document]) -> Iterator[str]:
    """Yield what the rates of pools, by what they are called, count on; nothing if on all of each."""
    away = {name: each["present"] for name, each in pools.items() if each["present"] != each["pool"]}
    if away:
        often = f"{scenario['qos_percentile']:g}% of the time"
        yield f"rates count on the instances that are there {often}: {_each_of(away)}"
    lost = scenario["tolerate_loss"]
    if lost:
        worst = _each_of({name: each["worst_loss"] for name, each in pools.items()})
        yield f"rates are those after the loss of any {lost} instance{'s' * (lost > 1)}, the worst being: {worst}"


def _each_of(pools: dict[str, dict[str, int]]) -> str:
    return "; ".join(f"{pool_text(pool) or 'none'} ({name})" for name, pool in pools.items())
