"""Measured samples to a model profile, by the library and by `kairos profile import`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.qos import QosTarget
from kairos_cli.errors import InputError
from kairos_cli.loading.model import load_model
from kairos_cli.loading.samples import LEVELS, import_samples, profile_text
from tests.conftest import Kairos
from tests.loading.files import SAMPLES, Complaint, complaints, spoilt, write

HEADER = "model,instance,batch_size,s1,s2,s3\n"
HEADER_HINT = "the first line must begin with model,instance,batch_size, then one column per sample"
MS_HINT = "latencies are in milliseconds"


def imported(path: Path) -> ModelProfile:
    """Return the profile of the model `ranker` in a file."""
    return import_samples(path, "ranker").model


def written(tmp_path: Path, text: str) -> Path:
    """Return the file of a text of samples."""
    return write(tmp_path / "x.csv", text)


def test_import(tmp_path: Path) -> None:
    """Each row becomes a mean and quantiles; batch sizes are sorted, other models are passed over."""
    found = import_samples(written(tmp_path, SAMPLES), "ranker", QosTarget(99, 50), "bench", "MIT")
    model = found.model

    assert ("ranker", "bench", "MIT", QosTarget(99, 50)) == (model.name, model.source, model.licence, model.qos)
    assert ["fast.large", "slow.small"] == list(model.latency)
    assert [10, 20] == model.latency["fast.large"].batch_size.tolist()
    assert [3.0, 6.0] == model.latency["fast.large"].mean_ms.tolist()
    assert list(LEVELS) == model.latency["fast.large"].level.tolist()
    # Of 1, 2, 3, 4, 5 ms, the quantile at level u is 1 + 4u.
    assert pytest.approx([1 + 4 * level for level in LEVELS]) == model.latency["fast.large"].quantile_ms[0].tolist()


def test_ragged_rows(tmp_path: Path) -> None:
    """A row may have fewer samples than others: empty cells are no samples, and the fewest are told."""
    found = import_samples(written(tmp_path, SAMPLES), "ranker")

    assert [20.0] == found.model.latency["slow.small"].mean_ms.tolist()
    assert 3 == found.fewest_samples


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"\ufeff{SAMPLES}", id="byte order mark"),
        pytest.param(SAMPLES.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(SAMPLES.replace("ranker,", '"ranker",'), id="quotes"),
        pytest.param(f"{SAMPLES}\n\n", id="blank lines at the end"),
        pytest.param(SAMPLES.replace("4,5,6", " 4,5 ,6"), id="spaces around numbers"),
    ],
)
def test_dialects(tmp_path: Path, text: str) -> None:
    """Samples may come from Windows or a spreadsheet."""
    assert profile_text(imported(written(tmp_path, SAMPLES))) == profile_text(imported(written(tmp_path, text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEADER + "ranker,a,10,1,nan\n",
                     ("x.csv:2", "latency must be a number > 0, got 'nan'", MS_HINT), id="NaN"),
        pytest.param(HEADER + "ranker,a,10,1\nranker,a,20,-1\n",
                     ("x.csv:3", "latency must be a number > 0, got '-1'", MS_HINT), id="negative"),
        pytest.param(HEADER + "ranker,a,10,0\n",
                     ("x.csv:2", "latency must be a number > 0, got '0'", MS_HINT), id="zero"),
        pytest.param(HEADER + "ranker,a,10,inf\n",
                     ("x.csv:2", "latency must be a number > 0, got 'inf'", MS_HINT), id="infinite"),
        pytest.param(HEADER + "ranker,a,10,1e999\n",
                     ("x.csv:2", "latency must be a number > 0, got '1e999'", MS_HINT), id="beyond floats"),
        pytest.param(HEADER + "ranker,a,10,timeout\n",
                     ("x.csv:2", "latency must be a number > 0, got 'timeout'", MS_HINT), id="text"),
        pytest.param(HEADER + 'ranker,a,10,"1,5"\n',
                     ("x.csv:2", "latency must be a number > 0, got '1,5'", MS_HINT), id="decimal comma"),
        pytest.param(HEADER + "ranker,a,10,,,\n",
                     ("x.csv:2", "latency must be a number > 0, got none", MS_HINT), id="empty cells only"),
        pytest.param(HEADER + "ranker,a,10\n", ("x.csv:2", "the row has no sample", None), id="no cells"),
        pytest.param(HEADER + "ranker,a,0,1\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got '0'", None), id="batch size 0"),
        pytest.param(HEADER + "ranker,a,-10,1\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got '-10'", None), id="negative batch size"),
        pytest.param(HEADER + "ranker,a,1.5,1\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got '1.5'", None), id="fraction"),
        pytest.param(HEADER + "ranker,a,,1\n",
                     ("x.csv:2", "batch size must be a whole number >= 1, got ''", None), id="no batch size"),
        pytest.param(HEADER + "ranker,a,10,1\nranker,a,10,2\n",
                     ("x.csv:3", "batch size 10 of a appears twice", "join the samples into one row"), id="duplicate"),
        pytest.param("instance,model,batch_size,1\na,ranker,10,1\n",
                     ("x.csv:1", "is no table of latency samples", HEADER_HINT), id="other columns"),
        pytest.param("model;instance;batch_size;1\nranker;a;10;1\n",
                     ("x.csv:1", "is no table of latency samples", HEADER_HINT), id="semicolons"),
        pytest.param("ranker,a,10,1\n", ("x.csv:1", "is no table of latency samples", HEADER_HINT), id="no header"),
        pytest.param(HEADER, ("x.csv", "holds no samples of model 'ranker'", "models in it: none"), id="no rows"),
        pytest.param(HEADER + "rankre,a,10,1\n",
                     ("x.csv", "holds no samples of model 'ranker'", "did you mean 'rankre'?"), id="near model"),
        pytest.param(HEADER + "z,a,10,1\nb,a,10,1\n",
                     ("x.csv", "holds no samples of model 'ranker'", "models in it: b, z"), id="far model"),
        pytest.param(f"{HEADER}ranker,a,10,{'1' * 200_000}\n",
                     ("x.csv:2", "not CSV: field larger than field limit (131072)", None), id="a cell too long"),
        pytest.param("", ("x.csv", "is empty", "see `kairos validate --help` for the kinds of files"), id="empty"),
    ],
)  # fmt: skip
def test_wrong(tmp_path: Path, text: str, expected: Complaint) -> None:
    """A row that cannot be used is named by its line."""
    assert [expected] == complaints(imported, written(tmp_path, text))


def test_rows_of_other_models_are_not_checked(tmp_path: Path) -> None:
    """A mistake in another model's row does not matter."""
    assert [] == complaints(imported, written(tmp_path, f"{SAMPLES}other,a,x,nan\n"))


