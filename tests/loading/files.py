"""Small valid files, how to spoil them, and what a loader then has to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kairos_cli.errors import InputError

MODEL = """\
schema = "kairos.model/1"
name = "ranker"
description = "ranks"
source = "measured in May"
licence = "MIT"
qos = "p99<50ms"
quantiles = [0, 0.5, 1]

[latency_ms]
"fast.large" = [
  [10, 2.0, 1.0, 2.0, 3.0],
  [20, 4.0, 3.0, 4.0, 5.0],
  [40, 8.0, 7.0, 8.0, 9.0],
]
"slow.small" = [
  [10, 20.0, 10.0, 20.0, 30.0],
  [20, 40.0, 30.0, 40.0, 50.0],
]
"""

PRICES = """\
schema = "kairos.prices/1"
name = "list"
region = "here"
source = "the provider"
as_of = "2026-05-01"

[instance_types]
"fast.large" = { price_usd_per_hour = 0.5 }
"slow.small" = { price_usd_per_hour = 0.125 }
"""

HISTOGRAM = """\
schema = "kairos.mix/1"
name = "evening"
source = "counted"

[histogram]
batch_size = [10, 20]
probability = [0.75, 0.25]
"""

MIXTURE = """\
schema = "kairos.mix/1"
name = "mixture"

[[component]]
share = "1/4"
uniform = { from = 1, to = 4 }

[[component]]
share = 0.75
lognormal = { mu = 2.0, sigma = 0.5, from = 5, to = 9, otherwise_from = 8, otherwise_to = 9 }
"""

EMPIRICAL = """\
schema = "kairos.mix/1"
name = "seen"

[empirical]
batch_size = [
  10,
  10,
  20,
  10,
]
"""

TRACED = """\
schema = "kairos.mix/1"
name = "traced"

[trace]
file = "trace.csv"
"""

TRACE = """\
arrival_s,batch_size
0.1,10
0.2,20
0.3,10
0.5,10
"""

SCENARIO = """\
schema = "kairos.scenario/1"
name = "evening plan"
model = "./model.toml"
prices = "./prices.toml"
mix = "./mix.toml"
budget_usd_per_hour = 2.5
"""

SAMPLES = """\
model,instance,batch_size,1,2,3,4,5
ranker,fast.large,20,4,5,6,7,8
ranker,fast.large,10,1,2,3,4,5
other,fast.large,10,9,9,9,9,9
ranker,slow.small,10,10,20,30,,
"""

FILES = {
    "model.toml": MODEL,
    "prices.toml": PRICES,
    "mix.toml": HISTOGRAM,
    "scenario.toml": SCENARIO,
    "trace.csv": TRACE,
    "samples.csv": SAMPLES,
}

Complaint = tuple[str, str, "str | SomeHint | None"]


class SomeHint:
    """Equal to any hint that says something: where one is due, whatever its words."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(other.strip())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<some hint>"


SOME_HINT = SomeHint()


def spoilt(text: str, old: str, new: str) -> str:
    """Return a text with its one `old` replaced."""
    assert 1 == text.count(old), f"{old!r} is {text.count(old)} times in the text"
    return text.replace(old, new)


def write(path: Path, text: str) -> Path:
    """Write a file anew: to write over one makes some file systems wait for the disk."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_files(folder: Path, **texts: str) -> Path:
    """Write the valid files into a folder, some of them with another text: `model=…` is for model.toml."""
    for name, text in FILES.items():
        write(folder / name, texts.pop(name.partition(".")[0], text))
    assert not texts
    return folder


def complaints(load: Callable[[Path], Any], path: Path) -> list[Complaint]:
    """Return place, message and hint of all that is wrong with a file; places are relative to its folder."""
    try:
        load(path)
    except InputError as error:
        return [
            (str(each.source or "").replace(f"{path.parent}/", ""), each.message, each.hint) for each in error.problems
        ]
    return []
