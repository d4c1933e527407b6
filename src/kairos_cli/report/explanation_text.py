"""What is said about a pool beside the recommended one: the verdict, and the change that mends it."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text


def verdict_sentence(document: Document) -> str:
    """Return the answer in one sentence."""
    this, other, verdict = document["pool"], document["recommended"], document["verdict"]
    name = pool_text(this["pool"])
    if verdict == "recommended":
        return f"Why not {name}? It is the recommended pool"
    if verdict == "breach":
        return f"Not {name}: {'; '.join(each['reason'] for each in document['breaches'])}"
    if verdict == "alone":
        return (
            f"Why not {name}? It serves {qps_text(served_qps(this))} queries/s, and kairos found no pool to recommend"
        )
    rate = _compared(served_qps(this), served_qps(other), "more", "less")
    cost = _compared(this["cost_usd_per_hour"], other["cost_usd_per_hour"], "more", "less")
    serves = f"it serves {qps_text(served_qps(this))} queries/s"
    if verdict == "slower":
        return f"Not {name}: {serves}, {rate} than the recommended pool, and costs {cost}"
    if verdict == "faster":
        return f"Why not {name}? {serves[:1].upper()}{serves[1:]}, {rate} than the recommended pool, and costs {cost}"
    load = document["scenario"]["min_qps"] if document["scenario"]["budget_usd_per_hour"] is None else None
    does = f"carries the load of {load:g} queries/s" if load else "serves as much as the recommended pool"
    if verdict == "dearer":
        return f"Not {name}: it {does}, but costs {cost}"
    return f"Why not {name}? It {does}, and costs {cost}"


def served_qps(figures: Document) -> float:
    """Return the rate of a pool that is known best: simulated, or else the capacity."""
    return float(figures["capacity_qps"] if figures["allowable_qps"] is None else figures["allowable_qps"])


def _compared(this: float, other: float, more: str, less: str) -> str:
    """Return how one number compares with another, in per cent."""
    percent = f"{abs(this / other - 1):.1%}" if other else ""
    return "as much" if percent == "0.0%" else f"{percent} {more if this > other else less}"


def simulated_text(figures: Document) -> str:
    """Return the simulated rate of a pool with its interval, or a dash."""
    if figures["allowable_qps"] is None:
        return "–"
    low, high = figures["ci95_qps"]
    return f"{qps_text(figures['allowable_qps'])} ({qps_text(low)} – {qps_text(high)})"


def change_lines(document: Document) -> Iterator[str]:
    """Yield what to change, what comes out of it, and whether less would do."""
    change = document["change"]
    if change is None:
        yield _why_no_change(document)
        return
    parts = [f"remove {pool_text(change['removed'])}"] if change["removed"] else []
    parts += [f"add {pool_text(change['added'])}"] if change["added"] else []
    number = change["instances"]
    yield f"{', '.join(parts)} ({number} instance{'s' * (number > 1)}): {_wanted(document)}"
    is_recommended = change["pool"] == document["recommended"]["pool"]
    rate = (
        f"{simulated_text(change)} queries/s" if change["allowable_qps"] else f"capacity {qps_text(served_qps(change))}"
    )
    yield (
        f"makes {'the recommended ' if is_recommended else ''}{pool_text(change['pool'])}: {rate} for "
        f"{change['cost_usd_per_hour']:.3f} $/h"
    )
    yield _how_sure(change)


def _wanted(document: Document) -> str:
    """Return what the change is to reach."""
    load = document["scenario"]["min_qps"]
    if load and document["least_qps"] == load:
        wanted = f"then it carries {load:g} queries/s"
    else:
        wanted = "then it serves what the recommended pool does"
    budget = document["scenario"]["budget_usd_per_hour"]
    return f"{wanted}{f', within {budget:g} $/h' if budget else ''}"


def _how_sure(change: Document) -> str:
    tried = change["pools_tried"]
    pools = "the one nearer pool" if tried == 1 else f"the {tried} nearer pools"
    if not change["smallest"]:
        return f"a smaller change may do: {pools} that were simulated fall short"
    if not tried:
        return "no smaller change is enough: no nearer pool has the capacity"
    return f"no smaller change is enough: {pools} with the capacity fall{'s' * (tried == 1)} short in simulation"


def _why_no_change(document: Document) -> str:
    if document["verdict"] == "recommended":
        return "none is needed: this is the pool to reach"
    if document["recommended"] is None:
        return "none is known: no pool fits the scenario"
    return "none is needed: it reaches the rate within the limits"
