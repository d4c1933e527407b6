"""What is said about queries that were sent: what went wrong most often, and whether the generator kept up."""

from __future__ import annotations

import numpy as np

from kairos_cli.cli.answer import note
from kairos_cli.router.load_client import Outcomes

#: A generator that sends so many milliseconds late at p99 adds to what it measures.
_LATE_MS = 5.0


def remark(outcomes: Outcomes, quiet: bool) -> None:
    """Say it on standard error."""
    for reason, count in outcomes.reasons.most_common(3):
        note(f"note: {count} {reason}", quiet)
    late_ms = float(np.percentile(outcomes.sent_late_ms, 99))
    if late_ms > _LATE_MS:
        note(f"note: queries were sent late by {late_ms:.1f} ms at p99: this machine is too slow for the load", quiet)
