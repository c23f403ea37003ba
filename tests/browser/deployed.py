"""The running stack as a browser sees it: the page behind a plug, the socket behind another, and tokens."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hookline_local import bridge
from hookline_local.client import Response, session_token
from hookline_local.command import Hookline
from hookline_local.deploy import aws_client
from hookline_local.ports import HOST
from hookline_local.shop import Product, catalogue
from hookline_local.shopkeeper import CLIENT_ID
from hookline_local.stack import Stack
from hookline_local.tour import poll
from plug import Plug

# A signed, unreadable body, which is parked for a person.
UNREADABLE = b'{"id": "no number", "title": 7}'


@dataclass(frozen=True)
class Token:
    """An operator's token: its id, and the secret text."""

    id: str
    text: str = field(repr=False)


@dataclass
class Site:
    """The running stack as the tests use it."""

    stack: Stack
    pages: Plug
    sockets: Plug
    products: dict[str, Product] = field(default_factory=catalogue)

    @property
    def url(self) -> str:
        """URL of the page, with the final slash that its relative addresses need."""
        return f"http://{HOST}:{self.pages.port}{urlsplit(self.stack.client.base_url).path}/"

    def token(self, role: str, *stores: str, expires: str = "1h") -> Token:
        """A token for these stores, or for all."""
        reach = [part for store in stores for part in ("--store", store)] or ["--all-stores"]
        text = self.hookline.token("--role", role, *reach, "--expires", expires)
        # hl_<id>_<secret>
        return Token(f"tok_{text.split('_')[1]}", text)

    @property
    def hookline(self) -> Hookline:
        """The command."""
        return self.stack.hookline

    def session_token(self, shop: str, secret: str | None = None, **claims: Any) -> str:
        """Session token that App Bridge gives the page in a shop's admin."""
        return session_token(shop, secret or self.stack.credentials.shopify, CLIENT_ID, **claims)

    def edit(self, store: str, name: str = "walnut-serving-board", **changes: Any) -> str:
        """Sends a product's change as Shopify does; returns the delivery's id."""
        product = self.products[name].edited(**changes)
        return self.send(store, "products/update", product.body())

    def send(self, store: str, topic: str, body: bytes) -> str:
        """Sends a signed webhook and expects it to be accepted; returns the delivery's id."""
        delivery = self.stack.sign(topic, body, store)
        answer: Response = self.stack.client.send(delivery)
        assert answer.status == 200, answer
        return delivery.id

    def park(self, store: str) -> str:
        """Sends a delivery that cannot be parsed; returns its id."""
        return self.send(store, "products/update", UNREADABLE)

    def make_known(self, *stores: str) -> None:
        """Makes stores known by applying an event of each."""
        for store in stores:
            self.edit(store)
        for store in stores:
            assert poll(lambda store=store: self.item(store).get("last_sync_us")), f"{store} is not known"

    def item(self, store: str) -> dict[str, Any]:
        """Item of a store in the stores table."""
        key = {"pk": {"S": f"shopify#{store}"}, "sk": {"S": "#store"}}
        return self.dynamodb.get_item(TableName=self.stores_table, Key=key).get("Item", {})

    @property
    def stores_table(self) -> str:
        """Its name."""
        return self.stack.outputs["StoresTableName"]

    @property
    def dynamodb(self) -> Any:
        """A client of the emulated tables."""
        return aws_client("dynamodb", self.stack.ports)


def behind_plugs(stack: Stack, pages: Plug, sockets: Plug) -> Site:
    """Points the deployed functions to the plug of the live connection."""
    live_url = urlsplit(stack.live)._replace(netloc=f"{HOST}:{sockets.port}").geturl()
    bridge.set_variables(stack.ports, {"LIVE_URL": live_url})
    return Site(stack, pages, sockets)
