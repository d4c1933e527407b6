"""A router of Ray Serve without any cluster, over replicas that only take calls."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from ray.exceptions import RayActorError
from ray.serve._private.common import DeploymentHandleSource, DeploymentID, RequestMetadata, RequestProtocol
from ray.serve.request_router import PendingRequest, ReplicaID

from kairos_cli.router.ray import INSTANCE_TYPE, KairosRequestRouter

GPU, CPU = "g4dn.xlarge", "r5n.large"
DEPLOYMENT = DeploymentID(name="ranker", app_name="default")
_NUMBER = itertools.count()


@dataclass
class Replica:
    """A replica as a router sees it: it tells its type, and how many requests it has."""

    type: str | None
    ongoing: int = 0
    max_ongoing_requests: int = 1
    dead: bool = False
    probed: int = 0
    replica_id: ReplicaID = field(default_factory=lambda: ReplicaID(f"r{next(_NUMBER)}", DEPLOYMENT))

    @property
    def replica_metadata(self) -> dict[str, str]:
        return {} if self.type is None else {INSTANCE_TYPE: self.type}

    @property
    def name(self) -> str:
        return self.replica_id.unique_id

    async def get_queue_len(self, *, deadline_s: float) -> int:
        self.probed += 1
        if self.dead:
            raise RayActorError
        return self.ongoing


def request(*args: Any, request_id: str | None = None, http: bool = False, **kwargs: Any) -> PendingRequest:
    name = request_id or f"q{next(_NUMBER)}"
    metadata = RequestMetadata(request_id=name, internal_request_id=name)
    if http:
        metadata._request_protocol = RequestProtocol.HTTP
    return PendingRequest(args=list(args), kwargs=kwargs, metadata=metadata)


def router(*replicas: Any, **kwargs: Any) -> KairosRequestRouter:
    """Return a router over replicas, within a running loop."""
    made = KairosRequestRouter(DEPLOYMENT, DeploymentHandleSource.REPLICA)
    made.initialize_state(**kwargs)
    made.update_replicas(list(replicas))
    return made


def choose(of: KairosRequestRouter, pending: PendingRequest, *, is_retry: bool = False) -> asyncio.Task[Any]:
    """Ask for a replica, as Ray does."""
    return asyncio.ensure_future(of._choose_replica_for_request(pending, is_retry=is_retry))


async def settled() -> None:
    """Let everything happen that can happen now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def opened(of: KairosRequestRouter) -> None:
    """Wait until a router has read its plan."""
    await of._open()


def over(of: KairosRequestRouter, replica: Replica, pending: PendingRequest) -> None:
    """Tell that a query is over, as Ray does."""
    of.on_request_completed(replica.replica_id, pending.metadata.internal_request_id)
