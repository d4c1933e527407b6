"""What the policy is worth on Ray Serve: the share of queries on time under Ray's router and under KairosRequestRouter.

Seven replicas emulate a pool of wnd, 2 × g4dn.xlarge + 5 × r5n.large, on one machine; latencies and target are
stretched, so that the machine is no limit. Queries come at random times with the sizes of the mix, the same under each
router; latency counts from the time at which a query was to be sent. Ray's default router stands twice: with one
request at a time at a replica, and with requests that queue at replicas.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shared import print_table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from examples.ray.one_machine import cluster
from examples.ray.ranker import Ranker

# Ray is imported after its settings.
from ray import serve
from ray.serve.config import RequestRouterConfig

from kairos_cli.domain.service_table import service_table
from kairos_cli.loading.plan_file import load_plan
from kairos_cli.planner.candidates import usable_types
from kairos_cli.router.ray import Resubmitting

MODEL, POOL, SLOW = "wnd", {"g4dn.xlarge": 2, "r5n.large": 5}, 40.0
#: How many requests a replica may have at once, and the router; None is Ray's own.
ROUTERS: Mapping[str, tuple[int, str | None]] = {
    "Ray": (1, None),
    "Ray, queued": (100, None),
    "kairos": (1, "kairos_cli.router.ray:KairosRequestRouter"),
}
WARM_UP = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="18,21,24", help="queries/s, with commas")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--router", action="append", choices=ROUTERS, help="may be repeated; all by default")
    asked = parser.parse_args()
    rates = [float(each) for each in asked.rates.split(",")]
    with tempfile.TemporaryDirectory() as folder, cluster(POOL):
        plan = planned(Path(folder) / "plan.json")
        rows = []
        for name in asked.router or ROUTERS:
            ask = Resubmitting(deployed(plan, *ROUTERS[name]))
            asyncio.run(offered(ask, plan, 10.0, WARM_UP))
            rows.append([name, *(on_time(ask, plan, rate, int(rate * asked.seconds)) for rate in rates)])
            print(rows[-1], file=sys.stderr)
    print_table([["on time, p99", *(f"{rate:g} queries/s" for rate in rates)], *rows])


def planned(path: Path) -> Path:
    """Write a plan whose latencies and mix are used; its pool is not."""
    flags = ["--model", MODEL, "--prices", "ec2-us-east-1", "--mix", "deeprecsys", "--budget", "2.5"]
    command = [sys.executable, "-m", "kairos_cli", "plan", *flags, "--choose", "capacity", "-q", "-o", str(path)]
    subprocess.run(command, check=True)
    return path


def deployed(plan: Path, ongoing: int, router: str | None) -> Any:
    """Return the handle of seven replicas, once they are up."""
    for application in serve.status().applications:
        serve.delete(application)
    config = {}
    if router is not None:
        kwargs = {"plan": json.loads(plan.read_text()), "slow": SLOW}
        config = {
            "request_router_config": RequestRouterConfig(request_router_class=router, request_router_kwargs=kwargs)
        }
    options = {"num_cpus": 0, "resources": {"instance": 1}}
    ranker = Ranker.options(
        num_replicas=sum(POOL.values()), max_ongoing_requests=ongoing, ray_actor_options=options, **config
    )
    return serve.run(
        ranker.bind(str(plan), SLOW),
        # A name of its own: handles of a deployment keep the router that it had when they were made.
        name=f"{ongoing}-{router is None}",
        route_prefix=None,
    )


def on_time(ask: Resubmitting, plan: Path, rate_qps: float, number: int) -> str:
    latency_ms = asyncio.run(offered(ask, plan, rate_qps, number))
    target_ms = load_plan(plan).scenario.qos.latency_ms * SLOW
    return f"{(latency_ms <= target_ms).mean():.4f}  {np.quantile(latency_ms, 0.99):6.0f} ms"


async def offered(ask: Resubmitting, plan: Path, rate_qps: float, number: int) -> np.ndarray:
    """Return the latencies of so many queries at random times, each since it was to be sent."""
    scenario = load_plan(plan).scenario
    table = service_table(scenario, usable_types(scenario))
    luck = np.random.default_rng(1)
    at_s = np.cumsum(luck.exponential(1 / rate_qps, number))
    sizes = luck.choice(table.batch_size, number, p=table.probability)
    began = time.perf_counter()

    async def one(place: int) -> float:
        await asyncio.sleep(max(began + at_s[place] - time.perf_counter(), 0))
        await ask(int(sizes[place]))
        return (time.perf_counter() - began - at_s[place]) * 1000

    return np.array(await asyncio.gather(*map(one, range(number))))


if __name__ == "__main__":
    main()
