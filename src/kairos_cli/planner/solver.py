"""The one place that runs a solver, and the only one that decides what its answer is worth.

HiGHS does all the work. It prints a banner to standard output when its first instance is made, whatever
its options say; `quiet_highs` keeps that off the answer of the command.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from dataclasses import dataclass
from typing import Any

import highspy
import pulp

from kairos_cli.errors import SolverError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver found: `optimal` only if proven within the gap asked for, else best within the time."""

    optimal: bool
    objective: float
    bound: float  # no solution is better than this

    @property
    def status(self) -> str:
        """The answer's standing in one word."""
        return "optimal" if self.optimal else "feasible"


#: Threads that each sent standard output to nowhere would not all find it again.
_one_at_a_time = threading.Lock()


def swallow_banner() -> None:
    """Let HiGHS print its banner once, to nowhere."""
    with _one_at_a_time:
        _banner_swallowed()


@functools.cache
def _banner_swallowed() -> None:
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        highspy.Highs()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def quiet_highs() -> Any:
    """Return a new HiGHS instance that prints nothing."""
    swallow_banner()
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    return highs


def solver_name() -> str:
    """Return the solver and its version."""
    return f"HiGHS {quiet_highs().version()}"


def solve(problem: pulp.LpProblem, *, relative_gap: float, time_limit_s: float) -> Answer | None:
    """Solve an integer program; None if it has no solution.

    Raises SolverError where the solver stopped without one and without proof that there is none.
    """
    swallow_banner()
    problem.solve(pulp.HiGHS(msg=False, gapRel=relative_gap, timeLimit=time_limit_s))
    info = problem.solverModel.getInfo()
    # PuLP reports a solution whenever the time ran out; whether there is one, only HiGHS knows.
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    if found and problem.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        # PuLP hands HiGHS a maximisation as the minimisation of its negative.
        sign = 1.0 if problem.sense == pulp.LpMinimize else -1.0
        bound = sign * float(info.mip_dual_bound)
        return Answer(problem.sol_status == pulp.LpSolutionOptimal, float(pulp.value(problem.objective)), bound)
    if problem.sol_status == pulp.LpSolutionInfeasible or problem.status == pulp.LpStatusInfeasible:
        return None
    raise SolverError(
        f"error: the solver gave no answer for the program {problem.name!r} within {time_limit_s:g} s"
        "\nhint: fewer instance types (--only) or a smaller budget make it easier"
    )
