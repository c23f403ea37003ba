"""Binaries run on Amazon Linux 2023, which has glibc 2.34, and contain nothing that only a person needs."""

import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hookline_local.places import FUNCTIONS as BUILT
from hookline_local.places import REPOSITORY
from template_reading import FUNCTIONS

GLIBC = (2, 34)


@pytest.mark.parametrize("folder", FUNCTIONS.values())
def test_a_binary_needs_no_newer_glibc_than_lambda_has(folder: str) -> None:
    """Read from the versions that its dynamic symbols want."""
    binary = BUILT / folder / "bootstrap"
    assert binary.is_file(), "run `make build-local`"
    with binary.open("rb") as file:
        required = {
            tuple(int(part) for part in version[1].split("."))
            for section in ELFFile(file).iter_sections()
            if isinstance(section, GNUVerNeedSection)
            for _, versions in section.iter_versions()
            for each in versions
            if (version := re.fullmatch(r"GLIBC_([0-9.]+)", each.name))
        }
    assert required
    assert max(required) <= GLIBC


# Crates that read a person's profiles: SSO, `aws login`.
PERSONAL = {"aws-sdk-sso", "aws-sdk-ssooidc", "aws-sdk-signin"}
COMMAND = "hookline-cli"


@pytest.mark.parametrize("target", ["binaries", "binaries-local"])
def test_only_the_command_can_use_a_persons_profile(target: str) -> None:
    """Cargo unifies the features of one build, so the command is built separately from the functions."""
    recipe = run("make", "--dry-run", target)
    built = [re.findall(r"--package (\S+)", line) for line in joined(recipe) if "cargo lambda build" in line]
    assert {package for packages in built for package in packages} >= set(FUNCTIONS.values())
    for packages in built:
        chosen = [part for package in packages for part in ("--package", package)]
        tree = run("cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", *chosen)
        linked = {line.split()[0] for line in tree.splitlines() if line}
        if COMMAND in packages:
            assert packages == [COMMAND]
            assert linked >= PERSONAL
        else:
            assert not linked & PERSONAL, packages


def test_only_local_functions_post_to_the_machine_that_they_run_on() -> None:
    """In Lambda, loopback is the runtime's API."""
    for target, is_local in (("binaries", False), ("binaries-local", True)):
        for chosen in ([], ["RECEIVERS=direct"]):
            assert ("loopback" in run("make", "--dry-run", target, *chosen)) == is_local, (target, chosen)
    manifests = [path for path in REPOSITORY.glob("**/Cargo.toml") if "target" not in path.parts]
    naming = {path.parent.name for path in manifests if "loopback" in path.read_text()}
    assert naming == {"outbound"}, "no crate switches it on"


def joined(recipe: str) -> list[str]:
    """Lines of a recipe, those that go on joined."""
    return recipe.replace("\\\n", " ").splitlines()


def run(*command: str) -> str:
    """Output of a command."""
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
