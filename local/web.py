"""Builds the panel (web/) with the Node of the emulator's environment, not the machine's.

    python3 local/web.py build          # web/dist, when a source has changed since
    python3 local/web.py place          # puts it beside the binary: target/lambda/panel/public
    python3 local/web.py npm run check  # any npm command, with the dependencies installed

What npm fetches stays in Hookline's cache, what it installs in web/node_modules. The lock file says which versions.
Runs on the plain Python of the machine.
"""

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environments

REPOSITORY = Path(__file__).resolve().parent.parent
WEB = REPOSITORY / "web"
DIST = WEB / "dist"
MODULES = WEB / "node_modules"
PUBLIC = REPOSITORY / "target" / "lambda" / "panel" / "public"
NPM = environments.path("emulator") / "bin" / "npm"
LOCK = REPOSITORY / "target" / "web.lock"

# Generated files.
MADE = {"node_modules", "dist", "coverage"}

# Files that benefit from compression.
COMPRESSED = {".css", ".html", ".js", ".json", ".svg"}


def build() -> None:
    """Builds web/dist unless it was built from these very sources. Safe to call from two processes at once."""
    with alone():
        install()
        stamp, expected = MODULES / ".hookline-built", digest(sources())
        if (DIST / "index.html").is_file() and stamp.is_file() and stamp.read_text() == expected:
            return
        started = time.monotonic()
        stamp.unlink(missing_ok=True)
        quietly("run", "build")
        stamp.write_text(expected)
        environments.say(f"built the panel, {time.monotonic() - started:.0f} s")


def place() -> None:
    """Puts what was built beside the binary that serves it, each text also compressed."""
    building = PUBLIC.with_name("public.building")
    shutil.rmtree(building, ignore_errors=True)
    shutil.copytree(DIST, building)
    for file in [file for file in building.rglob("*") if file.suffix in COMPRESSED]:
        compressed = gzip.compress(file.read_bytes(), mtime=0)
        file.with_name(f"{file.name}.gz").write_bytes(compressed)
    shutil.rmtree(PUBLIC, ignore_errors=True)
    building.rename(PUBLIC)


def npm(arguments: list[str], folder: Path = WEB) -> int:
    """Runs npm in a folder, with the dependencies installed; returns its exit code."""
    with alone():
        install(folder)
    return subprocess.run([NPM, *arguments], cwd=folder, env=environment(), check=False).returncode


def install(folder: Path = WEB) -> None:
    """Installs what the lock file of a folder says, unless that was done."""
    stamp = folder / "node_modules" / ".hookline-installed"
    expected = digest([folder / "package.json", folder / "package-lock.json"])
    if stamp.is_file() and stamp.read_text() == expected:
        return
    environments.say(f"installing what {folder.relative_to(REPOSITORY)} is built with (npm ci)")
    # No package's own script is run: none of ours needs one.
    quietly("ci", "--ignore-scripts", folder=folder)
    stamp.write_text(expected)


def sources() -> Iterator[Path]:
    """Every file that the panel is built from."""
    for entry in WEB.iterdir():
        if entry.is_file():
            yield entry
        elif entry.name not in MADE and not entry.name.startswith("."):
            files = (file for file in entry.rglob("*") if file.is_file())
            yield from (file for file in files if not MADE & set(file.relative_to(WEB).parts))


def digest(files: Iterator[Path] | list[Path]) -> str:
    """One hash for the names and contents of files, and for the Node that reads them."""
    total = hashlib.sha256(str(environments.path("emulator")).encode())
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(REPOSITORY)}\0{content}\n".encode())
    return total.hexdigest()


def environment() -> dict[str, str]:
    """Variables as they are, with our Node before the machine's and npm's files in our cache."""
    ours = {"cache": str(environments.cache() / "npm"), "audit": "false", "fund": "false", "update_notifier": "false"}
    return (
        os.environ
        | {"PATH": f"{NPM.parent}{os.pathsep}{os.environ['PATH']}"}
        | {f"npm_config_{name}": value for name, value in ours.items()}
    )


def quietly(*arguments: str, folder: Path = WEB) -> None:
    """Runs npm in a folder; its output is shown when it fails."""
    environments.run([str(NPM), *arguments], folder=folder, environment=environment())


@contextmanager
def alone() -> Iterator[None]:
    """Keeps two processes from installing or building at once."""
    LOCK.parent.mkdir(exist_ok=True)
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """Command line: `build`, `place` or `npm …`."""
    match arguments:
        case ["build"]:
            build()
        case ["place"]:
            place()
        case ["npm", *rest] if rest:
            return npm(rest)
        case _:
            sys.exit(f"usage: {sys.argv[0]} build|place|npm …")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
