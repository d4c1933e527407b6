"""How the servers serve: whether they merge queries into one batch, and split a query among several."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Serving:
    """What the serving system does with queries; the default is the paper's, one whole query at a time.

    With `merge` an instance may serve several queries in one batch; with `split` the items of a query may be
    served in several batches, on one instance or on many. No batch has more than `largest_batch` items, if
    that is given.
    """

    merge: bool = False
    split: bool = False
    largest_batch: int | None = None

    @property
    def one_at_a_time(self) -> bool:
        """Whether every batch is exactly one whole query."""
        return not (self.merge or self.split)

    def __str__(self) -> str:
        """Return the words for it: `one at a time`, `merging`, `splitting`, `merging and splitting`."""
        words = [word for word, done in (("merging", self.merge), ("splitting", self.split)) if done]
        return " and ".join(words) or "one at a time"


#: The paper's setting.
ONE_AT_A_TIME = Serving()
