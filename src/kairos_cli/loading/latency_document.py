"""What a router has learned, `kairos.latency/1`, as a model profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.prices import machine_of
from kairos_cli.domain.qos import QosTarget
from kairos_cli.errors import InputError


def model_of(document: Mapping[str, Any]) -> ModelProfile:
    """Return the profile of all types, the latencies of those that served as measured; raises InputError if none has.

    Of a machine that is bought in several ways, the way that served most batches speaks for all.
    """
    measured, level = document["measured"], np.array(document["quantiles"])
    latency: dict[str, LatencyProfile] = {}
    for name in sorted(measured, key=lambda each: measured[each]):
        rows = np.array(document["latency_ms"][name], dtype=np.float64)
        size, machine = rows[:, 0].astype(np.int64), machine_of(name)
        latency[machine] = LatencyProfile(machine, size, rows[:, 1], level, rows[:, 2:])
    if not any(measured.values()):
        raise InputError.of("the router has served nothing yet", "--admin", "try again when it has")
    in_order = {machine: latency[machine] for machine in dict.fromkeys(machine_of(name) for name in measured)}
    source = f"learned by kairos serve from {sum(measured.values())} batches"
    serving = {key: document[key] for key in ("mergeable", "splittable")}
    limit = document["largest_batch"]
    if limit is not None and limit < max(each.largest for each in in_order.values()):
        serving["largest_batch"] = limit  # beyond, the sizes of the mix are the narrower limit
    return ModelProfile(document["model"], QosTarget.parse(document["qos"]), in_order, source=source, **serving)
