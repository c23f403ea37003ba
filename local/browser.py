"""Finds the Chromium that the browser tests drive, and installs Debian's where there is none.

    python3 local/browser.py make    # installs it if it must and may: as root, with apt-get
    python3 local/browser.py path    # prints where it is

The tests take the machine's own browser and fetch none: it is the one that security updates reach. HOOKLINE_BROWSER
names another. Runs on the plain Python of the machine.
"""

import os
import shutil
import sys

import environments

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path() -> str | None:
    """The browser's program, if there is one."""
    return os.environ.get("HOOKLINE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


def make() -> None:
    """Installs Chromium unless there is a browser; says what to do where it cannot."""
    if path():
        return
    otherwise = (
        "the browser tests need Chromium or Chrome, and none is in PATH: install one "
        "(Debian: apt-get install chromium), or say where it is: HOOKLINE_BROWSER=/path/to/chrome"
    )
    environments.install_packages("chromium", "fonts-dejavu-core", otherwise=otherwise)


def main(arguments: list[str]) -> None:
    """Command line: `make` or `path`."""
    match arguments:
        case ["make"]:
            make()
        case ["path"]:
            print(path() or sys.exit("there is no browser: python3 local/browser.py make"))
        case _:
            sys.exit(f"usage: {sys.argv[0]} make|path")


if __name__ == "__main__":
    main(sys.argv[1:])
