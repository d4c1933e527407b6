"""A listening port with limits: connections, header sizes, body sizes, and the time that each may take."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from kairos_cli.router.journal import Journal
from kairos_cli.router.refused import Refused, error_body

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take: bytes of a body and of a header, connections of all together, and seconds.

    `idle_s` is how long a connection may be without a whole request, `body_s` how long the body may take to come.
    """

    body_bytes: int = 64 * 2**20
    header_bytes: int = 8190
    connections: int = 1024
    idle_s: float = 75.0
    body_s: float = 30.0


class BodyLost(Refused):
    """A body that was not read to its end, so that nobody knows where the next request begins."""


class _Connection(web.RequestHandler):
    """Says what is wrong with a request in JSON, as everything else here does."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is no HTTP, or is too large for it."""
        if isinstance(exc, LineTooLong):
            status, message = 431, "a header or the URL is too long"
        response = error_response(Refused((message or "the request could not be read").splitlines()[0], status))
        response.force_close()
        return response


class _Server(web.Server):
    """Makes connections, as many as there may be."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        self._limits = limits
        super().__init__(handler, request_factory=self._request, handler_cancellation=True)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop, most = asyncio.get_running_loop(), self._limits.body_bytes
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=most)

    def __call__(self) -> web.RequestHandler:
        limits = self._limits
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_s,
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            access_log=None,  # type: ignore[arg-type]
            lingering_time=1.0,
        )

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > self._limits.connections:
            transport.abort()


class Site:
    """One port, from `start` to `stop`; `port` is the real one where 0 was asked for."""

    def __init__(self, handler: Handler, limits: Limits, journal: Journal) -> None:
        self.port = 0
        self._handler, self._journal = handler, journal
        self._runner = web.ServerRunner(_Server(self._handle, limits), shutdown_timeout=1.0)

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen; raises OSError where that cannot be."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=tls, backlog=1024).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no longer, and close the connections once their requests are answered."""
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request whatever happens."""
        try:
            return await self._handler(request)
        except BodyLost as error:
            response = error_response(error)
            response.force_close()
            return response
        except Refused as error:
            return error_response(error)
        except ConnectionError:
            raise
        except Exception as error:
            self._journal.tell("defect", error=f"{type(error).__name__}: {error}", path=request.raw_path[:200])
            return error_response(Refused(f"defect of kairos: {type(error).__name__}", 500))


def error_response(error: Refused) -> web.Response:
    """Return an error as the protocol has it."""
    response = json_response(error_body(error.message), error.status)
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def json_response(content: bytes, status: int = 200) -> web.Response:
    """Return a JSON text as a response."""
    return web.Response(body=content, status=status, content_type="application/json")


async def read_body(request: web.BaseRequest, limits: Limits) -> bytes:
    """Return the body of a request, unpacked; raises Refused for one that is too large, too slow or broken off."""
    length = request.content_length
    too_large = BodyLost(f"the body may have at most {limits.body_bytes} bytes", 413)
    if length is not None and length > limits.body_bytes:
        raise too_large
    try:
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # nothing of the response itself has been sent
        if request.content.is_eof():  # it has come already, as small bodies have
            return await request.read()
        async with asyncio.timeout(limits.body_s):
            return await request.read()
    except TimeoutError:
        raise BodyLost(f"the body did not come within {limits.body_s:g} s", 408) from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except ConnectionError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[-1:] or ["it breaks off"]
        raise BodyLost(f"the body cannot be read: {reason[0].strip()}") from None
