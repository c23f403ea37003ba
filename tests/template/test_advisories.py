"""Comparison of pinned versions with vulnerable ones: local/advisories.py."""

import sys
import tomllib
from pathlib import Path

LOCAL = Path(__file__).resolve().parent.parent.parent / "local"
sys.path.insert(0, str(LOCAL))

import advisories  # noqa: E402


def test_ranges_include_the_lower_end_only() -> None:
    """A range contains its lower end but not its upper one."""
    ranges = ["<0.3.26", ">=0.4.0,<0.4.4"]
    inside = ["0.3.25", "0.4", "0.4.0", "0.4.3", "0.4.3-rc.1", "0.4.3+build"]
    outside = ["0.3.26", "0.3.27", "0.4.4", "0.10.0", "1.0.0"]
    assert [version for version in inside + outside if advisories.fits(version, ranges)] == inside


def test_every_lock_file_is_read_with_normalized_names() -> None:
    """Our own packages are left out, and names are as PyPI compares them."""
    lock = '[[package]]\nname = "a"\nversion = "1.2.3"\nsource = "registry"\n'
    lock += '[[package]]\nname = "ours"\nversion = "0.1.0"\n'
    assert list(advisories.crates(lock)) == [("a", "1.2.3")]
    pins = "# why\nRuamel.YAML==0.19.1 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    pins += "aws_x==1.0 \\\n    --hash=sha256:01\n"
    assert list(advisories.pypi(pins)) == [("ruamel-yaml", "0.19.1"), ("aws-x", "1.0")]
    packages = '{"packages": {"": {"version": "0"}, "node_modules/a/node_modules/@b/c": {"version": "2.0.0"}}}'
    assert list(advisories.npm(packages)) == [("@b/c", "2.0.0")]


def test_an_affected_version_is_named_with_its_advisory() -> None:
    """Only of the ecosystem that the advisory is of."""
    known = {"pypi": [{"package": "h11", "id": "CVE-2025-43859", "affected": ["<0.16.0"]}]}
    pins = {"pypi": {("h11", "0.15.0"), ("h2", "0.15.0")}, "crates": {("h11", "0.15.0")}}
    assert advisories.affected(pins, known) == ["h11 0.15.0 (pypi) is affected by CVE-2025-43859: <0.16.0"]


def test_the_list_names_pinned_packages_and_none_is_affected() -> None:
    """No pinned version is affected, according to the list."""
    known = tomllib.loads(advisories.LIST.read_text())
    pins = advisories.pinned(advisories.ROOT)
    for ecosystem, packages in pins.items():
        names = {name for name, _ in packages}
        assert len(names) > 50
        assert {advisory["package"] for advisory in known[ecosystem]} <= names
    assert advisories.affected(pins, known) == []


def test_every_pinned_python_package_has_hashes() -> None:
    """Without a hash, `--require-hashes` would refuse the file."""
    for path in (LOCAL / "requirements").glob("*.txt"):
        blocks = "".join(line for line in path.read_text().splitlines(True) if not line.startswith("#"))
        lines = [block for block in blocks.replace("\\\n", "").splitlines() if block.strip()]
        assert lines
        assert [line for line in lines if "--hash=sha256:" not in line] == []
