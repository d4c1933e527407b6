"""The router as it runs: two ports, a distributor, and servers that are looked after, from start to stop."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.router.backend_url import url_problem
from kairos_cli.router.batch_source import BatchSource
from kairos_cli.router.decision import Decision
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.http_admin import ADMIN_LIMITS, Admin
from kairos_cli.router.http_backends import AnswerLimits, Backends
from kairos_cli.router.http_front import Front
from kairos_cli.router.http_site import Limits, Site
from kairos_cli.router.journal import Journal
from kairos_cli.router.keeper import NOT_PROBED, Keeper
from kairos_cli.router.knowledge import Knowledge, ShadowPrices
from kairos_cli.router.members import Instance
from kairos_cli.router.process import library_log, told_to_stop
from kairos_cli.router.refused import Refused
from kairos_cli.router.rules import Rules

#: How long starting waits for the first probes.
_FIRST_LOOK_S = 1.0
#: From this factor on a drift of latencies is worth a line in the journal.
_DRIFT = 1.1


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; `tls` for HTTPS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a router is to run. `backends` are pairs of type and URL; without a token there is no admin port."""

    model: ModelProfile
    front: Address
    backends: Sequence[tuple[str, str]]
    source: BatchSource
    policy: str = "shadow"
    option: float = 0.0
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    answers: AnswerLimits = field(default_factory=AnswerLimits)
    admin: Address | None = None
    token: str = ""
    grace_s: float = 30.0
    learn_every_s: float = 1.0


class Router:
    """One router. `start` it within a running event loop; `stop` finishes what it has accepted."""

    def __init__(self, settings: Settings, table: ServiceTable, shadow_prices: ShadowPrices, journal: Journal) -> None:
        self._settings, self._journal = settings, journal
        self._backends = Backends(settings.answers)
        decision = Decision(settings.policy, settings.option)
        self.distributor = Distributor(
            decision,
            Knowledge(table, shadow_prices),
            self._backends.send,
            settings.rules,
            self._hear,
            time.perf_counter,
        )
        self._keeper = Keeper(self.distributor.servers, self._backends.probe, journal)
        front = Front(self.distributor, self._backends, settings.source, settings.limits)
        self._front = Site(front.handle, settings.limits, journal)
        admin = Admin(self.distributor, self, settings.model, settings.token) if settings.admin else None
        self._admin = Site(admin.handle, ADMIN_LIMITS, journal) if admin else None
        self._learning: asyncio.Task[None] | None = None
        self._drifted: set[int] = set()

    @property
    def port(self) -> int:
        """The port that clients use."""
        return self._front.port

    @property
    def admin_port(self) -> int | None:
        """The admin port, if there is one."""
        return self._admin.port if self._admin else None

    async def start(self) -> None:
        """Listen, once the servers were looked at; raises OSError for a port that cannot be had."""
        settings = self._settings
        for type_name, url in settings.backends:
            self.add(type_name, url)
        self._warm_up()
        await self._keeper.looked(_FIRST_LOOK_S)
        if self._admin and settings.admin:
            await self._admin.start(settings.admin.host, settings.admin.port, settings.admin.tls)
        await self._front.start(settings.front.host, settings.front.port, settings.front.tls)
        self._learning = asyncio.create_task(self._learn())
        up = len(self.distributor.servers.members.up)
        self._journal.tell(
            "ready",
            port=self.port,
            admin_port=self.admin_port,
            policy=settings.policy,
            backends=len(settings.backends),
            up=up,
        )

    async def stop(self) -> bool:
        """Refuse new queries, finish what was accepted, and close; return whether all of it was finished."""
        self._journal.tell("stopping", waiting=len(self.distributor.line))
        finished = await self.distributor.finished(self._settings.grace_s)
        if self._learning:
            self._learning.cancel()
        await self._keeper.stop()
        await self._front.stop()
        if self._admin:
            await self._admin.stop()
        await self._backends.close()
        self._journal.tell("stopped", finished=finished, **self.distributor.tally.ended)
        return finished

    async def run(self) -> bool:
        """Serve until told to stop by SIGTERM or SIGINT; return whether everything accepted was finished.

        Told a second time, it ends at once.
        """
        with library_log(self._journal):
            try:
                with told_to_stop() as stopped:
                    await self.start()
                    await stopped.wait()
            finally:
                finished = await self.stop()
            return finished

    def add(self, type_name: str, url: str) -> Instance:
        """Take a server in; it gets work once it says that it is ready."""
        names = self.distributor.knowledge.planned.names
        if type_name not in names:
            raise Refused(f"there is no type {type_name!r} in the plan: {', '.join(names)}")
        base = url.rstrip("/")
        if problem := url_problem(base):
            raise Refused(problem)
        if base in self.distributor.servers.members:
            raise Refused(f"{base} is a backend already", 409)
        instance = Instance(base, names.index(type_name), sender=base, state="quarantined", why=NOT_PROBED)
        self.distributor.servers.add(instance)
        self._keeper.watch(instance)
        return instance

    def find(self, url: str) -> Instance:
        """Return the instance of a URL; raises Refused if there is none."""
        base = url.rstrip("/")
        if base not in self.distributor.servers.members:
            raise Refused(f"{base} is no backend", 404)
        return self.distributor.servers.members[base]

    def _hear(self, instance: Instance, error: Exception) -> None:
        self._keeper.hear(instance, error)

    def _warm_up(self) -> None:
        """Ask the policy once, so that its code is loaded before the first query comes."""
        counts = self.distributor.servers.members.counts_of_all()
        if counts.any():
            self.distributor.decision.warm_up(counts, self.distributor.knowledge.service(counts))
        # What is loaded by now stays: the collector need not look through it again while queries wait.
        gc.collect()
        gc.freeze()

    async def _learn(self) -> None:
        """Take what was measured into account, every so often, and say so where it differs much from the profile."""
        while True:
            await asyncio.sleep(self._settings.learn_every_s)
            if await self.distributor.relearn():
                self._tell_drift()

    def _tell_drift(self) -> None:
        knowledge = self.distributor.knowledge
        for kind, drift in enumerate(knowledge.learned.drift()):
            drifted = max(drift.median, 1 / drift.median) >= _DRIFT
            if drifted != (kind in self._drifted):
                (self._drifted.add if drifted else self._drifted.discard)(kind)
                event = "drift" if drifted else "drift_over"
                self._journal.tell(event, type=knowledge.planned.names[kind], median=drift.median, high=drift.high)
