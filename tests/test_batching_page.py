"""docs/batching.md shows what the library computes, and its commands run."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
import tomli

from kairos_cli.cli.scenario_options import pool_of
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.loading.scenario import load_scenario
from kairos_cli.planner.capacity import CapacityProgram, by_capacity
from kairos_cli.planner.comparison import Pools, pools
from tests.conftest import ROOT, Kairos

PAGE = (ROOT / "docs" / "batching.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("<!-- capacities -->")[2].partition("<!-- end of capacities -->")[0]
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TABLE.strip().splitlines()[2:]]
WAYS = {str(each): each for each in (ONE_AT_A_TIME, *(Serving(*way) for way in ((True,), (False, True), (True, True))))}
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]  # fmt: skip
#: Less work than a reader would have done; a flag given twice counts where it stands last.
QUICK = {
    "plan": ["--choose", "capacity"],
    "evaluate": ["--queries", "300", "--replications", "2"],
    "compare": ["--budget", "0.6", "--queries", "200", "--replications", "2"],
}


def asked(model: str, way: str) -> Scenario:
    profiles = {"model": model, "prices": "ec2-us-east-1", "mix": "deeprecsys"}
    return replace(load_scenario(None, {**profiles, "budget_usd_per_hour": 2.5}), serving=WAYS[way])


def greatest_qps(among: Pools) -> float:
    return next(by_capacity(CapacityProgram(among.table), among.counts))[1].qps


def test_the_table_has_every_model_in_every_way() -> None:
    """Five models in four ways."""
    assert [[model, way] for model in ("rm2", "wnd", "mtwnd", "dien", "ncf") for way in WAYS] == [
        each[:2] for each in ROWS
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_table_is_up_to_date(row: list[str]) -> None:
    """The named pools have the capacities told, no pool has more, and the ratio is theirs."""
    model, way, pool, qps, alone, alone_qps, ratio = row
    among = pools(asked(model, way))
    assert isinstance(among, Pools)
    program = CapacityProgram(among.table)
    this, other = (program.solve(among.table.counts(pool_of(each))).qps for each in (pool, alone))
    one_type = replace(among, counts=among.counts[(among.counts > 0).sum(axis=1) == 1])

    assert (qps, alone_qps, ratio) == (f"{this:,.0f}", f"{other:,.0f}", f"{this / other:.2f}")
    assert (greatest_qps(among), greatest_qps(one_type)) == pytest.approx((this, other))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_run(kairos: Kairos, command: list[str]) -> None:
    """Each command of the page answers."""
    result = kairos(*command, *QUICK[command[0]])

    assert (0, True) == (result.exit_code, bool(result.stdout)), result.stderr


def test_tables_of_the_page_are_known() -> None:
    """The TOML on the page has the keys that scenario and profile have, and no others."""
    from kairos_cli.loading.scenario_values import SERVING_FLAG_BY_KEY

    scenario, profile = (tomli.loads(each) for each in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))

    assert list(SERVING_FLAG_BY_KEY) == list(scenario["serving"])
    assert ["mergeable", "splittable", "largest_batch"] == list(profile)


def test_the_picture_is_there() -> None:
    """The page shows a picture that lies beside it."""
    [name] = re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE)

    assert (ROOT / "docs" / name).read_text(encoding="utf-8").startswith("<?xml")
