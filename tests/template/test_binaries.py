"""What was built runs on Amazon Linux 2023, which has glibc 2.34."""

import re

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hookline_local.places import FUNCTIONS as BUILT
from template_reading import FUNCTIONS

GLIBC = (2, 34)


@pytest.mark.parametrize("folder", FUNCTIONS.values())
def test_a_binary_needs_no_newer_glibc_than_lambda_has(folder: str) -> None:
    """Read from the versions that its dynamic symbols want."""
    binary = BUILT / folder / "bootstrap"
    assert binary.is_file(), "run `make build-local`"
    with binary.open("rb") as file:
        wanted = {
            tuple(int(part) for part in version[1].split("."))
            for section in ELFFile(file).iter_sections()
            if isinstance(section, GNUVerNeedSection)
            for _, versions in section.iter_versions()
            for each in versions
            if (version := re.fullmatch(r"GLIBC_([0-9.]+)", each.name))
        }
    assert wanted
    assert max(wanted) <= GLIBC
