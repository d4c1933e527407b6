"""A model behind an ingress on Ray Serve, its queries shared out by KairosRequestRouter; see the README beside it.

The model is emulated: a replica takes as long as its instance type was measured to take. Replace `Ranker.__call__`
by your model and leave out `plan`, `slow` and `seed`; all else stays as it is.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kairos_cli.loading.plan_file import load_plan
from kairos_cli.router.ray import KairosReplica, Resubmitting
from kairos_cli.router.refused import Refused
from kairos_cli.router.service_draw import ServiceDraw
from kairos_cli.router.work import NotServed


@serve.deployment
class Ranker(KairosReplica):
    """Scores so many items, one query after the other; the answer tells who did."""

    def __init__(self, plan: str, slow: float = 1.0, seed: int = 0) -> None:
        self.type = ray.get_runtime_context().get_node_labels()[self.instance_type_label]
        number = zlib.crc32(serve.get_replica_context().replica_id.unique_id.encode())
        profile = load_plan(Path(plan)).scenario.model.latency[self.type]
        self._draw = ServiceDraw(profile.slowed(slow), seed, number)
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, items: int) -> dict[str, Any]:
        """Return the type and the process that served; instances serve one query at a time, however many they get."""
        async with self._one_at_a_time:
            await asyncio.sleep(self._draw.latency_ms(items) / 1000)
        return {"items": items, "type": self.type, "process": os.getpid()}


@serve.deployment(num_replicas=1, max_ongoing_requests=1000, ray_actor_options={"num_cpus": 0})
class Ingress:
    """Takes HTTP requests and asks the ranker. There is one of it, since each would have a router of its own."""

    def __init__(self, ranker: DeploymentHandle) -> None:
        self._ask = Resubmitting(ranker)

    async def __call__(self, request: Request) -> Response:
        """Answer `{"items": 100}`; 503 for a query that is not served, 400 for one that cannot be."""
        try:
            asked = await request.json()
            return JSONResponse(await self._ask(int(asked["items"])))
        except (KeyError, TypeError, ValueError):
            return JSONResponse({"error": 'the body must be like {"items": 100}'}, 400)
        except NotServed as error:
            headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
            return JSONResponse({"error": error.message}, error.status, headers)
        except Refused as error:
            return JSONResponse({"error": error.message}, error.status)


def application(arguments: dict[str, str]) -> serve.Application:
    """Return the application of a plan: for `serve run` and for serve.yaml."""
    slow = float(arguments.get("slow", 1.0))
    return Ingress.bind(Ranker.bind(str(Path(arguments["plan"]).resolve()), slow))
