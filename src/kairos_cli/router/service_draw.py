"""How long an emulated instance takes: a draw from its profile, as the simulator draws."""

from __future__ import annotations

import numpy as np

from kairos_cli.domain.latency_profile import Floats, LatencyProfile
from kairos_cli.router.refused import Refused


class ServiceDraw:
    """Draws service latencies of one instance; each instance has luck of its own, from the seed.

    It takes batches that were measured, and none larger than `largest_batch`, if there is such a limit.
    """

    def __init__(self, profile: LatencyProfile, seed: int, instance: int, largest_batch: int | None = None) -> None:
        self._profile = profile
        self._largest = profile.largest if largest_batch is None else min(profile.largest, largest_batch)
        self._luck = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(instance,)))
        self._quantile_ms: dict[int, Floats] = {}

    def latency_ms(self, batch_size: int) -> float:
        """Return how long the next batch takes; raises Refused for one that is too large."""
        if batch_size > self._largest:
            limit = f"{self._profile.instance_type} takes at most {self._largest}"
            raise Refused(f"a batch of {batch_size} is too large: {limit}")
        if batch_size not in self._quantile_ms:
            exact = self._profile.at(np.array([batch_size])).with_exact_mean()
            self._quantile_ms[batch_size] = exact.quantile_ms[0]
        return float(np.interp(self._luck.random(), self._profile.level, self._quantile_ms[batch_size]))
