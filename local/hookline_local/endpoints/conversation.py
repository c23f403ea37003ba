"""The requests of one connection, one after the other, each played by the behaviour that its path names."""

import asyncio
import contextlib
from dataclasses import dataclass

from . import abuses, answers
from .connections import Connection, Connections
from .exchange import End, Exchange
from .parameters import DEFAULTS
from .record import Record, Seen
from .requests import Head, MalformedError, RequestReader, answer_head
from .table import Behaviour, Instance, Table, addressed
from .wire import Departures, Wire

PLAYS = {**answers.PLAYS, **abuses.PLAYS}
# Target of the redirects, recorded like a behaviour so that a test can see that nobody followed.
INWARD = Behaviour({}, "inward", "http", "answer", DEFAULTS["answer"])
UNKNOWN = Behaviour({}, "", "http", "answer", {**DEFAULTS["answer"], "status": 404})


@dataclass
class Conversations:
    """Everything that connections share."""

    table: Table
    record: Record
    connections: Connections
    departures: Departures
    base_url: str = ""

    async def hold(self, wire: Wire, port: int, only: Behaviour | None) -> None:
        """Answers requests until either side closes. On a port of its own, `only` answers all of them."""
        connection = self.connections.opened(only.name if only else "")
        reader = RequestReader(wire)
        end = End.KEEP
        try:
            while end is End.KEEP:
                head = await reader.head()
                end = await self._answer(wire, reader, connection, port, only, head) if head else End.CLOSE
        except MalformedError:
            end = End.CLOSE
            with contextlib.suppress(OSError):
                await wire.send(answer_head(400, [("content-length", "0"), ("connection", "close")]))
        except OSError:
            end = End.RESET
        except asyncio.CancelledError:
            end = End.RESET
            raise
        finally:
            self.connections.closed(connection)
            if end is End.RESET:
                wire.reset()
            else:
                wire.close()

    async def _answer(
        self, wire: Wire, reader: RequestReader, connection: Connection, port: int, only: Behaviour | None, head: Head
    ) -> End:
        name, instance_name = addressed(head.path, only.name if only else None)
        self.connections.belongs(connection, name, instance_name)
        self.connections.began(connection)
        seen = self.record.add(name, instance_name, port, head, connection)
        try:
            if (head.header("expect") or "").lower() == "100-continue":
                await wire.send(answer_head(100, []))
            instance = self._instance(name, instance_name, only)
            exchange = Exchange(seen, instance, wire, reader, connection, self.connections, self.record, self.base_url)
            play = PLAYS[instance.behaviour.plays]
            if instance.behaviour.plays in abuses.EARLY:
                return await play(exchange)
            if not await exchange.read_body():
                return End.CLOSE
            instance.requests += 1
            return await self._watched(play, exchange)
        finally:
            self.connections.ended(connection)

    def _instance(self, name: str, instance: str, only: Behaviour | None) -> Instance:
        found = self.table.behaviours.get(name)
        if found is not None and (found.where == "http" if only is None else found is only):
            return self.table.instance(name, instance)
        return Instance(INWARD if name == INWARD.name else UNKNOWN, instance)

    async def _watched(self, play: answers.Play, exchange: Exchange) -> End:
        """Plays a behaviour until its end or the peer's, whichever is first."""
        task = asyncio.ensure_future(play(exchange))
        fileno = exchange.wire.fileno()
        has_left = False

        def leaves() -> None:
            nonlocal has_left
            has_left = True
            self._left(exchange.seen)
            task.cancel()

        self.departures.watch(fileno, leaves)
        try:
            return await task
        except asyncio.CancelledError:
            if has_left:
                return End.CLOSE
            raise
        except ConnectionError:
            self._left(exchange.seen)
            raise
        finally:
            self.departures.forget(fileno)

    def _left(self, seen: Seen) -> None:
        if seen.answered_at is None:
            seen.closed_early = True
            self.record.change()
