"""Finds the programs that run the examples for receivers in PHP, Ruby and Go; installs Debian's if they are missing.

    python3 local/languages.py make    # installs what is missing if it may: as root, with apt-get

Takes 48 s and 508 MB of disk on a machine without any, of which Go is 18 s and 464 MB. Node, Python and Rust are what
everything else needs, too. Runs on the plain Python of the machine.
"""

import shutil
import subprocess
import sys

import environments

# A command that succeeds if what a package has is there.
PROBES = {
    "php-cli": ["php", "--version"],
    "ruby": ["ruby", "--version"],
    "ruby-webrick": ["ruby", "-rwebrick", "-e", ""],
    "golang-go": ["go", "version"],
}


def missing() -> list[str]:
    """Packages whose programs or libraries this machine lacks."""
    return [package for package, probe in PROBES.items() if not succeeds(probe)]


def succeeds(command: list[str]) -> bool:
    """True if a command is there and ends with 0."""
    return shutil.which(command[0]) is not None and not subprocess.run(command, capture_output=True).returncode


def make() -> None:
    """Installs what is missing; without permission, says what to do."""
    if packages := missing():
        names = " ".join(packages)
        otherwise = (
            f"the tests of examples/receive run PHP, Ruby with WEBrick, and Go; missing: {names}. "
            f"Install them (Debian: apt-get install {names})"
        )
        environments.install_packages(*packages, otherwise=otherwise)


def main(arguments: list[str]) -> None:
    """Command line: `make`."""
    if arguments != ["make"]:
        sys.exit(f"usage: {sys.argv[0]} make")
    make()


if __name__ == "__main__":
    main(sys.argv[1:])
