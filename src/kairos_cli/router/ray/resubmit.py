"""Calls that outlive the replica that served them: inference is idempotent, so it is asked of another one."""

from __future__ import annotations

from typing import Any

from ray.exceptions import RayActorError


class Resubmitting:
    """A handle of a deployment whose calls are sent again when their replica dies, at most `attempts` times in all.

    Ray itself sends a call again only if its replica had not taken it yet.
    """

    def __init__(self, handle: Any, attempts: int = 3) -> None:
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {attempts}")
        self.handle = handle
        self.attempts = attempts
        self.resubmitted = 0

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the answer; raises what the last attempt raised."""
        for _ in range(self.attempts - 1):
            try:
                return await self.handle.remote(*args, **kwargs)
            except RayActorError:
                self.resubmitted += 1
        return await self.handle.remote(*args, **kwargs)
