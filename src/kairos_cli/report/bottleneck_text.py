"""What a pool runs out of, in words."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text
from kairos_cli.report.sure_text import sure_pool


def bottleneck_lines(document: Document) -> Iterator[str]:
    """Yield what runs out by capacity, what more of it is worth, and what the simulation makes of it."""
    found = document["bottleneck"]
    if (left := sure_pool(document["pool"])) != document["pool"]["pool"]:
        yield f"of what is sure to be left of it: {pool_text(left) or 'nothing'}"
    if found["runs_out"] == "target":
        yield _too_late(document)
        if found["type"]:
            gain = qps_text(found["gain_qps_per_instance"])
            yield f"one more {found['type']} would mend that: the capacity would be {gain} queries/s"
        return
    yield _what_runs_out(document)
    if found["type"]:
        yield _worth(found)
    yield from _in_simulation(document)
    idle = [f"{name} {share:.0%}" for name, share in found["busy_fraction"].items() if share < 0.995]
    if idle:
        yield f"not in use all the time even at capacity: {', '.join(idle)}"


def _too_late(document: Document) -> str:
    found, sizes = document["bottleneck"], document["bottleneck"]["large_sizes"]
    late = f"{found['least_late_fraction']:.2%} of all queries are late without any load"
    where = (
        "" if sizes["on_time"] else f"no type of this pool is on time from batch size {sizes['batch_size_from']} on: "
    )
    return f"{where}{late}, where {_allowed(document):.2%} may be"


def _allowed(document: Document) -> float:
    return 1 - float(document["scenario"]["qos_percentile"]) / 100


def _what_runs_out(document: Document) -> str:
    found = document["bottleneck"]
    name, sizes = found["type"], found["large_sizes"]
    if found["runs_out"] == "lateness":
        looser = _allowed(document) * found["looser_allowance"]
        return (
            f"the allowance of late queries: with {looser:.2%} instead of {_allowed(document):.2%} the capacity would "
            f"rise by {qps_text(found['looser_allowance_gain_qps'])} queries/s, more than by a tenth more of any type"
        )
    if found["runs_out"] == "missing type":
        return f"{name}, which it lacks: its machines are busy with queries that {name} would serve for less"
    if found["runs_out"] == "large sizes":
        return f"{name}: queries from batch size {sizes['batch_size_from']} on fit nowhere else in time"
    if name is None:
        return "time: at capacity all machines are busy, and no more of any type may be bought"
    return f"time: at capacity all machines are busy, and a dollar more is worth most in {name}"


def _worth(found: Document) -> str:
    """Return what one more of the type is worth, by capacity and in simulation."""
    gain = next((each["gain_qps_per_instance"] for each in found["simulated"] if each["type"] == found["type"]), None)
    really = "" if gain is None else f"; in simulation {qps_text(gain) if gain else 'nothing'}"
    return (
        f"one more {found['type']} adds up to {qps_text(found['gain_qps_per_instance'])} queries/s to the capacity, "
        f"the most for its price{really}"
    )


def _in_simulation(document: Document) -> Iterator[str]:
    """Yield what the queues make of it: which type helps more there, where the largest queries wait, what is lost."""
    found, sizes = document["bottleneck"], document["bottleneck"]["large_sizes"]
    best = max(found["simulated"], key=lambda each: each["gain_qps_per_usd_per_hour"], default=None)
    if best and best["type"] != found["type"] and best["gain_qps_per_usd_per_hour"] > 0:
        gain = qps_text(best["gain_qps_per_instance"])
        yield f"in simulation {best['type']} is worth more for its price: one more adds {gain} queries/s"
    if sizes["on_time"] != sure_pool(document["pool"]) and found["runs_out"] != "large sizes":
        where = f"fit in time only on {pool_text(sizes['on_time'])}" if sizes["on_time"] else "are late on every type"
        yield f"queries from batch size {sizes['batch_size_from']} on, {sizes['query_share']:.1%} of all, {where}"
    this, other = document["pool"]["capacity_fraction"], (document["recommended"] or {}).get("capacity_fraction")
    if this and other and this < other - 0.05:
        yield (
            f"its queues cost more: it serves {this:.0%} of its capacity in simulation, "
            f"the recommended pool {other:.0%}"
        )
