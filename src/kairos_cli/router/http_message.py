"""What the router passes on: requests of clients to servers, and their replies back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kairos_cli.router.open_inference import Body, Message, parse

#: Headers that belong to one connection or are made anew for the next one; the rest is passed on.
_OWN = frozenset({
    "connection", "content-length", "date", "expect", "host", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip

#: Headers that tell of one body's form, and of the forms that may come back: the router makes its own.
_OF_THE_BODY = {"content-type", "content-encoding", "inference-header-content-length", "accept-encoding"}


def passed_on(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers that are for the other end, each as often as it came."""
    return [(name, value) for name, value in headers.items() if name.lower() not in _OWN]


@dataclass(eq=False)
class Request:
    """One inference request as it came; `target` is the path and query of its URL."""

    target: str
    headers: list[tuple[str, str]]
    body: Body

    @cached_property
    def message(self) -> Message:
        """What it says, in tensors; raises Refused."""
        return parse(self.body, "inputs")

    def holding(self, message: Message) -> Request:
        """Return the request that says something else."""
        body = message.body()
        return Request(self.target, _headers_for(body, self.headers), body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whatever its status."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def good(self) -> bool:
        """Whether the server did the work."""
        return self.status == 200

    @property
    def fault(self) -> bool:
        """Whether the server failed at it."""
        return self.status >= 500

    @property
    def message(self) -> Message:
        """What it says, in tensors; raises Refused."""
        headers = {name.title(): value for name, value in self.headers}
        return parse(Body.received(self.content, headers), "outputs")

    def holding(self, message: Message) -> Reply:
        """Return the reply that says something else."""
        body = message.body()
        return Reply(200, _headers_for(body, self.headers), body.content)


def _headers_for(body: Body, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with those of another body."""
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_BODY]
    return [*kept, *body.headers.items()]
