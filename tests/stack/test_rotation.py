"""Rotation of a client secret while the stack runs, without a deployment and without refusing genuine webhooks."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hookline_local import ports, stack
from hookline_local.client import session_token, signed
from hookline_local.deploy import aws_client
from hookline_local.shopkeeper import CLIENT_ID
from hookline_local.tour import DEADLINE_SECONDS, Tour, poll

TOPIC = "collections/update"
NAME = "shopify-client-secrets"

# A receiver rereads the secret at most once a minute: polls of DEADLINE_SECONDS until then.
MAX_POLLS = 1 + int(70 // DEADLINE_SECONDS)


@dataclass
class Rotation:
    """A separate stack, because its secret changes."""

    tour: Tour
    vault: Any
    sent: int = 0

    def set_secrets(self, *held: str) -> None:
        """Puts these secrets into Secrets Manager, the newest first."""
        self.vault.put_secret_value(SecretId=NAME, SecretString=",".join(held))

    def answer(self, secret: str) -> int:
        """Response to a new delivery signed with this secret."""
        self.sent += 1
        body = b'{"id":361416303805590057,"title":"Campfire","updated_at":"2026-11-14T10:00:00Z","sort_order":"manual"}'
        delivery = signed(TOPIC, body, secret=secret, store=self.tour.store, delivery_id=f"rotation-{self.sent}")
        return self.tour.send("rotation", delivery).status

    def session(self, secret: str) -> int:
        """Response to a session token signed with this secret."""
        token = session_token(self.tour.store, secret, CLIENT_ID)
        return self.tour.stack.client.status(self.tour.store, token=token).status

    def reaches(self, secret: str, status: int) -> bool:
        """Waits until deliveries with this secret get this status; the sender retries, as Shopify does."""
        return any(poll(lambda: self.answer(secret) == status) for _ in range(MAX_POLLS))


@pytest.fixture(scope="module")
def rotation() -> Iterator[Rotation]:
    """A stack for this test alone."""
    with stack.running(ports.any_free()) as running:
        yield Rotation(Tour(running), aws_client("secretsmanager", running.ports))


def test_a_rotation_needs_no_deployment(rotation: Rotation) -> None:
    """Both secrets work during the rotation; the status shows uses of the old one, which is refused afterwards."""
    old, new = rotation.tour.stack.credentials.shopify, secrets.token_hex(32)
    assert rotation.answer(old) == 200
    assert rotation.answer(new) == 401
    # The store is known once the consumer has recorded it.
    assert poll(lambda: rotation.session(old) == 200)
    assert rotation.session(new) == 403
    assert poll(rotation.tour.status)["client_secret"]["held"] == 1

    rotation.set_secrets(new, old)
    assert rotation.reaches(new, 200)
    assert rotation.answer(old) == 200
    assert any(poll(lambda: rotation.session(new) == 200) for _ in range(MAX_POLLS))
    assert rotation.session(old) == 200
    assert poll(lambda: rotation.tour.status()["client_secret"]["old_last_needed_at"])
    status = rotation.tour.status()["client_secret"]
    assert (status["held"], status["safe_to_revoke_old"]) == (2, False)
    assert "a delivery needed the old one" in status["advice"]

    # A wrong signature makes a receiver reread the secret, at most once a minute; so does time, every five minutes.
    rotation.set_secrets(new)
    stranger = secrets.token_hex(32)
    assert any(poll(lambda: rotation.answer(stranger) == rotation.answer(old) == 401) for _ in range(MAX_POLLS))
    assert rotation.answer(new) == 200
    assert poll(lambda: rotation.tour.status()["activity"] == "live")
    # Each refusal is counted at once; the count is written with a later request.
    assert any(
        poll(lambda: rotation.answer(old) == 401 and rotation.tour.status()["activity"] == "failing")
        for _ in range(MAX_POLLS)
    )
    assert rotation.tour.status()["last_signature_failure_at"]
