"""Counts the instructions of single steps under valgrind and compares them with the committed numbers.

    python3 tests/micro/count.py check     # fails if a step needs more instructions than committed, or fewer
    python3 tests/micro/count.py update    # writes the current numbers to instructions.json, for a commit to explain

Times on a shared machine differ by half from run to run; these counts by less than a thousandth. They are those of the
release profile on a processor as valgrind plays it, which has no SHA extensions: verifying is what its portable code
takes. What is found to be cheaper fails, too: it is to be committed, or the next regress up to it would go unseen.
valgrind is installed with apt-get if it is missing, as root. Runs on the plain Python of the machine.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "local"))

import environments  # noqa: E402

EXPECTED = Path(__file__).with_name("instructions.json")
PROFILE = "count"

# Repetitions of a counted step in hookline-micro.
TIMES = 4

# Hash tables have a random seed, so their counts vary a little.
TOLERANCE = 0.02
# Another compiler generates different code; large differences are still found.
OTHER_COMPILER = 0.15


def install() -> None:
    """Installs valgrind unless it is in PATH; without permission, says what to do."""
    if not shutil.which("valgrind"):
        otherwise = "counting instructions needs valgrind, and there is none in PATH (Debian: apt-get install valgrind)"
        # libc6-dbg: valgrind replaces memcpy and similar functions of the loader, which it finds by name.
        environments.install_packages("valgrind", "libc6-dbg", otherwise=otherwise)


def build() -> Path:
    """Builds the program that runs one step: in the release profile, but with symbol names."""
    run(
        ["cargo", "build", "--quiet", "--locked", "--profile", PROFILE, "--package", "hookline-micro"], show_errors=True
    )
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / PROFILE / "hookline-micro"


def count(program: Path, step: str) -> int:
    """The instructions of one step."""
    output = run(
        [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*counted_part*",
            str(program),
            "count",
            step,
        ]
    )
    collected = re.search(r"Collected : (\d+)", output)
    if not collected or int(collected[1]) == 0:
        sys.exit(f"valgrind counted no instructions of {step}:\n{output}")
    return int(collected[1]) // TIMES


def compiler() -> str:
    """As in `1.95.0`."""
    return run(["rustc", "--version"]).split()[1]


def check(counted: dict[str, int]) -> None:
    """Compares with the committed numbers for this architecture; exits with 1 on a difference."""
    expected = json.loads(EXPECTED.read_text())
    committed = expected["instructions"].get(platform.machine())
    if committed is None:
        print(f"instructions: no numbers are committed for {platform.machine()}, nothing is compared")
        return
    tolerance = TOLERANCE
    if expected["rustc"] != compiler():
        tolerance = OTHER_COMPILER
        print(f"instructions: rustc {compiler()} here, {expected['rustc']} there: up to {tolerance:.0%} are accepted")
    off = sorted(committed.keys() ^ counted.keys())
    wrong = [f"{step}: only counted here or only committed" for step in off]
    for step, instructions in counted.items():
        if step in committed and abs(instructions / committed[step] - 1) > tolerance:
            change = instructions / committed[step] - 1
            wrong.append(f"{step}: {instructions:,} instructions, {change:+.1%} of {committed[step]:,}")
    if wrong:
        problems = "\n  ".join(wrong)
        sys.exit(
            f"instructions differ by more than {tolerance:.0%}:\n  {problems}\n"
            "If that is intended: make count ARGS=update, and say why in the commit"
        )
    print(f"instructions of {len(counted)} steps are within {tolerance:.0%} of the committed numbers")


def update(counted: dict[str, int]) -> None:
    """Writes the counted numbers, and keeps those of other architectures."""
    kept = json.loads(EXPECTED.read_text())["instructions"] if EXPECTED.exists() else {}
    kept[platform.machine()] = counted
    EXPECTED.write_text(json.dumps({"rustc": compiler(), "instructions": kept}, indent=2, sort_keys=True) + "\n")
    print(f"written: {EXPECTED.relative_to(ROOT)}")


def run(command: list[str], show_errors: bool = False) -> str:
    """Runs a command and returns its output, errors included; exits if it fails.

    `show_errors`: its errors go straight to the terminal.
    """
    errors = None if show_errors else subprocess.STDOUT
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with {done.returncode}\n{done.stdout}")
    return done.stdout


def main(arguments: list[str]) -> None:
    """Command line: `check` or `update`."""
    if arguments not in (["check"], ["update"]):
        sys.exit(f"usage: {sys.argv[0]} check|update")
    install()
    program = build()
    started = time.monotonic()
    counted = {step: count(program, step) for step in run([str(program), "list"]).splitlines()}
    if arguments == ["update"]:
        update(counted)
    else:
        check(counted)
    print(f"· counted in {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
