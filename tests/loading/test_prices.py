"""Price lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.loading.prices import load_prices
from tests.loading.files import PRICES, SOME_HINT, Complaint, complaints, spoilt


def test_load(tmp_path: Path) -> None:
    """A price list holds what its file says, in its order."""
    path = tmp_path / "prices.toml"
    path.write_text(PRICES)
    types = (InstanceType("fast.large", 0.5), InstanceType("slow.small", 0.125))

    assert PriceList("list", "here", "the provider", types, "2026-05-01") == load_prices(path)


def test_tables_with_headers(tmp_path: Path) -> None:
    """A type may have a table of its own, and a whole number for a price."""
    path = tmp_path / "prices.toml"
    path.write_text('schema = "kairos.prices/1"\nname = "p"\n[instance_types."g4dn.xlarge"]\nprice_usd_per_hour = 1\n')

    assert (InstanceType("g4dn.xlarge", 1.0),) == load_prices(path).instance_types


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("= 0.5 }", "= -0.5 }",
                     ("x.toml:8", "the price of fast.large must be > 0, got -0.5", SOME_HINT), id="negative"),
        pytest.param("= 0.5 }", "= 0 }",
                     ("x.toml:8", "the price of fast.large must be > 0, got 0", SOME_HINT), id="zero"),
        pytest.param("= 0.5 }", "= nan }",
                     ("x.toml:8", "the price of fast.large must be > 0, got nan", SOME_HINT), id="NaN"),
        pytest.param("= 0.5 }", "= inf }",
                     ("x.toml:8", "the price of fast.large must be > 0, got inf", SOME_HINT), id="infinite"),
        pytest.param("= 0.5 }", '= "0.5" }',
                     ("x.toml:8", "'price_usd_per_hour' must be a number, got '0.5'", None), id="text"),
        pytest.param("= 0.5 }", "= true }",
                     ("x.toml:8", "'price_usd_per_hour' must be a number, got True", None), id="boolean"),
        pytest.param("{ price_usd_per_hour = 0.5 }", "{}",
                     ("x.toml:8", "'price_usd_per_hour' is missing", None), id="no price"),
        pytest.param('region = "here"', 'currency = "EUR"',
                     ("x.toml:3", "prices are in EUR, not in USD", "convert them to $ per hour"), id="currency"),
        pytest.param('name = "list"', "", ("x.toml:1", "'name' is missing", None), id="no name"),
        pytest.param("as_of", "as_off", ("x.toml:5", "unknown key 'as_off'", "did you mean 'as_of'?"), id="near key"),
        pytest.param('schema = "kairos.prices/1"', "",
                     ("x.toml:1", "has no schema", 'the first line should be: schema = "kairos.prices/1"'),
                     id="no schema"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, old: str, new: str, expected: Complaint) -> None:
    """What is wrong with a price list is named with its line."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(PRICES, old, new))

    assert [expected] == complaints(load_prices, path)


KEYS_HINT = "keys here: price_usd_per_hour, spot_discount, spot_availability, reserved_discount, zones"
HEAD = PRICES[: PRICES.index("[instance_types]")]


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        pytest.param("", ("x.toml:1", "'instance_types' is missing", None), id="no table"),
        pytest.param("[instance_types]\n", ("x.toml:7", "no instance type has a price", None), id="empty"),
        pytest.param("instance_types = []\n",
                     ("x.toml:7", "'instance_types' must be a table, got []", None), id="list"),
        pytest.param('[instance_types]\na = { price_usd_per_hour = 1, prize = 2 }\n',
                     ("x.toml:8", "unknown key 'prize'", KEYS_HINT), id="unknown key"),
    ],
)  # fmt: skip
def test_wrong_types(tmp_path: Path, tail: str, expected: Complaint) -> None:
    """A list without prices, or with more than prices, is refused."""
    path = tmp_path / "x.toml"
    path.write_text(HEAD + tail)

    assert [expected] == complaints(load_prices, path)


def test_wrong_list_of_tables(tmp_path: Path) -> None:
    """An array of tables in place of the table is named by its own line."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}[[instance_types]]\nprice_usd_per_hour = 1\n")

    assert [("x.toml:7", "'instance_types' must be a table, got [{'price_usd_per_hour': 1}]", None)] == complaints(
        load_prices, path
    )


def test_unquoted_instance_type(tmp_path: Path) -> None:
    """A dot in a name that is not quoted makes a table in a table; the hint is to quote it."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}[instance_types]\ng4dn.xlarge = {{ price_usd_per_hour = 1 }}\n")
    found = complaints(load_prices, path)

    assert {"x.toml:8"} == {place for place, *_ in found}
    assert any("quot" in str(hint) for *_, hint in found)


