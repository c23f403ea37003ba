"""Connections: exact bytes in both directions, ends of both kinds, and the moment at which the peer leaves."""

import asyncio
import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Protocol

CHUNK_BYTES = 65_536
# Linger for no time: closing then sends a reset.
AT_ONCE = struct.pack("ii", 1, 0)


class Wire(Protocol):
    """A connection to a peer. Receiving and sending raise ConnectionError when the peer has reset it."""

    def fileno(self) -> int:
        """The socket's descriptor."""

    async def receive(self) -> bytes:
        """Up to 64 KiB; nothing at the end."""

    async def send(self, data: bytes) -> None:
        """Sends all of it, as fast as the peer takes it."""

    def close(self) -> None:
        """Closes with a FIN, if all that came was read."""

    def reset(self) -> None:
        """Closes with a reset."""


class PlainWire:
    """TCP, without a buffer of our own: what is not received stays in the kernel."""

    def __init__(self, connection: socket.socket) -> None:
        """Takes over an accepted socket."""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._loop = asyncio.get_running_loop()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    async def receive(self) -> bytes:
        """Up to 64 KiB; nothing at the end."""
        return await self._loop.sock_recv(self._socket, CHUNK_BYTES)

    async def send(self, data: bytes) -> None:
        """Sends all of it, as fast as the peer takes it."""
        await self._loop.sock_sendall(self._socket, data)

    def close(self) -> None:
        """Closes with a FIN, if all that came was read."""
        self._socket.close()

    def reset(self) -> None:
        """Closes with a reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._socket.close()


class TlsWire:
    """TLS over TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes over a stream."""
        self._reader, self._writer = reader, writer

    @classmethod
    async def accept(cls, connection: socket.socket, context: ssl.SSLContext) -> "TlsWire":
        """Shakes hands; raises OSError, which SSLError is, if the peer does not want to."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    def fileno(self) -> int:
        """The socket's descriptor; -1 when it is closed."""
        held = self._writer.get_extra_info("socket")
        return held.fileno() if held else -1

    async def receive(self) -> bytes:
        """Up to 64 KiB; nothing at the end."""
        return await self._reader.read(CHUNK_BYTES)

    async def send(self, data: bytes) -> None:
        """Sends all of it, as fast as the peer takes it."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Ends TLS and closes."""
        self._writer.close()

    def reset(self) -> None:
        """Closes with a reset."""
        held = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._writer.transport.abort()


class Departures:
    """Notices peers that close or reset, also if something they sent is still unread, which receiving would not.

    A peer that only shuts its sending side down counts as gone: no HTTP client does that before the answer.
    """

    def __init__(self) -> None:
        """Watches nobody yet. To be made where a loop runs."""
        self._epoll = select.epoll()
        self._waiting: dict[int, Callable[[], None]] = {}
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._notice)

    def watch(self, fileno: int, gone: Callable[[], None]) -> None:
        """Calls `gone` once, when the peer of a descriptor leaves."""
        if fileno >= 0:
            self._waiting[fileno] = gone
            self._epoll.register(fileno, select.EPOLLRDHUP)

    def forget(self, fileno: int) -> None:
        """Ends watching a descriptor; to be called before it is closed."""
        if self._waiting.pop(fileno, None):
            self._epoll.unregister(fileno)

    def close(self) -> None:
        """Ends watching."""
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _notice(self) -> None:
        for fileno, _ in self._epoll.poll(0):
            self._epoll.unregister(fileno)
            self._waiting.pop(fileno)()
