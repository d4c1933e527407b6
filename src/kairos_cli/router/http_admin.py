"""The admin port: metrics, status, learned latencies, and backends that come and go. Everything needs the token.

GET  /metrics               for Prometheus
GET  /v1/status             kairos.router/1, what `kairos top` shows
GET  /v1/latency            kairos.latency/1, what `kairos profile refresh` writes as a profile
POST /v1/backends           {"type": "r5n.large", "url": "http://…"}  add one
POST /v1/backends/drain     {"url": "http://…"}  finish what it has, then forget it
POST /v1/backends/remove    {"url": "http://…"}  forget it at once
"""

from __future__ import annotations

import hmac
import json
from typing import Any, Protocol

from aiohttp import web

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.http_site import Limits, json_response, read_body
from kairos_cli.router.members import Instance
from kairos_cli.router.metrics import Metrics
from kairos_cli.router.refused import Refused
from kairos_cli.router.status import latency, status

#: Nothing that is sent here is large.
ADMIN_LIMITS = Limits(body_bytes=65_536, connections=64, idle_s=30.0, body_s=5.0)


class Pool(Protocol):
    """What the admin can do to the pool."""

    def add(self, type_name: str, url: str) -> Instance:
        """Take a server in; raises Refused for an unknown type, or a URL that is there or is none."""

    def find(self, url: str) -> Instance:
        """Return the instance of a URL; raises Refused if there is none."""


class Admin:
    """Answers those who have the token."""

    def __init__(self, distributor: Distributor, pool: Pool, model: ModelProfile, token: str) -> None:
        self._distributor, self._pool, self._model = distributor, pool, model
        self._metrics = Metrics(distributor)
        self._token = token.encode()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; raises Refused."""
        if not self._is_allowed(request.headers.get("Authorization", "")):
            response = json_response(b'{"error":"the admin token is missing or wrong"}', 401)
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        asked = request.method, request.path
        if asked == ("GET", "/metrics"):
            return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})
        if asked == ("GET", "/v1/status"):
            return _answer(status(self._distributor, self._model))
        if asked == ("GET", "/v1/latency"):
            return _answer(latency(self._distributor, self._model))
        if request.method == "POST" and request.path.startswith("/v1/backends"):
            return _answer(self._change(request.path, _fields(await read_body(request, ADMIN_LIMITS))))
        raise Refused(f"there is no {request.method} {request.path[:80]}", 404)

    def _is_allowed(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode(errors="surrogateescape")
        return hmac.compare_digest(given, self._token) and scheme.lower() == "bearer"

    def _change(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked to the pool, and say which instance it was done to."""
        url = _text(fields, "url")
        if path == "/v1/backends":
            instance = self._pool.add(_text(fields, "type"), url)
        elif path == "/v1/backends/drain":
            instance = self._pool.find(url)
            self._distributor.servers.drain(instance)
        elif path == "/v1/backends/remove":
            instance = self._pool.find(url)
            self._distributor.servers.remove(instance)
        else:
            raise Refused(f"there is no POST {path[:80]}", 404)
        return {"backend": instance.name, "type": self._distributor.servers.name_of(instance), "state": instance.state}


def _fields(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused("the body is no JSON") from None
    if not isinstance(fields, dict):
        raise Refused("the body must be a JSON object")
    return fields


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise Refused(f"{key!r} must be given, as text")
    return value


def _answer(document: dict[str, Any]) -> web.Response:
    return json_response(json.dumps(document).encode())
