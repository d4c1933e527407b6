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

    @property
    def id(self) -> str | None:
        """The name that the client gave it."""
        found = self.message.fields.get("id")
        return found if isinstance(found, str) else None


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
