"""`kairos`: the group of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from kairos_cli import __version__
from kairos_cli.cli.exit_codes import ExitCode

#: Commands in the order of `kairos --help`; each is a module of this folder that holds `command`.
COMMANDS = {
    "plan": "Find the pool that serves most queries within a budget, or the cheapest for a load.",
    "frontier": "Draw throughput against budget: the plan at each of several budgets.",
    "evaluate": "Simulate a pool: the rate at which it keeps the target, and what happens there.",
    "check": "Hold a pool to limits of cost, latency and load: a gate for pull requests.",
    "explain": "Set any pool beside the recommended one: what is in its way, and what would mend it.",
    "diff": "Set two plans side by side: what changed in pool, cost, rates and inputs.",
    "compare": "Set Kairos beside the published schemes, each at its best pool.",
    "serve": "Share live queries out over real servers, by the policy that was simulated.",
    "top": "Watch a router: queries, servers, how exactly latencies are predicted.",
    "emulate": "Run servers that take as long as real ones were measured to take.",
    "load": "Send queries to servers at a rate, and say how many were on time.",
    "rehearse": "Carry a plan out on this machine, emulated: live beside simulated.",
    "show": "List the models, prices and mixes that kairos knows, or look at one.",
    "validate": "Check profiles and scenarios; all problems at once, with their lines.",
    "profile": "Make latency profiles from measured samples.",
}


class KairosGroup(click.Group):
    """A group that imports a command only when it is used, and turns every end into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that was asked for."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kairos_cli.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Any = None, prog_name: Any = None, *rest: Any, **extra: Any) -> Any:
        """Run, and exit with a code of ExitCode; `--debug` shows the traceback of an error."""
        from kairos_cli.errors import KairosError

        extra["standalone_mode"] = False
        try:
            code = super().main(args, prog_name, *rest, **extra)
        except click.ClickException as error:
            error.show()
            code = ExitCode.NO_ANSWER
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            # The reader has gone, `kairos … | head`; what is left to be flushed goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ExitCode.YES
        except KairosError as error:
            if "--debug" in (args or sys.argv):
                raise
            click.echo(str(error), err=True)
            code = ExitCode.NO_ANSWER
        except Exception as error:
            if "--debug" in (args or sys.argv):
                raise
            click.echo(f"error: {type(error).__name__}: {error}", err=True)
            click.echo("hint: this is a defect of kairos; `kairos --debug …` shows where", err=True)
            code = ExitCode.NO_ANSWER
        sys.exit(int(code or ExitCode.YES))


def run() -> None:
    """Be the command `kairos`: as the group below, but on Ctrl-C wait for no thread that still simulates."""
    try:
        main()
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(ExitCode.INTERRUPTED)
        raise


@click.group(
    cls=KairosGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 yes, 1 a sound no (no pool fits, a limit fails), 2 no answer (bad flag or file), "
    "130 interrupted.",
)
@click.version_option(__version__, prog_name="kairos", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Plan the pool of mixed cloud instances that serves the most inference queries on time.

    \b
    kairos plan examples/01_rm2_budget.toml
    kairos plan --model rm2 --prices ec2-us-east-1 --mix deeprecsys --budget 2.5 --qos "p99<350ms"
    kairos show models
    """
