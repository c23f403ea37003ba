"""Compares what the lock files pin with versions known to be vulnerable: local/advisories.toml, which is dated.

    python3 local/advisories.py                          # the list alone, offline
    python3 local/advisories.py --cargo-deny PROGRAM     # and RustSec's database, if it can be reached

Runs on the plain Python of the machine. Ends with 1 when a version is affected. Reports a list that has
grown old and a database that cannot be reached, but does not fail because of them.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".toml")
DATABASE = "https://github.com/rustsec/advisory-db"
REACHED_WITHIN = 5

Pinned = tuple[str, str]
"""A package's name, and one of its versions."""


def crates(lock: str) -> Iterator[Pinned]:
    """Versions that `Cargo.lock` pins, without our own packages, which have no source."""
    for package in tomllib.loads(lock)["package"]:
        if "source" in package:
            yield package["name"], package["version"]


def pypi(requirements: str) -> Iterator[Pinned]:
    """Versions that a requirements file pins."""
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", requirements, re.MULTILINE):
        yield re.sub(r"[-_.]+", "-", name).lower(), version


def npm(lock: str) -> Iterator[Pinned]:
    """Versions that `package-lock.json` pins."""
    for path, package in json.loads(lock)["packages"].items():
        if path and "version" in package:
            yield path.rpartition("node_modules/")[2], package["version"]


def pinned(root: Path) -> dict[str, set[Pinned]]:
    """Versions that all lock files pin, by ecosystem."""
    requirements = sorted((root / "local" / "requirements").glob("*.txt"))
    return {
        "crates": set(crates((root / "Cargo.lock").read_text())),
        "pypi": {one for path in requirements for one in pypi(path.read_text())},
        "npm": {
            one
            for folder in ("web", "sdk/typescript")
            for one in npm((root / folder / "package-lock.json").read_text())
        },
    }


def number(version: str) -> tuple[int, ...]:
    """Numbers of a version, without trailing zeros; a pre-release counts as the release."""
    numbers = [int(part) for part in re.match(r"[0-9.]*", version)[0].split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def fits(version: str, ranges: list[str]) -> bool:
    """Returns whether a version is in one of the ranges, each like `>=0.4.0,<0.4.4`."""
    return any(all(holds(version, bound) for bound in one.split(",")) for one in ranges)


def holds(version: str, bound: str) -> bool:
    """Returns whether a version satisfies one bound."""
    match = re.fullmatch(r"(>=|<)([0-9.]+)", bound.strip())
    if not match:
        raise ValueError(f"{bound!r} is not a bound such as >=1.2 or <1.3")
    is_below = number(version) < number(match[2])
    return is_below if match[1] == "<" else not is_below


def affected(pins: dict[str, set[Pinned]], known: dict[str, Any]) -> list[str]:
    """One sentence for each pinned version that is affected."""
    return [
        f"{name} {version} ({ecosystem}) is affected by {advisory['id']}: {', '.join(advisory['affected'])}"
        for ecosystem, packages in pins.items()
        for name, version in sorted(packages)
        for advisory in known.get(ecosystem, [])
        if advisory["package"] == name and fits(version, advisory["affected"])
    ]


def is_reached() -> bool:
    """Returns whether the database can be fetched, within seconds and without asking for a password."""
    git = shutil.which("git")
    if git is None:
        return False
    command = [git, "ls-remote", "--exit-code", DATABASE, "HEAD"]
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=REACHED_WITHIN, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def database(cargo_deny: str) -> bool:
    """Checks RustSec's database with cargo-deny. Returns True if it cannot be reached, and prints that."""
    if not is_reached():
        print("· advisories: RustSec's database cannot be reached from here; only the dated list was compared")
        return True
    return subprocess.run([cargo_deny, "--locked", "check", "advisories"], cwd=ROOT, check=False).returncode == 0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cargo-deny", help="also checks RustSec's database with this program")
    arguments = parser.parse_args()
    known = tomllib.loads(LIST.read_text())
    found = affected(pinned(ROOT), known)
    for sentence in found:
        print(f"✗ {sentence}", file=sys.stderr)
    age = (datetime.date.today() - known["checked_on"]).days
    if age > known["good_for_days"]:
        print(f"· advisories: the list is {age} days old; {LIST.name} says how to refresh it")
    well = database(arguments.cargo_deny) if arguments.cargo_deny else True
    return 0 if well and not found else 1


if __name__ == "__main__":
    sys.exit(main())
