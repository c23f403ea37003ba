"""The server: all ports, and the tasks behind them."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from ..ports import HOST
from . import tls
from .connections import Connections
from .control import Control
from .conversation import Conversations
from .doors import Door, DyingDoor, FullDoor, OneByOneDoor, Port, RefusingDoor, UnreadDoor
from .record import Record
from .table import Behaviour, Table
from .wire import Departures, Wire


class Server:
    """All endpoints and their control. To be made where a loop runs."""

    def __init__(self) -> None:
        """No port is open yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._table, self._record, self._connections = Table(), Record(), Connections()
        self._departures = Departures()
        self._conversations = Conversations(self._table, self._record, self._connections, self._departures)
        self._control = Control(self._table, self._record, self._connections, self._set_down)
        self._doors: dict[str, Port] = {}
        self._opened: list[Port] = []
        # The first task that ended with an error, which is a fault of the server's own.
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, certificates: Path | None, http_port: int = 0, control_port: int = 0) -> dict[str, Any]:
        """Opens all ports and returns their URLs. Raises CertificateError, and OSError if a port is taken."""
        http = self._keep(Door(self._spawn, self._hold(None), port=http_port))
        control = self._keep(Door(self._spawn, self._control.hold, port=control_port))
        for behaviour in self._table.behaviours.values():
            if behaviour.where == "port":
                self._doors[behaviour.name] = self._keep(self._port_door(behaviour))
            elif behaviour.where == "tls" and (behaviour.plays == "bare" or certificates):
                self._doors[behaviour.name] = self._keep(self._tls_door(behaviour, certificates))
        for door in self._opened:
            self._spawn(door.serve())
        base_url = self._conversations.base_url = f"http://{HOST}:{http.port}"
        placed = {name: self._doors[name].port for name in self._doors}
        encrypted = {
            one.name: f"https://localhost:{placed[one.name]}" for one in self._table.at("tls") if one.name in placed
        }
        ports = {one.name: placed[one.name] for one in self._table.at("port")}
        self._control.urls = {
            **{one.name: f"{base_url}/{one.name}" for one in self._table.at("http")},
            **{name: f"{url}/{name}" for name, url in encrypted.items()},
            **{name: f"http://{HOST}:{port}/{name}" for name, port in ports.items()},
        }
        return {"http": base_url, "tls": encrypted, "control": f"http://{HOST}:{control.port}", "ports": ports}

    async def close(self) -> None:
        """Ends all connections and closes all ports."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for door in self._opened:
            door.close()
        self._departures.close()

    def _keep(self, door: Port) -> Port:
        self._opened.append(door)
        return door

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_exception(error)

    def _hold(self, only: Behaviour | None) -> Any:
        return partial(self._conversations.hold, only=only)

    def _port_door(self, behaviour: Behaviour) -> Port:
        match behaviour.plays:
            case "refuses":
                return RefusingDoor()
            case "never_accepts":
                return FullDoor()
            case "never_reads":
                return UnreadDoor(self._spawn, behaviour.name, self._connections, self._departures)
            case "one_connection":
                return OneByOneDoor(self._spawn, self._hold(behaviour))
            case "dies":
                return DyingDoor(self._spawn, self._hold(behaviour))
        raise ValueError(f"{behaviour.name}: nothing plays {behaviour.plays} on a port of its own")

    def _tls_door(self, behaviour: Behaviour, certificates: Path | None) -> Door:
        if behaviour.plays == "bare" or certificates is None:
            return Door(self._spawn, partial(self._hold_bare, behaviour))
        return Door(self._spawn, self._hold(behaviour), tls.context(behaviour.name, certificates))

    async def _hold_bare(self, behaviour: Behaviour, wire: Wire, _port: int) -> None:
        """Reads the first bytes of TLS, and answers with given ones."""
        connection = self._connections.opened(behaviour.name)
        given = self._table.instance(behaviour.name, "").parameters
        try:
            if await wire.receive():
                await wire.send(given["says"].encode("latin-1"))
                while given["ends"] == "wait" and await wire.receive():
                    continue
        except ConnectionError:
            return
        finally:
            self._connections.closed(connection)
            if given["ends"] == "reset":
                wire.reset()
            else:
                wire.close()

    async def _set_down(self, name: str, down: bool) -> None:
        door = self._doors.get(name)
        if isinstance(door, DyingDoor):
            await door.set_down(down)
