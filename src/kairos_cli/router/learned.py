"""Latencies learned from what servers take, starting from the profile, so that a wrong profile mends itself.

Each measured latency is divided by the median that the profile has for its type and batch size. Of these ratios
the latest are kept, for each type and for each band of batch sizes of it, a band being a factor of two. Their median
says by how much the type is slower than its profile, their 90th percentile how much its tail is. Neither is moved by
outliers, however far off, as long as they are well under a tenth.

A band with few measurements leans on its type, and its tail on that of its type. What differs from the profile by no
more than chance would explain, or by less than 3 %, is taken as the profile has it: with a right profile the router
decides as the simulation did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats, LatencyProfile
from kairos_cli.domain.service_table import ServiceTable

#: How many of the latest ratios are kept for a band and for a type.
BAND_WINDOW, TYPE_WINDOW = 64, 256
#: With fewer measurements of a type nothing is said.
FEWEST = 16
#: A band counts its type for so many measurements of its own.
_LEAN = 8.0
#: Differences from the profile that are taken for none, in logarithms and in standard errors of the median.
_NEGLIGIBLE, _ERRORS = 0.03, 3.0
_MEDIAN, _HIGH = 0.5, 0.9
#: The standard error of a median, in median absolute deviations over the root of the number (normal distribution).
_MEDIAN_ERROR = 1.4826 * 1.2533
#: Ratios beyond say nothing that smaller ones do not.
_MOST = math.log(100.0)


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """By what factors the latencies of a type differ from its profile, at the median and high up, of so many."""

    median: float
    high: float
    measured: int


class _Window:
    """The latest ratios, as logarithms: to the profile's median and to its high quantile."""

    def __init__(self, length: int) -> None:
        self._ratios = np.zeros((length, 2))
        self.count = 0

    def add(self, to_median: float, to_high: float) -> None:
        place = self.count % len(self._ratios)
        self._ratios[place, 0], self._ratios[place, 1] = to_median, to_high
        self.count += 1

    def estimate(self) -> tuple[float, float, int]:
        """Return the logarithms of both factors, and how many measurements they rest on."""
        kept = self._ratios[: self.count]
        if not len(kept):
            return 0.0, 0.0, 0
        median = float(np.median(kept[:, 0]))
        error = _MEDIAN_ERROR * float(np.median(np.abs(kept[:, 0] - median))) / math.sqrt(len(kept))
        least = max(_NEGLIGIBLE, _ERRORS * error)
        high = float(np.quantile(kept[:, 1], _HIGH))
        return _beyond(median, least), _beyond(high, least), len(kept)


class Learned:
    """What is learned about the latencies of one service table."""

    def __init__(self, table: ServiceTable) -> None:
        self._table = table
        self._median_ms, self._high_ms = _at_level(table, _MEDIAN), _at_level(table, _HIGH)
        self._band = np.log2(table.batch_size).astype(int)
        bands = int(self._band[-1]) + 1
        self._types = [_Window(TYPE_WINDOW) for _ in table.names]
        self._bands = [[_Window(BAND_WINDOW) for _ in range(bands)] for _ in table.names]

    def observe(self, kind: int, size: int, measured_ms: float) -> float:
        """Take in what a batch of a size, as a row, took on a type; return its ratio to the profile's median."""
        median_ms = self._median_ms[kind, size]
        to_median = min(max(math.log(max(measured_ms, 1e-9) / median_ms), -_MOST), _MOST)
        to_high = to_median + math.log(median_ms / self._high_ms[kind, size])
        self._types[kind].add(to_median, to_high)
        self._bands[kind][self._band[size]].add(to_median, to_high)
        return math.exp(to_median)

    def drift(self) -> list[Drift]:
        """Return how far each type (J,) is from its profile."""
        of_type = [self._of_type(kind) for kind in range(len(self._types))]
        return [
            Drift(math.exp(median), math.exp(high), window.count)
            for (median, high), window in zip(of_type, self._types, strict=True)
        ]

    def factors(self) -> tuple[Floats, Floats]:
        """Return the factors (J, B) to the profile at the median and at the high quantile."""
        logarithm = np.zeros((len(self._types), len(self._bands[0]), 2))
        for kind, bands in enumerate(self._bands):
            of_type = np.array(self._of_type(kind))
            for place, band in enumerate(bands):
                median, _, count = band.estimate()
                share = count / (count + _LEAN) if self._types[kind].count >= FEWEST else 0.0
                # The tail of a band moves with its median: it has too few measurements to tell one from outliers.
                logarithm[kind, place] = of_type + share * (median - of_type[0])
        by_size = np.exp(logarithm[:, self._band])
        return by_size[..., 0], by_size[..., 1]

    def _of_type(self, kind: int) -> tuple[float, float]:
        median, high, _ = self._types[kind].estimate()
        return (median, high) if self._types[kind].count >= FEWEST else (0.0, 0.0)

    def table(self) -> ServiceTable:
        """Return the table with the latencies as they are now known to be."""
        median, high = self.factors()
        if (median == 1).all() and (high == 1).all():
            return self._table
        quantile_ms = self._table.quantile_ms * _by_level(median, high, self._table.level)
        quantile_ms = np.maximum.accumulate(quantile_ms, axis=-1)
        profiles = [
            LatencyProfile(name, self._table.batch_size, mean_ms, self._table.level, quantiles)
            for name, mean_ms, quantiles in zip(
                self._table.names, self._table.mean_ms * median, quantile_ms, strict=True
            )
        ]
        on_time = np.array([each.on_time(self._table.qos.latency_ms) for each in profiles])
        return replace(
            self._table, mean_ms=np.array([each.mean_ms for each in profiles]), quantile_ms=quantile_ms, on_time=on_time
        )


def _beyond(value: float, least: float) -> float:
    """Return a value, or 0 for one that is too small to count."""
    return value if abs(value) > least else 0.0


def _by_level(median: Floats, high: Floats, level: Floats) -> Floats:
    """Return the factor (J, B, Q) of each quantile: up to the median its own, from there to the high one's."""
    part = np.clip((level - _MEDIAN) / (_HIGH - _MEDIAN), 0.0, 1.0)
    return np.asarray(median[..., None] + part * (high - median)[..., None])


def _at_level(table: ServiceTable, level: float) -> NDArray[np.float64]:
    """Return the latency (J, B) at a quantile level."""
    above = int(np.clip(np.searchsorted(table.level, level), 1, len(table.level) - 1))
    part = (level - table.level[above - 1]) / (table.level[above] - table.level[above - 1])
    low_ms, high_ms = table.quantile_ms[..., above - 1], table.quantile_ms[..., above]
    return np.asarray(np.maximum(low_ms + part * (high_ms - low_ms), 1e-9))
