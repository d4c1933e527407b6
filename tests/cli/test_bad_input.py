"""Bad input through the command: where, what and what to do on standard error, exit 2, nothing half written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import Result

from kairos_cli.cli.answer import write_whole
from kairos_cli.errors import InputError
from tests.conftest import Kairos
from tests.loading.files import HISTOGRAM, MIXTURE, MODEL, PRICES, SCENARIO, TRACE, spoilt, write_files

ROW = "[20, 4.0, 3.0, 4.0, 5.0]"
TRACED_SCENARIO = spoilt(SCENARIO, "mix.toml", "trace.csv")
DEFECT = "this is a defect of kairos"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a valid scenario, and no KAIROS_* variable in the environment."""
    for name in list(os.environ):
        if name.startswith("KAIROS_"):
            monkeypatch.delenv(name)
    return write_files(tmp_path)


@dataclass(frozen=True)
class Bad:
    """One kind of bad input: texts that replace files of the scenario, more flags, and what is said first."""

    said: str
    files: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


BAD = {
    "latency missing": Bad(
        "model.toml:12: error: a row must be 5 numbers, got 4 numbers",
        {"model": spoilt(MODEL, ROW, "[20, 4.0, 3.0, 4.0]")},
    ),
    "latencies missing": Bad(
        "model.toml:1: error: 'latency_ms' is missing", {"model": MODEL[: MODEL.index("[latency_ms]")]}
    ),
    "latency negative": Bad(
        "model.toml:12: error: latency must be > 0, got -3.2 ms",
        {"model": spoilt(MODEL, ROW, "[20, 4.0, -3.2, 4.0, 5.0]")},
    ),
    "latency NaN": Bad(
        "model.toml:12: error: latency must be > 0, got nan ms",
        {"model": spoilt(MODEL, ROW, "[20, 4.0, 3.0, nan, 5.0]")},
    ),
    "latency a text": Bad(
        "model.toml:12: error: a row may hold numbers only",
        {"model": spoilt(MODEL, ROW, '[20, 4.0, "3.0", 4.0, 5.0]')},
    ),
    "batch sizes unsorted": Bad(
        "model.toml:12: error: batch size 5 comes after 10",
        {"model": spoilt(MODEL, ROW, "[5, 4.0, 3.0, 4.0, 5.0]")},
    ),
    "batch size twice": Bad(
        "model.toml:12: error: batch size 10 appears twice",
        {"model": spoilt(MODEL, ROW, "[10, 4.0, 3.0, 4.0, 5.0]")},
    ),
    "price NaN": Bad(
        "prices.toml:8: error: the price of fast.large must be > 0, got nan",
        {"prices": spoilt(PRICES, "= 0.5 }", "= nan }")},
    ),
    "probability NaN": Bad(
        "mix.toml:7: error: probability must be >= 0, got nan", {"mix": spoilt(HISTOGRAM, "0.25]", "nan]")}
    ),
    "budget NaN": Bad("--budget: error: the budget must be a number > 0, got nan $/h", flags=("--budget", "nan")),
    "budget negative": Bad("--budget: error: the budget must be a number > 0, got -1 $/h", flags=("--budget", "-1")),
    "budget below the cheapest machine": Bad(
        "scenario.toml:6: error: the budget of 0.1 $/h is below the cheapest machine, slow.small at 0.125 $/h",
        {"scenario": spoilt(SCENARIO, "= 2.5", "= 0.1")},
    ),
    "target no machine meets": Bad(
        "--qos: error: no machine meets p99<2ms: 87.50% of the queries are late on the fastest one, without waiting",
        {"mix": spoilt(HISTOGRAM, "[0.75, 0.25]", "[0.25, 0.75]")},
        ("--qos", "p99<2ms"),
    ),
    "probabilities do not sum to one": Bad(
        "mix.toml:7: error: the probabilities sum to 0.95, not to 1",
        {"mix": spoilt(HISTOGRAM, "0.25]", "0.2]")},
    ),
    "shares do not sum to one": Bad(
        "mix.toml:4: error: the shares of the components sum to 1.25, not to 1",
        {"mix": spoilt(MIXTURE, '"1/4"', '"1/2"')},
    ),
    "batch size beyond the profile": Bad(
        "scenario.toml:5: error: batch size 1000 of mix evening is beyond the profile of ranker, which ends at 40",
        {"mix": spoilt(HISTOGRAM, "20]", "1000]")},
    ),
    "type unknown": Bad(
        "scenario.toml:7: error: the price list list has no instance type 'fast.lrage'",
        {"scenario": f'{SCENARIO}only = ["fast.lrage"]\n'},
    ),
    "type unknown in a flag": Bad(
        "--only: error: the price list list has no instance type 'xyz'", flags=("--only", "xyz")
    ),
    "type unknown in a limit": Bad(
        "--max: error: the price list list has no instance type 'fast'", flags=("--max", "fast=2")
    ),
    "model unknown": Bad("--model: error: no model profile is called 'rm3'", flags=("--model", "rm3")),
    "rule unknown": Bad("--choose: error: there is no rule of choice 'publish'", flags=("--choose", "publish")),
    "limit without a number": Bad("--max: error: cannot read 'fast.large'", flags=("--max", "fast.large")),
    "limit without a type": Bad("--max: error: cannot read '=2'", flags=("--max", "=2")),
    "limit negative": Bad("--max: error: cannot read 'fast.large=-2'", flags=("--max", "fast.large=-2")),
    "limit a fraction": Bad("--max: error: cannot read 'fast.large=1.5'", flags=("--max", "fast.large=1.5")),
    "limit a word": Bad("--max: error: cannot read 'fast.large=two'", flags=("--max", "fast.large=two")),
    "target malformed": Bad("--qos: error: cannot read the QoS target '50ms'", flags=("--qos", "50ms")),
    "scenario malformed": Bad(
        "scenario.toml:4: error: not TOML: Illegal character '\\n'",
        {"scenario": spoilt(SCENARIO, 'prices.toml"', "prices.toml")},
    ),
    "model malformed": Bad(
        "model.toml:13: error: not TOML: Unclosed array", {"model": spoilt(MODEL, f"{ROW},", ROW.rstrip("]"))}
    ),
    "scenario empty": Bad("scenario.toml: error: is empty", {"scenario": ""}),
    "model empty": Bad("model.toml: error: is empty", {"model": "\n\n"}),
    "mix empty": Bad("trace.csv: error: is empty", {"trace": "", "scenario": TRACED_SCENARIO}),
    "trace without sizes": Bad(
        "trace.csv:1: error: has no column batch_size",
        {"trace": "a,b\n1,2\n", "scenario": TRACED_SCENARIO},
    ),
    "a directory as a model": Bad(".: error: is a directory, not a file", {}, ("--model", "./")),
}


