"""Connections: exact bytes in both directions, ends of both kinds, and the moment at which the peer leaves."""

import asyncio
import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

CHUNK_BYTES = 65_536
Result = TypeVar("Result")
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

    def send_now(self, data: bytes) -> None:
        """Sends as much as the kernel takes at once, if anything."""
        with contextlib.suppress(OSError):
            self._socket.send(data)

    def close(self) -> None:
        """Closes with a FIN, if all that came was read."""
        self._socket.close()

    def reset(self) -> None:
        """Closes with a reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._socket.close()


class TlsWire:
    """TLS over TCP. Not asyncio's, which sends no alert when a handshake fails, and the alert names the reason."""

    def __init__(self, plain: PlainWire, context: ssl.SSLContext) -> None:
        """Takes over a connection, whose handshake comes first."""
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self) -> None:
        """Raises OSError, which SSLError is, if the peer and the context do not agree."""
        await self._done(self._tls.do_handshake)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._plain.fileno()

    async def receive(self) -> bytes:
        """Up to 64 KiB; nothing at the end."""
        try:
            return await self._done(lambda: self._tls.read(CHUNK_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def send(self, data: bytes) -> None:
        """Sends all of it, as fast as the peer takes it."""
        while data:
            piece = data[:CHUNK_BYTES]
            written = await self._done(partial(self._tls.write, piece))
            data = data[written:]

    def close(self) -> None:
        """Ends TLS and closes."""
        with contextlib.suppress(OSError):
            self._tls.unwrap()
        self._plain.send_now(self._outgoing.read())
        self._plain.close()

    def reset(self) -> None:
        """Closes with a reset."""
        self._plain.reset()

    async def _done(self, act: Callable[[], Result]) -> Result:
        """The result of an act, which may need more from the peer, and sends what it has for the peer."""
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                pass
            finally:
                if data := self._outgoing.read():
                    await self._plain.send(data)
            if data := await self._plain.receive():
                self._incoming.write(data)
            else:
                self._incoming.write_eof()


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
