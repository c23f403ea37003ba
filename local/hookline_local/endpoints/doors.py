"""Ports: one for all behaviours that are a path, and one for each that begins with the connection itself."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ..ports import HOST
from .connections import Connections
from .wire import Departures, PlainWire, TlsWire, Wire

BACKLOG = 4096
# The kernel makes some 2 KiB of it.
SMALLEST_BUFFER_BYTES = 1
# A peer's end cannot arrive behind what is not read, so nothing else would end such a connection.
UNREAD_SECONDS = 120
# Pause when the process has no descriptors left.
PAUSE_SECONDS = 0.05

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
Hold = Callable[[Wire, int], Awaitable[None]]


def bound(port: int = 0) -> socket.socket:
    """A socket on a port of loopback, not listening: connections are refused."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
    except OSError as error:
        opened.close()
        raise OSError(error.errno, f"port {port}: {error.strerror}") from error
    opened.setblocking(False)
    return opened


def listening(port: int = 0, backlog: int = BACKLOG) -> socket.socket:
    """A socket that listens."""
    opened = bound(port)
    opened.listen(backlog)
    return opened


def port_of(opened: socket.socket) -> int:
    """The port of a socket."""
    return opened.getsockname()[1]


async def accept(listener: socket.socket) -> socket.socket:
    """The next connection; waits for descriptors when there are none."""
    while True:
        try:
            return (await asyncio.get_running_loop().sock_accept(listener))[0]
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ECONNABORTED):
                raise
            await asyncio.sleep(PAUSE_SECONDS)


class Port:
    """A port, as long as its sockets are open."""

    def __init__(self, *held: socket.socket) -> None:
        """Takes over sockets, of which the first has the port."""
        self._held = list(held)
        self.port = port_of(held[0])

    async def serve(self) -> None:
        """Accepts for ever, if this port does."""

    def close(self) -> None:
        """Gives the port back."""
        for opened in self._held:
            opened.close()


class Door(Port):
    """A port that hands each connection to `hold`, at once or after a TLS handshake."""

    def __init__(self, spawn: Spawn, hold: Hold, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        """Listens; raises OSError if the port is taken."""
        self._spawn, self._hold, self._context = spawn, hold, context
        self._listener = listening(port)
        super().__init__(self._listener)

    async def serve(self) -> None:
        """Accepts for ever."""
        while True:
            connection = await accept(self._listener)
            self._spawn(self._enter(connection))

    async def _enter(self, connection: socket.socket) -> None:
        if self._context is None:
            await self._hold(PlainWire(connection), self.port)
            return
        wire = TlsWire(PlainWire(connection), self._context)
        try:
            await wire.shake_hands()
        except OSError:
            # A peer that does not want the certificate or the version, which is what it should do.
            wire.close()
            return
        await self._hold(wire, self.port)


class OneByOneDoor(Door):
    """A port that accepts a connection when the one before has ended."""

    async def serve(self) -> None:
        """Accepts for ever."""
        while True:
            await self._enter(await accept(self._listener))


class DyingDoor(Port):
    """A port that can refuse connections for a while, and keeps its number then."""

    def __init__(self, spawn: Spawn, hold: Hold) -> None:
        """Takes a port, down until it is served."""
        self._spawn, self._hold = spawn, hold
        # Holds the number while nobody listens.
        super().__init__(bound())
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def serve(self) -> None:
        """Begins to listen."""
        await self.set_down(False)

    def close(self) -> None:
        """Gives the port back."""
        super().close()
        if self._listener:
            self._listener.close()

    async def set_down(self, down: bool) -> None:
        """Refuses connections and resets those that are open, or accepts them again. Holds when it returns."""
        async with self._changing:
            if down and self._listener and self._serving:
                self._serving.cancel()
                await asyncio.wait([self._serving])
                self._listener.close()
                self._listener = self._serving = None
                for task in self._tasks:
                    task.cancel()
                if self._tasks:
                    await asyncio.wait(self._tasks)
            elif not down and self._listener is None:
                self._listener = listening(self.port)
                self._serving = self._spawn(self._accept(self._listener))

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            task = self._spawn(self._enter(await accept(listener)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _enter(self, connection: socket.socket) -> None:
        await self._hold(PlainWire(connection), self.port)


class RefusingDoor(Port):
    """A port that nobody listens to, and nobody else can have."""

    def __init__(self) -> None:
        """Takes a port."""
        super().__init__(bound())


class FullDoor(Port):
    """A port whose queue of connections is full, so that the kernel ignores further SYNs (Linux)."""

    def __init__(self) -> None:
        """Fills the queue with a connection of its own."""
        listener = listening(backlog=0)
        # Never accepted.
        super().__init__(listener, socket.create_connection((HOST, port_of(listener))))


class UnreadDoor(Port):
    """A port whose connections are accepted and never read, with buffers as small as the kernel allows."""

    def __init__(self, spawn: Spawn, name: str, connections: Connections, departures: Departures) -> None:
        """Listens."""
        self._spawn, self._name = spawn, name
        self._connections, self._departures = connections, departures
        self._listener = bound()
        # Before listening: accepted connections inherit it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER_BYTES)
        self._listener.listen(BACKLOG)
        super().__init__(self._listener)

    async def serve(self) -> None:
        """Accepts for ever."""
        while True:
            self._spawn(self._keep(await accept(self._listener)))

    async def _keep(self, accepted: socket.socket) -> None:
        connection = self._connections.opened(self._name)
        left = asyncio.Event()
        self._departures.watch(accepted.fileno(), left.set)
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await left.wait()
        except TimeoutError:
            return
        finally:
            self._departures.forget(accepted.fileno())
            self._connections.closed(connection)
            accepted.close()
