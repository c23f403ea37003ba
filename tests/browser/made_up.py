"""The built page of the panel, in front of a made-up stack (web/mock)."""

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from deployed import Token
from hookline_local.ports import HOST
from hookline_local.processes import is_up, start

import web


def token(name: str) -> Token:
    """A token of the made-up stack: `admin`, `viewer`, `one` or `none`."""
    return Token(f"tok_{name}", f"hl_{name}_{'a' * 32}")


@dataclass(frozen=True)
class MadeUp:
    """Address of the made-up stack, and the control of its state."""

    port: int

    @property
    def url(self) -> str:
        """The page."""
        return f"http://{HOST}:{self.port}/"

    def move(self, change: str, **options: str | int) -> None:
        """Triggers a change; web/README.md lists them."""
        request = urllib.request.Request(f"{self.url}mock/{change}?{urlencode(options)}", method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.read().startswith(b"ok"), change


@contextmanager
def made_up(folder: Path) -> Iterator[MadeUp]:
    """Builds the page if its sources have changed, and serves it under the policy that it has on AWS."""
    web.build()
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    vite = str(web.MODULES / "vite" / "bin" / "vite.js")
    node = str(web.NPM.parent / "node")
    command = [node, vite, "preview", str(web.WEB), "--host", HOST, "--port", str(port), "--strictPort"]
    server = start("made-up", command, web.environment(), folder)
    stack = MadeUp(port)
    server.wait_until(lambda: is_up(stack.url))
    try:
        yield stack
    finally:
        server.stop()
