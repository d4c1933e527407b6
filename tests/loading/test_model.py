"""Model profiles: what is read, and every way a row can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from kairos_cli.domain.qos import QosTarget
from kairos_cli.loading.model import load_model
from tests.loading.files import MODEL, SOME_HINT, Complaint, complaints, spoilt

ROW = "[20, 4.0, 3.0, 4.0, 5.0]"
LEVELS_HINT = "for example [0, 0.5, 0.9, 0.99, 1]"
ROW_HINT = "batch size, mean, then one latency per quantile"
MS_HINT = "latencies are in milliseconds; leave the row out if it was not measured"
QOS_HINT = 'write it as "p99<350ms"'


def test_load(tmp_path: Path) -> None:
    """A model profile holds what its file says."""
    path = tmp_path / "model.toml"
    path.write_text(MODEL)
    model = load_model(path)

    assert ("ranker", "ranks", "measured in May", "MIT") == (model.name, model.description, model.source, model.licence)
    assert QosTarget(99, 50) == model.qos
    assert ["fast.large", "slow.small"] == list(model.latency)
    fast = model.latency["fast.large"]
    assert "fast.large" == fast.instance_type
    assert [10, 20, 40] == fast.batch_size.tolist()
    assert [2.0, 4.0, 8.0] == fast.mean_ms.tolist()
    assert [0.0, 0.5, 1.0] == fast.level.tolist()
    assert [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [7.0, 8.0, 9.0]] == fast.quantile_ms.tolist()


def test_what_may_be_left_out(tmp_path: Path) -> None:
    """A profile needs a name, quantiles and latencies; whole numbers will do, and equal quantiles."""
    path = tmp_path / "model.toml"
    path.write_text('schema = "kairos.model/1"\nname = "m"\nquantiles = [0, 1]\nlatency_ms = { a = [[1, 5, 5, 5]] }\n')
    model = load_model(path)

    assert (None, "", "", "") == (model.qos, model.description, model.source, model.licence)
    assert [[5.0, 5.0]] == model.latency["a"].quantile_ms.tolist()


def test_what_servers_may_do(tmp_path: Path) -> None:
    """A profile says whether queries may be merged and split and how large a batch may be; else all may."""
    path = tmp_path / "model.toml"
    path.write_text(MODEL)
    silent = load_model(path)
    path.write_text(f"mergeable = false\nsplittable = false\nlargest_batch = 40\n{MODEL}")
    told = load_model(path)

    assert (True, True, None) == (silent.mergeable, silent.splittable, silent.largest_batch)
    assert (False, False, 40) == (told.mergeable, told.splittable, told.largest_batch)


def row(number: int, message: str, hint: object) -> list[object]:
    """Return the one complaint about a row of the model file."""
    return [(f"x.toml:{number}", message, hint)]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param("[20, 4.0, 3.0, 5.0]",
                     row(12, "a row must be 5 numbers, got 4 numbers", ROW_HINT), id="a latency missing"),
        pytest.param("[20, 4.0, 3.0, 4.0, 5.0, 6.0]",
                     row(12, "a row must be 5 numbers, got 6 numbers", ROW_HINT), id="a latency too many"),
        pytest.param("[]", row(12, "a row must be 5 numbers, got 0 numbers", ROW_HINT), id="empty row"),
        pytest.param("20", row(12, "a row must be 5 numbers, got 20", ROW_HINT), id="no row"),
        pytest.param('[20, 4.0, 3.0, "4.0", 5.0]', row(12, "a row may hold numbers only", SOME_HINT), id="text"),
        pytest.param("[20, 4.0, 3.0, true, 5.0]", row(12, "a row may hold numbers only", SOME_HINT), id="boolean"),
        pytest.param("[20, 4.0, 3.0, 07:32:00, 5.0]", row(12, "a row may hold numbers only", SOME_HINT), id="time"),
        pytest.param("[20, -3.2, 3.0, 4.0, 5.0]",
                     row(12, "latency must be > 0, got -3.2 ms", MS_HINT), id="negative mean"),
        pytest.param("[20, 4.0, -3.0, 4.0, 5.0]",
                     row(12, "latency must be > 0, got -3 ms", MS_HINT), id="negative latency"),
        pytest.param("[20, 4.0, 0, 4.0, 5.0]", row(12, "latency must be > 0, got 0 ms", MS_HINT), id="zero latency"),
        pytest.param("[20, nan, 3.0, 4.0, 5.0]", row(12, "latency must be > 0, got nan ms", MS_HINT), id="NaN mean"),
        pytest.param("[20, 4.0, 3.0, nan, 5.0]", row(12, "latency must be > 0, got nan ms", MS_HINT), id="NaN"),
        pytest.param("[20, 4.0, 3.0, 4.0, inf]", row(12, "latency must be > 0, got inf ms", MS_HINT), id="infinite"),
        pytest.param("[20, 4.0, 3.0, 2.0, 5.0]",
                     row(12, "the quantiles of a row must not fall", None), id="falling quantiles"),
        pytest.param("[20, 6.0, 3.0, 4.0, 5.0]",
                     row(12, "the mean 6 ms lies outside the quantiles", None), id="mean over all"),
        pytest.param("[20, 2.0, 3.0, 4.0, 5.0]",
                     row(12, "the mean 2 ms lies outside the quantiles", None), id="mean under all"),
        pytest.param("[0, 4.0, 3.0, 4.0, 5.0]",
                     row(12, "batch size must be a whole number >= 1, got 0", None), id="batch size 0"),
        pytest.param("[-20, 4.0, 3.0, 4.0, 5.0]",
                     row(12, "batch size must be a whole number >= 1, got -20", None), id="negative batch size"),
        pytest.param("[20.0, 4.0, 3.0, 4.0, 5.0]",
                     row(12, "batch size must be a whole number >= 1, got 20.0", None), id="fractional batch size"),
        pytest.param("[nan, 4.0, 3.0, 4.0, 5.0]",
                     row(12, "batch size must be a whole number >= 1, got nan", None), id="NaN batch size"),
        pytest.param("[10, 4.0, 3.0, 4.0, 5.0]",
                     row(12, "batch size 10 appears twice", "keep one row per batch size"), id="duplicate"),
        pytest.param("[5, 4.0, 3.0, 4.0, 5.0]",
                     row(12, "batch size 5 comes after 10", "sort the rows by batch size"), id="unsorted"),
        pytest.param("[50, 4.0, 3.0, 4.0, 5.0]",
                     row(13, "batch size 40 comes after 50", "sort the rows by batch size"), id="the next is smaller"),
    ],
)  # fmt: skip
def test_wrong_row(tmp_path: Path, new: str, expected: list[Complaint]) -> None:
    """A row that cannot be used is named by its own line, with what is wrong and what to do."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(MODEL, ROW, new))

    assert expected == complaints(load_model, path)


