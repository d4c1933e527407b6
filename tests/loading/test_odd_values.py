"""Whatever stands in a file in place of a value: the loader takes it or says what is wrong, and where."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli

from kairos_cli.loading.mix import load_mix
from kairos_cli.loading.model import load_model
from kairos_cli.loading.prices import load_prices
from kairos_cli.loading.scenario import load_scenario
from tests.loading.files import (
    EMPIRICAL,
    HISTOGRAM,
    MIXTURE,
    MODEL,
    PRICES,
    SCENARIO,
    TRACED,
    complaints,
    write,
    write_files,
)

#: Values as TOML writes them.
ODD = {
    "zero": "0",
    "negative": "-1",
    "large": "1e308",
    "NaN": "nan",
    "infinite": "-inf",
    "beyond 64 bits": f"1{'0' * 30}",
    "beyond floats": f"1{'0' * 400}",
    "boolean": "true",
    "date": "1979-05-27",
    "time": "1979-05-27T07:32:00.5Z",
    "empty text": '""',
    "text": '"½ ∞ \U0001f600"',
    "long text": f'"{"x" * 5000}"',
    "null character": '"a/\\u0000"',
    "fraction": '"1/0"',
    "target": '"p99<99999999ms"',
    "empty list": "[]",
    "empty table": "{}",
    "list of lists and tables": "[[], [[]], {a = 1}]",
    "table of tables": "{a = {b = {c = 1}}}",
}

DOCUMENTS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "model": (f"{MODEL[: MODEL.index('  [20, 4.0')]}]\n", load_model),
    "prices": (PRICES, load_prices),
    "histogram": (HISTOGRAM, load_mix),
    "mixture": (MIXTURE, load_mix),
    "empirical": (EMPIRICAL, load_mix),
    "traced": (TRACED, load_mix),
    "scenario": (
        f'{SCENARIO}qos = "p99<60ms"\nmin_qps = 1\nonly = ["fast.large"]\n'
        'max_instances = { "fast.large" = 2 }\nchoose = "capacity"\ntop = 3\nseed = 1\n',
        load_scenario,
    ),
}


class Written(str):
    """A value that is TOML already."""


def spoilt_in_each_place(value: Any, odd: Written) -> Iterator[Any]:
    """Yield a value, each time with another one of the values inside of it, or itself, made odd."""
    yield odd
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        for spoilt in spoilt_in_each_place(each, odd):
            copy = value.copy()
            copy[key] = spoilt
            yield copy


def toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, Written):
        return value
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {toml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def document_text(document: dict[str, Any]) -> str:
    """Return a TOML file with a line for each value of a document."""
    return "".join(f"{key} = {toml(value)}\n" for key, value in document.items())


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_odd_value(tmp_path: Path, name: str, odd: str) -> None:
    """A file with an odd value anywhere in it loads, or is refused with a place in the file."""
    text, load = DOCUMENTS[name]
    document = tomli.loads(text)
    path = write_files(tmp_path) / "x.toml"
    for key, value in document.items():
        for spoilt in spoilt_in_each_place(value, Written(ODD[odd])):
            text = document_text({**document, key: spoilt})
            for place, message, _ in complaints(load, write(path, text)):
                assert place, f"{message}\n{text}"


def test_the_documents_are_right_before_they_are_spoilt(tmp_path: Path) -> None:
    """As they are, the documents load, also when written by this test."""
    path = write_files(tmp_path) / "x.toml"
    for text, load in DOCUMENTS.values():
        path.write_text(document_text(tomli.loads(text)))
        assert [] == complaints(load, path)
