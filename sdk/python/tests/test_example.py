"""The example, as its readers start it."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made import SECRET, event, signed

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, str(ROOT / "example" / "server.py")]
VARIABLES = {name: value for name, value in os.environ.items() if name != "HOOKLINE_SECRET"}


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def lines(port: int) -> Iterator[Iterator[str]]:
    """Lines that the example prints."""
    variables = VARIABLES | {"HOOKLINE_SECRET": SECRET, "PORT": str(port), "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        COMMAND, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        assert program.stdout
        yield (line.strip() for line in program.stdout)
        program.terminate()


def test_example_prints_a_line_for_each_event(port: int, lines: Iterator[str]) -> None:
    """Stock, orders, products, and what no callback wants."""
    assert next(lines) == f"listening on http://localhost:{port}/webhooks"

    def post(body: bytes, id_: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/webhooks", body, signed(body, id_, timestamp=int(time.time())))
        assert connection.getresponse().status == 204
        connection.close()
        return next(lines)

    stove = {"id": "1", "title": "Ember Pocket Stove", "available": False}
    assert post(event(data=stove), "evt_1") == "sold out: Ember Pocket Stove"
    assert post(event(data=stove, previous=None), "evt_2") == "sold out: Ember Pocket Stove"
    assert post(event(data=stove, previous={}), "evt_3") == "stock changed: Ember Pocket Stove"
    assert post(event(data=stove | {"available": True}), "evt_4") == "in stock: Ember Pocket Stove"
    assert post(event(data=stove), "evt_1") == "skipped: inventory.updated (seen)"
    checkout = {"id": "7", "order_name": "#1042", "total": {"amount": "42.00", "currency": "EUR"}}
    order = event("checkout.completed", data=checkout, session_id="chat_7Q2M9K")
    assert post(order, "evt_5") == "conversation chat_7Q2M9K is finished: order #1042, 42.00 EUR"
    assert post(event("checkout.completed", data={"id": "7"}), "evt_7") == "checkout 7 is finished: order 7"
    assert post(event("product.updated", data=stove), "evt_8") == "product.updated: Ember Pocket Stove"
    assert post(event("product.deleted", data={"id": "1"}), "evt_6") == "product.deleted: 1"


def test_example_without_a_secret_says_what_is_missing() -> None:
    """And how to get it."""
    done = subprocess.run(
        COMMAND, env=VARIABLES | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("HOOKLINE_SECRET is missing")
