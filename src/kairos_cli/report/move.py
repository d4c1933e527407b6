"""The move from the pool in use to the new one, as part of a plan's document and of what people read."""

from __future__ import annotations

from collections.abc import Iterator

from kairos_cli.domain.constraints import Constraints
from kairos_cli.planner.move import Move
from kairos_cli.planner.rating import RatedPool
from kairos_cli.report.certificate_line import qps_text
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.sections import Section


def in_use_part(constraints: Constraints) -> Document:
    """Return what a question says of the pool in use; nothing if there is none."""
    if not constraints.from_pool:
        return {}
    return {"from_pool": dict(constraints.from_pool), "max_changes": constraints.max_changes}


def move_part(move: Move) -> Document:
    """Return the move: from which pool, in which steps, and what is carried all the way."""
    return {
        "from": _figures(move.start),
        "instances_added": move.added,
        "instances_removed": move.removed,
        "load_qps": rounded(move.load_qps),
        "most_usd_per_hour": rounded(move.most_usd_per_hour, 6),
        "over_budget_usd_per_hour": rounded(move.over_budget_usd_per_hour, 6),
        "steps": [
            {"add": each.added.by_type, "remove": each.removed.by_type, **_figures(each.then)} for each in move.steps
        ],
    }


def _figures(rated: RatedPool) -> Document:
    return {
        "pool": rated.pool.by_type,
        "cost_usd_per_hour": rounded(rated.cost_usd_per_hour, 6),
        "capacity_qps": rounded(rated.capacity_qps),
        "allowable_qps": rounded(rated.measured.qps) if rated.measured else None,
    }


def move_sections(document: Document) -> Iterator[Section]:
    """Yield the section that tells how to get to the plan's pool, where there is a pool in use."""
    move = document.get("move")
    if not move:
        return
    if not move["steps"]:
        yield Section("How to get there", lines=["the pool in use stays as it is"])
        return
    steps = [("now", move["from"]), *((_step_text(each), each) for each in move["steps"])]
    rows = [
        (
            str(number) if number else "",
            text,
            f"{each['cost_usd_per_hour']:.3f}",
            qps_text(each["capacity_qps"]),
            qps_text(each["allowable_qps"]),
        )
        for number, (text, each) in enumerate(steps)
    ]
    columns = (">#", "step", ">$/h then", ">capacity", ">verified")
    yield Section("How to get there", columns, rows, list(_lines(document["scenario"], move)))


def _step_text(step: Document) -> str:
    """Return a step in words: `add 2 × r5n.large`."""
    what, counts = ("add", step["add"]) if step["add"] else ("remove", step["remove"])
    return f"{what} {' + '.join(f'{count} × {name}' for name, count in counts.items())}"


def _lines(scenario: Document, move: Document) -> Iterator[str]:
    """Yield how much changes, what is carried on the way, and what the way costs."""
    most = scenario["max_changes"]
    changes = move["instances_added"] + move["instances_removed"]
    allowed = "" if most is None else f", of at most {most}"
    yield f"{changes} changes{allowed}: {move['instances_added']} added, {move['instances_removed']} removed"
    load, carried = scenario["min_qps"], move["load_qps"]
    why = "the load" if load == carried else "as much as the lesser of the two pools"
    yield f"{qps_text(carried)} queries/s are carried all the way: {why}"
    if load is not None and carried < load:
        yield f"the load of {load:g} queries/s is carried from the end on: the pool in use does not carry it"
    if move["over_budget_usd_per_hour"]:
        no_dearer = move["most_usd_per_hour"] <= move["from"]["cost_usd_per_hour"]
        why = "so does the pool in use" if no_dearer else "with less that rate would not be carried"
        yield (f"on the way the cost exceeds the budget, by up to {move['over_budget_usd_per_hour']:.3f} $/h: {why}")
