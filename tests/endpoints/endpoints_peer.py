"""A client of raw sockets, and the running server as a test sees it."""

import contextlib
import itertools
import json
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from hookline_local.endpoints import table

# Reached only if something is broken: every test waits for an event and not for time.
LIMIT_SECONDS = 30
ROWS = {row["name"]: row for row in table.rows()}


def names(where: str) -> set[str]:
    """Names of the behaviours of a place."""
    return {name for name, row in ROWS.items() if row["where"] == where}


@dataclass(frozen=True)
class Answer:
    """A head as it came, and what can be read from it."""

    raw: bytes

    @property
    def status(self) -> int:
        """The status."""
        return int(self.raw.split(b" ")[1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Headers in order, Latin-1."""
        lines = self.raw.decode("latin-1").split("\r\n")[1:-2]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]

    def __getitem__(self, name: str) -> str | None:
        """A header's value."""
        return dict(self.headers).get(name)


class Peer:
    """A connection to the server."""

    def __init__(self, connected: socket.socket) -> None:
        """Takes over a socket."""
        connected.settimeout(LIMIT_SECONDS)
        self.socket = connected
        self._buffer = b""

    @classmethod
    def dial(cls, port: int) -> Self:
        """Connects."""
        return cls(socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS))

    def __enter__(self) -> Self:
        """The peer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends bytes."""
        self.socket.sendall(data)

    def post(self, path: str, body: bytes = b"{}", method: str = "POST", **headers: str) -> None:
        """Sends a request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def answer(self) -> Answer:
        """Reads a head."""
        while b"\r\n\r\n" not in self._buffer:
            data = self.socket.recv(65536)
            assert data, f"closed within the head, after {self._buffer[:200]!r}"
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return Answer(head + b"\r\n\r\n")

    def read(self, count: int) -> bytes:
        """Reads exactly that many bytes."""
        while len(self._buffer) < count:
            data = self.socket.recv(65536)
            assert data, f"closed after {len(self._buffer)} of {count} bytes"
            self._buffer += data
        read, self._buffer = self._buffer[:count], self._buffer[count:]
        return read

    def rest(self) -> bytes:
        """Reads until the server closes; a reset raises ConnectionResetError."""
        while data := self.socket.recv(65536):
            self._buffer += data
        read, self._buffer = self._buffer, b""
        return read

    def leave(self) -> bytes:
        """Leaves, and returns what the server had sent until it noticed."""
        self.socket.shutdown(socket.SHUT_WR)
        return self.rest()


@dataclass
class Endpoints:
    """The running server."""

    ready: dict[str, Any]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def fresh(self) -> str:
        """An instance that no test has used."""
        return f"t{next(self._numbers)}"

    def port(self, name: str = "") -> int:
        """The port of a behaviour."""
        if name in self.ready["ports"]:
            return self.ready["ports"][name]
        return int(self.ready["tls"].get(name, self.ready["http"]).rpartition(":")[2])

    @contextlib.contextmanager
    def sent(self, name: str, instance: str, body: bytes = b"{}", **headers: str) -> Iterator[Peer]:
        """A connection on which a request was sent."""
        with Peer.dial(self.port(name)) as peer:
            peer.post(f"/{name}/{instance}", body, **headers)
            yield peer

    def answer(self, name: str, instance: str | None = None, **headers: str) -> Answer:
        """The head of the answer to one request."""
        with self.sent(name, self.fresh() if instance is None else instance, **headers) as peer:
            return peer.answer()

    def control(self, method: str, path: str, given: Any = None) -> Any:
        """The answer of control; an HTTPError if it refuses."""
        data = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(self.ready["control"] + path, data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=LIMIT_SECONDS) as answer:
            return json.load(answer)

    def set(self, name: str, instance: str, **given: Any) -> None:
        """Sets parameters."""
        self.control("POST", f"/behaviours/{name}/{instance}", given)

    def requests(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The requests to a path; waits for as many as `at_least`."""
        asked = urllib.parse.urlencode({"path": path, "within": LIMIT_SECONDS, **query})
        return self.control("GET", f"/requests?{asked}")["requests"]

    def request(self, name: str, instance: str, **query: Any) -> dict[str, Any]:
        """The only request to an instance; waits for it."""
        (found,) = self.requests(f"/{name}/{instance}", at_least=1, **query)
        return found
