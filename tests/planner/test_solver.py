"""The one place that runs a solver: what its answers are worth, and that it is quiet."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pulp
import pytest

from kairos_cli.errors import SolverError
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.plan import plan
from kairos_cli.planner.solver import Answer, solve, solver_name
from tests.planner.tables import small_table, toy


def knapsack(sense: int) -> pulp.LpProblem:
    """Return three whole variables under 3 x + 5 y + 7 z = 22, whose sum is least at 4 and greatest at 6."""
    problem = pulp.LpProblem("knapsack", sense)
    x, y, z = (problem.add_variable(name, 0, None, pulp.LpInteger) for name in "xyz")
    problem += x + y + z
    problem += 3 * x + 5 * y + 7 * z == 22
    return problem


def hopeless() -> pulp.LpProblem:
    """Return a market split problem: a subset that has half of each of five sums, among forty numbers."""
    draw = random.Random(1)
    problem = pulp.LpProblem("hopeless", pulp.LpMinimize)
    taken = [problem.add_variable(f"x_{number}", 0, 1, pulp.LpInteger) for number in range(40)]
    problem += pulp.lpSum(taken)
    for _ in range(5):
        size = [draw.randint(1, 100) for _ in taken]
        problem += pulp.LpAffineExpression(list(zip(taken, size, strict=True))) == sum(size) // 2
    return problem


@pytest.mark.parametrize(("sense", "best"), [(pulp.LpMinimize, 4.0), (pulp.LpMaximize, 6.0)])
def test_an_answer_is_optimal_with_its_own_value_as_bound(sense: int, best: float) -> None:
    """5 + 5 + 5 + 7 are four, 3 * 4 + 5 * 2 six; the bound has the sign of the problem as it was stated."""
    answer = solve(knapsack(sense), relative_gap=0.0, time_limit_s=10.0)

    assert answer is not None
    assert answer.optimal
    assert (best, best) == pytest.approx((answer.objective, answer.bound))


def test_a_problem_without_a_solution_is_none() -> None:
    """That there is no solution is an answer."""
    problem = knapsack(pulp.LpMinimize)
    problem += problem.variables()[0] >= 8

    assert solve(problem, relative_gap=0.0, time_limit_s=10.0) is None


def test_a_solver_out_of_time_without_a_solution_is_an_error() -> None:
    """PuLP calls the time limit a solution; without a feasible point it is none, nor proof that there is none."""
    with pytest.raises(SolverError, match="no answer for the program 'hopeless'"):
        solve(hopeless(), relative_gap=0.0, time_limit_s=0.02)


@pytest.mark.parametrize(("optimal", "status"), [(True, "optimal"), (False, "feasible")])
def test_the_standing_of_an_answer_is_one_word(optimal: bool, status: str) -> None:
    """Proven answers are optimal, others feasible."""
    assert status == Answer(optimal, 1.0, 2.0).status


def test_the_solver_has_a_name_and_a_version() -> None:
    """The document names who solved it."""
    name, version = solver_name().split()

    assert "HiGHS" == name
    assert 3 == len(version.split("."))


def test_solving_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither program writes a character to standard output or standard error, not even from C++."""
    CapacityProgram(small_table([[10, 20]])).solve(np.array([1]))
    solve(knapsack(pulp.LpMinimize), relative_gap=0.0, time_limit_s=10.0)
    plan(toy(budget_usd_per_hour=1.6))

    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize(
    "first",
    [
        "plan(load_scenario(None, asked))",
        "solver_name()",
        "solve(problem, relative_gap=0.0, time_limit_s=9.0)",
    ],
    ids=["plan", "solver_name", "solve"],
)
def test_a_fresh_process_prints_nothing_but_what_it_is_asked_to(first: str) -> None:
    """The banner HiGHS prints once in a process does not reach the answer, whatever is called first."""
    program = f"""
import pulp
from kairos_cli.loading.scenario import load_scenario
from kairos_cli.planner.plan import plan
from kairos_cli.planner.solver import solve, solver_name
asked = dict(model="rm2", prices="ec2-us-east-1", mix="deeprecsys", budget_usd_per_hour=1.0, choose="capacity")
problem = pulp.LpProblem("one", pulp.LpMinimize)
problem += problem.add_variable("x", 1.5, None, pulp.LpInteger) + 0
print("before")
{first}
print("done")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ("before\ndone\n", "", 0) == (done.stdout, done.stderr, done.returncode)


def test_threads_that_start_the_solver_together_leave_standard_output_where_it_was() -> None:
    """Each sends it to nowhere for the banner and back: one at a time, or one would take nowhere for what it was."""
    program = (
        "import os, threading, time\n"
        "from kairos_cli.planner import solver\n"
        "highs = solver.highspy.Highs\n"
        "solver.highspy.Highs = lambda: (time.sleep(0.01), highs())[1]  # so that the threads do meet\n"
        "before = os.fstat(1)\n"
        "threads = [threading.Thread(target=solver.quiet_highs) for _ in range(8)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
        "print(os.path.samestat(before, os.fstat(1)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "True\n" == done.stdout
