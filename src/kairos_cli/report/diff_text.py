"""The difference between two plans in words: trades, and the inputs that changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kairos_cli.report.document import Document
from kairos_cli.report.plan_sections import pool_text

_NAME_BY_INPUT = {
    "qos": "target", "budget_usd_per_hour": "budget, $/h", "min_qps": "load, queries/s", "prices": "price list",
    "only": "types to use", "purchase": "purchase options", "max_instances": "limits", "max_spot_share": "spot share",
    "min_types": "least types", "min_zones": "least zones", "tolerate_loss": "losses tolerated",
    "max_changes": "most changes", "choose": "rule of choice", "price_usd_per_hour": "$/h",
    "mean_batch_size": "mean batch size of the mix", "mean_service_ms": "mean ms", "serving": "how queries are served",
    "mergeable": "queries may be merged", "splittable": "queries may be split", "largest_batch": "largest batch",
}  # fmt: skip


def trade_text(trade: Document) -> str:
    """Return a trade in words: `3 × c5n.2xlarge -> 8 × r5n.large: -$0.10/h, +4.0 % load`."""
    given, taken = pool_text(trade["given"]), pool_text(trade["taken"])
    what = f"{given} -> {taken}" if given and taken else f"add {taken}" if taken else f"remove {given}"
    load = trade["capacity_change_percent"]
    of_load = [] if load is None else [f"{signed(load, 1)} % load"]
    return f"{what}: {', '.join([usd_change_text(trade['cost_change_usd_per_hour']), *of_load])}"


def trade_lines(document: Document) -> Iterator[str]:
    """Yield what the inputs alone do to the old pool, and then each trade."""
    old, now = document["old"], document["old_pool_now"]
    usd = now["cost_usd_per_hour"] - old["cost_usd_per_hour"]
    percent = _percent(old["capacity_qps"], now["capacity_qps"])
    effects = [usd_change_text(usd)] if abs(usd) >= 0.005 else []
    effects += [f"{signed(percent, 1)} % load"] if percent is not None and abs(percent) >= 0.05 else []
    if effects:
        yield f"the old pool under the new inputs: {', '.join(effects)}"
    yield from map(trade_text, document["trades"])
    if not document["trades"]:
        yield "no instance is traded: the pool stays as it is"


def usd_change_text(usd: float) -> str:
    """Return a change of cost: `-$0.10/h`."""
    return f"{'-' if round(usd, 2) < 0 else '+'}${abs(usd):.2f}/h"


def signed(value: float, digits: int) -> str:
    """Return a number with its sign; nothing has a plus."""
    text = f"{value:+.{digits}f}"
    return f"+{text[1:]}" if float(text) == 0 else text


def _percent(old: float | None, new: float | None) -> float | None:
    return (new / old - 1) * 100 if old and new is not None else None


def change_percent_text(old: float | None, new: float | None) -> str:
    """Return by how many per cent a figure changed, or a dash."""
    percent = _percent(old, new)
    return "–" if percent is None else f"{signed(percent, 1)} %"


def input_row(change: Document) -> tuple[str, str, str, str]:
    """Return what changed, its old and its new value, and the change in per cent."""
    name = _NAME_BY_INPUT.get(change["input"], str(change["input"]))
    percent = change["change_percent"]
    return (
        f"{change['of']}, {name}" if change["of"] else name,
        _value(change["old"]),
        _value(change["new"]),
        "" if percent is None else f"{signed(percent, 1)} %",
    )


def _value(value: Any) -> str:
    """Return a value of an input as people write it; a dash stands for none."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={most}" for name, most in value.items()) or "–"
    if isinstance(value, list):
        return ", ".join(value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
