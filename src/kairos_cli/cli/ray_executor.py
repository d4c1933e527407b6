"""An executor whose work is done by the processes of a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from kairos_cli.errors import InputError


class RayExecutor(Executor):
    """Runs calls on the cluster that RAY_ADDRESS names, on one that runs on this machine, or on one of its own.

    Functions and arguments travel by pickle. An argument that comes again is sent only once. What a call raises is
    raised here as it was there.
    """

    def __init__(self) -> None:
        self._ray = _connected()
        self._call = self._ray.remote(_call)
        self._sent: dict[int, tuple[Any, Any]] = {}

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called by some process of the cluster."""
        reference = self._call.remote(self._ray.put(function), kwargs, *map(self._reference, args))
        found: Future[Any] = Future()
        found.set_running_or_notify_cancel()
        reference.future().add_done_callback(partial(_hand_on, found))
        return found

    def _reference(self, value: Any) -> Any:
        """Return where the cluster has a value; it is kept here, so that its identity stays its own."""
        if id(value) not in self._sent:
            self._sent[id(value)] = value, self._ray.put(value)
        return self._sent[id(value)][1]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; one that was started for this ends, and what runs there ends with it."""
        self._sent.clear()
        self._ray.shutdown()


def _call(function: Callable[..., Any], kwargs: dict[str, Any], *args: Any) -> Any:
    return function(*args, **kwargs)


def _hand_on(found: Future[Any], done: Future[Any]) -> None:
    """Set the result of a call, or what it raised without Ray's wrapping."""
    error = done.exception()
    if error is None:
        found.set_result(done.result())
    else:
        found.set_exception(getattr(error, "cause", None) or error)


def _connected() -> Any:
    """Return Ray, connected; raises InputError where it is not installed, or no cluster answers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError.of("--engine ray needs Ray", None, 'pip install "kairos-cli[ray]"') from None
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        hint = "set RAY_ADDRESS to a cluster that runs, or unset it to start one here"
        raise InputError.of(f"Ray cannot be used: {reason}", "--engine", hint) from None
    return ray
