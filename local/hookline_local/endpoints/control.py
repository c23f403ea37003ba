"""Control: what was seen, what is open, and the parameters of instances. JSON over HTTP, on a port of its own."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from . import parameters
from .connections import Connections
from .record import MAX_BODY_BYTES, MAX_REQUESTS, Record, Seen
from .requests import BodyTaker, Head, MalformedError, RequestReader, answer_head
from .table import Table, UnknownNameError
from .wire import Wire

MAX_CONTROL_BYTES = 1_048_576
MAX_WAIT_SECONDS = 60.0
SetDown = Callable[[str, bool], Awaitable[None]]


class ControlError(Exception):
    """A request that control does not understand; the text says what it does."""

    def __init__(self, status: int, text: str) -> None:
        """An error with its HTTP status."""
        super().__init__(text)
        self.status = status


class Control:
    """Answers control's requests."""

    def __init__(self, table: Table, record: Record, connections: Connections, set_down: SetDown) -> None:
        """Control of these; `set_down` takes a behaviour's name."""
        self._table, self._record, self._connections, self._set_down = table, record, connections, set_down
        self.urls: dict[str, str] = {}

    async def hold(self, wire: Wire, _port: int) -> None:
        """Answers the requests of a connection."""
        reader = RequestReader(wire)
        try:
            while head := await reader.head():
                taken = BodyTaker(MAX_CONTROL_BYTES)
                if not await reader.body(head, taken):
                    return
                status, answer = await self._answer(head, taken)
                body = json.dumps(answer).encode() + b"\n"
                framing = [("content-type", "application/json"), ("content-length", str(len(body)))]
                await wire.send(answer_head(status, framing) + body)
                if not head.keeps_alive:
                    return
        except (OSError, MalformedError):
            return
        finally:
            wire.close()

    async def _answer(self, head: Head, taken: BodyTaker) -> tuple[int, Any]:
        try:
            if taken.count > MAX_CONTROL_BYTES:
                raise ControlError(413, "control takes bodies up to 1 MiB")
            return 200, await self._routed(head, bytes(taken.kept))
        except ControlError as error:
            return error.status, {"error": str(error)}
        except UnknownNameError as error:
            return 404, {"error": str(error)}
        except parameters.ParameterError as error:
            return 400, {"error": str(error)}

    async def _routed(self, head: Head, body: bytes) -> Any:
        parts = urlsplit(head.target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        match head.method, parts.path:
            case "GET", "/requests":
                return await self._requests(query)
            case "DELETE", "/requests":
                expect_only(query, "path")
                return {"forgotten": self._record.clear(query.get("path", "/"))}
            case "GET", "/connections":
                return self._connections.described()
            case "DELETE", "/connections":
                self._connections.restart()
                return self._connections.described()
            case "GET", "/behaviours":
                return [
                    {**one.row, "parameters": one.defaults, "url": self.urls.get(one.name)}
                    for one in self._table.behaviours.values()
                ]
        if parts.path.startswith("/behaviours/"):
            name, _, instance = unquote(parts.path.removeprefix("/behaviours/")).partition("/")
            return await self._instance(head.method, name, instance, body)
        raise ControlError(404, "control has /requests, /connections, /behaviours and /behaviours/NAME/INSTANCE")

    async def _instance(self, method: str, name: str, instance_name: str, body: bytes) -> Any:
        instance = self._table.instance(name, instance_name)
        if method == "POST":
            try:
                given = json.loads(body or b"{}")
            except ValueError as error:
                raise ControlError(400, "the body is not a JSON object of parameters") from error
            instance.given.update(parameters.check(given, instance.behaviour.defaults))
            if "down" in given:
                await self._set_down(name, given["down"])
        elif method == "DELETE":
            self._table.forget(name, instance_name)
            if "down" in instance.behaviour.defaults:
                await self._set_down(name, instance.behaviour.defaults["down"])
            instance = self._table.instance(name, instance_name)
        elif method != "GET":
            raise ControlError(405, "an instance takes GET, POST and DELETE")
        return {"name": name, "instance": instance_name, "parameters": instance.parameters}

    async def _requests(self, query: dict[str, str]) -> dict[str, Any]:
        """The requests that were seen, as soon as there are `at_least` of them or `within` seconds have passed."""
        expect_only(query, "path", "after", "closed_early", "bodies", "at_least", "within")
        within = number(query, "within", MAX_WAIT_SECONDS)
        at_least = number(query, "at_least", MAX_REQUESTS)
        loop = asyncio.get_running_loop()
        until = loop.time() + min(within, MAX_WAIT_SECONDS)
        while len(found := self._found(query)) < at_least and loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    await self._record.changed()
            except TimeoutError:
                continue
        with_body = query.get("bodies") != "no"
        return {
            "requests": [seen.described(with_body) for seen in found],
            "dropped": self._record.dropped,
            "limits": {"requests": MAX_REQUESTS, "body_bytes": MAX_BODY_BYTES},
        }

    def _found(self, query: dict[str, str]) -> list[Seen]:
        after = number(query, "after", math.inf)
        wanted = query.get("closed_early")
        if wanted not in (None, "true", "false"):
            raise ControlError(400, "closed_early is true or false")
        return [
            seen
            for seen in self._record.under(query.get("path", "/"))
            if seen.number > after and (wanted is None or seen.closed_early is (wanted == "true"))
        ]


def expect_only(query: dict[str, str], *names: str) -> None:
    """Refuses a query that has something else, which a mistyped name would be."""
    if other := sorted(set(query) - set(names)):
        raise ControlError(400, f"there is no {other[0]!r:.60} here, but {', '.join(names)}")


def number(query: dict[str, str], name: str, most: float) -> float:
    """A number from 0, which it is by default."""
    try:
        value = float(query.get(name, "0"))
    except ValueError as error:
        raise ControlError(400, f"{name} is a number") from error
    if not 0 <= value <= most:
        raise ControlError(400, f"{name} is a number from 0 to {most:g}")
    return value
