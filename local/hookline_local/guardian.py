"""Runs one server and ends it, with all its children, when its starter has ended.

    python guardian.py COMMAND…      # standard input: a pipe that the starter holds open

The emulator starts a process per Lambda function, and a killed starter cannot clean up after itself. So the server
hangs on this small process, which waits for the end of its standard input: the kernel closes the pipe however the
starter ends. As a "subreaper" it inherits every orphan below it, so it can find and end them all. Linux only, like
the emulator's function processes.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3.0


def prctl(option: int, value: int) -> None:
    """Sets a property of this process in the kernel."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def descendants() -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            identifier, rest = stat.read_text().split(" (", 1)
        except OSError:
            continue
        state, parent = rest.rsplit(") ", 1)[1].split()[:2]
        if state != "Z":
            children.setdefault(int(parent), []).append(int(identifier))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def send(signal_number: int, processes: list[int]) -> None:
    """Signals processes that may have ended by themselves in the meantime."""
    for process in processes:
        try:
            os.kill(process, signal_number)
        except ProcessLookupError:
            continue


def end_all(server: subprocess.Popen) -> None:
    """Requests the server to stop and, after the grace period, kills all remaining processes."""
    server.poll() is None and server.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    while remaining := descendants():
        send(signal.SIGKILL, remaining)
        time.sleep(0.01)
        reap()


def reap() -> None:
    """Collects inherited orphans that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def main(command: list[str]) -> int:
    """Starts the command, waits for its end or the starter's, and leaves nothing running."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    starter_gone, wake = os.pipe()
    for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signal_number, lambda *_: os.write(wake, b"x"))
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # If the guardian itself is killed, the kernel ends the server.
        preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    try:
        while server.poll() is None:
            if select.select([0, starter_gone], [], [], 0.2)[0]:
                break
    finally:
        end_all(server)
    return server.returncode or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
