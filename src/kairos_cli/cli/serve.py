"""`kairos serve`: the policy that was simulated, in front of real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.scenario_options import profiles_option
from kairos_cli.policies import NAMES


@click.command("serve")
@click.argument("scenario", required=False, type=click.Path(path_type=Path), metavar="[SCENARIO.toml]")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE", help="A saved plan: model, mix and target.")
@click.option(
    "--backend", "backends", multiple=True, metavar="TYPE=URL,…",
    help="Servers of an instance type; may be repeated.",
)  # fmt: skip
@click.option("--policy", type=click.Choice(list(NAMES)), help="How queries are distributed.  [default: shadow]")
@click.option("--host", metavar="ADDRESS", help="Where to listen.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="For clients.  [default: 8000]")
@click.option("--grpc-port", type=click.IntRange(0, 65535), metavar="PORT", help="For clients that speak gRPC.")
@click.option(
    "--late", type=click.Choice(["serve", "reject"]),
    help="What becomes of late queries: served last, or refused with 503.  [default: serve]",
)  # fmt: skip
@click.option(
    "--longest-wait", "longest_wait_s", type=float, metavar="SECONDS",
    help="A query that has waited so long is refused with 503.  [default: 60]",
)  # fmt: skip
@click.option(
    "--batch-from", metavar="header:NAME|json:PATH", help="Where the batch size is.  [default: the first input's shape]"
)
@click.option("--admin-host", metavar="ADDRESS", help="Where the admin port listens.  [default: 127.0.0.1]")
@click.option("--admin-port", type=click.IntRange(0, 65535), metavar="PORT", help="Metrics, status, backends.")
@click.option("--admin-token-file", type=click.Path(path_type=Path), metavar="FILE", help="Holds the admin token.")
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Certificate chain, for HTTPS.")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Its private key.")
@click.option("--max-body-mb", type=click.IntRange(1, 2048), metavar="MB", help="Largest body.  [default: 64]")
@click.option("--max-connections", type=click.IntRange(1), metavar="N", help="Clients at once.  [default: 1024]")
@click.option("--max-waiting", type=click.IntRange(1), metavar="N", help="Queries that may wait.  [default: 10000]")
@click.option(
    "--answer-timeout", "answer_timeout_s", type=float, metavar="SECONDS",
    help="A server that takes longer has failed.  [default: 60]",
)  # fmt: skip
@click.option(
    "--grace", "grace_s", type=float, metavar="SECONDS", help="For what is in hand when told to stop.  [default: 30]"
)
@click.option(
    "--slow", type=click.FloatRange(min=0, min_open=True, max=1000), default=1.0, metavar="X",
    help="The servers are emulated X times as slow: stretch latencies and target as much.  [default: 1]",
)  # fmt: skip
@profiles_option
def command(*, scenario: Path | None, profiles: Path | None, slow: float, **flags: Any) -> int:
    """Share live queries out over real servers, by the policy that was simulated.

    Clients and servers speak the Open Inference Protocol V2 over HTTP or gRPC, as Triton, KServe and MLServer do.
    Model, mix and target are those of a plan or a scenario, whose table [serve] may hold all that the flags say. What
    happens is told on standard error, a JSON object a line. SIGTERM or Ctrl-C ends it: what was accepted is finished.

    \b
    kairos serve --plan plan.json --backend g4dn.xlarge=http://10.0.0.1:8000 --backend r5n.large=http://10.0.0.2:8000
    kairos serve --plan plan.json --backend r5n.large=http://a:8000,http://b:8000 --late reject --port 8080
    kairos serve --plan plan.json --grpc-port 8001 --backend r5n.large=grpc://a:8001,grpc://b:8001
    kairos serve scenario.toml --admin-port 8100 --admin-token-file token
    """
    from kairos_cli.router import event_loop

    event_loop.check_installed("kairos serve")
    from kairos_cli.cli.serve_settings import prepared

    router = prepared(scenario, profiles, slow, {key: value for key, value in flags.items() if value not in (None, ())})
    return ExitCode.YES if event_loop.run(router()) else ExitCode.NO
