"""When a search among simulated pools may end before it has proved its pool the best."""

from __future__ import annotations

from dataclasses import dataclass

#: Neighbours in capacity differ little: after so many pools that were not better hardly one is.
PATIENCE = 12


@dataclass(frozen=True, slots=True)
class Enough:
    """How much better another pool may be, and how long to look for one.

    A search may end where no other pool can serve more than a share `close` above the best one. Where pools are
    too many to list it also ends after `patience` simulated pools in a row that were not better. Both show in the
    gap of the certificate, and neither depends on how fast the machine is.
    """

    close: float = 0.0
    patience: int = PATIENCE


#: What a plan is held to.
PROOF = Enough()
