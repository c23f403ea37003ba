"""A request, the connection it came on, and the instance it is for: what a behaviour works with."""

import asyncio
import enum
import time
from dataclasses import dataclass
from typing import Any

from .connections import Connection, Connections
from .record import Record, Seen
from .requests import Headers, RequestReader, answer_head
from .table import Instance
from .wire import Wire


class End(enum.Enum):
    """Fate of the connection after an answer."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"


@dataclass
class Exchange:
    """A request whose head was read, and its body unless the behaviour answers before it."""

    seen: Seen
    instance: Instance
    wire: Wire
    reader: RequestReader
    connection: Connection
    connections: Connections
    record: Record
    base_url: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The instance's parameters now."""
        return self.instance.parameters

    async def send(self, data: bytes) -> None:
        """Sends bytes."""
        await self.wire.send(data)

    async def answer(self, status: int, headers: Headers | None = None, body: bytes = b"") -> End:
        """Sends a whole, correct answer, and keeps the connection if the client does."""
        framing: Headers = []
        if status >= 200 and status not in (204, 304):
            framing.append(("content-length", str(len(body))))
        else:
            body = b""
        if not self.seen.head.keeps_alive:
            framing.append(("connection", "close"))
        if self.seen.head.method == "HEAD":
            body = b""
        await self.send(answer_head(status, [*(headers or []), *framing]) + body)
        self.answered()
        return End.KEEP if self.seen.head.keeps_alive else End.CLOSE

    def answered(self) -> None:
        """Notes that the whole answer was sent."""
        self.seen.answered_at = time.time()
        self.record.change()

    async def read_body(self) -> bool:
        """Reads the body into the record; false if the peer closes before it is whole."""
        complete = False
        try:
            complete = await self.reader.body(self.seen.head, self.seen.body)
        finally:
            self.record.body_read(self.seen, complete)
        return complete

    async def wait_for_peer(self) -> End:
        """Does nothing until the peer leaves, which ends the behaviour."""
        await asyncio.get_running_loop().create_future()
        return End.CLOSE
