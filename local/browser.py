"""Finds the Chromium that the browser tests drive; installs Debian's, and fonts, if they are missing.

    python3 local/browser.py make    # installs what is missing if it may: as root, with apt-get
    python3 local/browser.py path    # prints where it is

The tests take the machine's own browser and fetch none: it is the one that security updates reach. HOOKLINE_BROWSER
names another. Runs on the plain Python of the machine.
"""

import os
import shutil
import subprocess
import sys

import environments

# Product names in the pictures use every script; for each package, fontconfig's pattern for its glyphs.
FONTS = {
    "fonts-dejavu-core": ":lang=en",
    "fonts-noto-cjk": ":lang=ja",
    "fonts-noto-color-emoji": ":lang=und-zsye",
}

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path() -> str | None:
    """The browser's program, if there is one."""
    return os.environ.get("HOOKLINE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


def make() -> None:
    """Installs Chromium and fonts if they are missing; without permission, says what to do."""
    missing = ([] if path() else ["chromium"]) + missing_fonts()
    if not missing:
        return
    packages = " ".join(missing)
    otherwise = (
        f"the browser tests need Chromium or Chrome, and fonts for Latin, Chinese and emoji; missing: {packages}. "
        f"Install them (Debian: apt-get install {packages}). For another browser: HOOKLINE_BROWSER=/path/to/chrome"
    )
    environments.install_packages(*missing, otherwise=otherwise)


def missing_fonts() -> list[str]:
    """Packages of fonts whose glyphs this machine lacks. Without fontconfig (macOS) the system has its own."""
    if not sys.platform.startswith("linux"):
        return []
    lister = shutil.which("fc-list")
    if not lister:
        return list(FONTS)
    listed = {
        name: subprocess.run([lister, pattern], capture_output=True, check=False) for name, pattern in FONTS.items()
    }
    return [name for name, found in listed.items() if not found.stdout.strip()]


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
