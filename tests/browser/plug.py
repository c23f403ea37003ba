"""A plug between the page and the emulated AWS that tests can pull: a TCP proxy on its own port."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from hookline_local.ports import HOST

CHUNK = 64 * 1024


class Plug:
    """Forwards connections to a port until it is pulled: then existing ones end, and new ones are refused."""

    def __init__(self, to: int) -> None:
        """Listens; `port` says where."""
        self.to = to
        self.lock = threading.Lock()
        self.open: set[socket.socket] = set()
        # Number of connections so far; each socket of the page is one.
        self.connections = 0
        self.listener: socket.socket | None = None
        self.port = 0
        self.put_in()

    def put_in(self) -> None:
        """Accepts connections again, on the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Ends existing connections. New ones are accepted."""
        with self.lock:
            existing, self.open = self.open, set()
        for each in existing:
            end(each)

    def pull(self) -> None:
        """Ends existing connections and refuses new ones."""
        listener, self.listener = self.listener, None
        if listener:
            end(listener)
        self.cut()

    def accept(self, listener: socket.socket) -> None:
        """Accepts connections until the listener is closed."""
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self.to))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.connections += 1
                self.open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    def copy(self, source: socket.socket, sink: socket.socket) -> None:
        """Forwards bytes until either side ends."""
        with suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        with self.lock:
            self.open -= {source, sink}
        end(source)
        end(sink)

    def __enter__(self) -> Self:
        """Pulled when the block is left."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends everything."""
        self.pull()


def end(each: socket.socket) -> None:
    """Shuts down a socket, which wakes threads that wait for it."""
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
