"""The query mix: how likely each batch size is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class QueryMix:
    """A distribution of batch sizes.

    `batch_size` (B,) holds distinct whole numbers in rising order, `probability` (B,) their positive
    chances, which sum to one.
    """

    name: str
    batch_size: NDArray[np.int64]
    probability: NDArray[np.float64]
    source: str = ""

    @property
    def largest(self) -> int:
        """The largest batch size of the mix."""
        return int(self.batch_size[-1])

    @property
    def unit(self) -> int:
        """The greatest common divisor of the sizes: every query, and every part of one, is a multiple of it."""
        return math.gcd(*self.batch_size.tolist())

    @property
    def mean_batch_size(self) -> float:
        """The expected number of items in a query."""
        return float(self.batch_size @ self.probability)

    @classmethod
    def from_weights(cls, name: str, weight_by_size: dict[int, float], source: str = "") -> QueryMix:
        """Return the mix in which each size is as likely as its share of all weights; zero weights drop out."""
        sizes = sorted(size for size, weight in weight_by_size.items() if weight > 0)
        weight = np.array([weight_by_size[size] for size in sizes], dtype=np.float64)
        return cls(name, np.array(sizes, dtype=np.int64), weight / weight.sum(), source)
