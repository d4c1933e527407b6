"""The line on which a value stands."""

from __future__ import annotations

import pytest
import tomli
from hypothesis import given, settings

from kairos_cli.loading.toml_lines import Path, line_by_path
from tests.strategies import toml_texts


def value_at(document: object, path: Path) -> object:
    """Return the value at a path; raises KeyError or IndexError where there is none."""
    for key in path:
        document = document[key]  # type: ignore[index]
    return document


@settings(max_examples=100)
@given(toml_texts())
def test_every_value_is_found_on_its_line(text_and_lines: tuple[str, dict[Path, int]]) -> None:
    """Each key, table and array element of a TOML text is found on the line it was written on."""
    text, expected = text_and_lines
    document = tomli.loads(text)
    for path in expected:
        value_at(document, path)

    found = line_by_path(text)

    assert expected == {path: found.get(path) for path in expected}


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        pytest.param("a = 1\n\nb = 2\n", ("b",), 3, id="a key"),
        pytest.param("\r\n\r\na = 1\r\n", ("a",), 3, id="CRLF"),
        pytest.param("[t]\n[t.u]\nx = 1\n", ("t", "u", "x"), 3, id="in a table"),
        pytest.param('[t."u.v"]\nx = 1\n', ("t", "u.v", "x"), 2, id="a dot in a quoted key"),
        pytest.param("[[t]]\nx = 1\n[[t]]\nx = 2\n", ("t", 1, "x"), 4, id="in an array of tables"),
        pytest.param("[[t]]\n[[t]]\n[t.u]\nx = 1\n", ("t", 1, "u", "x"), 4, id="a table in an array of tables"),
        pytest.param("[[t]]\n[[t.u]]\n[[t]]\n[[t.u]]\nx = 1\n", ("t", 1, "u", 0, "x"), 5, id="arrays in an array"),
        pytest.param("a = [\n  [1, 2],\n\n  [3, 4]]\n", ("a", 1, 0), 4, id="brackets that close together"),
        pytest.param("a = [[1,\n2], [3]]\n", ("a", 0, 1), 2, id="brackets that open together"),
        pytest.param("a = [{x = 1},\n{x = 2}]\n", ("a", 1, "x"), 2, id="an inline table in an array"),
        pytest.param("a = [1, # ]\n2]\n", ("a", 1), 2, id="a bracket in a comment"),
        pytest.param("a = '''\n'\n''\n'''\nb = 1\n", ("b",), 5, id="after a long literal text"),
        pytest.param('a = """\n\\"""\n"""\nb = 1\n', ("b",), 4, id="after a long text with an escape"),
        pytest.param('"a\\"b" = 1\n', ('a"b',), 1, id="an escape in a key"),
        pytest.param('"\\u00fc" = 1\n', ("ü",), 1, id="a character by its number in a key"),
        pytest.param("t.u.x = 1\n", ("t", "u", "x"), 1, id="a dotted key"),
    ],
)
def test_line(text: str, path: Path, expected: int) -> None:
    """The line of a value is where its key, or the element itself, begins."""
    assert expected == line_by_path(text).get(path)


def test_empty_text() -> None:
    """In an empty text nothing stands anywhere."""
    assert {} == line_by_path("")
