"""Limits of `kairos check`, from a table of the scenario and from flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kairos_cli.domain.limit import UNIT, Limit
from kairos_cli.errors import InputError, Source
from kairos_cli.loading.limits_table import FLAG_BY_LIMIT, read_limits
from kairos_cli.loading.scenario import read_scenario
from kairos_cli.loading.toml_file import TomlFile
from tests.loading.files import SCENARIO, Complaint, complaints, write_files

LINE = SCENARIO.count("\n") + 2


def with_limits(folder: Path, *lines: str) -> Path:
    """Return a valid scenario file with a table of limits, whose first entry is on line LINE."""
    text = SCENARIO + "\n".join(["[limits]", *lines, ""])
    return write_files(folder, scenario=text) / "scenario.toml"


def read(path: Path, **flags: Any) -> list[tuple[str, float, str, float | None]]:
    return [(each.name, each.bound, each.level, each.percentile) for each in read_limits(TomlFile(path), flags)]


def test_every_limit(tmp_path: Path) -> None:
    """Costs are in $/h, shares in per cent, ages in days; the age of prices warns, all others fail."""
    path = with_limits(
        tmp_path,
        'pool_unchanged = { limit = "5%", level = "warn" }',
        "max_cost = 2.5",
        "max_cost_increase = 0.05",
        "min_qps = 100",
        'qos = ["p99<350ms", "p50<0.12s"]',
        'min_headroom = "20%"',
        'max_gap = "5 %"',
        "tolerate_loss = 1",
        'fresh_prices = "4w"',
    )

    assert [
        ("max_cost", 2.5, "fail", None),
        ("max_cost_increase", 5.0, "fail", None),
        ("min_qps", 100.0, "fail", None),
        ("qos", 350.0, "fail", 99.0),
        ("qos", 120.0, "fail", 50.0),
        ("min_headroom", 20.0, "fail", None),
        ("max_gap", 5.0, "fail", None),
        ("tolerate_loss", 1.0, "fail", None),
        ("fresh_prices", 28.0, "warn", None),
        ("pool_unchanged", 5.0, "warn", None),
    ] == read(path)


def test_each_has_a_flag_and_a_unit() -> None:
    """The flag is the name with dashes."""
    assert list(UNIT) == list(FLAG_BY_LIMIT)
    assert "--max-cost-increase" == FLAG_BY_LIMIT["max_cost_increase"]


def test_a_flag_takes_the_place_of_an_entry(tmp_path: Path) -> None:
    """All entries of that name, and its level; the others stay. Each limit knows where it stands."""
    path = with_limits(tmp_path, 'qos = ["p99<350ms", "p50<90ms"]', 'max_cost = { limit = 2, level = "warn" }')
    limits = read_limits(TomlFile(path), {"qos": ("p95<300ms",), "max_cost": "3", "max_gap": None})

    assert (
        Limit("max_cost", 3.0, "fail", Source("--max-cost")),
        Limit("qos", 300.0, "fail", Source("--qos"), 95.0),
    ) == limits
    assert Source(str(path), LINE) == read_limits(TomlFile(path), {"max_cost": "3"})[1].source


def test_an_entry_that_a_flag_replaces_may_be_wrong(tmp_path: Path) -> None:
    """Nothing depends on it."""
    assert [("max_cost", 3.0, "fail", None)] == read(with_limits(tmp_path, "max_cost = -1"), max_cost="3")


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("max_cost = -1", "the limit must be > 0, got -1", "write it as 2.5, in $ per hour"),
        ('max_cost = "cheap"', "cannot read the limit 'cheap' of max_cost", "write it as 2.5, in $ per hour"),
        ("max_cost = [2]", "cannot read the limit [2] of max_cost", "write it as 2.5, in $ per hour"),
        ("max_cost = true", "cannot read the limit True of max_cost", "write it as 2.5, in $ per hour"),
        ("min_qps = nan", "cannot read the limit nan of min_qps", "write it as 100, in queries per second"),
        ("min_qps = 0", "the limit must be > 0, got 0", "write it as 100, in queries per second"),
        ('max_cost_increase = "-5%"', "the limit must be >= 0%, got -5%", 'write it as "5%"'),
        ("max_gap = 5", "cannot read the limit 5 of max_gap", 'write it as "5%"'),
        ('max_gap = "five"', "cannot read the limit 'five' of max_gap", 'write it as "5%"'),
        ('min_headroom = "100%"', "the headroom must be below 100%, got 100%: it is a share of the verified rate",
         'write it as "20%"'),
        ('qos = "p99 < fast"', "cannot read the QoS target 'p99 < fast'", 'write it as "p99<350ms"'),
        ('qos = "p100<350ms"', "the percentile must lie between 0 and 100, got 100", 'write it as "p99<350ms"'),
        ('qos = []', "cannot read the QoS target '[]'", 'write it as "p99<350ms"'),
        ("qos = { limit = 350 }", "cannot read the QoS target '350'", 'write it as "p99<350ms"'),
        ("tolerate_loss = 0", "the number of losses must be 1 to 5, got 0", "write it as 1"),
        ("tolerate_loss = 1.5", "cannot read the limit 1.5 of tolerate_loss", "write it as 1"),
        ("tolerate_loss = inf", "cannot read the limit inf of tolerate_loss", "write it as 1"),
        ("fresh_prices = 30", "cannot read the limit 30 of fresh_prices",
         'write it as "30d", in days or weeks ("4w")'),
        ('max_cost = { limit = 2, level = "wrn" }', "there is no level 'wrn'", "did you mean 'warn'?"),
        ("max_cost = { limit = 2, level = 1 }", "there is no level 1", "levels: fail, warn"),
        ("max_cost = { limt = 2 }", "unknown key 'limt'", "did you mean 'limit'?"),
        ('max_cost = { level = "warn" }', "cannot read the limit None of max_cost", "write it as 2.5, in $ per hour"),
        ("max_cots = 2", "unknown key 'max_cots'", "did you mean 'max_cost'?"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, line: str, message: str, hint: str) -> None:
    """What is wrong with a limit is named with its line and how to write it."""
    expected: Complaint = ("scenario.toml", message, hint)
    found = complaints(lambda path: read_limits(TomlFile(path), {}), with_limits(tmp_path, "", line))

    assert f"{expected[0]}:{LINE + 1}" == found[0][0]
    assert expected[1:] == found[0][1:]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Flags first, then the lines in their order; each once."""
    path = with_limits(tmp_path, "max_gap = 7", "max_cots = 2", 'qos = ["p99<1s", "p50 < fast"]')

    with pytest.raises(InputError) as error:
        read_limits(TomlFile(path), {"tolerate_loss": "x"})

    assert ["--tolerate-loss", f"{path}:{LINE}", f"{path}:{LINE + 1}", f"{path}:{LINE + 2}"] == [
        str(each.source) for each in error.value.problems
    ]


