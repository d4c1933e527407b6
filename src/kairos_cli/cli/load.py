"""`kairos load`: queries sent to live servers, and how many were on time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kairos_cli.cli.answer import Answer, answer_options, give, note
from kairos_cli.cli.exit_codes import ExitCode
from kairos_cli.cli.plan import POLICY
from kairos_cli.cli.progress import progress
from kairos_cli.cli.scenario_options import profiles_option
from kairos_cli.policies import NAMES


@click.command("load")
@click.option("--url", required=True, metavar="URL", help="Where the servers listen, such as http://127.0.0.1:8000.")
@click.option("--model", envvar="KAIROS_MODEL", metavar="NAME", help="The model to ask.  [default: the plan's]")
@click.option("--mix", envvar="KAIROS_MIX", metavar="NAME", help="Query mix, by name or path.  [default: the plan's]")
@click.option("--rate", "rate_qps", type=float, metavar="QPS", help="Send so many a second.  [default: the trace's]")
@click.option(
    "--duration", "duration_s", type=float, metavar="SECONDS", help="For so long.  [default: 60, or the trace]"
)
@click.option(
    "--trace", "trace_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Send real queries: CSV or Parquet with arrival_s,batch_size.",
)  # fmt: skip
@click.option("--qos", envvar="KAIROS_QOS", metavar="TARGET", help="Latency target.  [default: the plan's or model's]")
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE",
    help="The plan that the servers carry out: simulate its pool on the same queries.",
)  # fmt: skip
@click.option(
    "--policy", type=click.Choice(list(NAMES)), default=POLICY, show_default=True,
    help="How queries are distributed, for the simulation.",
)  # fmt: skip
@click.option(
    "--slow", type=click.FloatRange(min=0, min_open=True, max=1000), default=1.0, metavar="X",
    help="The servers are emulated X times as slow: stretch the target as much.  [default: 1]",
)  # fmt: skip
@click.option(
    "--tensors", type=click.Choice(["json", "binary"]), default="json", show_default=True,
    help="How to send tensors.",
)  # fmt: skip
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), default=60.0, metavar="SECONDS",
    help="A query without an answer for so long is lost.  [default: 60]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of all draws.  [default: the plan's, or 0]")
@profiles_option
@answer_options
def command(
    *, url: str, policy: str, tensors: str, timeout_s: float, format_: str | None, output: Path | None, quiet: bool,
    **given: Any,
) -> int:  # fmt: skip
    """Send queries to servers at a rate, and say how many were on time.

    The servers speak the Open Inference Protocol over HTTP. Queries are sent at their times whether or not others have
    been answered, and latency counts from those times. With a plan, a simulation of the very same queries stands beside
    what was measured. Exits with 1 if the target is missed or a query is lost, or answered wrongly or twice.

    \b
    kairos load --url http://127.0.0.1:8000 --model rm2 --mix deeprecsys --rate 80 --duration 60
    kairos load --url http://127.0.0.1:8000 --plan plan.json --rate 100 --json
    kairos load --url http://127.0.0.1:8000 --model rm2 --trace queries.csv --qos "p99<350ms"
    """
    from kairos_cli.router import event_loop

    event_loop.check_installed("kairos load")
    from kairos_cli.cli.load_question import Given, address, question
    from kairos_cli.cli.load_remarks import remark
    from kairos_cli.report.load_document import load_rows
    from kairos_cli.report.load_sections import load_sections, verdict_line
    from kairos_cli.router.load_client import Target, offer

    url, asked = address(url), question(Given(**given))
    target = Target(url, asked.model, timeout_s, tensors == "binary")
    with progress("queries answered", quiet, len(asked.arrival_s)) as advance:
        outcomes = event_loop.run(offer(target, asked.arrival_s, asked.batch_size, advance))
    document = _document(asked, url, outcomes, policy, quiet)
    answered_ms = outcomes.answered_ms[asked.warm_up :]
    answered_ms = answered_ms[answered_ms >= 0]
    give(Answer(document, lambda: load_sections(document, answered_ms), lambda: load_rows(document)),
         format_, output, quiet)  # fmt: skip
    remark(outcomes, quiet)
    good = document["target_kept"] and not any(document["ends"][key] for key in ("lost", "wrong", "duplicated"))
    note(verdict_line(document), quiet and good)
    return ExitCode.YES if good else ExitCode.NO


def _document(asked: Any, url: str, outcomes: Any, policy: str, quiet: bool) -> Any:
    """Return the document of what was measured, with the simulation beside it where there is a plan."""
    import numpy as np

    from kairos_cli.cli.load_simulation import simulated
    from kairos_cli.report.load_document import load_document
    from kairos_cli.router.load_client import End
    from kairos_cli.simulate.felt import felt

    of_whom = {"url": url, "model": asked.model, "mix": asked.mix.name}
    of_whom["pool"] = asked.pool.by_type if asked.pool else None
    offered = {"rate_qps": round(asked.rate_qps, 4), "duration_s": round(asked.duration_s, 4), "seed": asked.seed}
    ends = {"sent": len(outcomes.end), **{end.name.lower(): outcomes.number(end) for end in End}}
    ends |= {"duplicated": outcomes.duplicated, "warm_up": asked.warm_up}
    ends["sent_late_p99_ms"] = round(float(np.percentile(outcomes.sent_late_ms, 99)), 4)
    counted = slice(asked.warm_up, None)
    live = felt(outcomes.answered_ms[counted], asked.batch_size[counted], asked.mix, asked.qos)
    with progress("simulating the same queries", quiet):
        beside = simulated(asked, policy, quiet)
    return load_document(of_whom, asked.qos, {**offered, "trace": asked.trace}, ends, live, beside)
