"""What the URL of a server may be: http://host:port/path, grpc://host:port, or both joined by a plus sign."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_BETWEEN = re.compile(r"\+(?=[a-z]+://)")
_PROTOCOLS = {"http": "http", "https": "http", "grpc": "grpc", "grpcs": "grpc"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where one server is reached over HTTP, over gRPC, or over both."""

    http: str | None = None
    grpc: str | None = None


def addresses(url: str) -> Addresses:
    """Return the addresses in the URL of a backend; raises ValueError for one that is none."""
    found: dict[str, str] = {}
    for part in _BETWEEN.split(url):
        if problem := _problem(part):
            raise ValueError(problem)
        protocol = _PROTOCOLS[urlsplit(part).scheme]
        if protocol in found:
            raise ValueError(f"a backend is one server, got two addresses of one protocol: {url[:200]!r}")
        found[protocol] = part.rstrip("/")
    return Addresses(**found)


def _problem(url: str) -> str | None:
    """Return what is wrong with one address, or None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"{url[:200]!r} is no URL"
    if parts.scheme not in _PROTOCOLS or not parts.hostname or port == 0:
        return f"a backend is an http://, https://, grpc:// or grpcs:// URL, got {url[:200]!r}"
    if parts.query or parts.fragment or parts.username or any(each.isspace() for each in url):
        return f"the URL of a backend ends with its host, port or path, got {url[:200]!r}"
    if _PROTOCOLS[parts.scheme] == "grpc" and (port is None or parts.path.strip("/")):
        return f"a grpc:// URL ends with its port, got {url[:200]!r}"
    return None
