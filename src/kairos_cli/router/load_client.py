"""Queries sent at their times, whether or not earlier ones have been answered.

The load is open: real users do not wait for each other. Latency counts from the time at which a query was meant to be
sent, so that neither a slow server nor a busy generator can hide what its users would have felt (no coordinated
omission), and a query has a connection of its own if all others are busy.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from time import perf_counter

import aiohttp
import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.errors import InputError
from kairos_cli.router.alarm import Alarm
from kairos_cli.router.load_bodies import LoadBodies
from kairos_cli.router.refused import Refused

#: Common servers close a connection that is idle for five seconds; a query sent just then would be lost.
_KEPT_IDLE_S = 4.0
#: Between the first thing done and the first query.
_LEAD_S = 0.05


class End(IntEnum):
    """How a query can end."""

    ANSWERED = 0
    REFUSED = 1
    LOST = 2
    WRONG = 3


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of each query (N,): latency since its intended time, how late it was sent, and its End.

    `duplicated` counts the answers whose rows another answer had already held; `reasons` says why queries were
    refused, lost or wrongly answered.
    """

    latency_ms: Floats
    sent_late_ms: Floats
    end: NDArray[np.int8]
    duplicated: int
    reasons: Counter[str]

    @property
    def answered_ms(self) -> Floats:
        """The latencies (N,) of the queries that were answered with their own rows; NaN for all others."""
        return np.where(self.end == End.ANSWERED, self.latency_ms, np.nan)

    def number(self, end: End) -> int:
        """Return how many queries ended so."""
        return int((self.end == end).sum())


@dataclass(frozen=True, slots=True)
class Target:
    """A model at a server, and how it is asked; with `others`, at servers that are asked in turn."""

    url: str
    model: str
    timeout_s: float = 60.0
    binary: bool = False
    others: tuple[str, ...] = ()

    @property
    def model_url(self) -> str:
        """Where the model is."""
        return self.url_of(0)

    def url_of(self, number: int) -> str:
        """Return where the query of a number asks for the model."""
        urls = (self.url, *self.others)
        return f"{urls[number % len(urls)]}/v2/models/{self.model}"


async def offer(
    target: Target, arrival_s: Floats, batch_size: NDArray[np.int64], told: Callable[[], None] = lambda: None
) -> Outcomes:
    """Send queries (N,) at their times; `told` is called at each that ends.

    Raises InputError where there is no such server or model.
    """
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_IDLE_S)
    timeout = aiohttp.ClientTimeout(total=target.timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, Alarm() as alarm:
        bodies = await bodies_for(session, target)
        run = _Run(session, target, bodies, batch_size, told)
        start_s = perf_counter() + _LEAD_S
        async with asyncio.TaskGroup() as group:
            for number, arrival in enumerate(arrival_s.tolist()):
                await alarm.until(start_s + arrival)
                group.create_task(run.send(number, start_s + arrival))
    return run.outcomes()


async def bodies_for(session: aiohttp.ClientSession, target: Target) -> LoadBodies:
    """Return the bodies that the model takes by its own description; raises InputError where there is no such model."""
    try:
        async with session.get(target.model_url) as response:
            text, status = await response.text(errors="replace"), response.status
            metadata = await response.json(content_type=None) if status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        hint = "give the address of a server of the Open Inference Protocol, such as http://127.0.0.1:8000"
        raise InputError.of(f"no server answers at {target.url}: {_reason(error)}", "--url", hint) from None
    except ValueError:
        raise InputError.of(f"{target.model_url} is no description of a model", "--url") from None
    if status != 200:
        hint = "name a model that it serves with --model"
        raise InputError.of(f"{target.model_url} answers {status}: {text[:200]}", "--url", hint)
    try:
        return LoadBodies.of(metadata, target.binary)
    except Refused as refused:
        raise InputError.of(f"{target.model_url}: {refused.message}", "--url") from None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


@dataclass(slots=True)
class _Run:
    """The queries as they end."""

    session: aiohttp.ClientSession
    target: Target
    bodies: LoadBodies
    batch_size: NDArray[np.int64]
    told: Callable[[], None]
    first_row: list[int] = field(init=False)
    latency_ms: Floats = field(init=False)
    sent_late_ms: Floats = field(init=False)
    end: NDArray[np.int8] = field(init=False)
    seen: set[int] = field(default_factory=set)
    duplicated: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.first_row = np.concatenate([[0], np.cumsum(self.batch_size)]).tolist()
        number = len(self.batch_size)
        self.latency_ms, self.sent_late_ms = np.full(number, np.nan), np.zeros(number)
        self.end = np.full(number, End.LOST, dtype=np.int8)

    async def send(self, number: int, intended_s: float) -> None:
        """Send a query and note what became of it."""
        body = self.bodies.request(number, self.first_row[number], int(self.batch_size[number]))
        self.sent_late_ms[number] = (perf_counter() - intended_s) * 1000
        url = f"{self.target.url_of(number)}/infer"
        try:
            async with self.session.post(url, data=body.content, headers=body.headers) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._note(number, End.LOST, _reason(error))
        else:
            self.latency_ms[number] = (perf_counter() - intended_s) * 1000
            self._judge(number, response.status, content, response.headers)
        self.told()

    def _judge(self, number: int, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Tell what an answer is worth."""
        if status != 200:
            self._note(number, End.REFUSED, f"{status} {content[:200].decode(errors='replace')}")
            return
        own, rows = self.first_row[number], int(self.batch_size[number])
        held = self.bodies.rows_from(content, headers, number, own, rows)
        if held in self.seen:
            self.duplicated += 1
        if held == own:
            self.end[number] = End.ANSWERED
        else:
            self._note(number, End.WRONG, "an answer did not hold the rows of its query")
        if held is not None:
            self.seen.add(held)

    def _note(self, number: int, end: End, reason: str) -> None:
        self.end[number] = end
        self.reasons[f"{end.name.lower()}: {reason}"] += 1

    def outcomes(self) -> Outcomes:
        """Return what became of all queries."""
        return Outcomes(self.latency_ms, self.sent_late_ms, self.end, self.duplicated, self.reasons)
