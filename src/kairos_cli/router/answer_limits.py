"""What a server may take to answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long a server may take, and how large its answer may be."""

    seconds: float = 60.0
    bytes: int = 512 * 2**20
