"""A TOML file being read: what is no text, what is no TOML, what is missing or of the wrong kind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kairos_cli.loading.toml_file import TomlFile, near_name, read_text
from tests.loading.files import SOME_HINT, Complaint, complaints


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[str], TomlFile]:
    """Return a function that makes the file of a text."""

    def write(text: str) -> TomlFile:
        path = tmp_path / "x.toml"
        path.write_bytes(text.encode())
        return TomlFile(path)

    return write


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a = 1\n", "a = 1\n", id="plain"),
        pytest.param(b"\xef\xbb\xbfa = 1\n", "a = 1\n", id="byte order mark"),
        pytest.param("ü = 'é'\n".encode(), "ü = 'é'\n", id="UTF-8"),
        pytest.param(b"a = 1\r\n", "a = 1\r\n", id="CRLF"),
    ],
)
def test_read_text(tmp_path: Path, content: bytes, expected: str) -> None:
    """A text file is read as UTF-8, without a byte order mark."""
    path = tmp_path / "x"
    path.write_bytes(content)

    assert expected == read_text(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            b"", ("x", "is empty", "see `kairos validate --help` for the kinds of files"), id="empty"
        ),
        pytest.param(
            b" \n\t\r\n", ("x", "is empty", "see `kairos validate --help` for the kinds of files"), id="blank"
        ),
        pytest.param(
            b"\xef\xbb\xbf", ("x", "is empty", "see `kairos validate --help` for the kinds of files"), id="only a mark"
        ),
        pytest.param(
            b"a = 1\n\nb = '\xe9'\n",
            ("x:3", "is not a UTF-8 text file", "byte 12 is 0xe9; save the file as UTF-8"),
            id="Latin-1",
        ),
        pytest.param(
            "a = 1".encode("utf-16"),
            ("x:1", "is not a UTF-8 text file", "byte 0 is 0xff; save the file as UTF-8"),
            id="UTF-16",
        ),
        pytest.param(
            b"\x7fELF\x02\x01\x80",
            ("x:1", "is not a UTF-8 text file", "byte 6 is 0x80; save the file as UTF-8"),
            id="a program",
        ),
    ],
)  # fmt: skip
def test_no_text(tmp_path: Path, content: bytes, expected: Complaint) -> None:
    """A file without text, or in another encoding, is refused with its place."""
    path = tmp_path / "x"
    path.write_bytes(content)

    assert [expected] == complaints(read_text, path)


def test_no_such_file(tmp_path: Path) -> None:
    """A path that leads nowhere is refused."""
    expected = ("none.toml", "no such file", "check the path; names are relative to where you are")

    assert [expected] == complaints(read_text, tmp_path / "none.toml")


def test_directory(tmp_path: Path) -> None:
    """A directory is refused with a hint."""
    path = tmp_path / "folder.toml"
    path.mkdir()

    assert [("folder.toml", "is a directory, not a file", SOME_HINT)] == complaints(read_text, path)


def test_too_large(tmp_path: Path) -> None:
    """A file of 50 MB is refused before it is read."""
    path = tmp_path / "x"
    path.touch()
    os.truncate(path, 50_000_000)
    expected = ("x", "is 50 MB large, too large to be read", "the limit is 20 MB; is this the right file?")

    assert [expected] == complaints(read_text, path)


def test_too_large_without_a_size(tmp_path: Path) -> None:
    """The limit also holds for what tells no size beforehand: a pipe, or /dev/zero, which never ends."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"x" * 5000))
    writer.start()
    try:
        found = complaints(lambda each: read_text(each, 1000), path)
    finally:
        writer.join()

    assert 1 == len(found)


