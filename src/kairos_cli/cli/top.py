"""`kairos top`: a router, live."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.admin_options import admin_options, admin_token


@click.command("top")
@admin_options
@click.option(
    "--every", "every_s", type=click.FloatRange(min=0.1), default=1.0, metavar="SECONDS",
    help="How often to look.  [default: 1]",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Print what there is now, and end.")
def command(*, admin_url: str, admin_token_file: Path, every_s: float, once: bool) -> None:
    """Watch a router: queries, servers, how exactly latencies are predicted; Ctrl-C ends it.

    \b
    kairos top --admin http://127.0.0.1:8100 --admin-token-file token
    kairos top --admin http://127.0.0.1:8100 --admin-token-file token --once
    """
    from kairos_cli.router import event_loop

    event_loop.check_installed("kairos top")
    token = admin_token(admin_token_file)
    if once:
        _print(event_loop.run(_seen_once(admin_url, token)))
    else:
        event_loop.run(_watch(admin_url, token, every_s))


async def _seen_once(url: str, token: str) -> Any:
    from kairos_cli.router.http_question import ask_once
    from kairos_cli.router.status import SCHEMA

    return await ask_once(url, token, "/v1/status", SCHEMA)


def _print(document: Any) -> None:
    from rich.console import Console

    from kairos_cli.report.router_view import router_view

    Console(highlight=False).print(router_view(document, None, 0.0))


async def _watch(url: str, token: str, every_s: float) -> None:
    """Draw the router anew every so often, on the whole screen."""
    import aiohttp
    from rich.live import Live

    from kairos_cli.report.router_view import router_view
    from kairos_cli.router.http_question import asked
    from kairos_cli.router.status import SCHEMA

    before, loop = None, asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        with Live(screen=True, auto_refresh=False) as screen:
            then = loop.time()
            while True:
                document = await asked(session, url, token, "/v1/status", SCHEMA)
                now = loop.time()
                screen.update(router_view(document, before, now - then), refresh=True)
                before, then = document, now
                await asyncio.sleep(every_s)
