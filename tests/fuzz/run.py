"""Runs every fuzz target for a bounded time and prints a line for each; `make fuzz` calls it.

The stable toolchain will do: without a sanitizer, cargo-fuzz needs nothing of nightly, and the code under test holds no
`unsafe` that one would watch. New inputs are kept in target/fuzz/corpus for the next run; inputs that break a
promise are saved in target/fuzz/findings and make the run fail.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "target" / "fuzz"

# Bytes of the longest input: slightly above the limit of a description; headers and queries are far shorter.
LONGEST = {"description": 66_000, "payload": 16_384, "sqs_batch": 16_384, "webhook": 8_192}
LONGEST_ELSE = 4_096

# An input that takes one second is reported; five seconds, or a function's memory, end the run.
SLOW_SECONDS = 1
TOO_SLOW_SECONDS = 5
MEMORY_MB = 512


def main() -> int:
    """Builds, runs, tells."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cargo-fuzz", type=Path, required=True, help="the cargo-fuzz to build with")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", action="append", help="only this target; repeatable")
    arguments = parser.parse_args()
    missing = lacking()
    if missing:
        print(f"make fuzz needs {missing}", file=sys.stderr)
        return 2

    known = sorted(path.stem for path in (HERE / "fuzz_targets").glob("*.rs"))
    targets = arguments.target or known
    unknown = set(targets) - set(known)
    if unknown:
        print(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    binaries = build(arguments.cargo_fuzz)

    print(f"{'target':<14}{'executions':>12}{'per second':>12}{'new inputs':>12}{'findings':>10}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = list(pool.map(lambda target: fuzz(binaries, target, arguments.seconds), targets))
    if any(findings):
        print("\nEach finding is a file; run one again with", file=sys.stderr)
        for found in (found for each in findings for found in each):
            print(f"  {binaries.relative_to(ROOT) / found.parent.name} {found.relative_to(ROOT)}", file=sys.stderr)
        print(
            "When it is fixed, add it to tests/fuzz/corpus/<target> under a descriptive name.",
            file=sys.stderr,
        )
        return 1
    return 0


def lacking() -> str | None:
    """Description of a program that this machine lacks; None if it lacks none."""
    if not (shutil.which("cargo") and shutil.which("rustc")):
        return "cargo and rustc: https://rustup.rs"
    if not (shutil.which("c++") or shutil.which("clang++") or os.environ.get("CXX")):
        return "a C++ compiler (c++, clang++ or $CXX), to build libFuzzer: on Debian `apt install g++`"
    return None


def build(cargo_fuzz: Path) -> Path:
    """Builds all targets; returns the folder of their programs."""
    command = [cargo_fuzz, "build", "--release", "--fuzz-dir", HERE, "--target-dir", OUT, "--sanitizer", "none"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode:
        sys.exit(built.stderr)
    rustc = shutil.which("rustc") or "rustc"
    about = subprocess.run([rustc, "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.removeprefix("host: ") for line in about.splitlines() if line.startswith("host: "))
    return OUT / host / "release"


def fuzz(binaries: Path, target: str, seconds: int) -> list[Path]:
    """Runs one target, prints its line, returns its findings."""
    learnt, findings = OUT / "corpus" / target, OUT / "findings" / target
    learnt.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(findings, ignore_errors=True)
    findings.mkdir(parents=True)
    before = set(learnt.iterdir())
    command = [
        binaries / target,
        learnt,
        HERE / "corpus" / target,
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST.get(target, LONGEST_ELSE)}",
        f"-timeout={TOO_SLOW_SECONDS}",
        f"-report_slow_units={SLOW_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (OUT / f"{target}.log").write_text(ran.stderr)
    stats = dict(re.findall(r"^stat::(\w+):\s+(\d+)$", ran.stderr, re.MULTILINE))
    executions, rate = stats.get("number_of_executed_units", "?"), stats.get("average_exec_per_sec", "?")
    found = sorted(findings.iterdir())
    new = len(set(learnt.iterdir()) - before)
    print(f"{target:<14}{executions:>12}{rate:>12}{new:>12}{len(found):>10}", flush=True)
    if ran.returncode and not found:
        sys.exit(f"{target} ended with {ran.returncode} and left no finding: {OUT / target}.log")
    return found


if __name__ == "__main__":
    sys.exit(main())
