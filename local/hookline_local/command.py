"""`hookline`, the command, configured for a running stack with what `make where` prints."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import processes, where
from .places import FUNCTIONS
from .ports import Ports

BINARY = FUNCTIONS / "hookline" / "bootstrap"


class CommandError(Exception):
    """The command failed; the message is its own."""


@dataclass(frozen=True)
class Hookline:
    """The command and its environment."""

    environment: Mapping[str, str] = field(repr=False)

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs the command to its end; `stdin` is its standard input."""
        command = [BINARY, *arguments]
        return subprocess.run(
            command, env=dict(self.environment), input=stdin, capture_output=True, text=True, timeout=600, check=False
        )

    def do(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs it, raises if it fails, and returns its output."""
        done = self.run(*arguments, stdin=stdin)
        if done.returncode:
            raise CommandError(f"hookline {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def token(self, *arguments: str) -> str:
        """Creates a token and returns its text."""
        return self.do("token", "create", *arguments).strip()

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Runs it with --json and returns the objects it printed."""
        done = self.run("--json", *arguments)
        if done.returncode not in (0, 1):
            raise CommandError(f"hookline {' '.join(arguments)}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def at(ports: Ports, outputs: Mapping[str, str], addresses: Mapping[str, str]) -> Hookline:
    """The command at a running stack.

    Names come from the stack's outputs, as `make where` prints them; only the addresses of the emulated APIs are
    this machine's own: RECEIVER_URL and API_URL.
    """
    variables = where.variables(outputs) | addresses
    return Hookline(processes.aws_environment(ports) | variables)
