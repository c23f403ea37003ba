"""Ports of the servers, and the process that blocks one.

Checked first, because an emulator that fails to bind reports that only in its log.
"""

import os
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


class PortTakenError(Exception):
    """A port is in use. The message names the process and says what to do."""


@dataclass(frozen=True)
class Ports:
    """The ports of a stack."""

    aws: int
    search: int
    shopify: int


def configured() -> Ports:
    """The ports of `make dev` and `make demo`, from the environment; raises when one is taken."""
    return Ports(
        aws=claim("HOOKLINE_AWS_PORT", 4566, "the emulated AWS"),
        search=claim("HOOKLINE_SEARCH_PORT", 9200, "the search server"),
        shopify=claim("HOOKLINE_SHOPIFY_PORT", 9292, "the local Shopify"),
    )


def any_free() -> Ports:
    """Free ports, so that tests run beside `make dev`."""
    return Ports(*free(3))


def free(count: int) -> list[int]:
    """Different ports that are free now."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in sockets]


def claim(variable: str, default: int, purpose: str) -> int:
    """Reads a port from a variable and makes sure it is free."""
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise PortTakenError(f"{variable}={text} is not a port number")
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(
                f"port {port} for {purpose} is not available: {holder(port) or error.strerror}. "
                f"Stop that process or choose another port: {variable}={port + 1000 if port < 64000 else 14566} make …"
            ) from error
    return port


def holder(port: int) -> str | None:
    """Names the process that listens on a port, if this user may see it (Linux)."""
    inodes = listening_inodes(port)
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        if open_files(process) & inodes:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            return f"process {process.name} listens on it ({command[:100]})"
    return "a process of another user listens on it"


def open_files(process: Path) -> set[str]:
    """Files that a process has open; none if it belongs to another user or has just ended."""
    found = set()
    with suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(descriptor))
    return found


def listening_inodes(port: int) -> set[str]:
    """The sockets in state LISTEN on a port, as /proc/PID/fd shows them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
