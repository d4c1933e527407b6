"""A server of the Open Inference Protocol that computes nothing: it takes as long as a real one was measured to take.

It serves one query at a time, in the order they came, and queues the rest without a word, as real servers do. An
answer holds the rows of its request, so that anyone can tell whose rows they are.

Service is counted from the arrival of a query, or from the time at which the one before should have ended, not from
when it really did: lateness of the machine that emulates does not add up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Handler

from kairos_cli.router.alarm import Alarm
from kairos_cli.router.open_inference import Body, Message, batch_size, parse
from kairos_cli.router.refused import Refused, error_body
from kairos_cli.router.service_draw import ServiceDraw

#: The version of the only version of the model.
VERSION = "1"
_LARGEST_BODY_BYTES = 256 * 2**20
_EXTENSIONS = ["binary_tensor_data"]


class EmulatedServer:
    """One instance of the pool: its type, its address, and how many queries it has taken."""

    def __init__(self, instance_type: str, model: str, draw: ServiceDraw, alarm: Alarm, host: str, port: int) -> None:
        self.instance_type, self.model, self.host, self.port = instance_type, model, host, port
        self.taken = 0
        self._draw, self._alarm = draw, alarm
        self._free_at_s = 0.0
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen, after a stop or a crash on the same port; raises OSError where the port is taken."""
        # A query whose client has gone still takes its time, for its end was reckoned when it came.
        self._runner = web.AppRunner(self._application(), access_log=None, handler_cancellation=True)
        await self._runner.setup()
        assert self._runner.server is not None
        try:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(self._runner.server, self.host, self.port, backlog=1024)
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more queries, answer those taken, and end."""
        if self._listener is not None and self._runner is not None:
            self._listener.close()
            await self._runner.cleanup()
            self._listener = self._runner = None

    async def crash(self) -> None:
        """End as a killed process does: every connection breaks, and queries are lost."""
        if self._listener is None or self._runner is None or self._runner.server is None:
            return
        self._listener.close()
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        self._free_at_s = 0.0
        await self.stop()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_LARGEST_BODY_BYTES, middlewares=[_errors_of_the_protocol])
        application.add_routes(
            [
                web.get("/v2", self._server_metadata),
                web.get("/v2/health/live", _yes),
                web.get("/v2/health/ready", _yes),
            ]
        )
        for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            application.add_routes(
                [
                    web.get(path, self._model_metadata),
                    web.get(f"{path}/ready", self._model_ready),
                    web.post(f"{path}/infer", self._infer),
                ]
            )
        return application

    async def _server_metadata(self, request: web.Request) -> web.Response:
        return web.json_response({"name": "kairos-emulate", "version": VERSION, "extensions": _EXTENSIONS})

    async def _model_metadata(self, request: web.Request) -> web.Response:
        self._check_model(request.match_info)
        described = {"name": "row", "datatype": "INT64", "shape": [-1, 1]}
        metadata = {"name": self.model, "versions": [VERSION], "platform": "kairos_emulation"}
        return web.json_response({**metadata, "inputs": [described], "outputs": [described]})

    async def _model_ready(self, request: web.Request) -> web.Response:
        self._check_model(request.match_info)
        return await _yes(request)

    async def _infer(self, request: web.Request) -> web.Response:
        """Answer with the rows of the request, at the time at which a real instance would."""
        arrived_s = perf_counter()
        self._check_model(request.match_info)
        body = Body.received(await request.read(), request.headers)
        service_s = self._draw.latency_ms(batch_size(body)) / 1000
        answer = _echo(parse(body, "inputs"), self.model).body()
        self._free_at_s = max(arrived_s, self._free_at_s) + service_s
        self.taken += 1
        await self._alarm.until(self._free_at_s)
        return web.Response(body=answer.content, headers=answer.headers)

    def _check_model(self, path: Mapping[str, str]) -> None:
        if path["model"] != self.model:
            raise Refused(f"there is no model {path['model']!r} here, only {self.model!r}", 404)
        if path.get("version", VERSION) != VERSION:
            raise Refused(f"there is no version {path['version']!r} of {self.model}, only {VERSION!r}", 404)


def _echo(request: Message, model: str) -> Message:
    """Return the answer to a request: its inputs as outputs, in the form in which they came."""
    named = {"id": request.fields["id"]} if "id" in request.fields else {}
    tensors = tuple(replace(tensor, parameters={}) for tensor in request.tensors)
    return Message("outputs", tensors, {"model_name": model, "model_version": VERSION, **named})


async def _yes(request: web.Request) -> web.Response:
    return web.Response()


@web.middleware
async def _errors_of_the_protocol(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the error object of the protocol whatever goes wrong with a request."""
    try:
        return await handler(request)
    except Refused as refused:
        return web.Response(status=refused.status, body=refused.body, content_type="application/json")
    except web.HTTPException as error:
        said = f"{request.method} {request.path}: {error.reason}"
        return web.Response(status=error.status, body=error_body(said), content_type="application/json")