def test_all_problems_at_once(tmp_path: Path) -> None:
    """All wrong rows are named together."""
    path = written(tmp_path, HEADER + "ranker,a,10,nan\nranker,a,20,1\nranker,a,x,1\nranker,b,10\n")

    assert ["x.csv:2", "x.csv:4", "x.csv:5"] == [place for place, *_ in complaints(imported, path)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(f"ranker,a,{'9' * 5000},1", id="batch size of more digits than Python reads"),
        pytest.param("ranker,a,99999999999999999999,1", id="batch size beyond 64 bits"),
        pytest.param("ranker,a,10,1e308,1e308", id="a sum beyond floats"),
        pytest.param("ranker,,10,1", id="no instance type"),
    ],
)
def test_rows_no_profile_can_hold(tmp_path: Path, row: str) -> None:
    """A row that would make no profile is a problem on its line."""
    path = written(tmp_path, f"{HEADER}{row}\n")

    assert ["x.csv:2"] == [place for place, *_ in complaints(imported, path)]


def test_profile_text(tmp_path: Path) -> None:
    """The profile is written row by row, latencies to six digits."""
    path = written(tmp_path, HEADER + "ranker,a,10,1,2,3.00000049\nranker,a,20,4,4,4\n")
    found = import_samples(path, "ranker", QosTarget(99, 50), 'a "load" test, C:\\x', "MIT")

    assert r"""schema = "kairos.model/1"
name = "ranker"
source = "a \"load\" test, C:\\x"
licence = "MIT"
qos = "p99<50ms"
quantiles = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1]

[latency_ms]
# batch size, mean, then one latency for each quantile
"a" = [
  [10, 2, 1, 1.02, 1.1, 1.2, 1.5, 2, 2.5, 2.8, 2.9, 2.96, 2.98, 3],
  [20, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
]
""" == profile_text(found.model)


