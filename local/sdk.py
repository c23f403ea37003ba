"""Checks, tests and packs the handler packages (sdk/) with pinned tools.

    python3 local/sdk.py check             # generated files, lints, types. Part of `make check`
    python3 local/sdk.py test              # part of `make test`
    python3 local/sdk.py pack              # what would be published, into target/sdk
    python3 local/sdk.py format
    python3 local/sdk.py npm run check     # any npm command in sdk/typescript, with the dependencies installed

The packages in other languages than Rust; `cargo` does the same for that one. Runs on the plain Python of the machine.
Node and ruff come from the emulator's environment, the rest from one of its own (local/requirements/sdk.in).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import environments

import web

SDK = web.REPOSITORY / "sdk"
TYPESCRIPT = SDK / "typescript"
PYTHON = SDK / "python"
PACKED = web.REPOSITORY / "target" / "sdk"
RUFF = environments.path("emulator") / "bin" / "ruff"
ENVIRONMENT = environments.path("sdk") / "bin" / "python"

# Ruff's settings of each part: the scripts run on our Python, the package on older ones, too.
RUFFED = [(web.REPOSITORY / "local" / "ruff.toml", sorted(SDK.glob("*.py"))), (PYTHON / "ruff.toml", [PYTHON])]


def check() -> bool:
    """Runs every check, also after one has failed."""
    steps = [
        python(SDK / "vectors.py", "--check", interpreter=sys.executable),
        python(SDK / "event_types.py", "--check", interpreter=sys.executable),
        *(
            run(RUFF, *command, "--quiet", "--config", config, *files)
            for config, files in RUFFED
            for command in (["check"], ["format", "--check"])
        ),
        python("-m", "mypy", "--no-error-summary", "--cache-dir", web.REPOSITORY / "target" / "mypy"),
        web.npm(["run", "--silent", "check"], TYPESCRIPT) == 0,
    ]
    return all(steps)


def test() -> bool:
    """Runs the tests of both packages, also if those of the first fail."""
    return all([python("-m", "pytest", "--quiet"), web.npm(["run", "--silent", "test"], TYPESCRIPT) == 0])


def pack() -> bool:
    """Builds what would be published."""
    shutil.rmtree(PACKED, ignore_errors=True)
    PACKED.mkdir(parents=True)
    built = web.npm(["run", "--silent", "build"], TYPESCRIPT) == 0
    packed = built and web.npm(["pack", "--silent", "--pack-destination", str(PACKED)], TYPESCRIPT) == 0
    return packed and python("-m", "build", "--no-isolation", "--outdir", PACKED)


def format_all() -> bool:
    """Formats both packages and the scripts."""
    for config, files in RUFFED:
        run(RUFF, "check", "--quiet", "--fix", "--config", config, *files)
        run(RUFF, "format", "--quiet", "--config", config, *files)
    return web.npm(["run", "--silent", "format"], TYPESCRIPT) == 0


def python(*arguments: str | Path, interpreter: str | Path = ENVIRONMENT) -> bool:
    """Runs Python in sdk/python; returns false if it fails."""
    return run(interpreter, *arguments)


def run(*command: str | Path) -> bool:
    """Runs a command in sdk/python; returns false if it fails."""
    # Leaves no compiled files, which archives would contain.
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=PYTHON, env=variables, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    """Command line."""
    for name in ("emulator", "sdk"):
        environments.make(name)
    match arguments:
        case ["check"]:
            return not check()
        case ["test"]:
            return not test()
        case ["pack"]:
            return not pack()
        case ["format"]:
            return not format_all()
        case ["npm", *rest] if rest:
            return web.npm(rest, TYPESCRIPT)
        case _:
            sys.exit(f"usage: {sys.argv[0]} check|test|pack|format|npm …")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
