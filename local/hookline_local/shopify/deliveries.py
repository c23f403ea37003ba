"""Sends webhooks as Shopify does: signed, five seconds for an answer, eight retries over four hours (speeded up).

https://shopify.dev/docs/apps/build/webhooks/troubleshoot. After a delivery has failed for good, its subscription is
removed if it was made through the Admin API; the app's own stay.
"""

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from ..client import Delivery, now, signed
from . import events, schema
from .payloads import only
from .subscriptions import COMPLIANCE, Subscription

if TYPE_CHECKING:
    from .shops import App, Shop

RETRIES = 8
ALL_RETRIES_SECONDS = 4 * 3600
# Each pause is twice the previous one, four hours in total.
PAUSES = [ALL_RETRIES_SECONDS * 2**retry / (2**RETRIES - 1) for retry in range(RETRIES)]
# Topics sent although the shop has just uninstalled the app, or has no app.
ALWAYS = ("app/uninstalled", *COMPLIANCE)


@dataclass
class Mischief:
    """Faults that control sets for the next deliveries (of a topic): `lose`, `duplicate` or `delay` them."""

    kind: str
    remaining: int
    topic: str | None = None
    seconds: float = 0.0


@dataclass
class Record:
    """One delivery and its outcome: pending, delivered, failed or lost."""

    topic: str
    id: str
    uri: str
    app_specific: bool
    triggered_at: str
    outcome: str = "pending"
    attempts: list[int | str] = field(default_factory=list)


class Sender:
    """Sends for all shops of an app."""

    def __init__(self, app: "App", faster: float) -> None:
        """`faster`: the factor by which retries are faster than Shopify's."""
        self.app, self.faster, self.timeout = app, faster, 5.0
        self.session: aiohttp.ClientSession | None = None
        self.numbers = itertools.count(1)

    def emit(self, shop: "Shop", topic: str, resource: dict[str, Any], changed: list[str] | None = None) -> None:
        """Sends a webhook to every subscriber of a topic."""
        if not shop.installed and topic not in ALWAYS:
            return
        event_id, at = self.app.uuid(), now()
        for subscription in [*self.app.subscriptions, *shop.subscriptions.made.values()]:
            if subscription.topic == topic:
                delivery = self.delivery(shop, subscription, resource, changed or [], at, event_id)
                self.begin(shop, subscription, delivery, at)

    def delivery(
        self, shop: "Shop", subscription: Subscription, resource: dict, changed: list[str], at: str, event_id: str
    ) -> Delivery:
        """Request to one subscriber."""
        topic, new_form = subscription.topic, subscription.style == "events"
        if new_form:
            body = events.body(shop, subscription, topic, resource, changed)
            if subscription.stub:
                body = events.stub(shop, next(self.numbers), body)
        else:
            reduced = only(resource, subscription.include_fields) if subscription.include_fields else resource
            if subscription.stub:
                # The remainder of a body that is too large for EventBridge:
                # https://shopify.dev/changelog/amazon-eventbridge-webhook-payload-size-limit-increased-to-1-mb
                reduced = {"id": resource["id"]}
            body = json.dumps(reduced, ensure_ascii=False, separators=(",", ":")).encode()
        more = {"X-Shopify-API-Version": schema.API_VERSION, "X-Shopify-Event-Id": event_id}
        if subscription.name:
            more["X-Shopify-Name"] = subscription.name
        secret, store, identifier = self.app.client_secret, shop.name, self.app.uuid()
        made = signed(topic, body, secret=secret, store=store, delivery_id=identifier, triggered_at=at, more=more)
        if new_form:
            handle = subscription.name or f"hookline-{topic.replace('/', '-')}"
            return Delivery(topic, body, tuple(events.headers(dict(made.headers), topic, handle).items()))
        return made

    def begin(self, shop: "Shop", subscription: Subscription, delivery: Delivery, at: str) -> None:
        """Starts a delivery, or plays the requested mischief."""
        identifier = delivery.id or delivery.header("shopify-webhook-id")
        record = Record(subscription.topic, identifier, subscription.uri, subscription.app_specific, at)
        shop.deliveries.append(record)
        mischief = shop.mischief_for(subscription.topic)
        if mischief and mischief.kind == "lose":
            record.outcome = "lost"
            return
        wait = mischief.seconds if mischief and mischief.kind == "delay" else 0.0
        shop.deliver(self.deliver(shop, subscription, delivery, record, wait))
        if mischief and mischief.kind == "duplicate":
            duplicate = Record(record.topic, identifier, record.uri, record.app_specific, at)
            shop.deliveries.append(duplicate)
            shop.deliver(self.deliver(shop, subscription, delivery, duplicate, wait))

    async def deliver(
        self, shop: "Shop", subscription: Subscription, delivery: Delivery, record: Record, wait: float
    ) -> None:
        """Tries until it is accepted or the retries are used up, at the address it had when it was triggered."""
        for pause in (wait, *(pause / self.faster for pause in PAUSES)):
            await asyncio.sleep(pause)
            result = await self.attempt(record.uri, delivery)
            record.attempts.append(result)
            if isinstance(result, int) and 200 <= result < 300:
                record.outcome = "delivered"
                return
        record.outcome = "failed"
        if shop.subscriptions.made.get(subscription.number) is subscription:
            del shop.subscriptions.made[subscription.number]

    async def attempt(self, uri: str, delivery: Delivery) -> int | str:
        """Sends once; returns the status, or the reason why there was none."""
        if self.session is None:
            self.session = aiohttp.ClientSession(auto_decompress=False)
        timeout = aiohttp.ClientTimeout(total=self.timeout, sock_connect=min(1.0, self.timeout))
        try:
            async with self.session.post(
                uri, data=delivery.body, headers=dict(delivery.headers), timeout=timeout, allow_redirects=False
            ) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__

    async def close(self) -> None:
        """Closes its connections."""
        if self.session:
            await self.session.close()
