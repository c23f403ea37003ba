"""Counts the instructions of single steps under valgrind and compares them with what is committed.

    python3 tests/micro/count.py check     # fails when a step takes more instructions than it did, or fewer
    python3 tests/micro/count.py update    # writes what they take now into instructions.json, for a commit to explain

Times on a shared machine differ by half from run to run; these counts by less than a thousandth. They are those of the
release profile on a processor as valgrind plays it, which has no SHA extensions: verifying is what its portable code
takes. What is found to be cheaper fails, too: it is to be committed, or the next regress up to it would go unseen.
valgrind is installed with apt-get where there is none, by root. Runs on the plain Python of the machine.
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

# How often hookline-micro does a step to have it counted.
TIMES = 4

# Hash tables begin with a random number, and so differ in a few of their steps.
TOLERANCE = 0.02
# Another compiler makes other code. What is far off is seen all the same.
OTHER_COMPILER = 0.15


def install() -> None:
    """Installs valgrind unless it is in PATH; says what to do where it cannot."""
    if not shutil.which("valgrind"):
        otherwise = "counting instructions needs valgrind, and there is none in PATH (Debian: apt-get install valgrind)"
        # libc6-dbg: valgrind puts its own memcpy and the like in place of the loader's, which it finds by name.
        environments.install_packages("valgrind", "libc6-dbg", otherwise=otherwise)


def build() -> Path:
    """Builds the program that does one step: the release profile, except that symbols keep their names."""
    run(["cargo", "build", "--quiet", "--locked", "--profile", PROFILE, "--package", "hookline-micro"], told=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / PROFILE / "hookline-micro"


def count(program: Path, step: str) -> int:
    """The instructions of one step."""
    told = run(
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
    collected = re.search(r"Collected : (\d+)", told)
    if not collected or int(collected[1]) == 0:
        sys.exit(f"valgrind has counted nothing of {step}:\n{told}")
    return int(collected[1]) // TIMES


def compiler() -> str:
    """As in `1.95.0`."""
    return run(["rustc", "--version"]).split()[1]


def check(counted: dict[str, int]) -> None:
    """Compares with what is committed for this sort of processor; exits with 1 when something is off."""
    expected = json.loads(EXPECTED.read_text())
    committed = expected["instructions"].get(platform.machine())
    if committed is None:
        print(f"instructions: none are committed for {platform.machine()}, nothing is compared")
        return
    tolerance = TOLERANCE
    if expected["rustc"] != compiler():
        tolerance = OTHER_COMPILER
        print(
            f"instructions: rustc {compiler()} here, {expected['rustc']} there: {tolerance:.0%} either way are let pass"
        )
    off = sorted(committed.keys() ^ counted.keys())
    wrong = [f"{step}: counted here or there only" for step in off]
    for step, instructions in counted.items():
        if step in committed and abs(instructions / committed[step] - 1) > tolerance:
            change = instructions / committed[step] - 1
            wrong.append(f"{step}: {instructions:,} instructions, {change:+.1%} of {committed[step]:,}")
    if wrong:
        told = "\n  ".join(wrong)
        sys.exit(
            f"instructions are off by more than {tolerance:.0%}:\n  {told}\n"
            "If it is meant: make count ARGS=update, and say why in the commit"
        )
    print(f"instructions of {len(counted)} steps are within {tolerance:.0%} of what is committed")


def update(counted: dict[str, int]) -> None:
    """Writes what was counted, and keeps what other sorts of processors have."""
    kept = json.loads(EXPECTED.read_text())["instructions"] if EXPECTED.exists() else {}
    kept[platform.machine()] = counted
    EXPECTED.write_text(json.dumps({"rustc": compiler(), "instructions": kept}, indent=2, sort_keys=True) + "\n")
    print(f"written: {EXPECTED.relative_to(ROOT)}")


def run(command: list[str], told: bool = False) -> str:
    """Runs a command and returns its output, errors included; exits if it fails.

    `told`: its errors go straight to the terminal.
    """
    errors = None if told else subprocess.STDOUT
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} has failed with {done.returncode}\n{done.stdout}")
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
