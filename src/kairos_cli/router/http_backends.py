"""The client's side: batches to servers by the Open Inference Protocol, probes, and whatever else is asked of one."""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

from kairos_cli.router.answer_limits import AnswerLimits
from kairos_cli.router.http_message import Reply, Request, passed_on
from kairos_cli.router.members import Instance
from kairos_cli.router.work import BackendFailed, BackendLost

_PROBE_S = 1.0
_PROBE_PATH = "/v2/health/ready"


class Backends:
    """One HTTP client for all servers; an instance's `sender.http` is the start of its URLs."""

    def __init__(self, limits: AnswerLimits) -> None:
        self._limits = limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0),
            auto_decompress=False,  # bodies are passed on as they are
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, instance: Instance, request: Request) -> Reply:
        """Return the reply to a query; raises BackendLost or BackendFailed."""
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._ask(instance, "POST", request.target, request.headers, request.body.content)
        except TimeoutError:
            raise BackendFailed(f"no answer within {self._limits.seconds:g} s", 504) from None

    async def _ask(
        self, instance: Instance, method: str, target: str, headers: list[tuple[str, str]], content: bytes | None
    ) -> Reply:
        url = URL(f"{instance.sender.http}{target}", encoded=True)
        try:
            async with self._session.request(
                method, url, headers=headers, data=content, allow_redirects=False
            ) as response:
                length = response.content_length
                if length is not None and length > self._limits.bytes:
                    raise BackendFailed(f"its answer has {length} bytes, at most {self._limits.bytes} are taken", 502)
                return Reply(response.status, passed_on(response.headers), await self._read(response))
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise BackendLost(str(error) or type(error).__name__) from None
        except aiohttp.ClientError as error:
            raise BackendFailed(f"it answered no HTTP: {str(error)[:200] or type(error).__name__}", 502) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the body of an answer, which may not tell its length beforehand."""
        if response.content_length is not None:
            return await response.read()
        parts, size = [], 0
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._limits.bytes:
                raise BackendFailed(f"its answer has more than {self._limits.bytes} bytes", 502)
        return b"".join(parts)

    async def get(self, instance: Instance, target: str, headers: list[tuple[str, str]]) -> Reply:
        """Return what a server answers to a question that takes no time of its own; raises as `post` does."""
        try:
            async with asyncio.timeout(5 * _PROBE_S):
                return await self._ask(instance, "GET", target, headers, None)
        except TimeoutError:
            raise BackendFailed(f"no answer within {5 * _PROBE_S:g} s", 504) from None

    async def probe(self, instance: Instance) -> bool | None:
        """Return whether a server says that it is ready; None if it does not answer in time."""
        try:
            async with asyncio.timeout(_PROBE_S):
                return (await self._ask(instance, "GET", _PROBE_PATH, [], None)).status == 200
        except TimeoutError:
            return None
        except (BackendLost, BackendFailed):
            return False
