"""The package as it is published: content, and use from outside."""

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def version_in(file: Path) -> str:
    """First version in a TOML file."""
    (version,) = re.findall(r'^version = "(.+)"$', file.read_text(), re.MULTILINE)[:1]
    return str(version)


VERSION = version_in(ROOT / "pyproject.toml")
MODULES = {
    f"hookline_webhooks/{path.name}" for path in (ROOT / "src" / "hookline_webhooks").iterdir() if path.is_file()
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_wheel_has_what_belongs_and_nothing_else(built: Path) -> None:
    """The modules, `py.typed` and the metadata with the licenses."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        info = f"hookline_webhooks-{VERSION}.dist-info"
        metadata = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD")}
        licenses = {f"{info}/licenses/LICENSE-{name}" for name in ("MIT", "APACHE")}
        assert set(archive.namelist()) == MODULES | metadata | licenses
        assert "hookline_webhooks/py.typed" in MODULES
        lines = archive.read(f"{info}/METADATA").decode().splitlines()
    assert "Requires-Python: >=3.10" in lines
    assert "License-Expression: MIT OR Apache-2.0" in lines
    assert not [line for line in lines if line.startswith("Requires-Dist")], "no dependencies"


def test_source_archive_has_what_belongs_and_nothing_else(built: Path) -> None:
    """The wheel can be built from it: the fixture did."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    others = {"LICENSE-APACHE", "LICENSE-MIT", "PKG-INFO", "README.md", "pyproject.toml"}
    assert {f"src/{name}" for name in MODULES} <= names
    assert names <= {f"src/{name}" for name in MODULES} | others


def test_wheel_can_be_imported_with_the_standard_library_alone(built: Path) -> None:
    """In an interpreter that sees no installed package."""
    (wheel,) = built.glob("*.whl")
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import hookline_webhooks as h; print(h.__file__)"
    done = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith(str(wheel))


@pytest.mark.parametrize("name", ["LICENSE-MIT", "LICENSE-APACHE"])
def test_licenses_are_those_of_the_repository(name: str) -> None:
    """Copies, because archives hold no links to outside."""
    assert (ROOT / name).read_text() == (ROOT.parents[1] / name).read_text()


def test_packages_have_the_version_of_the_repository() -> None:
    """One number for all, so that a report about one says which."""
    workspace = version_in(ROOT / "../../Cargo.toml")
    assert json.loads((ROOT / "../typescript/package.json").read_text())["version"] == workspace
    assert workspace == VERSION
