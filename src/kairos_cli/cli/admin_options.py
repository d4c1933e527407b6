"""The options of commands that ask a running router."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kairos_cli.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

#: A token that can be guessed is none.
_SHORTEST_TOKEN = 16
_MAKE_ONE = "head -c 32 /dev/urandom | base64 > token"


def admin_options(command: Command) -> Command:
    """Add the address of the admin port and its token."""
    token = click.option(
        "--admin-token-file", type=click.Path(path_type=Path), required=True, metavar="FILE",
        help="Holds the admin token.",
    )  # fmt: skip
    url = click.option("--admin", "admin_url", required=True, metavar="URL", help="The admin port of kairos serve.")
    return url(token(command))


def admin_token(path: Path) -> str:
    """Return the token in a file; raises InputError for one that could be guessed or cannot be sent."""
    from kairos_cli.loading.text_file import read_text

    token = read_text(path).strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or len(token.split()) != 1:
        raise InputError.of(f"must hold one word of at least {_SHORTEST_TOKEN} ASCII characters", path, _MAKE_ONE)
    return token
