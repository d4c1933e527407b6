"""A check in words that all its formats share: the limits, the verdict, what changed, what to buy instead."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text

_AT_LEAST = ("min_qps", "min_headroom", "tolerate_loss")
_DIGITS = {"$/h": 3, "queries/s": 1, "ms": 1, "%": 2}
_WORD = {"pass": "passed", "warn": "passed with warnings", "fail": "failed"}


def name_text(limit: Document) -> str:
    """Return the name of a limit, with the percentile of a latency: `qos p99`."""
    return limit["name"] if limit["percentile"] is None else f"{limit['name']} p{limit['percentile']:g}"


def asked_text(limit: Document) -> str:
    """Return what is asked for: `at most 2.5 $/h`."""
    return f"{'at least' if limit['name'] in _AT_LEAST else 'at most'} {_amount(limit, limit['limit'])}"


def actual_text(limit: Document) -> str:
    """Return what was found: `2.463 $/h`, or a dash where there is no such number."""
    return "–" if limit["actual"] is None else _amount(limit, limit["actual"])


def _amount(limit: Document, value: float) -> str:
    """Return a number with its unit and no more digits than it needs."""
    unit = limit["unit"]
    digits = 4 if unit == "ms" and value < 1 else _DIGITS.get(unit, 0)
    number = f"{value:,.{digits}f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


def title(document: Document) -> str:
    """Return the verdict on the pool in one line."""
    return f"Check {_WORD[document['verdict']]}: {pool_text(document['pool'])}"


def verdict_line(document: Document) -> str:
    """Return the verdict on the limits in one line, the broken ones by name."""
    limits = document["limits"]
    broken = [name_text(each) for each in limits if each["status"] != "pass"]
    number = f"{len(limits)} limit{'s' * (len(limits) != 1)}"
    if not broken:
        return f"check {_WORD['pass']}: {number}"
    return f"check {_WORD[document['verdict']]}: {', '.join(broken)} ({len(broken)} of {number})"


def changed_lines(document: Document) -> Iterator[str]:
    """Yield what differs from what the plan was made from."""
    for each in document["changed"]:
        if each["what"] == "price":
            yield f"price of {each['of']}: {each['was']:g} $/h, now {each['now']:g}"
        elif each["what"] == "profile":
            yield f"latency profile of {each['of']}: other numbers ({each['was'][-8:]}, now {each['now'][-8:]})"
        else:
            yield f"{each['what']}: {each['was']}, now {each['now']}"


def instead_lines(document: Document) -> Iterator[str]:
    """Yield what to buy instead under the limits of cost, target and loss, and whether that carries the load."""
    found, load = document["recommended"], document["load_qps"]
    if document["no_pool_reason"]:
        yield f"no pool fits: {document['no_pool_reason']}"
    if not found:
        return
    served = found["allowable_qps"] if found["allowable_qps"] is not None else found["capacity_qps"]
    if found["pool"] == document["pool"]:
        yield f"nothing: no pool is better at {_kept(found)} within the limit of cost"
    else:
        yield f"{pool_text(found['pool'])}: {found['cost_usd_per_hour']:.3f} $/h"
        yield f"it serves {served:.1f} queries/s at {_kept(found)}"
    if load is not None and served < load * (1 - 1e-6):
        yield f"that falls short of the load of {load:g}: it takes more money, or looser limits"


def _kept(found: Document) -> str:
    """Return what a rate keeps: the target, and after how many losses."""
    lost = found["tolerate_loss"]
    after = f" after the loss of any {lost} instance{'s' * (lost > 1)}" if lost else ""
    return f"p{found['qos_percentile']:g} < {found['qos_latency_ms']:g} ms{after}"


def served_text(document: Document) -> str:
    """Return cost and rate of the pool in one line."""
    verified, capacity = document["verified"], f"capacity {document['capacity_qps']:.1f} queries/s"
    cost = f"{document['cost_usd_per_hour']:.3f} $/h"
    if verified is None:
        return f"{cost}, {capacity}"
    low, high = verified["ci95_qps"]
    return f"{cost}, serves {verified['allowable_qps']:.1f} queries/s ({low:.1f} – {high:.1f}), {capacity}"


def effort_text(document: Document) -> str:
    """Return how much was simulated."""
    simulated = document["simulated"]
    effort = f"{simulated['replications']} x {simulated['queries']} queries a simulation"
    return f"{effort}, policy {simulated['policy']}, seed {simulated['seed']}"
