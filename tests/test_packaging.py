"""Installed from the wheel, kairos finds its profiles; so it does from the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kairos_cli.loading.locate import shipped_profiles

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, without a network."""
    out = tmp_path_factory.mktemp("wheel")
    build = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_profiles_schemas_and_licence(wheel: Path) -> None:
    """Everything that the command reads is inside."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {path.name for path in (ROOT / "profiles").rglob("*.toml")} == {
        Path(name).name for name in names if name.startswith("kairos_cli/profiles/")
    }
    assert any(name.startswith("kairos_cli/report/schemas/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "kairos_cli/py.typed" in names


def test_a_wheel_installed_elsewhere_plans(wheel: Path, tmp_path: Path) -> None:
    """The package unpacked from the wheel, far from the repository, finds rm2, its prices and its mix."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    flags = ["--model", "rm2", "--prices", "ec2-us-east-1", "--mix", "deeprecsys", "--budget", "2.5", "--json"]
    program = (
        "import kairos_cli, sys\n"
        f"assert kairos_cli.__file__.startswith({str(tmp_path)!r}), kairos_cli.__file__\n"
        f"from kairos_cli.cli.main import main\nmain(['plan', *{flags!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == done.stderr
    assert '"r5n.large": 13' in done.stdout


def test_an_editable_install_reads_the_repository() -> None:
    """In the source tree the profiles are those under version control."""
    assert ROOT / "profiles" == shipped_profiles()
