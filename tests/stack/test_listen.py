"""`hookline listen` at the deployed stack: a change arrives at a handler on this machine as a signed webhook."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from hookline_local.command import BINARY
from hookline_local.deploy import aws_client
from hookline_local.places import REPOSITORY
from hookline_local.tour import Tour, poll

sys.path.append(str(REPOSITORY / "sdk" / "python" / "src"))

from hookline_webhooks import create_webhook_handler

SECRET = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM="  # noqa: S105 (of this test alone)


class Silent(WSGIRequestHandler):
    """Prints no line per request."""

    def log_message(self, *_: Any) -> None:
        """Does nothing."""


@contextmanager
def handler(got: list[dict[str, Any]]) -> Iterator[str]:
    """URL of a server that verifies webhooks with the handler package and keeps the events."""
    webhooks = create_webhook_handler(SECRET, on_product_change=got.append, on_inventory_change=got.append)
    with make_server("127.0.0.1", 0, webhooks.wsgi, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhooks"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def listening(tour: Tour, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once it listens to the tour's store."""
    environment = dict(tour.stack.hookline.environment) | {"HOOKLINE_TOKEN": tour.stack.client.token}
    command = [BINARY, "listen", tour.store, "--json", *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "listening to" in line:
                    break
            assert "listening to" in said[-1], said
            yield process
        finally:
            process.kill()


def listeners(tour: Tour) -> str:
    """Listeners in the store's record, as the table has them."""
    key = {"pk": {"S": f"shopify#{tour.store}"}, "sk": {"S": "#store"}}
    table = tour.stack.outputs["StoresTableName"]
    found = aws_client("dynamodb", tour.stack.ports).get_item(TableName=table, Key=key, ConsistentRead=True)
    return found["Item"].get("listening", {}).get("S", "")


@pytest.fixture
def known(tour: Tour) -> Tour:
    """A store that has had an event."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    tour.until(lambda: tour.result(board), "it is found")
    return tour


def test_a_products_change_arrives_once_and_signed(known: Tour) -> None:
    """In order, as the handler package reads it; nothing of it stays behind when the command ends."""
    board = known.products["walnut-serving-board"]
    # Their events may still be on their way when listening begins, or when the next event arrives.
    earlier = {sent.delivery_id for sent in known.sent}
    edits: set[str] = set()
    got: list[dict[str, Any]] = []
    with handler(got) as url:
        options = ("--forward", url, "--secret", SECRET, "--types", "product.*,inventory.updated")
        with listening(known, *options) as command:
            assert "watch-" in listeners(known)
            for price in ("49.00", "50.00"):
                delivery = known.sign("products/update", board.edited(price=price).body())
                assert known.send("an edit", delivery).status == 200
                assert poll(lambda price=price: [each for each in got if each["data"]["price"]["from"] == price])
                edits.add(delivery.id)
                while True:
                    line = json.loads(command.stdout.readline())
                    assert (line["status"], line["error"]) == (204, None)
                    cause = line["event"]["cause"]["delivery_id"]
                    assert cause in earlier | edits
                    # Stock may come before it: they are of one moment.
                    if (cause, line["type"]) == (delivery.id, "product.updated"):
                        break
            command.send_signal(signal.SIGINT)
            assert command.wait(timeout=30) == 0
            assert "answered with success" in command.stderr.read()
    of_edits = [each["cause"]["delivery_id"] for each in got if each["type"] == "product.updated"]
    assert sorted(each for each in of_edits if each in edits) == sorted(edits)
    assert {each["type"] for each in got} <= {"product.updated", "inventory.updated"}
    assert len({each["id"] for each in got}) == len(got)
    assert all(each["store"]["id"] == known.store for each in got)
    assert "watch-" not in listeners(known)
