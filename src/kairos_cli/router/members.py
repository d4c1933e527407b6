"""The instances that serve, and the arrays in which policies see them."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from kairos_cli.policies.state import Ints, PoolState
from kairos_cli.router.work import Batch

#: `up` gets work; `quarantined` gets none until it answers probes again; `draining` gets none and is then removed.
State = Literal["up", "quarantined", "draining"]
#: Of so many batches an instance tells how fast it is for its type.
_RATIOS = 32


@dataclass(slots=True, eq=False)
class Instance:
    """One server. `name` tells it apart (its address), `type` is the index of its type in the table.

    `serving` is the batch in its hands since `started_ms`, and `line` what else it was given, first in, first out.
    `free_at_ms` is when it should have done all that, by mean latencies. `sender` is for who sends the batches.
    `faults` counts its failures since it last did its work.
    """

    name: str
    type: int
    sender: Any = None
    state: State = "up"
    serving: Batch | None = None
    started_ms: float = 0.0
    line: deque[Batch] = field(default_factory=deque)
    free_at_ms: float = 0.0
    served: int = 0
    faults: int = 0
    why: str = ""
    ratios: deque[float] = field(default_factory=lambda: deque(maxlen=_RATIOS))

    def did(self, ratio: float) -> None:
        """Note that it served a batch, in so many times what the profile of its type says."""
        self.served += 1
        self.faults = 0
        self.ratios.append(ratio)

    @property
    def ratio(self) -> float | None:
        """How many times as long as the profile of its type says it has taken lately; None before enough is known."""
        return statistics.median(self.ratios) if len(self.ratios) == _RATIOS else None

    @property
    def outstanding(self) -> int:
        """How many pieces it has."""
        return len(self.line) + (len(self.serving.pieces) if self.serving else 0)


class Members:
    """All instances of a pool with so many types."""

    def __init__(self, types: int) -> None:
        self._types = types
        self._all: dict[str, Instance] = {}
        self.up: list[Instance] = []
        self.counts: Ints = np.zeros(types, np.int64)
        self.changed()

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> Instance:
        return self._all[name]

    def add(self, instance: Instance) -> None:
        """Take an instance in; its name must be new."""
        self._all[instance.name] = instance
        self.changed()

    def forget(self, instance: Instance) -> None:
        """Forget an instance; another one that has got its name stays."""
        if self._all.get(instance.name) is instance:
            del self._all[instance.name]
            self.changed()

    def changed(self) -> None:
        """Number those that are up anew, those of a type side by side."""
        self.up = sorted((each for each in self if each.state == "up"), key=lambda each: each.type)
        self._kind = np.array([each.type for each in self.up], dtype=np.int64)
        self.counts = np.bincount(self._kind, minlength=self._types).astype(np.int64)
        self._first = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)
        self._free_at_ms, self._wake_ms = np.empty(len(self.up)), np.empty(1)
        self._outstanding, self._queued = np.empty(len(self.up), np.int64), np.empty(len(self.up), np.int64)

    def counts_of_all(self) -> Ints:
        """Return how many of each type (J,) there are, up or not."""
        kinds = np.array([each.type for each in self], dtype=np.int64)
        return np.bincount(kinds, minlength=self._types).astype(np.int64)

    def pool(self, now_ms: float) -> PoolState:
        """Return what a policy sees of the instances that are up.

        One that should be free and is not is expected to take as long again as it is overdue: were it taken
        for free, it would draw queries to itself that others could serve.
        """
        for place, each in enumerate(self.up):
            free_at_ms = each.free_at_ms
            busy = each.serving is not None
            self._free_at_ms[place] = 2 * now_ms - free_at_ms if busy and free_at_ms < now_ms else free_at_ms
            self._outstanding[place] = each.outstanding
            self._queued[place] = sum(batch.size + 1 for batch in each.line) if each.line else 0
        return PoolState(self._kind, self._free_at_ms, self._outstanding, self._queued, self._first, self._wake_ms)
