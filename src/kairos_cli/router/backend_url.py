"""What the URL of a server may be."""

from __future__ import annotations

from urllib.parse import urlsplit


def url_problem(url: str) -> str | None:
    """Return what is wrong with the URL of a backend, or None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"{url[:200]!r} is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"a backend is an http:// or https:// URL, got {url[:200]!r}"
    if parts.query or parts.fragment or parts.username or any(each.isspace() for each in url):
        return f"the URL of a backend ends with its host, port or path, got {url[:200]!r}"
    return None
