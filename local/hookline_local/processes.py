"""Starts the emulated AWS, the search server and the local Shopify on loopback, and stops them.

Each runs under a guardian (see `guardian`), which ends it however this process ends.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from osmem_server import resolve_binary

from . import guardian
from .ports import HOST, Ports

START_SECONDS = 60
REGION = "us-east-1"

# Services that the template uses, and those that `sam deploy` calls.
EMULATED = "apigateway,cloudformation,cloudwatch,dynamodb,events,iam,kms,lambda,logs,s3,secretsmanager,sqs,sts"


class ServerError(Exception):
    """A server did not start. The message has the end of its log."""


@dataclass
class Server:
    """A running server, its guardian's end of the pipe, and its log."""

    name: str
    log: Path
    process: subprocess.Popen = field(repr=False)

    def stop(self) -> None:
        """Ends the server and its children; returns when all have ended."""
        self.process.stdin.close()
        self.process.wait()

    def lines(self) -> list[str]:
        """Lines that it has printed."""
        return self.log.read_text(errors="replace").splitlines()

    def tail(self, count: int = 15) -> str:
        """Last lines that it has printed."""
        return "\n".join(self.lines()[-count:])

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Waits for the server to respond; raises if it ends or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServerError(f"{self.name} did not start; the end of {self.log}:\n{self.tail()}")
            time.sleep(0.02)


def aws_environment(ports: Ports) -> dict[str, str]:
    """Variables that point every AWS client at the emulator and away from any real account."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return environment | {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports.aws}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


def start_aws(ports: Ports, folder: Path) -> Server:
    """Starts the emulated AWS."""
    scratch = folder / "aws"
    scratch.mkdir()
    environment = aws_environment(ports) | {
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(ports.aws),
        "SERVICES": EMULATED,
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(scratch),
        "TMPDIR": str(scratch),
    }
    server = start("aws", [sys.executable, "-m", "hookline_local.emulator"], environment, folder)
    server.wait_until(lambda: is_up(f"http://{HOST}:{ports.aws}/_ministack/health"))
    return server


def start_search(ports: Ports, folder: Path) -> Server:
    """Starts the search server."""
    command = [resolve_binary(), "-addr", f"{HOST}:{ports.search}", "-no-stdin-watch"]
    server = start("search", command, dict(os.environ), folder)
    server.wait_until(lambda: is_up(f"http://{HOST}:{ports.search}/"))
    return server


def start_shopify(ports: Ports, folder: Path, client_secret: str) -> Server:
    """Starts the local Shopify, which signs with the app's secret."""
    # Not on the command line, where every user of the machine could read it.
    environment = dict(os.environ) | {"HOOKLINE_SHOPIFY_CLIENT_SECRET": client_secret}
    command = [sys.executable, "-m", "hookline_local.shopify", "--port", str(ports.shopify)]
    server = start("shopify", command, environment, folder)
    server.wait_until(lambda: is_up(f"http://{HOST}:{ports.shopify}/_control/app"))
    return server


def start_endpoints(folder: Path) -> tuple[Server, str]:
    """Starts webhook endpoints that misbehave. Returns the server, and the URL of the behaviours that have a path."""
    server = start("endpoints", [sys.executable, "-m", "hookline_local.endpoints"], dict(os.environ), folder)
    server.wait_until(lambda: bool(server.lines()))
    return server, json.loads(server.lines()[0])["http"]


def start(name: str, command: list[str], environment: dict[str, str], folder: Path) -> Server:
    """Starts a command under a guardian, in its own session so that Ctrl-C reaches only us."""
    log = folder / f"{name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, guardian.__file__, *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Server(name, log, process)


def is_up(url: str) -> bool:
    """Returns whether a server responds at all."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
