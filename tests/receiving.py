"""A receiver of webhooks on this machine, for tests that let messages arrive."""

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"

VERIFY = "endpoint.verify"


class Server(ThreadingHTTPServer):
    """Lets many connect at once: of more than Python's five, one that waits tries again after a second."""

    request_queue_size = 128


@dataclass
class Receiver:
    """A server that keeps what it is sent, and answers with its status."""

    status: int = 204
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    # Whether it repeats challenges, which it does not count as requests.
    proves: bool = False
    port: int = 0
    server: ThreadingHTTPServer | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://localhost:{self.port}/webhooks"

    def ids(self) -> list[str]:
        """Ids of the messages so far."""
        return [headers["webhook-id"] for headers, _ in self.requests]

    def start(self) -> None:
        """Listens on a port of its own, the same each time."""
        kept = self

        class Handler(BaseHTTPRequestHandler):
            """Keeps requests."""

            def do_POST(self) -> None:
                """Keeps one and answers."""
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                challenge = json.loads(body)["challenge"] if headers.get("hookline-type") == VERIFY else None
                if challenge is None:
                    kept.requests.append((headers, body))
                self.send_response(kept.status)
                if challenge is not None and kept.proves:
                    self.send_header("webhook-challenge", challenge)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = Server((HOST, self.port), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self) -> None:
        """Refuses connections from now on, if it does not already."""
        if self.server and self.thread:
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()
        self.server = self.thread = None


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """True if one of the signatures is Standard Webhooks' v1 of this body."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return expected in headers["webhook-signature"].split()
