"""Where profiles are found: a path, the user's own folder, or those that come with kairos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kairos_cli.errors import InputError, Source
from kairos_cli.loading.toml_file import near_name

#: The kinds of profiles, by the name of their folder, and what one of them is called.
KINDS = {"models": "model profile", "prices": "price list", "mixes": "query mix"}


def shipped_profiles() -> Path:
    """Return the folder of the profiles that come with kairos.

    In a wheel they lie inside the package; an editable install reads them from the repository.
    """
    package = Path(__file__).resolve().parent.parent
    packaged = package / "profiles"
    return packaged if packaged.is_dir() else package.parent.parent / "profiles"


def profiles_by_name(kind: str, own_folder: Path | None) -> dict[str, Path]:
    """Return all profiles of a kind by name; those of the user's own folder win over the shipped ones."""
    folders: Iterator[Path] = (folder / kind for folder in (shipped_profiles(), own_folder) if folder is not None)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def locate(kind: str, name: str, *, own_folder: Path | None, relative_to: Path, asked_at: Source | None = None) -> Path:
    """Return the file of a profile that is given by name or, with a slash or `.toml` in it, by path.

    Raises InputError with the nearest names for a name that is not known.
    """
    if "/" in name or name.endswith((".toml", ".csv")):
        return relative_to / name
    known = profiles_by_name(kind, own_folder)
    if name not in known:
        hint = f"{near_name(name, known)} `kairos show {kind}` lists all; a path must contain a slash or end in .toml"
        raise InputError.of(f"no {KINDS[kind]} is called {name!r}", asked_at, hint)
    return known[name]
