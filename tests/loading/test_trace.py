"""Traces: a CSV file with a column `batch_size`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kairos_cli.loading.mix import load_mix
from tests.loading.files import TRACE, TRACED, Complaint, complaints, spoilt

COLUMN_HINT = "the first line names the columns: arrival_s,batch_size"


def sizes(tmp_path: Path, content: bytes) -> dict[int, float]:
    """Return the chance of each size in a trace of that content."""
    path = tmp_path / "queries.csv"
    path.write_bytes(content)
    mix = load_mix(path)
    return dict(zip(mix.batch_size.tolist(), mix.probability.tolist(), strict=True))


def test_trace_as_a_mix(tmp_path: Path) -> None:
    """A trace is a mix by itself, named after its file."""
    path = tmp_path / "queries.csv"
    path.write_text(TRACE)
    mix = load_mix(path)

    assert ("queries", "trace queries.csv") == (mix.name, mix.source)
    assert [10, 20] == mix.batch_size.tolist()
    assert [0.75, 0.25] == mix.probability.tolist()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"batch_size\n10\n20\n", id="one column"),
        pytest.param(b"batch_size\n10\n20", id="no newline at the end"),
        pytest.param(b"a,b,batch_size\nx,y,10\nx,y,20\n", id="the last column"),
        pytest.param(b'"batch_size","why"\n"10","a, b"\n"20",""\n', id="quotes"),
        pytest.param(b"\xef\xbb\xbfbatch_size\r\n10\r\n20\r\n", id="from Windows"),
        pytest.param(b"batch_size\n10\n20\n\n", id="a blank line at the end"),
        pytest.param("batch_size,why\n10,a\u2028b\n20,a\x0bb\x85\n".encode(), id="separators in a text"),
        pytest.param(b'batch_size,why\n10,"a\nb"\n20,\n', id="a line break in quotes"),
    ],
)
def test_dialects(tmp_path: Path, content: bytes) -> None:
    """A trace may have more columns, quotes, and the line ends of another system."""
    assert {10: 0.5, 20: 0.5} == sizes(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("time,size\n1,10\n", ("x.csv:1", "has no column batch_size", COLUMN_HINT), id="other columns"),
        pytest.param("10\n20\n", ("x.csv:1", "has no column batch_size", COLUMN_HINT), id="no header"),
        pytest.param("a;batch_size\n1;10\n", ("x.csv:1", "has no column batch_size", COLUMN_HINT), id="semicolons"),
        pytest.param("batch_size\n", ("x.csv", "holds no query", None), id="no row"),
        pytest.param("batch_size\n10\n0\n",
                     ("x.csv:3", "batch size must be a whole number >= 1, got '0'", None), id="zero"),
        pytest.param("batch_size\n-10\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got '-10'", None), id="negative"),
        pytest.param("batch_size\n10.5\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got '10.5'", None), id="fraction"),
        pytest.param("batch_size\nnan\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got 'nan'", None), id="NaN"),
        pytest.param("arrival_s,batch_size\n1,10\n2\n",
                     ("x.csv:3", "batch size must be a whole number >= 1, got ''", None), id="ragged row"),
        pytest.param("arrival_s,batch_size\n1,10\n2,\n",
                     ("x.csv:3", "batch size must be a whole number >= 1, got ''", None), id="empty cell"),
        pytest.param("", ("x.csv", "is empty", "see `kairos validate --help` for the kinds of files"), id="empty"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, text: str, expected: Complaint) -> None:
    """A row without a whole batch size is named by its line."""
    path = tmp_path / "x.csv"
    path.write_text(text)

    assert [expected] == complaints(load_mix, path)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """All wrong rows of a trace are named together, as in any file."""
    path = tmp_path / "x.csv"
    path.write_text("batch_size\n0\n10\n-1\n")

    assert ["x.csv:2", "x.csv:4"] == [place for place, *_ in complaints(load_mix, path)]


def test_size_beyond_the_limit(tmp_path: Path) -> None:
    """A size that is too large is said to be too large, with the limit."""
    path = tmp_path / "x.csv"
    path.write_text("batch_size\n2000000\n")
    [(place, message, _)] = complaints(load_mix, path)

    assert "x.csv:2" == place
    assert "1000000" in message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"batch_size\n{'9' * 5000}\n", id="more digits than Python reads"),
        pytest.param(f"{'x' * 200_000}\n", id="a header longer than CSV allows"),
        pytest.param(f"batch_size,why\n10,{'x' * 200_000}\n", id="a cell longer than CSV allows"),
    ],
)
def test_rubbish(tmp_path: Path, text: str) -> None:
    """What csv or int refuse is a problem of the file, not a crash."""
    path = tmp_path / "x.csv"
    path.write_text(text)

    assert 1 == len(complaints(load_mix, path))


def test_missing_trace(tmp_path: Path) -> None:
    """A trace that is not there is named by the mix that names it, on its line."""
    path = tmp_path / "x.toml"
    path.write_text(spoilt(TRACED, "trace.csv", "none.csv"))
    [(place, message, hint)] = complaints(load_mix, path)

    assert "x.toml:5" == place
    assert "none.csv" in message
    assert "names are relative to where you are" not in str(hint)