@pytest.mark.parametrize("column", [0, 1, 2, 4], ids=["batch size", "mean", "first", "last"])
def test_numbers_no_machine_holds(tmp_path: Path, column: int) -> None:
    """A whole number beyond floats or 64 bits is a problem of its row, not a crash or another number."""
    numbers = ["20", "4.0", "3.0", "4.0", "5.0"]
    numbers[column] = f"1{'0' * 30}" if column == 0 else f"1{'0' * 400}"
    path = tmp_path / "x.toml"
    path.write_text(spoilt(spoilt(MODEL, ROW, f"[{', '.join(numbers)}]"), "  [40, 8.0, 7.0, 8.0, 9.0],\n", ""))

    assert ["x.toml:12"] == [place for place, *_ in complaints(load_model, path)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param('name = "ranker"', "", ("x.toml:1", "'name' is missing", None), id="no name"),
        pytest.param('"ranker"', "5", ("x.toml:2", "'name' must be text, got 5", None), id="name a number"),
        pytest.param('"MIT"', "[]", ("x.toml:5", "'licence' must be text, got []", None), id="licence a list"),
        pytest.param("licence", "license",
                     ("x.toml:5", "unknown key 'license'", "did you mean 'licence'?"), id="near key"),
        pytest.param("licence", "xyz",
                     ("x.toml:5", "unknown key 'xyz'",
                      "keys here: schema, name, description, source, licence, qos, quantiles, mergeable, splittable, "
                      "largest_batch, latency_ms"),
                     id="far key"),
        pytest.param("p99<50ms", "50ms", ("x.toml:6", "cannot read the QoS target '50ms'", QOS_HINT), id="no target"),
        pytest.param("p99<50ms", "p100<50ms",
                     ("x.toml:6", "the percentile must lie between 0 and 100, got 100", QOS_HINT), id="percentile"),
        pytest.param('"p99<50ms"', "50", ("x.toml:6", "'qos' must be text, got 50", None), id="target a number"),
        pytest.param("[0, 0.5, 1]", "[0.1, 0.5, 1]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles not from 0"),
        pytest.param("[0, 0.5, 1]", "[0, 0.5, 0.9]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles not to 1"),
        pytest.param("[0, 0.5, 1]", "[0, 1, 1]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles repeated"),
        pytest.param("[0, 0.5, 1]", "[0, nan, 1]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles NaN"),
        pytest.param("[0, 0.5, 1]", '"0, 0.5, 1"',
                     ("x.toml:7", "'quantiles' must be a list, got '0, 0.5, 1'", None), id="quantiles a text"),
        pytest.param("[0, 0.5, 1]", '[0, "½", 1]',
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles with a text"),
        pytest.param("[0, 0.5, 1]", "[0, true, 1]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles with a boolean"),
        pytest.param("[0, 0.5, 1]", "[]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles empty"),
        pytest.param("[0, 0.5, 1]", f"[0, 1{'0' * 400}, 1]",
                     ("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT), id="quantiles beyond floats"),
        pytest.param("quantiles = [0, 0.5, 1]", "",
                     ("x.toml:1", "'quantiles' is missing", None), id="no quantiles"),
        pytest.param("quantiles =", 'mergeable = "no"\nquantiles =',
                     ("x.toml:7", "'mergeable' must be true or false, got 'no'", None), id="mergeable a text"),
        pytest.param("quantiles =", "splittable = 1\nquantiles =",
                     ("x.toml:7", "'splittable' must be true or false, got 1", None), id="splittable a number"),
        pytest.param("quantiles =", "largest_batch = true\nquantiles =",
                     ("x.toml:7", "'largest_batch' must be a whole number, got True", None), id="largest batch true"),
        pytest.param("quantiles =", "largest_batch = 0\nquantiles =",
                     ("x.toml:7", "largest_batch must be >= 1, got 0", None), id="largest batch 0"),
        pytest.param("quantiles =", "largest_batch = 41\nquantiles =",
                     ("x.toml:7",
                      "largest_batch 41 is beyond the profile, which ends at 40; latencies are not extrapolated",
                      "measure larger batches, or give a smaller largest_batch"), id="largest batch not measured"),
    ],
)  # fmt: skip
def test_wrong_head(tmp_path: Path, old: str, new: str, expected: Complaint) -> None:
    """What is wrong in the head of a profile is the one thing said: no row is blamed for it."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(MODEL, old, new))

    assert [expected] == complaints(load_model, path)


HEAD = MODEL[: MODEL.index("[latency_ms]")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEAD, ("x.toml:1", "'latency_ms' is missing", SOME_HINT), id="no latencies"),
        pytest.param(f"{HEAD}[latency_ms]\n",
                     ("x.toml:9", "no instance type has a latency profile", SOME_HINT), id="no instance type"),
        pytest.param(f"{HEAD}latency_ms = 5\n",
                     ("x.toml:9", "'latency_ms' must be a table, got 5", SOME_HINT), id="no table"),
        pytest.param(f"{HEAD}[latency_ms]\na = []\n", ("x.toml:10", "a has no rows", SOME_HINT), id="no rows"),
        pytest.param(f"{HEAD}[latency_ms]\na = 5\n", ("x.toml:10", "'a' must be a list, got 5", None), id="no list"),
    ],
)  # fmt: skip
def test_no_latencies(tmp_path: Path, text: str, expected: Complaint) -> None:
    """A profile without latencies is refused."""
    path = tmp_path / "x.toml"
    path.write_text(text)

    assert [expected] == complaints(load_model, path)


def test_rows_without_quantiles(tmp_path: Path) -> None:
    """Rows that would fit a profile without quantiles do not make one."""
    path = tmp_path / "x.toml"
    path.write_text(f"{spoilt(HEAD, '[0, 0.5, 1]', '[]')}[latency_ms]\na = [[10, 5.0]]\n")

    assert [("x.toml:7", "quantiles must rise from 0 to 1", LEVELS_HINT)] == complaints(load_model, path)


def test_unquoted_instance_type(tmp_path: Path) -> None:
    """A dot in a name that is not quoted makes a table in a table; the hint is to quote it."""
    path = tmp_path / "x.toml"
    path.write_text(f"{HEAD}[latency_ms]\ng4dn.xlarge = [[10, 2.0, 1.0, 2.0, 3.0]]\n")
    [(place, _, hint)] = complaints(load_model, path)

    assert "x.toml:10" == place
    assert "quot" in str(hint)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ("x.toml:1", "has no schema", 'the first line should be: schema = "kairos.model/1"'),
                     id="none"),
        pytest.param('schema = "kairos.model/2"',
                     ("x.toml:1", "schema is 'kairos.model/2', expected \"kairos.model/1\"", None), id="newer"),
        pytest.param('schema = "kairos.mix/1"',
                     ("x.toml:1", "schema is 'kairos.mix/1', expected \"kairos.model/1\"", None), id="another kind"),
        pytest.param("schema = 1", ("x.toml:1", 'schema is 1, expected "kairos.model/1"', None), id="a number"),
        pytest.param("schema = {}", ("x.toml:1", 'schema is {}, expected "kairos.model/1"', None), id="a table"),
    ],
)  # fmt: skip
def test_schema(tmp_path: Path, text: str, expected: Complaint) -> None:
    """A file of another kind is told by its schema, and read no further."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(MODEL, 'schema = "kairos.model/1"', text))

    assert [expected] == complaints(load_model, path)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """All that is wrong with a file is said together, each with its line."""
    text = spoilt(MODEL, 'name = "ranker"', "nmae = 1")
    text = spoilt(text, "p99<50ms", "fast")
    text = spoilt(text, "[10, 2.0, 1.0, 2.0, 3.0]", "[10, 2.0, -1.0, 2.0, 3.0]")
    text = spoilt(text, "[20, 40.0, 30.0, 40.0, 50.0]", "[10, 40.0, 30.0, 40.0, 50.0]")
    path = tmp_path / "x.toml"
    path.write_text(text)

    assert [
        ("x.toml:2", "unknown key 'nmae'", "did you mean 'name'?"),
        ("x.toml:1", "'name' is missing", None),
        ("x.toml:6", "cannot read the QoS target 'fast'", QOS_HINT),
        ("x.toml:11", "latency must be > 0, got -1 ms", MS_HINT),
        ("x.toml:17", "batch size 10 appears twice", "keep one row per batch size"),
    ] == complaints(load_model, path)


def test_lines_after_crlf_and_mark(tmp_path: Path) -> None:
    """Lines are counted alike in a file from Windows, with CRLF and a byte order mark."""
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf" + spoilt(MODEL, ROW, "[20, nan, 3.0, 4.0, 5.0]").replace("\n", "\r\n").encode())

    assert row(12, "latency must be > 0, got nan ms", MS_HINT) == complaints(load_model, path)


def test_any_name(tmp_path: Path) -> None:
    """An instance type may have any name; its rows are still found."""
    text = spoilt(MODEL, '"fast.large"', r'"größe \"1\" [x] = #\u00fc"')
    path = tmp_path / "x.toml"
    path.write_text(spoilt(text, ROW, "[20, nan, 3.0, 4.0, 5.0]"), encoding="utf-8")

    assert row(12, "latency must be > 0, got nan ms", MS_HINT) == complaints(load_model, path)
