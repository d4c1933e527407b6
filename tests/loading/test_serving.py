"""The table [serving] and its flags: what is read, and every serving that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.errors import InputError
from kairos_cli.loading.scenario import load_scenario
from tests.loading.files import MODEL, SCENARIO, Complaint, complaints, spoilt, write_files

#: The line of the first key of the table.
LINE = SCENARIO.count("\n") + 2
UNDER_A_QUERY = "batches are limited to {} items and queries are not split, but mix evening has queries of 20"
OTHER_WAYS_OUT = "allow batches of 20, or use a mix without such queries"
BEYOND_HINT = "measure larger batches, or give a smaller largest_batch"


def with_serving(folder: Path, *lines: str, model: str = MODEL) -> Path:
    """Return a scenario with a table [serving] of these lines."""
    text = SCENARIO + "[serving]\n" + "".join(f"{line}\n" for line in lines)
    return write_files(folder, scenario=text, model=model) / "scenario.toml"


def model_with(*lines: str) -> str:
    """Return the model profile with more lines in its head."""
    return spoilt(MODEL, "quantiles =", "\n".join([*lines, "quantiles ="]))


def test_one_at_a_time_where_nothing_is_said(tmp_path: Path) -> None:
    """Without the table, or with an empty one, every query is served whole and alone."""
    silent = load_scenario(write_files(tmp_path) / "scenario.toml")

    assert ONE_AT_A_TIME == silent.serving
    assert ONE_AT_A_TIME == load_scenario(with_serving(tmp_path)).serving


def test_all_keys(tmp_path: Path) -> None:
    """The table says whether queries are merged and split, and the largest batch."""
    path = with_serving(tmp_path, "merge = true", "split = true", "largest_batch = 30")

    assert Serving(merge=True, split=True, largest_batch=30) == load_scenario(path).serving


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, Serving(merge=True, largest_batch=30)),
        ({"merge": False}, Serving(largest_batch=30)),
        ({"split": True}, Serving(merge=True, split=True, largest_batch=30)),
        ({"largest_batch": 20}, Serving(merge=True, largest_batch=20)),
        ({"merge": None, "split": None, "largest_batch": None}, Serving(merge=True, largest_batch=30)),
    ],
    ids=["no flag", "--no-merge", "--split", "--largest-batch", "none given"],
)
def test_flag_over_file(tmp_path: Path, flags: dict[str, Any], expected: Serving) -> None:
    """A flag takes the place of its key alone."""
    path = with_serving(tmp_path, "merge = true", "largest_batch = 30")

    assert expected == load_scenario(path, flags).serving


def wrong(place: str, message: str, hint: str | None) -> Complaint:
    return place, message, hint


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(['merge = "yes"'],
                     wrong(f"scenario.toml:{LINE}", "'merge' must be true or false, got 'yes'", None), id="text"),
        pytest.param(["split = 1"],
                     wrong(f"scenario.toml:{LINE}", "'split' must be true or false, got 1", None), id="number"),
        pytest.param(["merge = true", "largest_batch = true"],
                     wrong(f"scenario.toml:{LINE + 1}", "'largest_batch' must be a whole number >= 1, got True", None),
                     id="largest batch a boolean"),
        pytest.param(["largest_batch = 0"],
                     wrong(f"scenario.toml:{LINE}", "'largest_batch' must be a whole number >= 1, got 0", None),
                     id="largest batch 0"),
        pytest.param(["merge = true", "splitt = true"],
                     wrong(f"scenario.toml:{LINE + 1}", "unknown key 'splitt'", "did you mean 'split'?"),
                     id="near key"),
        pytest.param(["batching = true"],
                     wrong(f"scenario.toml:{LINE}", "unknown key 'batching'", "keys here: merge, split, largest_batch"),
                     id="far key"),
        pytest.param(["merge = true", "largest_batch = 41"],
                     wrong(f"scenario.toml:{LINE + 1}",
                           "largest_batch 41 is beyond the profile, which ends at 40; latencies are not extrapolated",
                           BEYOND_HINT), id="beyond the profile"),
        pytest.param(["merge = true", "largest_batch = 19"],
                     wrong(f"scenario.toml:{LINE + 1}",
                           UNDER_A_QUERY.format(19),
                           f"--split, or {OTHER_WAYS_OUT}"), id="under a query"),
        pytest.param(["largest_batch = 19"],
                     wrong(f"scenario.toml:{LINE}",
                           UNDER_A_QUERY.format(19),
                           f"--split, or {OTHER_WAYS_OUT}"),
                     id="under a query, one at a time"),
        pytest.param(["split = true", "largest_batch = 9"],
                     wrong(f"scenario.toml:{LINE + 1}",
                           "no part of a query fits into a batch of 9: parts are multiples of 10, the greatest common "
                           "divisor of the batch sizes of mix evening",
                           "allow batches of at least 10"), id="under the unit"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, lines: list[str], expected: Complaint) -> None:
    """What is wrong with the table is named with its line, and is the one thing said."""
    assert [expected] == complaints(load_scenario, with_serving(tmp_path, *lines))


def test_no_table(tmp_path: Path) -> None:
    """`serving` is a table."""
    path = write_files(tmp_path, scenario=f'{SCENARIO}serving = "merge"\n') / "scenario.toml"

    assert [("scenario.toml:7", "'serving' must be a table, got 'merge'", None)] == complaints(load_scenario, path)


@pytest.mark.parametrize(
    ("head", "lines", "expected"),
    [
        pytest.param("mergeable = false", ["merge = true"],
                     wrong(f"scenario.toml:{LINE}",
                           "merging is asked for, but queries of model ranker may not share a batch: mergeable = false",
                           "--no-merge, or mergeable = true in its profile if they may"), id="merging"),
        pytest.param("splittable = false", ["split = true"],
                     wrong(f"scenario.toml:{LINE}",
                           "splitting is asked for, but queries of model ranker may not be parted: splittable = false",
                           "--no-split, or splittable = true in its profile if they may"), id="splitting"),
        pytest.param("largest_batch = 10", [],
                     wrong("scenario.toml:3",
                           UNDER_A_QUERY.format(10),
                           f"--split, or {OTHER_WAYS_OUT}"), id="its largest batch"),
        pytest.param("splittable = false\nlargest_batch = 10", [],
                     wrong("scenario.toml:3",
                           UNDER_A_QUERY.format(10),
                           OTHER_WAYS_OUT), id="no way out by splitting"),
        pytest.param("largest_batch = 5", ["split = true", "largest_batch = 20"],
                     wrong("scenario.toml:3",
                           "no part of a query fits into a batch of 5: parts are multiples of 10, the greatest common "
                           "divisor of the batch sizes of mix evening",
                           "allow batches of at least 10"), id="its largest batch under the unit"),
    ],
)  # fmt: skip
def test_the_model_has_a_say(tmp_path: Path, head: str, lines: list[str], expected: Complaint) -> None:
    """What a profile forbids cannot be asked for; a limit is blamed on who set the tighter one."""
    assert [expected] == complaints(load_scenario, with_serving(tmp_path, *lines, model=model_with(head)))


def test_all_that_is_forbidden_at_once(tmp_path: Path) -> None:
    """Merging and splitting of a model that allows neither are two problems."""
    model = model_with("mergeable = false", "splittable = false")
    found = complaints(load_scenario, with_serving(tmp_path, "merge = true", "split = true", model=model))

    assert [f"scenario.toml:{LINE}", f"scenario.toml:{LINE + 1}"] == [place for place, *_ in found]


def test_flags_are_blamed(tmp_path: Path) -> None:
    """What a flag asked for in vain is told of the flag, or of the variable that gave it."""
    path = write_files(tmp_path, model=model_with("mergeable = false")) / "scenario.toml"
    flags = {"merge": True, "largest_batch": 50, "variables": {"largest_batch": "KAIROS_LARGEST_BATCH"}}

    with pytest.raises(InputError) as error:
        load_scenario(path, flags)

    assert ["--merge", "KAIROS_LARGEST_BATCH"] == [str(each.source) for each in error.value.problems]


def test_parts_reach_beyond_a_profile(tmp_path: Path) -> None:
    """A query larger than any batch measured can be served in parts, and in no other way."""
    mix = 'schema = "kairos.mix/1"\nname = "large"\n[histogram]\nbatch_size = [10, 60]\nprobability = [0.999, 0.001]\n'
    path = write_files(tmp_path, mix=mix) / "scenario.toml"
    whole = complaints(lambda path: load_scenario(path, {"merge": True}), path)

    assert ["batch size 60 of mix large is beyond the profile of ranker, which ends at 40"] == [
        message for _, message, _ in whole
    ]
    assert 60 == load_scenario(path, {"split": True}).mix.largest
