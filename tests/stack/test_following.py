"""Following a store over the deployed WebSocket API as docs/panel.md describes it, without the panel."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from hookline_local.tour import DEADLINE_SECONDS, Tour, poll

OTHER = "somebody-elses.myshopify.com"


@dataclass
class Follower:
    """An open connection."""

    socket: ClientWebSocketResponse

    async def send(self, action: str, **fields: Any) -> None:
        """Sends a message."""
        await self.socket.send_json({"action": action} | fields)

    async def until(self, kind: str, fits: Callable[[dict], bool] = lambda _: True) -> dict[str, Any]:
        """The next frame of this kind that fits; skips others."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                frame = await self.socket.receive_json()
                if frame["type"] == kind and fits(frame):
                    return frame

    async def closed(self) -> bool:
        """Waits until the server closes the connection."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await self.socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                pass
        return True


def socket_url(tour: Tour, token: str) -> str:
    """URL of the WebSocket, with a new ticket."""
    client = tour.stack.client
    url = client.call("GET", "/api/me", token=token).json()["live_url"]
    return f"{url}?ticket={client.ticket(token=token).json()['ticket']}"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Follower]:
    """A connection, closed at the end."""
    async with ClientSession() as session, session.ws_connect(url) as socket:
        yield Follower(socket)


@pytest.fixture
def known(tour: Tour) -> Tour:
    """A store that has had an event."""
    tour.send_product("a product", tour.products["walnut-serving-board"])
    assert poll(lambda: tour.stack.client.status(tour.store).status == 200)
    assert poll(lambda: tour.status()["last_sync_at"])
    return tour


def token(tour: Tour, *arguments: str) -> tuple[str, str]:
    """Id and bearer value of a viewer's token for the store."""
    (made,) = tour.stack.hookline.rows("token", "create", "--role", "viewer", "--store", tour.store, *arguments)
    return made["id"], made["token"]


def test_every_update_follows_the_previous_one(known: Tour) -> None:
    """A snapshot, then updates that each name their predecessor; a pong has the last number."""
    _, bearer = token(known)
    products = [known.products["walnut-serving-board"].edited(price=f"4{number}.00") for number in range(4)]

    async def follow() -> None:
        async with connected(socket_url(known, bearer)) as follower:
            await follower.send("watch", store=known.store)
            access = await follower.until("access")
            assert (access["role"], access["stores"]) == ("viewer", [known.store])
            snapshot = await follower.until("snapshot")
            assert snapshot["deliveries"]
            last_seq = snapshot["seq"]
            for product in products:
                delivery = known.sign("products/update", product.body())
                answer = await asyncio.to_thread(known.send, "an edit", delivery)
                assert answer.status == 200
                ids: list[str] = []
                while delivery.id not in ids:
                    update = await follower.until("update")
                    assert update["after"] == last_seq, "no update is missed or sent twice"
                    assert update["seq"] > last_seq
                    last_seq = update["seq"]
                    ids = [entry["id"] for entry in update["deliveries"]]
            await follower.send("ping")
            pong = await follower.until("pong")
            # A receiver may have written a count meanwhile.
            assert pong["seqs"][known.store] >= last_seq

    asyncio.run(follow())


def test_changes_while_disconnected_are_in_the_next_snapshot(known: Tour) -> None:
    """With a number to continue from."""
    _, bearer = token(known)

    async def read_snapshot() -> dict[str, Any]:
        async with connected(socket_url(known, bearer)) as follower:
            await follower.send("watch", store=known.store)
            return await follower.until("snapshot")

    before = asyncio.run(read_snapshot())
    delivery = known.sign("products/update", known.products["walnut-serving-board"].edited(price="49.00").body())
    assert known.send("an edit", delivery).status == 200

    def shown() -> dict[str, Any] | None:
        # A receiver's count also changes the number, so compare the shown deliveries.
        update = asyncio.run(read_snapshot())
        return update if delivery.id in [entry["id"] for entry in update["deliveries"]] else None

    assert poll(shown)["seq"] > before["seq"]


def test_another_store_cannot_be_followed(known: Tour) -> None:
    """An unknown store gets the same response. A malformed message is refused, and the connection stays open."""
    _, bearer = token(known)

    async def follow() -> None:
        async with connected(socket_url(known, bearer)) as follower:
            refusals = []
            for store in (OTHER, "nobody-knows.myshopify.com"):
                await follower.send("watch", store=store)
                refusals.append(await follower.until("refused"))
            assert refusals[0] == refusals[1]
            for wrong in ("", "{", "[]", '{"action": "shout"}', '{"action": "watch", "store": 7}', "x" * 5_000):
                await follower.socket.send_str(wrong)
                await follower.until("refused")
            await follower.send("watch", store=known.store)
            await follower.until("snapshot")

    asyncio.run(follow())


def test_a_ticket_opens_one_connection(known: Tour) -> None:
    """A token opens none."""
    _, bearer = token(known)
    url = socket_url(known, bearer)

    async def twice() -> None:
        async with connected(url):
            with pytest.raises(WSServerHandshakeError):
                async with connected(url):
                    pass
        with pytest.raises(WSServerHandshakeError):
            async with connected(url.split("=", maxsplit=1)[0] + f"={bearer}"):
                pass

    asyncio.run(twice())


def test_a_revoked_token_gets_a_notice_and_no_more_updates(known: Tour) -> None:
    """The connection is closed even without an event of the store."""
    identifier, bearer = token(known)

    async def follow() -> None:
        async with connected(socket_url(known, bearer)) as follower:
            await follower.send("watch", store=known.store)
            await follower.until("snapshot")
            await asyncio.to_thread(known.stack.hookline.do, "token", "revoke", identifier)
            await follower.until("revoked")
            assert await follower.closed()

    asyncio.run(follow())
    assert known.stack.client.status(known.store, token=bearer).status == 403
