"""HTTP/1.1 as the server reads it, correctly, and the heads of answers, as correct as their behaviour wants them."""

import time
from dataclasses import dataclass
from http import HTTPStatus

from .wire import Wire

MAX_HEAD_BYTES = 65_536
Headers = list[tuple[str, str]]


class MalformedError(Exception):
    """A request that is not HTTP/1.1, or a head of more than 64 KiB."""


@dataclass(frozen=True)
class Head:
    """The head of a request. Header names are as sent; bytes of values are Latin-1."""

    method: str
    target: str
    version: str
    headers: Headers
    first_byte_at: float

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first header of a name, which is given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def keeps_alive(self) -> bool:
        """True if the client wants to send another request on this connection."""
        return self.version == "HTTP/1.1" and "close" not in (self.header("connection") or "").lower()


class RequestReader:
    """Reads requests from a connection, one after the other, and nothing before somebody wants it."""

    def __init__(self, wire: Wire) -> None:
        """Reads from this connection, which nobody else may read from."""
        self._wire = wire
        self._buffer = b""

    async def head(self) -> Head | None:
        """The next head; `None` if the peer closes instead of sending one."""
        first = time.time() if self._buffer else None
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise MalformedError("the head is over 64 KiB")
            data = await self._wire.receive()
            if not data:
                return None
            first = first or time.time()
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return parse_head(text.decode("latin-1"), first or time.time())

    async def body(self, head: Head, take: "BodyTaker") -> bool:
        """Hands over the body in pieces; false if the peer closes before it is whole."""
        if "chunked" in (head.header("transfer-encoding") or "").lower():
            return await self._chunks(take)
        length = head.header("content-length") or "0"
        if not length.isdigit():
            raise MalformedError("content-length is not a number")
        return await self._exactly(int(length), take)

    async def _exactly(self, count: int, take: "BodyTaker") -> bool:
        while count:
            data = self._buffer or await self._wire.receive()
            if not data:
                return False
            taken, self._buffer = data[:count], data[count:]
            count -= len(taken)
            take(taken)
        return True

    async def _line(self) -> bytes | None:
        while b"\r\n" not in self._buffer:
            data = await self._wire.receive()
            if not data or len(self._buffer) > MAX_HEAD_BYTES:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def _chunks(self, take: "BodyTaker") -> bool:
        while (line := await self._line()) is not None:
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise MalformedError("a chunk's size is not a number") from error
            if not size:
                while (line := await self._line()) is not None:
                    if not line:
                        return True
                return False
            if not await self._exactly(size, take) or await self._line() is None:
                return False
        return False


class BodyTaker:
    """Keeps the first bytes of a body and counts all of them."""

    def __init__(self, most_bytes: int) -> None:
        """Keeps at most that many bytes."""
        self.kept = bytearray()
        self.count = 0
        self._most = most_bytes

    def __call__(self, data: bytes) -> None:
        """Takes a piece."""
        self.kept += data[: self._most - len(self.kept)]
        self.count += len(data)


def parse_head(text: str, first_byte_at: float) -> Head:
    """Reads a head without its empty line."""
    first, *lines = text.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise MalformedError("the first line is not that of an HTTP/1.1 request")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise MalformedError("a header has no colon, or blanks around its name")
        headers.append((name, value.strip(" \t")))
    return Head(parts[0], parts[1], parts[2], headers, first_byte_at)


def answer_head(status: int, headers: Headers) -> bytes:
    """The head of an answer. Texts are Latin-1, so any byte can be sent."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")
