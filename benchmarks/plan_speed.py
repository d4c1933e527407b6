"""How long planning takes, from the start of the process to the integer program on a large catalogue.

Run it with `make bench`, on a machine that does nothing else. Times are the best of several runs. Those of
whole processes are also given as multiples of `import pulp` in the same run, which differ less from one
machine to another.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from catalogue import catalogue
from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.loading.scenario import load_scenario
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.enumeration import able_to_serve, affordable_counts
from kairos_cli.planner.plan import Plan, plan
from kairos_cli.planner.pool_program import ChosenCounts, best_counts
from kairos_cli.planner.solver import solver_name
from kairos_cli.simulate.measure import Effort, measuring

Result = TypeVar("Result")

ROOT = Path(__file__).resolve().parent.parent
KAIROS = str(Path(sys.executable).parent / "kairos")
RUNS = 5
BARE = "python -c 'import pulp'"
SEEDS = range(5)
#: As by default on the command line.
TIME_LIMIT_S = 60.0


def main() -> None:
    print(f"{solver_name()}, Python {sys.version.split()[0]}, best of {RUNS} runs\n")
    print_processes()
    print_capacity_programs()
    print_choosing()
    print_whole_plan()
    print_verified_plan()


def print_processes() -> None:
    """Print the wall clock of whole processes, each also as a multiple of the bare import."""
    commands = _commands()
    seconds = _seconds_of_processes(list(commands.values()))
    rows = [("whole process", "s", "x import pulp")]
    for name, taken in zip(commands, seconds, strict=True):
        rows.append((name, f"{taken:.3f}", f"{taken / seconds[0]:.2f}"))
    _print_table(rows)


def _commands() -> dict[str, list[str]]:
    """Return the commands to time by what they are called; the bare import is the first."""
    commands = {
        BARE: [sys.executable, "-c", "import pulp"],
        "kairos --help": [KAIROS, "--help"],
        "kairos plan examples/01_rm2_budget.toml": [KAIROS, "plan", "examples/01_rm2_budget.toml"],
        "kairos plan … --choose capacity": [KAIROS, "plan", "examples/01_rm2_budget.toml", "--choose", "capacity"],
    }
    for model in ("rm2", "wnd", "mtwnd", "dien", "ncf"):
        flags = ["--model", model, "--prices", "ec2-us-east-1", "--mix", "deeprecsys", "--budget", "2.5"]
        commands[f"kairos plan --model {model} --budget 2.5 …"] = [KAIROS, "plan", *flags]
    return commands


def _seconds_of_processes(commands: Sequence[Sequence[str]]) -> list[float]:
    """Return the best time of each command; they take turns, so that a busy moment hits all alike."""
    rounds = [[_timed(partial(_run, each))[0] for each in commands] for _ in range(RUNS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def print_capacity_programs() -> None:
    """Print how many capacity programs are solved in a second, one after the other."""
    table = _table(_shipped())
    counts = affordable_counts(table, 2.5, Constraints())
    assert counts is not None
    counts = counts[able_to_serve(table, counts)]
    seconds, _ = _best_time(lambda: list(map(CapacityProgram(table).solve, counts)))
    each_ms = seconds / len(counts) * 1000
    print(f"capacity of {len(counts)} pools of rm2: {len(counts) / seconds:.0f} programs/s, {each_ms:.2f} ms each\n")


def print_choosing() -> None:
    """Print what the program that chooses a pool takes and finds, on few types and on many.

    How hard a catalogue is depends on its near-equal types, so several are tried.
    """
    large = [_choosing(f"synthetic, seed {seed}", catalogue(seed=seed)) for seed in SEEDS]
    largest = _choosing("synthetic, seed 0", catalogue(600, 200.0))
    _print_table([_HEAD, _choosing("rm2", _shipped()), *large, largest])


_HEAD = ("choosing", "types", "$/h", "s", "status", "gap", "capacity", "checked", "pool")


def _choosing(name: str, scenario: Scenario) -> tuple[str, ...]:
    """Return a row of the table; `checked` is the pool's capacity by the linear program."""
    table, budget = _table(scenario), scenario.budget_usd_per_hour
    assert budget is not None
    seconds, found = _best_time(lambda: best_counts(table, budget, Constraints()))
    shown = f"{len(table.names)}", f"{budget:g}", f"{seconds:.2f}"
    return (name, *shown, *(_found(table, found) if found else ("no pool", "", "", "", "")))


def _found(table: ServiceTable, found: ChosenCounts) -> tuple[str, ...]:
    answer = found.answer
    gap = f"{answer.bound / answer.objective - 1:.1e}"
    checked_qps = CapacityProgram(table).solve(found.counts).qps
    return answer.status, gap, f"{answer.objective:.3f}", f"{checked_qps:.3f}", str(table.pool(found.counts))


def print_whole_plan() -> None:
    """Print what all of plan() takes on a large catalogue; it is long, so it runs once."""
    scenario = catalogue()
    seconds, found = _timed(lambda: plan(scenario))
    pool = found.chosen.pool if isinstance(found, Plan) else "no pool"
    print(f"all of plan(), synthetic, seed 0, run once: {seconds:.2f} s, {pool}")


def print_verified_plan() -> None:
    """Print what the search by simulation takes and proves on a large catalogue; it is long, so it runs once."""
    scenario = replace(catalogue(), choose="verified")
    measure = measuring("kairos", Effort(workers=os.cpu_count() or 1))
    end = time.perf_counter() + TIME_LIMIT_S
    seconds, found = _timed(lambda: plan(scenario, measure, lambda: end - time.perf_counter()))
    if isinstance(found, Plan):
        certificate, share = found.certificate, found.chosen.served_qps / found.chosen.capacity_qps
        simulated, gap = certificate.pools_simulated, certificate.gap_percent
        print(f"verified, synthetic, seed 0, run once: {seconds:.1f} s, {found.chosen.pool}")
        print(f"{share:.1%} of its capacity; {simulated} simulated, gap {gap:.2f} %, ended by {certificate.ended}")


def _shipped() -> Scenario:
    return load_scenario(ROOT / "examples" / "01_rm2_budget.toml")


def _table(scenario: Scenario) -> ServiceTable:
    return service_table(scenario, candidates(scenario)[0])


def _best_time(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the shortest time of several runs, and what the last one returned."""
    timed = [_timed(work) for _ in range(RUNS)]
    return min(seconds for seconds, _ in timed), timed[-1][1]


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text in columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        print("  ".join(cells))
    print()


if __name__ == "__main__":
    main()
