"""The option that says where simulations run: in threads of this process, or spread over a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def engine_option(command: Command) -> Command:
    """Add `--engine`."""
    return click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Where simulations run: here, or on the Ray cluster at RAY_ADDRESS; the results are the same.",
    )(command)


@contextmanager
def executor_of(engine: str) -> Iterator[Executor | None]:
    """Give the executor of an engine for as long as the block lasts; None for the threads of this process."""
    if engine == "local":
        yield None
        return
    from kairos_cli.cli.ray_executor import RayExecutor

    with RayExecutor() as executor:
        yield executor
