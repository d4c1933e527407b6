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
def cluster(pool: Mapping[str, int]) -> Iterator[None]:
    """Run a node for each type, with room for so many replicas that ask for the resource `instance`.

    Nothing listens for clients: applications are called by their handles.
    """
    nodes = [
        {"num_cpus": 1, "labels": {INSTANCE_TYPE: name}, "resources": {"instance": count}, "object_store_memory": 2**27}
        for name, count in pool.items()
    ]
    head = nodes[0] | {"include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for node in nodes[1:]:
            made.add_node(**node)
        ray.init(address=made.address, log_to_driver=False)
        serve.start(http_options={"location": "NoServer"})
        yield
    finally:
        ray.shutdown()
        made.shutdown()
