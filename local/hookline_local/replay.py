"""`make replay`: signs and sends samples, to the stack of `make dev` or to a deployed one."""

import argparse
import json
import os
import sys
from pathlib import Path

from .client import Client, signed
from .places import DEV_STACK, EVENTS, REPOSITORY
from .shop import STORE

# Headers that are new for each replay; the others come from the headers file of the sample.
NOT_REPLAYED = {"x-shopify-webhook-id", "x-shopify-event-id", "x-shopify-triggered-at", "x-shopify-hmac-sha256"}


class UsageError(Exception):
    """The request cannot be carried out. The message says what to change."""


# Samples sent without EVENT: a product, its edit, a collection, stock and an order.
DEFAULT_EVENTS = (
    "products-create",
    "products-update",
    "collections-update",
    "inventory-levels-update",
    "orders-create",
)


def main(arguments: list[str]) -> int:
    """Sends the samples and prints the responses; returns 0 if all were 2xx."""
    try:
        requested = options(arguments)
        samples = [sample(event, requested.topic) for event in requested.events]
        url, secret = target(requested.url)
    except UsageError as problem:
        print(f"replay: {problem}", file=sys.stderr)
        return 2
    try:
        client = Client("", webhooks_url=url)
        accepted = [send(client, secret, body, headers, requested) for body, headers in samples]
    except OSError as error:
        print(f"replay: {url} does not answer: {error}", file=sys.stderr)
        return 2
    if len(accepted) > 1:
        print("To send one of your choice: make replay EVENT=events/shopify/products-update.json")
    return 0 if all(accepted) else 1


def send(client: Client, secret: str, body: bytes, headers: dict[str, str], requested: argparse.Namespace) -> bool:
    """Signs and sends one sample, prints the response, and returns whether it was 2xx."""
    topic = headers.pop("X-Shopify-Topic")
    store = headers.pop("X-Shopify-Shop-Domain", STORE)
    delivery = signed(
        topic, body, secret=secret, store=requested.store or store, delivery_id=requested.id, more=headers
    )
    answer = client.send(delivery)
    print(f"{answer.status}  {topic} for {requested.store or store}, {len(body)} bytes, {answer.seconds * 1000:.0f} ms")
    print(f"     delivery id {delivery.id} (to send it again: ID={delivery.id})")
    if answer.body:
        print(answer.body.decode(errors="replace"))
    return 200 <= answer.status < 300


def options(arguments: list[str]) -> argparse.Namespace:
    """Parses the Makefile's variables. The secret is not among them: other users can read a command line."""
    parser = argparse.ArgumentParser(prog="make replay", usage="make replay [EVENT=… URL= STORE= SECRET= ID= TOPIC=]")
    for name in ("event", "url", "store", "id", "topic"):
        parser.add_argument(f"--{name}")
    parsed = parser.parse_args(arguments)
    if not parsed.event and (parsed.id or parsed.topic):
        raise UsageError("ID and TOPIC are for one sample: add EVENT=, as in EVENT=events/shopify/products-update.json")
    parsed.events = [parsed.event] if parsed.event else [str(EVENTS / f"{name}.json") for name in DEFAULT_EVENTS]
    return parsed


def sample(event: str, topic: str | None) -> tuple[bytes, dict[str, str]]:
    """Body of a sample, byte for byte, and its headers."""
    file = Path(event) if Path(event).is_absolute() else REPOSITORY / event
    if not file.is_file():
        raise UsageError(f"there is no file {event}")
    beside = file.with_name(f"{file.stem}.headers.json")
    headers = json.loads(beside.read_text()) if beside.is_file() else {}
    headers = {name: value for name, value in headers.items() if name.lower() not in NOT_REPLAYED}
    if topic:
        headers["X-Shopify-Topic"] = topic.replace("-", "/", 1)
    elif "X-Shopify-Topic" not in headers:
        if file.parent.name != "catalogue":
            raise UsageError(f"{event} has no {beside.name} beside it with its topic: add TOPIC=products/update")
        headers["X-Shopify-Topic"] = "products/create"
    return file.read_bytes(), headers


def target(url: str | None) -> tuple[str, str]:
    """URL to send to, and the secret to sign with."""
    secret = os.environ.get("SECRET", "")
    if url:
        if not secret:
            raise UsageError("a deployed stack needs SECRET=… (the app's client secret)")
        return url, secret
    try:
        details = json.loads(DEV_STACK.read_text())
        os.kill(details["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        raise UsageError(
            "no stack is running here: start one with `make dev`, or add URL= and SECRET= of another stack"
        ) from None
    return details["url"], secret or details["secret"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