def test_date_without_quotes(tmp_path: Path) -> None:
    """A day may be written without quotes, as TOML has dates."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(PRICES, '"2026-05-01"', "2026-05-01"))

    assert "2026-05-01" == load_prices(path).as_of


def test_price_beyond_floats(tmp_path: Path) -> None:
    """A whole number that no float can hold is a problem, not a crash."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(PRICES, "= 0.5 }", f"= 1{'0' * 400} }}"))

    assert ["x.toml:8"] == [place for place, *_ in complaints(load_prices, path)]


def test_all_problems_at_once(tmp_path: Path) -> None:
    """All wrong prices are named together."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(spoilt(PRICES, "= 0.5 }", "= -1 }"), "= 0.125 }", '= "?" }'))

    assert [
        ("x.toml:8", "the price of fast.large must be > 0, got -1"),
        ("x.toml:9", "'price_usd_per_hour' must be a number, got '?'"),
    ] == [each[:2] for each in complaints(load_prices, path)]


OPTIONS = "spot_discount = 0.6, spot_availability = 0.9, reserved_discount = 0.25, zones = ['b', 'a']"


def test_purchase_options(tmp_path: Path) -> None:
    """Each discount makes a column: 60 % off 0.5 are 0.2, a quarter off 0.375; all stand in the same zones."""
    path = tmp_path / "prices.toml"
    path.write_text(spoilt(PRICES, "= 0.5 }", f"= 0.5, {OPTIONS} }}"))

    assert (
        InstanceType("fast.large", 0.5, 1.0, ("a", "b")),
        InstanceType("fast.large:spot", 0.2, 0.9, ("a", "b")),
        InstanceType("fast.large:reserved", 0.375, 1.0, ("a", "b")),
        InstanceType("slow.small", 0.125),
    ) == load_prices(path).instance_types
    assert ["fast.large", "slow.small"] == load_prices(path).machines()


SPOT_HINT = "spot instances need a spot_discount and a spot_availability"
SHARE_HINT = "a share off the on-demand price: 0.6 for 60 % off"
TIME_HINT = "a share of the time: 0.95 if a spot instance is there 95 % of it"
ZONES = ("'zones' must be a list of different names", 'zones = ["us-east-1a", "us-east-1b"]')


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("spot_discount = 0.6", ("'spot_availability' is missing", SPOT_HINT)),
        ("spot_availability = 0.9", ("'spot_discount' is missing", SPOT_HINT)),
        ("spot_discount = 1.2, spot_availability = 0.9",
         ("the spot discount of fast.large must be > 0 and < 1, got 1.2", SHARE_HINT)),
        ("spot_discount = 0, spot_availability = 0.9",
         ("the spot discount of fast.large must be > 0 and < 1, got 0", SHARE_HINT)),
        ("spot_discount = 0.6, spot_availability = 95",
         ("the spot availability of fast.large must be > 0 and <= 1, got 95", TIME_HINT)),
        ("spot_discount = 0.6, spot_availability = 0",
         ("the spot availability of fast.large must be > 0 and <= 1, got 0", TIME_HINT)),
        ("reserved_discount = nan", ("the reserved discount of fast.large must be > 0 and < 1, got nan", SHARE_HINT)),
        ("reserved_discount = '30%'", ("'reserved_discount' must be a number, got '30%'", None)),
        ("zones = []", ZONES),
        ("zones = ['a', 'a']", ZONES),
        ("zones = [1]", ZONES),
        ("zones = 'a'", ("'zones' must be a list, got 'a'", None)),
    ],
)  # fmt: skip
def test_wrong_options(tmp_path: Path, entry: str, expected: tuple[str, str | None]) -> None:
    """What is wrong with a purchase option or a zone is named with its line."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(PRICES, "= 0.5 }", f"= 0.5, {entry} }}"))

    assert [("x.toml:8", *expected)] == complaints(load_prices, path)


def test_a_name_that_looks_like_an_option(tmp_path: Path) -> None:
    """A type cannot be called after an option, or its name would mean two things."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(PRICES, '"slow.small"', '"slow.small:spot"'))

    assert [
        (
            "x.toml:9",
            "the name 'slow.small:spot' ends with a purchase option",
            "name the type alone, and give spot_discount or reserved_discount in its entry",
        )
    ] == complaints(load_prices, path)
