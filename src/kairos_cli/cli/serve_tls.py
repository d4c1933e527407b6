"""The certificate of `kairos serve`, as HTTP and gRPC take it."""

from __future__ import annotations

import ssl
from pathlib import Path

from kairos_cli.errors import InputError


def tls_context(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return what HTTPS needs, if it is wanted; raises InputError for files that cannot be used."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise InputError.of("HTTPS needs both --tls-cert and --tls-key", None, "give both, or neither for HTTP")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError.of(f"cannot be used: {error.strerror or error}", cert, "a PEM chain, and its key") from None
    return context


def pem(cert: Path | None, key: Path | None) -> tuple[bytes, bytes] | None:
    """Return a private key and its certificates as gRPC takes them; they have been read before."""
    return (key.read_bytes(), cert.read_bytes()) if cert and key else None