latencies = st.lists(st.floats(1e-3, 1e7, allow_subnormal=False), min_size=1, max_size=8)
names = st.text("az09.- \"'\\#=[]ü\U0001f600", min_size=1, max_size=8)
tables = st.dictionaries(
    names, st.dictionaries(st.integers(1, 1_000_000), latencies, min_size=1, max_size=3), min_size=1, max_size=3
)


@given(tables)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, table: dict[str, dict[int, list[float]]]) -> None:
    """An imported profile loads back with the same types and sizes, and latencies equal to six digits."""
    folder = tmp_path_factory.getbasetemp()
    lines = [
        ",".join(["ranker", '"' + name.replace('"', '""') + '"', str(size), *map(repr, row)])
        for name, rows in table.items()
        for size, row in rows.items()
    ]
    before = imported(written(folder, HEADER + "\n".join(lines)))
    after = load_model(write(folder / "back.toml", profile_text(before)))

    assert list(table) == list(after.latency)
    for name, measured in before.latency.items():
        back = after.latency[name]
        assert sorted(table[name]) == back.batch_size.tolist()
        assert measured.level.tolist() == back.level.tolist()
        np.testing.assert_allclose(back.mean_ms, measured.mean_ms, rtol=5e-6)
        np.testing.assert_allclose(back.quantile_ms, measured.quantile_ms, rtol=5e-6)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_source_is_kept(tmp_path_factory: pytest.TempPathFactory, source: str) -> None:
    """Whatever is said about the source is in the profile as it was said."""
    path = written(tmp_path_factory.getbasetemp(), SAMPLES)
    text = profile_text(import_samples(path, "ranker", None, source).model)

    assert source == tomli.loads(text).get("source", "")


@pytest.mark.parametrize("target", ["p99<350ms", "p99.9<0.5ms", "p99<1200s", "p95<0.01us"])
def test_any_target_is_kept(tmp_path: Path, target: str) -> None:
    """A profile with any target loads back with the same one."""
    path = tmp_path / "x.toml"
    qos = QosTarget.parse(target)
    path.write_text(profile_text(import_samples(written(tmp_path, SAMPLES), "ranker", qos).model))

    assert qos == load_model(path).qos


# The command


def test_command_prints(kairos: Kairos, tmp_path: Path) -> None:
    """Without -o the profile goes to standard output, and what is said about it to standard error."""
    result = kairos("profile", "import", written(tmp_path, SAMPLES), "--model", "ranker", "--qos", "p99<50ms")

    assert (0, "note: a row has only 3 samples; its tail is uncertain\n") == (result.exit_code, result.stderr)
    assert {"name": "ranker", "qos": "p99<50ms"}.items() <= tomli.loads(result.stdout).items()


def test_command_writes(kairos: Kairos, tmp_path: Path) -> None:
    """With -o the profile goes to the file, ready to be planned with."""
    out = tmp_path / "ranker.toml"
    source = 'load "test", May\n2026'
    path = written(tmp_path, SAMPLES)
    result = kairos("profile", "import", path, "--model", "ranker", "--source", source, "-o", out)

    assert (0, "") == (result.exit_code, result.stdout)
    assert result.stderr.endswith(f"wrote {out}: ranker on fast.large, slow.small\n")
    assert source == load_model(out).source


