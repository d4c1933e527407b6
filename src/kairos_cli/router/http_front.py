"""The servers' side, as clients see it: one Open Inference Protocol server, behind which the pool stands.

Inference goes through the distributor. What tells about a model or the servers is asked of one of them. Everything
else that a server can do, such as loading models, would reach one of many and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiohttp import web

from kairos_cli.router.batch_source import BatchSource
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.http_backends import Backends
from kairos_cli.router.http_message import Reply, Request, passed_on
from kairos_cli.router.http_site import Limits, json_response, read_body
from kairos_cli.router.members import Instance
from kairos_cli.router.open_inference import Body
from kairos_cli.router.refused import Refused
from kairos_cli.router.shared_requests import joined
from kairos_cli.router.work import BackendFailed, BackendLost, NotServed

_INFER = re.compile(r"(?P<model>/v2/models/[^/?#]+(?:/versions/[^/?#]+)?)/infer(?:\?.*)?")
_TOLD = re.compile(r"/v2(?:/.*)?(?:\?.*)?")
#: So many models are remembered as known to the servers.
_MOST_MODELS = 1000


class Front:
    """Answers clients."""

    def __init__(self, distributor: Distributor, backends: Backends, source: BatchSource, limits: Limits) -> None:
        self._distributor, self._backends = distributor, backends
        self._source, self._limits = source, limits
        self._models: set[str] = set()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; raises Refused."""
        target, method = request.raw_path, request.method
        if method == "POST":
            infer = _INFER.fullmatch(target)
            if infer:
                return await self._infer(request, infer["model"])
            raise Refused("kairos passes on inference and nothing that changes a server", 404)
        if method not in ("GET", "HEAD"):
            raise Refused(f"there is nothing to {method} here", 405)
        if target == "/v2/health/live":
            return json_response(b'{"live":true}')
        if target == "/v2/health/ready":
            return self._ready()
        if not _TOLD.fullmatch(target):
            raise Refused("there is nothing here: paths begin with /v2", 404)
        return _response(await self._told(target, passed_on(request.headers)))

    def _ready(self) -> web.Response:
        up = bool(self._distributor.servers.members.up) and not self._distributor.stopping
        return json_response(b'{"ready":true}' if up else b'{"ready":false}', 200 if up else 503)

    async def _infer(self, request: web.BaseRequest, model: str) -> web.Response:
        """Have a query served."""
        content = await read_body(request, self._limits)
        body = Body.received(content, request.headers)
        items = self._source(body, request.headers)
        if model not in self._models:
            await self._expect_model(model)
        # aiohttp has unpacked the body, so it goes on unpacked.
        headers = [each for each in passed_on(request.headers) if each[0].lower() != "content-encoding"]
        inference = Request(request.raw_path, headers, body)
        replies: list[Reply] = await self._distributor.serve(items, inference)  # type: ignore[assignment]
        return _response(joined(replies, inference))

    async def _expect_model(self, model: str) -> None:
        """Raise Refused if the servers do not know a model, which would else cost the pool's time."""
        if not self._distributor.servers.members.up:
            return
        for path in (model, f"{model}/ready"):  # not every server describes its models
            reply = await self._told(path, [])
            if reply.good:
                if len(self._models) >= _MOST_MODELS:
                    self._models.clear()
                self._models.add(model)
                return
        raise Refused(f"the servers know no model {model.removeprefix('/v2/models/')}", 404)

    async def _told(self, target: str, headers: list[tuple[str, str]]) -> Reply:
        """Return what the first server that answers says; raises NotServed if none does."""
        error: Exception = NotServed("no server is up", 503, 1)
        for instance in self._asked():
            try:
                return await self._backends.get(instance, target, headers)
            except (BackendLost, BackendFailed) as failure:
                error = NotServed(f"no server answered: {failure}", 502)
        raise error

    def _asked(self) -> Iterator[Instance]:
        """Yield up to three servers to ask, the idle ones first."""
        yield from sorted(self._distributor.servers.members.up, key=lambda each: each.outstanding)[:3]


def _response(reply: Reply) -> web.Response:
    return web.Response(body=reply.content, status=reply.status, headers=reply.headers)
