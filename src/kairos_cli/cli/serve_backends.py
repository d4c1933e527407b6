"""The servers that `kairos serve` is told of, and the ways on which it can reach them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kairos_cli.domain.pool import Pool
from kairos_cli.errors import InputError, Problem
from kairos_cli.router.backend_url import Addresses, addresses

_EXAMPLE = "--backend g4dn.xlarge=http://127.0.0.1:9000,http://127.0.0.1:9001"
_BOTH = "name both of a server that speaks both: http://127.0.0.1:8000+grpc://127.0.0.1:8001"


@dataclass(frozen=True, slots=True)
class Ways:
    """Over what clients are served."""

    http: bool
    grpc: bool


def by_type(texts: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the URLs of each type of `TYPE=URL,…`."""
    urls: dict[str, list[str]] = {}
    for text in texts:
        name, given, listed = text.partition("=")
        if not (name and given and listed):
            raise InputError.of(f"cannot read {text[:80]!r}", "--backend", f"write it as {_EXAMPLE}")
        urls.setdefault(name.strip(), []).extend(url.strip() for url in listed.split(","))
    return urls


def backends_of(given: Mapping[str, Any]) -> tuple[list[tuple[str, str]], Ways]:
    """Return the servers as pairs of type and URL, and over what to serve; raises InputError for those of no use.

    HTTP it is where a server has such an address, a port for it is named, or none for gRPC.
    """
    pairs = [(name, url.rstrip("/")) for name, urls in given.get("backends", {}).items() for url in urls]
    if not pairs:
        raise InputError.of("no backend is given", None, _EXAMPLE)
    urls = [url for _, url in pairs]
    found = _addresses(urls)
    over_grpc = "grpc_port" in given
    ways = Ways("port" in given or not over_grpc or any(each.http for each in found.values()), over_grpc)
    problems = [Problem(f"{url} is named twice") for url in dict.fromkeys(urls) if urls.count(url) > 1]
    problems += [problem for url, each in found.items() for problem in _not_reached(url, each, ways)]
    if problems:
        raise InputError(problems)
    return pairs, ways


def _addresses(urls: Sequence[str]) -> dict[str, Addresses]:
    found, problems = {}, []
    for url in urls:
        try:
            found[url] = addresses(url)
        except ValueError as error:
            problems.append(Problem(str(error)))
    if problems:
        raise InputError(problems)
    return found


def _not_reached(url: str, found: Addresses, ways: Ways) -> Iterator[Problem]:
    """Yield what a server lacks for the ways on which clients are served, or has for nothing."""
    if found.grpc and not ways.grpc:
        yield Problem(f"{url} is reached over gRPC, for which there is no port", None, "--grpc-port 8001")
    elif ways.http and not found.http:
        yield Problem(f"{url} has no http:// address for the queries that come over HTTP", None, _BOTH)
    elif ways.grpc and not found.grpc:
        yield Problem(f"{url} has no grpc:// address for the queries that come over gRPC", None, _BOTH)


def pool_of_backends(backends: Sequence[tuple[str, str]]) -> Pool:
    """Return how many servers there are of each type."""
    names = [name for name, _ in backends]
    return Pool(tuple((name, names.count(name)) for name in dict.fromkeys(names)))
