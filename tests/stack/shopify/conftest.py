"""One local Shopify for the tests in this folder, and a receiver of its webhooks."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from asking import TOKEN, Received, Receiver
from hookline_local.shopkeeper import Shopkeeper


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A separate server, which ends with its standard input."""
    command = [sys.executable, "-m", "hookline_local.shopify", "--stdin-watch", "--time-factor", "1000000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        yield line.split()[-1]
        process.stdin.close()
        assert process.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def names() -> Iterator[int]:
    """Counts."""
    return count(1)


@pytest.fixture
def shop(server: str, names: Iterator[int]) -> Shopkeeper:
    """A separate shop for each test, with the products of the samples and the token `t`."""
    keeper = Shopkeeper(server, f"shop-{next(names)}.myshopify.com")
    keeper.act("install", seed=True, token=TOKEN)
    keeper.app(subscriptions=[], timeout=5)
    return keeper


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Collects received webhooks."""

        def do_POST(self) -> None:
            """Receives a webhook."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.taken.put(Received(self.path, self.headers, body))
            self.send_response(it.answers.pop(0) if it.answers else 200)
            self.send_header("Content-Length", "0")
            # A client that follows the redirect gets no response.
            self.send_header("Location", it.url)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        it = Receiver(f"http://127.0.0.1:{listening.server_port}/hook")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield it
        listening.shutdown()
        thread.join()
