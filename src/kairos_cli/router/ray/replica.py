"""Of which instance type a replica is: it tells when it starts, by a label of the node that it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray

from kairos_cli.domain.prices import machine_of

#: The label of a node that names its instance type, and the key under which a replica passes it on.
INSTANCE_TYPE = "instance-type"


class KairosReplica:
    """What a deployment inherits so that its replicas tell their instance type.

    It is the node's label `instance-type`, as in `ray start --labels instance-type=g4dn.xlarge`; another label if
    `instance_type_label` names one. A deployment that knows better overrides `record_replica_metadata`.
    """

    instance_type_label = INSTANCE_TYPE

    def record_replica_metadata(self) -> dict[str, str]:
        """Return the type of the node; Ray asks once and passes it to all routers."""
        labels: dict[str, str] = ray.get_runtime_context().get_node_labels()
        return {INSTANCE_TYPE: labels[self.instance_type_label]} if self.instance_type_label in labels else {}


def type_of(replica: Any, names: Sequence[str]) -> int | None:
    """Return the place of a replica's type among the names of a table; None for one that has no place.

    A label has no room for a purchase option: a machine of the plan's spot instances tells the name of the machine.
    """
    told = replica.replica_metadata.get(INSTANCE_TYPE)
    for place, name in enumerate(names):
        if name == told:
            return place
    return next((place for place, name in enumerate(names) if machine_of(name) == told), None)
