"""How long an emulated instance takes: a draw from its profile, as the simulator draws."""

from __future__ import annotations

import numpy as np

from kairos_cli.domain.latency_profile import Floats, LatencyProfile
from kairos_cli.router.refused import Refused


class ServiceDraw:
    """Draws service latencies of one instance; each instance has luck of its own, from the seed."""

    def __init__(self, profile: LatencyProfile, seed: int, instance: int) -> None:
        self.profile = profile
        self._luck = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(instance,)))
        self._quantile_ms: dict[int, Floats] = {}

    def latency_ms(self, batch_size: int) -> float:
        """Return how long the next batch takes; raises Refused for one that was never measured."""
        if batch_size > self.profile.largest:
            limit = f"at most {self.profile.largest} were measured on {self.profile.instance_type}"
            raise Refused(f"a batch of {batch_size} is too large: {limit}")
        if batch_size not in self._quantile_ms:
            exact = self.profile.at(np.array([batch_size])).with_exact_mean()
            self._quantile_ms[batch_size] = exact.quantile_ms[0]
        return float(np.interp(self._luck.random(), self.profile.level, self._quantile_ms[batch_size]))
