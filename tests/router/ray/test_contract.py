"""What of Ray Serve the router rests on beyond its documented hooks: a change of it must fail here, not in production.

If one of these fails after an upgrade, read Ray's `_private/router.py` anew before raising the bound in pyproject.toml.
"""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import PurePath
from typing import Any

import pytest
from ray.serve._private.common import ReplicaID, RequestMetadata
from ray.serve._private.router import AsyncioRouter
from ray.serve.config import RequestRouterConfig
from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica

from kairos_cli.router.ray import KairosRequestRouter


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    """Return name, kind and default of each parameter."""
    return [(each.name, each.kind.name, each.default) for each in inspect.signature(function).parameters.values()]


NONE = inspect.Parameter.empty
HOOKS = {
    "_choose_replica_for_request": [
        ("self", "POSITIONAL_OR_KEYWORD", NONE),
        ("pending_request", "POSITIONAL_OR_KEYWORD", NONE),
        ("is_retry", "KEYWORD_ONLY", False),
    ],
    "initialize_state": [("self", "POSITIONAL_OR_KEYWORD", NONE), ("kwargs", "VAR_KEYWORD", NONE)],
    "update_replicas": [("self", "POSITIONAL_OR_KEYWORD", NONE), ("replicas", "POSITIONAL_OR_KEYWORD", NONE)],
    "on_request_completed": [
        ("self", "POSITIONAL_OR_KEYWORD", NONE),
        ("replica_id", "POSITIONAL_OR_KEYWORD", NONE),
        ("internal_request_id", "POSITIONAL_OR_KEYWORD", NONE),
    ],
    "on_replica_actor_died": [("self", "POSITIONAL_OR_KEYWORD", NONE), ("replica_id", "POSITIONAL_OR_KEYWORD", NONE)],
    "on_replica_actor_unavailable": [
        ("self", "POSITIONAL_OR_KEYWORD", NONE),
        ("replica_id", "POSITIONAL_OR_KEYWORD", NONE),
    ],
}


@pytest.mark.parametrize("name", HOOKS)
def test_the_hooks_are_called_as_they_were(name: str) -> None:
    """Ray's base class and the router agree on every method that is overridden, parameter by parameter."""
    assert HOOKS[name] == parameters(getattr(RequestRouter, name))
    assert HOOKS[name] == parameters(getattr(KairosRequestRouter, name))


def test_a_replica_is_chosen_by_a_coroutine_of_the_base_class_in_its_place() -> None:
    """It is where it was, and neither moved to a mixin nor made a plain function."""
    assert "_choose_replica_for_request" in vars(RequestRouter)
    assert inspect.iscoroutinefunction(RequestRouter._choose_replica_for_request)
    place = PurePath(inspect.getfile(RequestRouter)).parts[-5:]
    assert ("ray", "serve", "_private", "request_router", "request_router.py") == place


def test_ray_sends_by_that_method_and_tells_of_every_end() -> None:
    """The router that sends calls it, once, and reports completion from two places of which one applies."""
    sending = inspect.getsource(AsyncioRouter._route_and_send_request_once)
    assert 1 == sending.count("._choose_replica_for_request(")
    assert 1 == sending.count(".on_request_completed(")
    assert "if replica is not None and not callback_registered:" in sending
    assert 1 == inspect.getsource(AsyncioRouter._process_finished_request).count(".on_request_completed(")


def test_a_death_is_told_right_after_the_end_of_its_query() -> None:
    """In one go: between the two, no other query may be sent to the replica."""
    finished = inspect.getsource(AsyncioRouter._process_finished_request)
    assert not inspect.iscoroutinefunction(AsyncioRouter._process_finished_request)
    assert finished.index(".on_request_completed(") < finished.index("._handle_actor_died_error(")


def test_a_request_carries_what_is_read_of_it() -> None:
    """Its arguments, and an id by which its end is told."""
    assert {"args", "kwargs", "metadata"} <= {each.name for each in fields(PendingRequest)}
    assert "internal_request_id" in {each.name for each in fields(RequestMetadata)}
    assert isinstance(inspect.getattr_static(RequestMetadata, "is_http_request"), property)


def test_a_replica_tells_what_is_read_of_it() -> None:
    """Its id, what it recorded when it started, and how much it has and may have."""
    for name in ("replica_id", "replica_metadata", "max_ongoing_requests"):
        assert isinstance(inspect.getattr_static(RunningReplica, name), property)
    assert [("self", NONE), ("deadline_s", NONE)] == [
        (name, default) for name, _, default in parameters(RunningReplica.get_queue_len)
    ]
    assert "unique_id" in {each.name for each in fields(ReplicaID)}


def test_the_configuration_names_a_class_and_its_arguments() -> None:
    """The class is found by its name, and the arguments may hold a plan."""
    config = RequestRouterConfig(
        request_router_class="kairos_cli.router.ray:KairosRequestRouter", request_router_kwargs={"plan": {"a": [1]}}
    )
    assert config.get_request_router_class() is KairosRequestRouter