def test_pipe(tmp_path: Path) -> None:
    """A pipe is read like a file: `kairos validate <(…)`."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("a = 1\n"))
    writer.start()
    try:
        assert "a = 1\n" == read_text(path)
    finally:
        writer.join()


def test_null_device() -> None:
    """/dev/null is an empty file."""
    expected = ("null", "is empty", "see `kairos validate --help` for the kinds of files")

    assert [expected] == complaints(read_text, Path("/dev/null"))


def test_links_in_a_circle(tmp_path: Path) -> None:
    """A link to itself cannot be read."""
    path = tmp_path / "loop"
    path.symlink_to(path)

    assert [("loop", "cannot be read: Too many levels of symbolic links", None)] == complaints(read_text, path)


def test_file_as_a_folder(tmp_path: Path) -> None:
    """A path through a file cannot be read."""
    (tmp_path / "x").touch()

    assert [("y", "cannot be read: Not a directory", None)] == complaints(read_text, tmp_path / "x" / "y")


def test_name_too_long(tmp_path: Path) -> None:
    """A name longer than the file system allows cannot be read."""
    assert [("n" * 300, "cannot be read: File name too long", None)] == complaints(read_text, tmp_path / ("n" * 300))


def test_null_in_a_name(tmp_path: Path) -> None:
    """A name with a null character, which no file system has, is an error in words."""
    assert 1 == len(complaints(read_text, tmp_path / "a\0b"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    """A file that one may not read is an error in words."""
    path = tmp_path / "x"
    path.touch(mode=0o000)

    assert [("x", "cannot be read: Permission denied", None)] == complaints(read_text, path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has this file")
def test_failing_read() -> None:
    """A file that opens but fails to be read is an error in words."""
    assert [("mem", "cannot be read: Input/output error", None)] == complaints(read_text, Path("/proc/self/mem"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = 1\nb = \n", ("x.toml:2", "not TOML: Invalid value"), id="no value"),
        pytest.param("a = [1,\n2\n", ("x.toml:3", "not TOML: Unclosed array"), id="open bracket"),
        pytest.param('a = "x\n', ("x.toml:1", "not TOML: Illegal character '\\n'"), id="open quote"),
        pytest.param("a = 1\na = 2\n", ("x.toml:2", "not TOML: Cannot overwrite a value"), id="a key twice"),
        pytest.param("[t]\n[t]\n", ("x.toml:2", "not TOML: Cannot declare ('t',) twice"), id="a table twice"),
        pytest.param("a = 1\r\n\r\nb == 1\r\n", ("x.toml:3", "not TOML: Invalid value"), id="after CRLF"),
        pytest.param("a = 1 b = 2\n",
                     ("x.toml:1", "not TOML: Expected newline or end of document after a statement"), id="one line"),
    ],
)  # fmt: skip
def test_no_toml(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    """What is no TOML is refused with the line where reading stopped."""
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode())
    hint = "the text up to there is fine; look for a missing quote, bracket or comma"

    assert [(*expected, hint)] == complaints(TomlFile, path)


@pytest.mark.parametrize("opening", ["[", "{a=", "a."], ids=["arrays", "tables", "keys"])
def test_nested_too_deeply(tmp_path: Path, opening: str) -> None:
    """A text nested without end is refused, not followed."""
    path = tmp_path / "x.toml"
    path.write_text(f"k = {opening * 100_000}" if opening != "a." else f"{opening * 100_000}a = 1")

    assert [("x.toml", "not TOML: nested too deeply", None)] == complaints(TomlFile, path)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a=", "}")], ids=["arrays", "tables"])
def test_nested_deeply(opened: Callable[[str], TomlFile], opening: str, closing: str) -> None:
    """A value nested as deeply as TOML is read at all is a problem like any other, on its line."""
    file = opened(f"a = 1\nk = {opening * 400}1{closing * 400}\n")
    file.of_type(int, "k")

    assert [2] == [problem.source and problem.source.line for problem in file.problems]


def test_number_of_too_many_digits(tmp_path: Path) -> None:
    """A whole number with more digits than Python reads is refused as TOML."""
    path = tmp_path / "x.toml"
    path.write_text(f"a = 1\nb = {'9' * 5000}\n")

    assert 1 == len(complaints(TomlFile, path))


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        pytest.param("\n\nt.u = 1\n", ("t",), 3, id="a table that only a dotted key makes"),
        pytest.param("\n\n[t.u]\n", ("t",), 3, id="a table that only a header makes"),
        pytest.param("\n\n[[t]]\n[[t]]\n", ("t",), 3, id="an array of tables"),
        pytest.param("\n\na = [\n1]\n", ("a", 7, "x"), 3, id="an element that is not there"),
        pytest.param("\n\na = 1\n", ("b",), 1, id="a key that is not there"),
    ],
)
def test_source(opened: Callable[[str], TomlFile], text: str, at: tuple[str | int, ...], expected: int) -> None:
    """The place of a value is where it begins, or the nearest table around it, or else the first line."""
    assert expected == opened(text).source(*at).line


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        pytest.param("", str, "'k' is missing", id="missing"),
        pytest.param("k = 1", str, "'k' must be text, got 1", id="number for text"),
        pytest.param("k = 'x'", int, "'k' must be a whole number, got 'x'", id="text for number"),
        pytest.param("k = 1.0", int, "'k' must be a whole number, got 1.0", id="fraction for whole"),
        pytest.param("k = true", int, "'k' must be a whole number, got True", id="boolean for whole"),
        pytest.param("k = false", float, "'k' must be a number, got False", id="boolean for number"),
        pytest.param("k = {}", list, "'k' must be a list, got {}", id="table for list"),
        pytest.param("k = []", dict, "'k' must be a table, got []", id="list for table"),
    ],
)
def test_wrong_kind(opened: Callable[[str], TomlFile], text: str, kind: type, expected: str) -> None:
    """A value of the wrong kind is noted, and is None to the loader."""
    file = opened(f"a = 1\n{text}")

    assert file.of_type(kind, "k") is None
    assert [expected] == [problem.message for problem in file.problems]


def test_long_values_are_cut(opened: Callable[[str], TomlFile]) -> None:
    """A message does not repeat a long value whole."""
    file = opened(f"k = {list(range(1000))}")
    file.of_type(str, "k")

    assert 200 >= len(file.problems[0].message)


@pytest.mark.parametrize("kind", [str, list, dict])
def test_optional_value(opened: Callable[[str], TomlFile], kind: type) -> None:
    """A value that may be missing and is missing is no problem."""
    file = opened("a = 1")

    assert file.of_type(kind, "k", required=False) is None
    assert [] == file.problems


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("0", "the price must be > 0, got 0 $", id="zero"),
        pytest.param("-1.5", "the price must be > 0, got -1.5 $", id="negative"),
        pytest.param("nan", "the price must be > 0, got nan $", id="NaN"),
        pytest.param("inf", "the price must be > 0, got inf $", id="infinite"),
        pytest.param("1979-05-27", "'k' must be a number, got datetime.date(1979, 5, 27)", id="date"),
    ],
)
def test_positive(opened: Callable[[str], TomlFile], value: str, expected: str) -> None:
    """A number that must be above zero is checked to be one."""
    file = opened(f"k = {value}")

    assert file.positive_at("k", what="the price", unit=" $") is None
    assert [expected] == [problem.message for problem in file.problems]


def test_positive_beyond_floats(opened: Callable[[str], TomlFile]) -> None:
    """A whole number that no float can hold is a problem, not a crash."""
    file = opened(f"k = 1{'0' * 400}")

    assert file.positive_at("k", what="the price") is None
    assert 1 == len(file.problems)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        pytest.param("rm3", ["ncf", "rm2"], "did you mean 'rm2'?", id="near"),
        pytest.param("xyz", ["ncf", "rm2"], "models: ncf, rm2", id="far"),
        pytest.param("xyz", [], "models: none", id="nothing known"),
    ],
)
def test_near_name(name: str, known: list[str], expected: str) -> None:
    """The nearest name is suggested; where none is near, all are listed."""
    assert expected == near_name(name, known, "models")
