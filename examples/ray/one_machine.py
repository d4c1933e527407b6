"""A Ray cluster on one machine, with a node for each instance type of a pool: to try things out.

Import it before Ray, which reads these settings when it is imported. Ray's ports listen on all interfaces whatever it
is told, so it is given a token of this run.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # all nodes are on the loopback interface
# Replicas that wait for their models, as asyncio has it, need no second thread: half the cost of a call.
os.environ.setdefault("RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD", "0")

import ray
from ray import serve
from ray.cluster_utils import Cluster

from kairos_cli.router.ray import INSTANCE_TYPE


@contextmanager
def nodes(pool: Mapping[str, int], num_cpus: int = 1) -> Iterator[str]:
    """Run a node for each type, with room for so many replicas that ask for the resource `instance`.

    Yields the address of the cluster.
    """
    options = [
        {"num_cpus": num_cpus, "labels": {INSTANCE_TYPE: name}, "resources": {"instance": count}}
        for name, count in pool.items()
    ]
    made = Cluster(initialize_head=True, head_node_args=options[0] | _NODE | {"include_dashboard": False})
    try:
        for each in options[1:]:
            made.add_node(**each, **_NODE)
        yield made.address
    finally:
        made.shutdown()


@contextmanager
def cluster(pool: Mapping[str, int]) -> Iterator[None]:
    """Run Ray Serve on such nodes. Nothing listens for clients: applications are called by their handles."""
    with nodes(pool) as address:
        try:
            ray.init(address=address, log_to_driver=False)
            serve.start(http_options={"location": "NoServer"})
            yield
        finally:
            ray.shutdown()


_NODE = {"object_store_memory": 2**27}
