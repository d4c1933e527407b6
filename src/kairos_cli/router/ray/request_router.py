"""The policies of kairos as a request router of Ray Serve.

Ray asks a router through `choose_replicas`, again and again with pauses of 25 to 500 ms, and never when a replica
frees. So this one overrides the method that does the asking, `_choose_replica_for_request`, as Ray's own router for
capacity queues does: a query waits in the distributor until the policy gives it to a replica. A test holds Ray to it.

A router belongs to one deployment handle in one process, and runs within one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

from kairos_cli.router.journal import Journal
from kairos_cli.router.ray.asked import asked, prepared
from kairos_cli.router.ray.replicas import Replicas
from kairos_cli.router.refused import Refused

_LOG = logging.getLogger("ray.serve")


class KairosRequestRouter(RequestRouter):  # type: ignore[misc]
    """Shares the queries of one handle out over the replicas of a deployment by the plan's policy.

    `request_router_kwargs` are the fields of `asked.Asked`. What is wrong with them is raised by every call: Ray
    would only log it, and let all calls hang.
    """

    def initialize_state(self, **kwargs: Any) -> None:
        """Take in what the configuration of the deployment says; Ray calls it once."""
        self._given = kwargs
        self._opening: asyncio.Task[Replicas] | None = None
        self._kairos: Replicas | None = None

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Take in the replicas that there are now."""
        super().update_replicas(replicas)
        if self._kairos is not None:
            self._kairos.update(replicas)
        else:
            self._open()

    async def _choose_replica_for_request(
        self, pending_request: PendingRequest, *, is_retry: bool = False
    ) -> RunningReplica:
        """Return the replica that is to serve a query, when it is to be sent."""
        if pending_request.metadata.is_http_request:
            raise Refused("KairosRequestRouter sees no bodies of HTTP requests: put an ingress before this deployment")
        kairos = await asyncio.shield(self._open())
        return await kairos.choose(pending_request, is_retry=is_retry)

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Return all replicas: only Ray's own routing asks, which this router does without."""
        return [candidate_replicas]

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        """Let a replica go whose query is over, well or not."""
        if self._kairos is not None:
            self._kairos.over(replica_id.unique_id, internal_request_id)

    def on_replica_actor_died(self, replica_id: ReplicaID) -> None:
        """Send nothing more to a replica that has died."""
        super().on_replica_actor_died(replica_id)
        if self._kairos is not None:
            self._kairos.lost(replica_id.unique_id, "the replica died")

    def on_replica_actor_unavailable(self, replica_id: ReplicaID) -> None:
        """Send nothing more to a replica that does not answer, until it does."""
        super().on_replica_actor_unavailable(replica_id)
        if self._kairos is not None:
            self._kairos.lost(replica_id.unique_id, "the replica does not answer")

    def _open(self) -> asyncio.Task[Replicas]:
        """Return what makes the distributor; it is made once, in another thread as far as that takes time."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._opened())
            self._opening.add_done_callback(_log_error)
        return self._opening

    async def _opened(self) -> Replicas:
        ready = await asyncio.get_running_loop().run_in_executor(None, lambda: prepared(asked(self._given)))
        self._kairos = Replicas(ready, Journal(_LOG.info))
        self._kairos.update(self.curr_replicas.values())
        return self._kairos


def _log_error(task: asyncio.Task[Replicas]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _LOG.error("KairosRequestRouter cannot start: %s", error)