def test_no_limits_is_an_error(tmp_path: Path) -> None:
    """A check of nothing must not pass, and neither must an empty table."""
    with pytest.raises(InputError) as error:
        read_limits(TomlFile(with_limits(tmp_path)), {"max_cost": None, "qos": ()}, Source("scenario.toml"))

    assert (
        "scenario.toml: error: there is no limit to check\n"
        "hint: --max-cost 2.5 or another limit (`kairos check --help`), or a table [limits] in the scenario"
    ) == str(error.value)


def test_a_table_that_is_none(tmp_path: Path) -> None:
    """`limits` is a table."""
    path = write_files(tmp_path, scenario=f"{SCENARIO}limits = 3\n") / "scenario.toml"

    assert [(f"scenario.toml:{LINE - 1}", "'limits' must be a table, got 3", None)] == complaints(
        lambda path: read_limits(TomlFile(path), {}), path
    )


def test_a_scenario_is_read_with_all_problems_of_limits_and_values(tmp_path: Path) -> None:
    """`kairos validate` tells them together, each once."""
    path = with_limits(tmp_path, "max_cost = -1")
    path.write_text(path.read_text().replace("budget_usd_per_hour = 2.5", "budget_usd_per_hour = -2"))
    found = complaints(lambda path: read_scenario(TomlFile(path)), path)

    assert ["the limit must be > 0, got -1", "the budget must be a number > 0, got -2 $/h"] == [
        message for _, message, _ in found
    ]