@pytest.fixture(params=BAD)
def bad(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> Bad:
    """Return one kind of bad input, written over the valid scenario."""
    bad = BAD[request.param]
    write_files(tmp_path, **bad.files)
    return bad


def refused(result: Result) -> list[str]:
    """Return what is said on standard error where a command gave no answer."""
    assert (2, "") == (result.exit_code, result.stdout)
    assert DEFECT not in result.stderr
    return result.stderr.splitlines()


def test_where_and_what(kairos: Kairos, folder: Path, bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input is told by file and line, or flag, and what is wrong with it; there is no answer."""
    monkeypatch.chdir(folder)
    said = refused(kairos("plan", "scenario.toml", *bad.flags))

    assert bad.said == said[0]


def test_hint(kairos: Kairos, folder: Path, bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input comes with a hint."""
    monkeypatch.chdir(folder)
    said = refused(kairos("plan", "scenario.toml", *bad.flags))

    assert 2 <= len(said)
    assert said[1].startswith("hint: ")


def test_nothing_is_half_written(kairos: Kairos, folder: Path, bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    """With bad input no file is made by -o, and one that was there keeps its content."""
    monkeypatch.chdir(folder)
    (folder / "kept.json").write_text("precious")
    before = sorted(folder.iterdir())
    for name in ("kept.json", "new.json"):
        refused(kairos("plan", "scenario.toml", *bad.flags, "-o", name))

    assert before == sorted(folder.iterdir())
    assert "precious" == (folder / "kept.json").read_text()


def test_message_in_full(kairos: Kairos, folder: Path) -> None:
    """A message names the file as it was given, its line, what is wrong, and on the next line what to do."""
    write_files(folder, model=spoilt(MODEL, ROW, "[20, 4.0, -3.2, 4.0, 5.0]"))

    assert [
        f"{folder}/model.toml:12: error: latency must be > 0, got -3.2 ms",
        "hint: latencies are in milliseconds; leave the row out if it was not measured",
    ] == refused(kairos("plan", folder / "scenario.toml"))


def test_all_problems_of_all_files(kairos: Kairos, folder: Path) -> None:
    """All that is wrong with a scenario, its files and the flags is said at once."""
    write_files(
        folder, model=spoilt(MODEL, ROW, "[20, 4.0, nan, 4.0, 5.0]"), prices=spoilt(PRICES, "= 0.5 }", "= -1 }")
    )
    said = refused(kairos("plan", folder / "scenario.toml", "--budget", "0", "--choose", "best"))

    assert [
        f"{folder}/model.toml:12: error: latency must be > 0, got nan ms",
        f"{folder}/prices.toml:8: error: the price of fast.large must be > 0, got -1",
        "--budget: error: the budget must be a number > 0, got 0 $/h",
        "--choose: error: there is no rule of choice 'best'",
    ] == [line for line in said if not line.startswith("hint: ")]


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--model", "rm3"], "did you mean 'rm2'? `kairos show models` lists all"),
        (["--mix", "deeprecys"], "did you mean 'deeprecsys'? `kairos show mixes` lists all"),
        (["--prices", "ec2-us-east"], "did you mean 'ec2-us-east-1'? `kairos show prices` lists all"),
        (["--only", "fast.larg"], "did you mean 'fast.large'?"),
        (["--max", "slow.smal=1"], "did you mean 'slow.small'?"),
        (["--choose", "publish"], "did you mean 'published'?"),
        (["--max", "4"], "write it as --max g4dn.xlarge=2"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_near_name(kairos: Kairos, folder: Path, flags: list[str], hint: str) -> None:
    """The nearest name is suggested for a wrong one."""
    said = refused(kairos("plan", folder / "scenario.toml", *flags))

    assert said[1].startswith(f"hint: {hint}")


# Paths that lead to no usable file


def test_directory(kairos: Kairos, folder: Path) -> None:
    """A directory in place of a scenario is refused, with a hint."""
    said = refused(kairos("plan", folder))

    assert f"{folder}: error: is a directory, not a file" == said[0]
    assert said[1].startswith("hint: ")


def test_no_such_scenario(kairos: Kairos, folder: Path) -> None:
    """A scenario that is not there is refused."""
    assert [
        f"{folder}/none.toml: error: no such file",
        "hint: check the path; names are relative to where you are",
    ] == refused(kairos("plan", folder / "none.toml"))


@pytest.mark.parametrize(
    "args", [[], ["--model"], ["--prices"], ["--mix"]], ids=lambda args: "".join(args) or "scenario"
)
def test_large_rubbish(kairos: Kairos, folder: Path, args: list[str]) -> None:
    """50 MB of rubbish in place of any file are refused unread."""
    path = folder / "large.toml"
    path.touch()
    os.truncate(path, 50_000_000)
    scenario = [folder / "scenario.toml"] if args else []

    assert [
        f"{path}: error: is 50 MB large, too large to be read",
        "hint: the limit is 20 MB; is this the right file?",
    ] == refused(kairos("plan", *scenario, *args, path))


@pytest.mark.parametrize(
    "command",
    [["plan", "scenario.toml", "--mix", "large.csv"], ["profile", "import", "large.csv", "--model", "ranker"]],
    ids=["mix", "samples"],
)
@pytest.mark.parametrize("rubbish", [b"\0", b"x", b"\xff"], ids=["zeros", "letters", "no text"])
def test_large_rubbish_for_a_table(
    kairos: Kairos, folder: Path, command: list[str], rubbish: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rubbish in place of a CSV file, which may be large, is refused in the words of every bad file."""
    monkeypatch.chdir(folder)
    (folder / "large.csv").write_bytes(rubbish * 500_000)
    said = refused(kairos(*command))

    assert said[0].startswith("large.csv:1: error: ")


def test_binary_rubbish(kairos: Kairos, folder: Path) -> None:
    """A binary file in place of a scenario is refused with the line and the byte."""
    path = folder / "scenario.toml"
    path.write_bytes(b"\x7fELF\n\x02\x01\x80\xff" * 1000)

    assert [
        f"{path}:2: error: is not a UTF-8 text file",
        "hint: byte 7 is 0x80; save the file as UTF-8",
    ] == refused(kairos("plan", path))


def test_thousands_of_problems(kairos: Kairos, folder: Path) -> None:
    """A file that is wrong everywhere is told in its first problems, also by `validate`."""
    path = folder / "scenario.toml"
    path.write_text(SCENARIO + "".join(f"rubbish_{number} = 1\n" for number in range(500)))

    for command in ("plan", "validate"):
        assert "… and 480 more problems" == kairos(command, path).stderr.splitlines()[-1]


def test_null_device(kairos: Kairos) -> None:
    """/dev/null is an empty scenario."""
    assert "/dev/null: error: is empty" == refused(kairos("plan", "/dev/null"))[0]


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(["--budget", "1e300"], id="budget"),
        pytest.param(["--budget", "inf"], id="endless budget"),
        pytest.param(["--min-qps", "nan"], id="load"),
        pytest.param(["--max", f"fast.large={'9' * 30}"], id="limit beyond 64 bits"),
        pytest.param(["--max", f"fast.large={'9' * 5000}"], id="limit of more digits than Python reads"),
        pytest.param(["--qos", f"p99<{'9' * 400}ms"], id="endless target"),
        pytest.param(["--seed", "-1"], id="negative seed"),
    ],
)
def test_numbers_no_plan_can_use(kairos: Kairos, folder: Path, flags: list[str]) -> None:
    """A flag with a number beyond what can be computed with is refused by its name."""
    said = refused(kairos("plan", folder / "scenario.toml", "--choose", "capacity", *flags, "--json"))

    assert said[0].startswith(f"{flags[0]}: error: ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--budget", "much"], "Error: Invalid value for '--budget': 'much' is not a valid float."),
        (["--seed", "1.5"], "Error: Invalid value for '--seed': '1.5' is not a valid integer."),
        (["--top", "0"], "Error: Invalid value for '--top': 0 is not in the range x>=1."),
        (["--profiles", "/none"], "Error: Invalid value for '--profiles': Directory '/none' does not exist."),
        (["--modell", "rm2"], "Error: No such option '--modell'. Did you mean '--model'?"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_flags_of_another_kind(kairos: Kairos, folder: Path, args: list[str], said: str) -> None:
    """A flag that cannot be read as a number or folder, or is none, is refused."""
    assert said == refused(kairos("plan", folder / "scenario.toml", *args))[-1]


def test_debug(kairos: Kairos, folder: Path) -> None:
    """With --debug the error itself comes through, for a traceback."""
    result = kairos("--debug", "plan", folder / "none.toml")

    assert isinstance(result.exception, InputError)


# A sound no


def test_no_pool_fits(kairos: Kairos, folder: Path) -> None:
    """A budget for slow machines only is no mistake: the answer is no, with the reason, and exit 1."""
    result = kairos("plan", folder / "scenario.toml", "--qos", "p99<20ms", "--budget", "0.3")

    reason = "none of the 2 pools within 0.3 $/h can keep p99<20ms at any rate"
    assert (1, f"no pool fits: {reason}\n") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("No pool fits: ranker, ")
    assert "too dear: 0.5 $/h of a budget of 0.3 $/h: fast.large" in result.stdout


def test_no_pool_fits_written(kairos: Kairos, folder: Path) -> None:
    """A no is an answer, which -o writes."""
    out = folder / "plan.json"
    result = kairos("plan", folder / "scenario.toml", "--qos", "p99<20ms", "--budget", "0.3", "-o", out)
    document = json.loads(out.read_text())

    assert (1, "") == (result.exit_code, result.stdout)
    assert ("kairos.plan/1", None) == (document["schema"], document["pool"])


# -o


def test_failing_write(tmp_path: Path) -> None:
    """A write that fails in the middle leaves the file that was there, and no other."""
    path = tmp_path / "plan.json"
    path.write_text("precious")
    with pytest.raises((InputError, UnicodeError)):
        write_whole(path, "half" * 100_000 + "\udcff")

    assert "precious" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "reason"),
    [("none/plan.json", "No such file or directory"), ("model.toml/plan.json", "Not a directory")],
    ids=["no folder", "a file as a folder"],
)
def test_unwritable(kairos: Kairos, folder: Path, out: str, reason: str) -> None:
    """Where no file can be made, that is said, and nothing is left behind."""
    before = sorted(folder.iterdir())

    assert [
        f"{folder / out}: error: cannot be written: {reason}",
        "hint: choose another file with -o",
    ] == refused(kairos("plan", folder / "scenario.toml", "--choose", "capacity", "-q", "-o", folder / out))
    assert before == sorted(folder.iterdir())


def test_write_to_a_folder(kairos: Kairos, folder: Path) -> None:
    """A folder is not written over."""
    said = refused(kairos("plan", folder / "scenario.toml", "-o", folder))

    assert f"Error: Invalid value for '-o' / '--output': File '{folder}' is a directory." == said[-1]


def test_written_file_may_be_read_by_others(tmp_path: Path) -> None:
    """A file is made with the rights that the user's mask gives, not with those of a temporary file."""
    mask = os.umask(0o022)
    try:
        write_whole(tmp_path / "x", "text\n")
    finally:
        os.umask(mask)

    assert 0o644 == (tmp_path / "x").stat().st_mode & 0o777
    assert "text\n" == (tmp_path / "x").read_text()


def test_write_to_a_pipe(tmp_path: Path) -> None:
    """What is no plain file is written into, not replaced by one: `-o /dev/stdout`, `-o /dev/null`, `-o >(…)`."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(path, "text\n")

        assert path.is_fifo()
        assert b"text\n" == os.read(reader, 100)
    finally:
        os.close(reader)


def test_write_through_a_link(tmp_path: Path) -> None:
    """A link stays a link; the file it leads to is written, whole."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert "new" == (tmp_path / "real").read_text()


# Flags over KAIROS_* over the scenario file


@pytest.fixture
def asked(kairos: Kairos, folder: Path) -> Callable[..., dict[str, object]]:
    """Return a function that tells the scenario `kairos plan` understood, of a file, an environment and flags."""
    (folder / "scenario.toml").write_text(
        spoilt(SCENARIO, "= 2.5", "= 1.5") + 'min_qps = 1\nqos = "p99<60ms"\nchoose = "capacity"\nseed = 1\n'
    )
    (folder / "flag.toml").write_text(spoilt(MODEL, '"ranker"', '"by flag"'))
    (folder / "env.toml").write_text(spoilt(MODEL, '"ranker"', '"by env"'))
    (folder / "env-mix.csv").write_text(TRACE)
    (folder / "env-prices.toml").write_text(spoilt(PRICES, '"list"', '"by env"'))

    def run(env: dict[str, str], *flags: str) -> dict[str, object]:
        values = {name: value.format(folder=folder) for name, value in env.items()}
        args = [flag.format(folder=folder) for flag in flags]
        result = kairos("plan", folder / "scenario.toml", "--json", *args, env=values)
        assert 0 == result.exit_code, result.stderr
        return json.loads(result.stdout)["scenario"]

    return run


@pytest.mark.parametrize(
    ("variables", "flags", "expected"),
    [
        ({}, [], {"merge": True, "split": False, "largest_batch": 40}),
        ({"KAIROS_MERGE": "0", "KAIROS_SPLIT": "1"}, [], {"merge": False, "split": True, "largest_batch": 40}),
        ({"KAIROS_MERGE": "no", "KAIROS_LARGEST_BATCH": "30"}, ["--merge", "--largest-batch", "20"],
         {"merge": True, "split": False, "largest_batch": 20}),
        ({"KAIROS_MERGE": "no"}, ["--split"], {"merge": False, "split": True, "largest_batch": 40}),
    ],
    ids=["file", "environment over file", "flags over environment", "each for itself"],
)  # fmt: skip
def test_serving_by_flag_environment_and_file(
    asked: Callable[..., dict[str, object]],
    folder: Path,
    variables: dict[str, str],
    flags: list[str],
    expected: dict[str, object],
) -> None:
    """Each key of [serving] is overridden for itself, by the environment and by a flag."""
    path = folder / "scenario.toml"
    path.write_text(f"{path.read_text()}\n[serving]\nmerge = true\nlargest_batch = 40\n")

    assert expected == asked(variables, *flags)["serving"]


def test_one_at_a_time_is_not_told(asked: Callable[..., dict[str, object]]) -> None:
    """A question about whole queries, one at a time, reads as it did before there was another way."""
    assert "serving" not in asked({}, "--no-merge", "--no-split")


@pytest.mark.parametrize(
    ("key", "in_file", "variable", "of_variable", "flags", "of_flag"),
    [
        ("model", "ranker", ("KAIROS_MODEL", "{folder}/env.toml"), "by env",
         ["--model", "{folder}/flag.toml"], "by flag"),
        ("prices", "list", ("KAIROS_PRICES", "{folder}/env-prices.toml"), "by env",
         ["--prices", "{folder}/prices.toml"], "list"),
        ("mix", "evening", ("KAIROS_MIX", "{folder}/env-mix.csv"), "env-mix", ["--mix", "{folder}/trace.csv"], "trace"),
        ("budget_usd_per_hour", 1.5, ("KAIROS_BUDGET", "2"), 2.0, ["--budget", "3"], 3.0),
        ("min_qps", 1.0, ("KAIROS_MIN_QPS", "2"), 2.0, ["--min-qps", "3"], 3.0),
        ("qos", "p99<60ms", ("KAIROS_QOS", "p99<70ms"), "p99<70ms", ["--qos", "p99<80ms"], "p99<80ms"),
        ("choose", "capacity", ("KAIROS_CHOOSE", "published"), "published", ["--choose", "capacity"], "capacity"),
        ("seed", 1, ("KAIROS_SEED", "2"), 2, ["--seed", "0"], 0),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_flag_over_environment_over_file(
    asked: Callable[..., dict[str, object]],
    key: str,
    in_file: object,
    variable: tuple[str, str],
    of_variable: object,
    flags: list[str],
    of_flag: object,
) -> None:
    """A flag wins over the environment, and the environment over the scenario file."""
    env = dict([variable])

    assert in_file == asked({})[key]
    assert of_variable == asked(env)[key]
    assert of_flag == asked(env, *flags)[key]


def test_own_folder_in_the_environment(asked: Callable[..., dict[str, object]], folder: Path) -> None:
    """KAIROS_PROFILES is a folder of one's own profiles."""
    (folder / "models").mkdir()
    (folder / "models" / "mine.toml").write_text(spoilt(MODEL, '"ranker"', '"mine"'))

    assert "mine" == asked({"KAIROS_PROFILES": "{folder}", "KAIROS_MODEL": "mine"})["model"]


def test_wrong_value_in_the_environment(kairos: Kairos, folder: Path) -> None:
    """A wrong value in the environment is named by its variable: no such flag was typed."""
    for env in ({"KAIROS_BUDGET": "much"}, {"KAIROS_BUDGET": "-1"}, {"KAIROS_MODEL": "rm3"}, {"KAIROS_MERGE": "?"}):
        said = refused(kairos("plan", folder / "scenario.toml", env=env))

        assert next(iter(env)) in "\n".join(said)


# validate


def test_validate_valid_files(kairos: Kairos, folder: Path) -> None:
    """Valid files of all kinds are valid: exit 0."""
    paths = [folder / f"{name}.toml" for name in ("model", "prices", "mix", "scenario")]
    result = kairos("validate", *paths, "--json")

    assert (0, "") == (result.exit_code, result.stderr)
    assert [
        {"file": str(path), "kind": kind, "valid": True, "problems": []}
        for path, kind in zip(
            paths, ("kairos.model/1", "kairos.prices/1", "kairos.mix/1", "kairos.scenario/1"), strict=True
        )
    ] == json.loads(result.stdout)["files"]


def test_validate_serving(kairos: Kairos, folder: Path) -> None:
    """What is wrong with serving is told of the file that says it: the scenario, or the profile."""
    (folder / "model.toml").write_text(spoilt(MODEL, "quantiles =", "largest_batch = 99\nquantiles ="))
    (folder / "scenario.toml").write_text(f"{SCENARIO}[serving]\nmrege = true\n")
    result = kairos("validate", folder / "model.toml", folder / "scenario.toml")

    assert 2 == result.exit_code
    assert (
        f"{folder}/model.toml:7: error: largest_batch 99 is beyond the profile, which ends at 40; latencies are not "
        "extrapolated\nhint: measure larger batches, or give a smaller largest_batch\n"
        f"{folder}/scenario.toml:8: error: unknown key 'mrege'\nhint: did you mean 'merge'?\n"
    ) == result.stderr


def test_validate_wrong_files(kairos: Kairos, folder: Path) -> None:
    """All problems of all files are told, each with its line; one wrong file is enough for exit 2."""
    wrong = spoilt(spoilt(MODEL, ROW, "[20, 4.0, nan, 4.0, 5.0]"), 'name = "ranker"', "")
    write_files(folder, model=wrong, mix="x = \n")
    model, prices, mix = (folder / f"{name}.toml" for name in ("model", "prices", "mix"))
    result = kairos("validate", model, prices, mix, folder, "--json")

    files = json.loads(result.stdout)["files"]
    problems = [
        [
            f"{model}:1: error: 'name' is missing",
            f"{model}:12: error: latency must be > 0, got nan ms\n"
            "hint: latencies are in milliseconds; leave the row out if it was not measured",
        ],
        [],
        [
            f"{mix}:1: error: not TOML: Invalid value\n"
            "hint: the text up to there is fine; look for a missing quote, bracket or comma",
        ],
    ]
    assert problems == [each["problems"] for each in files[:3]]
    assert [False, True, False, False] == [each["valid"] for each in files]
    assert ["kairos.model/1", "kairos.prices/1", "", ""] == [each["kind"] for each in files]
    assert 2 == result.exit_code
    said = "".join(f"{problem}\n" for each in files for problem in each["problems"])
    assert said == result.stderr


def test_validate_a_scenario_with_a_wrong_profile(kairos: Kairos, folder: Path) -> None:
    """A scenario is valid only if the files that it names are."""
    write_files(folder, prices=spoilt(PRICES, "= 0.5 }", "= 0 }"))
    result = kairos("validate", folder / "scenario.toml")

    assert 2 == result.exit_code
    assert result.stderr.startswith(f"{folder}/prices.toml:8: error: the price of fast.large must be > 0, got 0\n")


def test_validate_a_scenario_that_contradicts_itself(kairos: Kairos, tmp_path: Path) -> None:
    """The smallest set of constraints that no pool keeps is named with its line, as `plan` does."""
    path = tmp_path / "scenario.toml"
    path.write_text(
        'schema = "kairos.scenario/1"\nmodel = "rm2"\nprices = "ec2-us-east-1"\nmix = "deeprecsys"\n'
        'budget_usd_per_hour = 2.5\nonly = ["g4dn.xlarge"]\nmin_types = 2\n',
        encoding="utf-8",
    )
    planned, validated = kairos("plan", path), kairos("validate", path)

    assert (2, 2) == (planned.exit_code, validated.exit_code)
    assert f"{path}:7: error: no pool can keep " in planned.stderr
    assert planned.stderr == validated.stderr


def test_validate_a_file_of_no_kind(kairos: Kairos, folder: Path) -> None:
    """A TOML file of something else is told what its first line should be."""
    (folder / "x.toml").write_text("a = 1\n")
    result = kairos("validate", folder / "x.toml")

    kinds = ['"kairos.model/1"', '"kairos.prices/1"', '"kairos.mix/1"', '"kairos.scenario/1"']
    assert 2 == result.exit_code
    assert [
        f"{folder}/x.toml:1: error: has no schema",
        f"hint: the first line should be: schema = {' or '.join(kinds)}",
    ] == result.stderr.splitlines()


def test_validate_no_file(kairos: Kairos) -> None:
    """Without a file there is nothing to validate."""
    assert "Error: Missing argument 'FILE…'." == refused(kairos("validate"))[-1]


def test_validate_a_pipe(kairos: Kairos) -> None:
    """A file is read once, so that it may be a pipe: `kairos validate <(…)`."""
    reader, writer = os.pipe()
    os.write(writer, PRICES.encode())
    os.close(writer)
    try:
        result = kairos("validate", f"/dev/fd/{reader}")
    finally:
        os.close(reader)

    assert (0, "") == (result.exit_code, result.stderr)
