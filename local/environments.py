"""Makes the Python environments that Hookline's own tools run in, and prints where they are.

    python3 local/environments.py make tools emulator       # makes those that are missing
    python3 local/environments.py path emulator             # prints its folder
    python3 local/environments.py lock                      # after a change to a .in file
    python3 local/environments.py lock --upgrade-package ruff

`requirements/NAME.in` lists the packages we want, `requirements/NAME.txt` pins them and all they need, with hashes. pip
installs uv, and uv the others. An environment is named after the hash of its lock file, so that a changed file makes a
new environment and two checkouts share one. It is built under another name and renamed when complete, so that an
interrupted run leaves nothing half-made. Runs on the machine's own Python and imports nothing from an environment.

The lock files are requirements files and not `uv.lock`: that one names the URL of each file, which `uv sync` then
downloads whatever mirror of the index a machine is set up with (astral-sh/uv#6349, #19625).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
NAMES = ("tools", "emulator", "sdk")
OLDEST_PYTHON = (3, 11)
UNUSED_SECONDS = 30 * 86400


def cache() -> Path:
    """Folder for everything that can be rebuilt."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HOOKLINE_CACHE") or Path(base) / "hookline").absolute()


def path(name: str) -> Path:
    """Folder of an environment, whether it exists or not."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock_file(name).read_bytes() + python.encode()).hexdigest()[:12]
    return cache() / "environments" / f"{name}-{digest}"


def lock_file(name: str) -> Path:
    """The pinned packages of an environment."""
    return REQUIREMENTS / f"{name}.txt"


def make(name: str) -> Path:
    """Builds an environment if it is missing and returns its folder. Safe in two processes at once."""
    target = path(name)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target
        building = target.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        say(f"installing the {name} environment (once; kept in {target})")
        started = time.monotonic()
        install = install_uv if name == "uv" else install_with_uv
        install(building, lock_file(name))
        building.rename(target)
        forget_older(name, keep=target)
        say(f"the {name} environment is ready, {time.monotonic() - started:.0f} s")
    return target


def install_uv(folder: Path, lock: Path) -> None:
    """Makes an environment with the machine's Python and pip alone. Only hashed wheels: nothing is built here."""
    run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    run([*pip, "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(lock)])


def install_with_uv(folder: Path, lock: Path) -> None:
    """Makes an environment that can be renamed: its scripts find their interpreter beside them. Only hashed wheels."""
    uv("venv", "--relocatable", "--no-project", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    uv("pip", "sync", "--python", python, "--require-hashes", "--only-binary", ":all:", str(lock))
    for program in folder.glob("lib/python*/site-packages/osmem_server/bin/osmem-server"):
        (folder / "bin" / program.name).symlink_to(Path("..") / program.relative_to(folder))


def uv(*arguments: str) -> None:
    """Runs uv on the machine's Python, with the package index that pip is configured with."""
    program = make("uv") / "bin" / "uv"
    settings = {"UV_CACHE_DIR": str(cache() / "uv"), "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    if "UV_DEFAULT_INDEX" not in os.environ and (index := pip_index()):
        settings["UV_DEFAULT_INDEX"] = index
    run([str(program), *arguments], environment=os.environ | settings)


def pip_index() -> str | None:
    """URL of the package index in pip's configuration, which uv does not read."""
    if index := os.environ.get("PIP_INDEX_URL"):
        return index
    command = [make("uv") / "bin" / "python", "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None


def lock(*options: str) -> None:
    """Pins the requirements of the .in files. Valid pins stay, unless an option of uv upgrades them."""
    oldest = ".".join(map(str, OLDEST_PYTHON))
    for requirements in sorted(REQUIREMENTS.glob("*.in")):
        portable = ("--universal", "--python-version", oldest, "--generate-hashes", "--only-binary", ":all:")
        shown = ("--quiet", "--no-annotate", "--no-strip-extras", "--custom-compile-command", "make lock")
        uv(
            "pip",
            "compile",
            *portable,
            *shown,
            *options,
            "--output-file",
            str(lock_file(requirements.stem)),
            str(requirements),
        )


def forget_older(name: str, keep: Path) -> None:
    """Removes environments of earlier lock files that were neither made nor used for 30 days."""
    for other in keep.parent.glob(f"{name}-*"):
        if other.is_dir() and other != keep and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def run(command: list[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
    """Runs a step of an installation and shows its output if it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        sys.exit(f"{' '.join(command[:6])} … failed with {done.returncode}")


def install_packages(*packages: str, otherwise: str) -> None:
    """Installs Debian packages, as root with apt-get. Without permission, exits with the text in `otherwise`."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or not apt:
        sys.exit(otherwise)
    say(f"installing {' and '.join(packages)} (apt-get)")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        run([apt, "--quiet", *command], environment=quiet)


def say(message: str) -> None:
    """Prints progress to stderr."""
    print(f"· {message}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    """Command line: `make NAME…`, `path NAME…` or `lock [OPTION OF UV…]`."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"Hookline's tools need Python 3.11 or newer, this is {sys.version.split()[0]}")
    match arguments:
        case ["make" | "path" as verb, *names] if names and set(names) <= set(NAMES):
            for name in names:
                folder = make(name) if verb == "make" else path(name)
                if verb == "path":
                    print(folder)
        case ["lock", *options]:
            lock(*options)
        case _:
            sys.exit(f"usage: {sys.argv[0]} make|path {'|'.join(NAMES)} … | lock [OPTION OF UV …]")


if __name__ == "__main__":
    main(sys.argv[1:])
