"""Questions to the admin port of a router, of `kairos top` and `kairos profile refresh`."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from kairos_cli.errors import InputError

_TIMEOUT_S = 5.0


async def asked(session: aiohttp.ClientSession, url: str, token: str, path: str, schema: str) -> dict[str, Any]:
    """Return the document at a path of an admin port; raises InputError where there is none of that schema."""
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    try:
        async with session.get(url.rstrip("/") + path, headers=headers, timeout=timeout) as response:
            status, content = response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise InputError.of(f"no router answers at {url}: {reason}", "--admin", "kairos serve --admin-port …") from None
    if status == 401:
        raise InputError.of(
            "the router does not accept the token", "--admin-token-file", "the file it was started with"
        )
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if status != 200 or not isinstance(document, dict) or document.get("schema") != schema:
        raise InputError.of(f"{url} is no admin port of kairos serve", "--admin", "its port stands in the line `ready`")
    return document


async def ask_once(url: str, token: str, path: str, schema: str) -> dict[str, Any]:
    """Return one document; raises InputError."""
    async with aiohttp.ClientSession() as session:
        return await asked(session, url, token, path, schema)