def test_command_states_what_servers_may_do(kairos: Kairos, tmp_path: Path) -> None:
    """What the flags forbid or limit stands in the profile; what is usual does not."""
    path, out = written(tmp_path, SAMPLES), tmp_path / "ranker.toml"
    flags = ["--not-mergeable", "--not-splittable", "--largest-batch", "20"]
    kairos("profile", "import", path, "--model", "ranker", *flags, "-o", out)
    told = load_model(out)

    assert (False, False, 20) == (told.mergeable, told.splittable, told.largest_batch)
    assert "able" not in kairos("profile", "import", path, "--model", "ranker").stdout


def test_command_is_quiet(kairos: Kairos, tmp_path: Path) -> None:
    """With -q nothing is said besides the profile."""
    result = kairos("profile", "import", written(tmp_path, SAMPLES), "--model", "ranker", "-q")

    assert (0, "") == (result.exit_code, result.stderr)


def test_command_has_enough_samples(kairos: Kairos, tmp_path: Path) -> None:
    """Fifty samples in every row are enough to say nothing."""
    path = written(tmp_path, f"{HEADER}ranker,a,10{',1' * 50}\n")

    assert "" == kairos("profile", "import", path, "--model", "ranker").stderr


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        pytest.param(spoilt(SAMPLES, "5,6,7,8", "5,-6,7,8"), [],
                     "{file}:2: error: latency must be a number > 0, got '-6'\nhint: latencies are in milliseconds\n",
                     id="negative"),
        pytest.param(SAMPLES, ["--model", "rankr"],
                     "{file}: error: holds no samples of model 'rankr'\nhint: did you mean 'ranker'?\n", id="model"),
        pytest.param(SAMPLES, ["--largest-batch", "30"],
                     "--largest-batch: error: largest_batch 30 is beyond the profile, which ends at 20; latencies are "
                     "not extrapolated\nhint: measure larger batches, or give a smaller largest_batch\n",
                     id="largest batch"),
        pytest.param(SAMPLES, ["--qos", "fast"],
                     "--qos: error: cannot read the QoS target 'fast'\nhint: write it as \"p99<350ms\"\n", id="target"),
    ],
)  # fmt: skip
def test_command_refuses(kairos: Kairos, tmp_path: Path, text: str, args: list[str], expected: str) -> None:
    """Wrong samples are no profile: exit 2, nothing printed, and the file that was there stays as it was."""
    path, out = written(tmp_path, text), tmp_path / "out.toml"
    out.write_text("precious")
    result = kairos("profile", "import", path, "--model", "ranker", *args, "-o", out)

    assert (2, "", expected.format(file=path)) == (result.exit_code, result.stdout, result.stderr)
    assert "precious" == out.read_text()
    assert ["out.toml", "x.csv"] == sorted(each.name for each in tmp_path.iterdir())


def test_command_with_bytes_that_are_no_text(kairos: Kairos, tmp_path: Path) -> None:
    """An argument that is no UTF-8, as the shell may pass it, is refused or written, and leaves nothing half done."""
    path, out = written(tmp_path, SAMPLES), tmp_path / "out.toml"
    result = kairos("profile", "import", path, "--model", "ranker", "--source", "caf\udce9", "-o", out)

    assert "defect" not in result.stderr
    assert result.exit_code == (0 if out.exists() else 2)
    assert {"x.csv", "out.toml"} >= {each.name for each in tmp_path.iterdir()}


def test_rubbish_is_told_in_short(tmp_path: Path) -> None:
    """Of thousands of wrong rows the first twenty are named, and the rest counted."""
    path = written(tmp_path, HEADER + "ranker,a,x,1\n" * 5000)
    with pytest.raises(InputError) as caught:
        imported(path)

    assert 5000 == len(caught.value.problems)
    assert 21 == len(str(caught.value).splitlines())
    assert "… and 4980 more problems" == str(caught.value).splitlines()[-1]
