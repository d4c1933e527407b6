"""Calls that outlive their replica."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError

from kairos_cli.router.ray import Resubmitting


@dataclass
class Handle:
    """Answers a call by the next of its results, or raises it."""

    results: list[Any]
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    async def remote(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((args, kwargs))
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


def lost() -> list[Exception]:
    return [ActorDiedError(), ActorUnavailableError("away", b"0" * 16)]


def test_a_call_whose_replica_is_lost_is_sent_again() -> None:
    """Died or out of reach, with the same arguments; the answer is that of the one that lived."""
    handle = Handle([*lost(), 7])
    ask = Resubmitting(handle)

    assert 7 == asyncio.run(ask(1000, user="a"))
    assert [((1000,), {"user": "a"})] * 3 == handle.calls
    assert 2 == ask.resubmitted


def test_there_is_an_end_to_it() -> None:
    """After three attempts the caller gets the error."""
    handle = Handle([*lost(), *lost()])

    with pytest.raises(ActorDiedError):
        asyncio.run(Resubmitting(handle)(1))
    assert 3 == len(handle.calls)


def test_an_error_of_the_model_is_not_asked_for_twice() -> None:
    """It is an answer."""
    handle = Handle([ValueError("no such user"), 7])

    with pytest.raises(ValueError, match="no such user"):
        asyncio.run(Resubmitting(handle)(1))
    assert 1 == len(handle.calls)


def test_no_attempt_is_too_few() -> None:
    """A wrapper that never calls would answer nothing."""
    with pytest.raises(ValueError, match="attempts must be at least 1, got 0"):
        Resubmitting(Handle([]), attempts=0)
