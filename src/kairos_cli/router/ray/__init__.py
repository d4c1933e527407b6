"""On Ray Serve: the simulated policies as the request router of a deployment. Needs the extra `ray`.

Ray loads `KairosRequestRouter` by the name that stands in the configuration of a deployment, so this package does
here what `cli` does for `kairos serve`: it reads the plan and puts the distributor together.
"""

from __future__ import annotations

from kairos_cli.router.ray.replica import INSTANCE_TYPE, KairosReplica
from kairos_cli.router.ray.request_router import KairosRequestRouter
from kairos_cli.router.ray.resubmit import Resubmitting

__all__ = ["INSTANCE_TYPE", "KairosReplica", "KairosRequestRouter", "Resubmitting"]
