"""The tally of a router as Prometheus metrics, made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kairos_cli.router.distributor import Distributor
from kairos_cli.router.tally import EDGES, Tally

_STATES = ("up", "quarantined", "draining")


class Metrics:
    """What Prometheus reads of one router."""

    def __init__(self, distributor: Distributor) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_OfRouter(distributor))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all metrics in the text format."""
        return generate_latest(self._registry)


class _OfRouter(Collector):
    def __init__(self, distributor: Distributor) -> None:
        self._distributor = distributor

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        yield from _queries(self._distributor)
        yield from _decisions(self._distributor.tally)
        yield from _by_type(self._distributor)
        yield _instances(self._distributor)


def _queries(distributor: Distributor) -> Iterator[Metric]:
    tally = distributor.tally
    yield GaugeMetricFamily("kairos_queries_waiting", "Queries that no server has yet.", len(distributor.line))
    yield CounterMetricFamily("kairos_queries_arrived", "Queries that came.", tally.arrived)
    ended = CounterMetricFamily("kairos_queries", "Queries by how they ended.", labels=["ended"])
    for how in ("on_time", "late", "refused", "failed", "cancelled"):
        ended.add_metric([how], tally.ended[how])
    yield ended
    buckets, below = [], 0
    for edge, count in zip((*EDGES, float("inf")), tally.latency, strict=True):
        below += count
        buckets.append((f"{edge * tally.target_ms / 1000:g}" if edge != float("inf") else "+Inf", float(below)))
    latency = HistogramMetricFamily("kairos_query_seconds", "Time from arrival to answer, waiting included.")
    latency.add_metric([], buckets, tally.latency_ms / 1000)
    yield latency
    resubmitted = "Pieces sent to another server, theirs being lost."
    yield CounterMetricFamily("kairos_resubmitted", resubmitted, tally.resubmitted)
    yield GaugeMetricFamily("kairos_target_seconds", "The latency target.", tally.target_ms / 1000)


def _decisions(tally: Tally) -> Iterator[Metric]:
    yield CounterMetricFamily("kairos_decisions", "Decisions of the policy.", tally.decisions)
    yield CounterMetricFamily("kairos_decision_seconds", "Time that decisions took.", tally.decision_s)


def _by_type(distributor: Distributor) -> Iterator[Metric]:
    batches = CounterMetricFamily("kairos_batches", "Batches served.", labels=["type"])
    items = CounterMetricFamily("kairos_items", "Items served.", labels=["type"])
    measured = CounterMetricFamily("kairos_service_seconds", "Time that servers took.", labels=["type"])
    predicted = CounterMetricFamily("kairos_predicted_service_seconds", "The same as predicted.", labels=["type"])
    drift = GaugeMetricFamily("kairos_latency_drift", "Latency as a multiple of the profile.", labels=["type", "at"])
    names = distributor.knowledge.planned.names
    drifts = distributor.knowledge.learned.drift()
    for name, tally, each in zip(names, distributor.tally.types, drifts, strict=True):
        batches.add_metric([name], tally.batches)
        items.add_metric([name], tally.items)
        measured.add_metric([name], tally.measured_ms / 1000)
        predicted.add_metric([name], tally.predicted_ms / 1000)
        drift.add_metric([name, "median"], each.median)
        drift.add_metric([name, "high"], each.high)
    yield from (batches, items, measured, predicted, drift)


def _instances(distributor: Distributor) -> Metric:
    family = GaugeMetricFamily("kairos_instances", "Instances by state.", labels=["type", "state"])
    members = list(distributor.servers.members)
    for kind, name in enumerate(distributor.knowledge.planned.names):
        for state in _STATES:
            family.add_metric([name, state], sum(each.type == kind and each.state == state for each in members))
    return family
