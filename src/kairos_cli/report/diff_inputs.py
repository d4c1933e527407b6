"""What changed in the inputs between two plans: the question, the prices, the mix, the latencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.report.document import Document, rounded
from kairos_cli.report.plan_sections import serving_text

#: What stands in the question, and what it is where an older plan says nothing of it.
_QUESTION: Document = {
    "model": None, "qos": None, "mix": None, "budget_usd_per_hour": None, "min_qps": None, "prices": None,
    "only": [], "purchase": ["on-demand"], "max_instances": {}, "max_spot_share": 1.0, "min_types": 1, "min_zones": 0,
    "tolerate_loss": 0, "max_changes": None, "choose": None, "seed": None,
}  # fmt: skip


def changed_inputs(old: Document, new: Document, was: Scenario, now: Scenario) -> list[Document]:
    """Return every input that differs: which, of what, old and new value, and the change in per cent of numbers.

    A price, or a latency, that only one of the plans knows is null in the other. Latencies are told by the mean
    service time in ms over the new mix.
    """
    return [
        *_question(old["scenario"], new["scenario"]),
        *_changed("serving", None, serving_text(old["scenario"]), serving_text(new["scenario"])),
        *_prices(old, new),
        *_mix(was, now),
        *_batches(was.model, now.model),
        *_latencies(was, now),
    ]


def _question(old: Document, new: Document) -> Iterator[Document]:
    for key, otherwise in _QUESTION.items():
        yield from _changed(key, None, old.get(key, otherwise), new.get(key, otherwise))


def _prices(old: Document, new: Document) -> Iterator[Document]:
    """Yield prices, availabilities and zones by column."""
    for what, key, otherwise in (
        ("price_usd_per_hour", "price_usd_per_hour", None),
        ("availability", "availability", 1.0),
        ("zones", "zones", []),
    ):
        before, after = old["inputs"].get(key, {}), new["inputs"].get(key, {})
        for name in dict.fromkeys([*before, *after]):
            yield from _changed(what, name, before.get(name, otherwise), after.get(name, otherwise))


def _mix(was: Scenario, now: Scenario) -> Iterator[Document]:
    if _mix_rows(was.mix) != _mix_rows(now.mix):
        yield _change("mean_batch_size", None, rounded(was.mix.mean_batch_size), rounded(now.mix.mean_batch_size))


def _mix_rows(mix: QueryMix) -> tuple[Any, Any]:
    return mix.batch_size.tolist(), mix.probability.tolist()


def _batches(was: ModelProfile, now: ModelProfile) -> Iterator[Document]:
    """Yield what servers may do with the model's queries now and might not before, or the reverse."""
    yield from _changed("mergeable", None, was.mergeable, now.mergeable)
    yield from _changed("splittable", None, was.splittable, now.splittable)
    yield from _changed("largest_batch", None, was.largest_batch, now.largest_batch)


def _latencies(was: Scenario, now: Scenario) -> Iterator[Document]:
    before, after = was.model.latency, now.model.latency
    for machine in dict.fromkeys([*before, *after]):
        old, new = before.get(machine), after.get(machine)
        if old is None or new is None or _latency_rows(old) != _latency_rows(new):
            yield _change("mean_service_ms", machine, _mean_ms(old, now.mix), _mean_ms(new, now.mix))


def _latency_rows(profile: LatencyProfile) -> list[Any]:
    return [each.tolist() for each in (profile.batch_size, profile.mean_ms, profile.level, profile.quantile_ms)]


def _mean_ms(profile: LatencyProfile | None, mix: QueryMix) -> float | None:
    """Return the mean service time over a mix; None for no profile, or one that does not reach so far."""
    if profile is None or mix.largest > profile.largest:
        return None
    return rounded(float(profile.at(mix.batch_size).mean_ms @ mix.probability))


def _changed(what: str, name: str | None, old: Any, new: Any) -> Iterator[Document]:
    if old != new:
        yield _change(what, name, old, new)


def _change(what: str, name: str | None, old: Any, new: Any) -> Document:
    numbers = all(type(each) in (int, float) for each in (old, new)) and what != "seed"
    percent = rounded((new / old - 1) * 100) if numbers and old else None
    return {"input": what, "of": name, "old": old, "new": new, "change_percent": percent}
