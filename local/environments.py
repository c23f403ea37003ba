"""Makes the Python environments that Hookline's own tools run in, and tells where they are.

    python3 local/environments.py make tools emulator    # makes what is missing, a no-op otherwise
    python3 local/environments.py path emulator          # prints its folder

Each is named after the hash of its requirements file, so that a changed file makes a new environment and two
checkouts share one. It is built under another name and renamed when whole: an interrupted run leaves nothing
half-made behind. Runs on the plain Python of the machine; nothing here is imported from an environment.
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
NAMES = ("tools", "emulator")


def cache() -> Path:
    """Where Hookline keeps what can be made again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HOOKLINE_CACHE") or Path(base) / "hookline").absolute()


def path(name: str) -> Path:
    """The folder of an environment, whether it exists or not."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256((REQUIREMENTS / f"{name}.txt").read_bytes() + python.encode()).hexdigest()[:12]
    return cache() / "environments" / f"{name}-{digest}"


def make(name: str) -> None:
    """Builds an environment unless it is there. Safe to call from two processes at once."""
    target = path(name)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return
        building = target.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        say(f"installing the {name} environment (once; kept in {target})")
        started = time.monotonic()
        run([sys.executable, "-m", "venv", str(building)])
        pip = [str(building / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        requirements = str(REQUIREMENTS / f"{name}.txt")
        # Nothing that its hash does not name, and nothing built here, which would fetch what no hash names.
        run([*pip, "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", requirements])
        for program in building.glob("lib/python*/site-packages/osmem_server/bin/osmem-server"):
            (building / "bin" / program.name).symlink_to(Path("..") / program.relative_to(building))
        move(building, target)
        forget_older(name, keep=target)
        say(f"the {name} environment is ready, {time.monotonic() - started:.0f} s")


def move(building: Path, target: Path) -> None:
    """Renames a finished environment. Its scripts name their interpreter by path, so they are told the new one."""
    old, new = str(building).encode(), str(target).encode()
    for script in (building / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if content[:4] != b"\x7fELF" and old in content:
            script.write_bytes(content.replace(old, new))
    building.rename(target)


def forget_older(name: str, keep: Path) -> None:
    """Removes environments of earlier requirements when they have not been made or used for 30 days."""
    for other in keep.parent.glob(f"{name}-*"):
        if other.is_dir() and other != keep and time.time() - other.stat().st_mtime > 30 * 86400:
            shutil.rmtree(other, ignore_errors=True)


def run(command: list[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
    """Runs a step of an installation; its output is shown when it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        sys.exit(f"{' '.join(command[:6])} … failed with {done.returncode}")


def install_packages(*packages: str, otherwise: str) -> None:
    """Installs packages of Debian, as root with apt-get. Where it cannot, ends with what is to be done otherwise."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or not apt:
        sys.exit(otherwise)
    say(f"installing {' and '.join(packages)} (apt-get)")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        run([apt, "--quiet", *command], environment=quiet)


def say(message: str) -> None:
    """Progress for whoever waits."""
    print(f"· {message}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    """Command line: `make NAME…` or `path NAME`."""
    if sys.version_info < (3, 11):
        sys.exit(f"Hookline's tools need Python 3.11 or newer, this is {sys.version.split()[0]}")
    verb, names = (arguments[0], arguments[1:]) if arguments else ("", [])
    if verb not in ("make", "path") or not names or not set(names) <= set(NAMES):
        sys.exit(f"usage: {sys.argv[0]} make|path {'|'.join(NAMES)} …")
    for name in names:
        if verb == "make":
            make(name)
        else:
            print(path(name))


if __name__ == "__main__":
    main(sys.argv[1:])
