"""Square's own Python library (PyPI `squareup`) as the referee of our samples, and of decisions about signatures.

Its models take unknown names, so the test asks each for what it does not know (`model_extra`). Our receiver's decisions
about the same signatures are tested in crates/sources/src/square/tests/vectors.rs.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import square_signatures
from pydantic import BaseModel
from square.types.catalog_version_updated_event import CatalogVersionUpdatedEvent
from square.types.inventory_count_updated_event import InventoryCountUpdatedEvent
from square.types.oauth_authorization_revoked_event import OauthAuthorizationRevokedEvent
from square.types.order_created_event import OrderCreatedEvent
from square.types.order_fulfillment_updated_event import OrderFulfillmentUpdatedEvent
from square.types.order_updated_event import OrderUpdatedEvent
from square.utils.webhooks_helper import verify_signature

SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "square"

MODELS: dict[str, type[BaseModel]] = {
    "catalog.version.updated": CatalogVersionUpdatedEvent,
    "inventory.count.updated": InventoryCountUpdatedEvent,
    "oauth.authorization.revoked": OauthAuthorizationRevokedEvent,
    "order.created": OrderCreatedEvent,
    "order.fulfillment.updated": OrderFulfillmentUpdatedEvent,
    "order.updated": OrderUpdatedEvent,
}

# Names that Square sends and its models do not know.
EXCEPTIONS = {
    # Sent, empty: https://developer.squareup.com/reference/square/catalog-api/webhooks/catalog.version.updated
    ("catalog.version.updated", "data.id"),
}


def unknown(model: BaseModel, path: str = "") -> Iterator[str]:
    """Names in a body that its model does not know, below it, too."""
    yield from (f"{path}{name}" for name in model.model_extra or {})
    for name in type(model).model_fields:
        value = getattr(model, name)
        for at, item in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(item, BaseModel):
                index = f"[{at}]" if isinstance(value, list) else ""
                yield from unknown(item, f"{path}{name}{index}.")
            elif isinstance(item, dict):
                yield f"{path}{name}"


def samples() -> list[Path]:
    """Bodies of topics that are received here."""
    return sorted(path for path in SAMPLES.glob("*.json") if not path.name.endswith(".headers.json"))


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.stem)
def test_samples_have_only_names_that_square_knows(path: Path) -> None:
    """A misspelled name would be a sample of nothing."""
    body = json.loads(path.read_text())
    topic = body["type"]
    if topic == "webhooks.test_notification":
        return  # Not an event of the API: it has no model, and nothing in it is read but its type.
    parsed = MODELS[topic].model_validate(body)
    assert set(unknown(parsed)) == {name for of, name in EXCEPTIONS if of == topic}
    assert path.stem == topic.replace(".", "-")


def test_every_model_has_a_sample() -> None:
    """A topic without a sample would be tested by nobody."""
    assert {json.loads(path.read_text())["type"] for path in samples()} == {*MODELS, "webhooks.test_notification"}


def test_a_name_that_square_does_not_know_is_found() -> None:
    """At the top, in an object, and in a list."""
    body = json.loads((SAMPLES / "inventory-count-updated.json").read_text())
    body["merchant"] = "M"
    body["data"]["object"]["inventory_counts"][1]["amount"] = "1"
    found = set(unknown(InventoryCountUpdatedEvent.model_validate(body)))
    assert found == {"merchant", "data.object.inventory_counts[1].amount"}


CASES = json.loads(square_signatures.FILE.read_text())


def test_cases_are_those_of_the_script() -> None:
    """The file is written by it, and not by hand."""
    kept = [(case["name"], case["key"], case["url"], case["body"], case["signature"]) for case in CASES]
    assert kept == square_signatures.cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_decisions_are_those_of_squares_library(case: dict[str, str]) -> None:
    """Those that our receiver is held to."""
    accepted = verify_signature(
        request_body=case["body"],
        signature_header=case["signature"],
        signature_key=case["key"],
        notification_url=case["url"],
    )
    assert accepted == case["accepted"]


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.stem)
def test_square_takes_what_we_sign(path: Path) -> None:
    """Samples are sent with signatures of ours."""
    body = path.read_text()
    signature = square_signatures.signed("hush", "https://a.example/square/acme", body)
    assert verify_signature(
        request_body=body,
        signature_header=signature,
        signature_key="hush",
        notification_url="https://a.example/square/acme",
    )
