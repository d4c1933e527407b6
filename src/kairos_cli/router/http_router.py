"""The router as it runs: its ports, a distributor, and servers that are looked after, from start to stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.router.decision import Decision
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.http_admin import ADMIN_LIMITS, Admin
from kairos_cli.router.http_front import Front
from kairos_cli.router.http_site import Site
from kairos_cli.router.journal import Journal
from kairos_cli.router.keeper import NOT_PROBED, Keeper
from kairos_cli.router.knowledge import Knowledge, ShadowPrices
from kairos_cli.router.learning import Learning
from kairos_cli.router.members import Instance
from kairos_cli.router.memory import settle
from kairos_cli.router.process import library_log, told_to_stop
from kairos_cli.router.refused import Refused
from kairos_cli.router.senders import Senders
from kairos_cli.router.settings import Settings

if TYPE_CHECKING:
    from kairos_cli.router.grpc_site import GrpcSite

#: How long starting waits for the first probes.
_FIRST_LOOK_S = 1.0


class Router:
    """One router. `start` it within a running event loop; `stop` finishes what it has accepted."""

    def __init__(self, settings: Settings, table: ServiceTable, shadow_prices: ShadowPrices, journal: Journal) -> None:
        self._settings, self._journal = settings, journal
        self._senders = Senders(settings.answers, settings.front is not None, settings.grpc is not None)
        decision = Decision(settings.policy, settings.option)
        self.distributor = Distributor(
            decision,
            Knowledge(table, shadow_prices),
            self._senders.send,
            settings.rules,
            self._hear,
            time.perf_counter,
        )
        self._keeper = Keeper(self.distributor.servers, self._senders.probe, journal)
        self._learning = Learning(self.distributor, journal, settings.learn_every_s)
        self._front, self._grpc = self._site(), self._grpc_site()
        admin = Admin(self.distributor, self, settings.model, settings.token) if settings.admin else None
        self._admin = Site(admin.handle, ADMIN_LIMITS, journal) if admin else None

    def _site(self) -> Site | None:
        if self._senders.http is None:
            return None
        front = Front(self.distributor, self._senders.http, self._settings.source, self._settings.limits)
        return Site(front.handle, self._settings.limits, self._journal)

    def _grpc_site(self) -> GrpcSite | None:
        if self._senders.grpc is None:
            return None
        from kairos_cli.router.grpc_front import GrpcFront
        from kairos_cli.router.grpc_site import GrpcSite

        front, limits = (
            GrpcFront(self.distributor, self._senders.grpc, self._settings.batch_header),
            self._settings.limits,
        )
        return GrpcSite(front, limits, self._settings.rules.most_waiting + limits.connections, self._journal)

    @property
    def port(self) -> int | None:
        """The port of clients that speak HTTP, if there is one."""
        return self._front.port if self._front else None

    @property
    def grpc_port(self) -> int | None:
        """The port of clients that speak gRPC, if there is one."""
        return self._grpc.port if self._grpc else None

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
        if self._front and settings.front:
            await self._front.start(settings.front.host, settings.front.port, settings.front.tls)
        if self._grpc and settings.grpc:
            await self._grpc.start(settings.grpc.host, settings.grpc.port, settings.grpc.tls)
        self._learning.start()
        up = len(self.distributor.servers.members.up)
        self._journal.tell(
            "ready",
            port=self.port,
            grpc_port=self.grpc_port,
            admin_port=self.admin_port,
            policy=settings.policy,
            backends=len(settings.backends),
            up=up,
        )

    async def stop(self) -> bool:
        """Refuse new queries, finish what was accepted, and close; return whether all of it was finished."""
        self._journal.tell("stopping", waiting=len(self.distributor.line))
        finished = await self.distributor.finished(self._settings.grace_s)
        self._learning.stop()
        await self._keeper.stop()
        for site in (self._front, self._grpc, self._admin):
            if site is not None:
                await site.stop()
        await self._senders.close()
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
        reached = self._senders.reached(base)
        if base in self.distributor.servers.members:
            raise Refused(f"{base} is a backend already", 409)
        instance = Instance(base, names.index(type_name), sender=reached, state="quarantined", why=NOT_PROBED)
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
            self.distributor.servers.decision.warm_up(counts, self.distributor.knowledge.service(counts))
        settle()
