"""Where profiles are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from kairos_cli.errors import InputError, Source
from kairos_cli.loading.locate import locate, profiles_by_name, shipped_profiles

LISTS = "`kairos show models` lists all; a path must contain a slash or end in .toml"


def find(name: str, own_folder: Path | None = None) -> Path:
    """Return where the model of a name is, asked for from the folder `from`."""
    return locate("models", name, own_folder=own_folder, relative_to=Path("from"), asked_at=Source("--model"))


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """Return a folder of one's own with a model of a new name and one of a shipped name."""
    (tmp_path / "models").mkdir()
    for name in ("ranker.toml", "rm2.toml", "notes.txt"):
        (tmp_path / "models" / name).touch()
    return tmp_path


@pytest.mark.parametrize("name", ["./ranker", "models/ranker", "ranker.toml", "trace.csv", "a/b.toml"])
def test_path(name: str) -> None:
    """What has a slash, or ends in .toml or .csv, is a path from where it is written."""
    assert Path("from") / name == find(name)


def test_absolute_path() -> None:
    """An absolute path stays as it is."""
    assert Path("/models/ranker.toml") == find("/models/ranker.toml")


def test_shipped_name() -> None:
    """A name is a shipped profile's."""
    assert shipped_profiles() / "models" / "rm2.toml" == find("rm2")


def test_own_folder_wins(own_folder: Path) -> None:
    """One's own profile wins over the shipped one of the same name; other names are still known."""
    assert own_folder / "models" / "rm2.toml" == find("rm2", own_folder)
    assert own_folder / "models" / "ranker.toml" == find("ranker", own_folder)
    assert shipped_profiles() / "models" / "ncf.toml" == find("ncf", own_folder)


def test_names(own_folder: Path) -> None:
    """The names are those of the TOML files, shipped ones first."""
    assert ["dien", "mtwnd", "ncf", "rm2", "wnd"] == list(profiles_by_name("models", None))
    assert ["dien", "mtwnd", "ncf", "rm2", "wnd", "ranker"] == list(profiles_by_name("models", own_folder))
    assert ["ec2-us-east-1"] == list(profiles_by_name("prices", own_folder))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("rm3", f"did you mean 'rm2'? {LISTS}", id="near"),
        pytest.param("xyz", f"known: dien, mtwnd, ncf, rm2, wnd {LISTS}", id="far"),
        pytest.param("..", f"known: dien, mtwnd, ncf, rm2, wnd {LISTS}", id="dots"),
    ],
)
def test_unknown_name(name: str, hint: str) -> None:
    """A name that is not known is refused where it was asked for, with the nearest one."""
    with pytest.raises(InputError) as caught:
        find(name)

    assert f"--model: error: no model profile is called {name!r}\nhint: {hint}" == str(caught.value)


@pytest.mark.parametrize(
    ("kind", "what"), [("models", "model profile"), ("prices", "price list"), ("mixes", "query mix")]
)
def test_kinds(kind: str, what: str) -> None:
    """Each kind of profile is called by its name."""
    with pytest.raises(InputError) as caught:
        locate(kind, "xyz", own_folder=None, relative_to=Path())

    assert f"no {what} is called 'xyz'" == caught.value.problems[0].message
