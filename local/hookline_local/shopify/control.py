"""The control interface of the local Shopify, for tests and the demo. README.md lists its requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import edits, orders, seeds
from .deliveries import Mischief
from .shops import App, Fault, Odd, Shop
from .subscriptions import Subscription

Act = Callable[[Shop, dict[str, Any]], Any]


class InvalidControlError(Exception):
    """An invalid control request; the message says why."""


def install(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Installs the app, creating the shop if needed; returns tokens of the requested kind."""
    shop.installed = True
    if arguments.get("seed") and not shop.catalogue.products:
        seeds.fill(shop.catalogue)
    for name in ("title", "currency"):
        if name in arguments:
            setattr(shop, name, arguments[name])
    if "scopes" in arguments:
        shop.scopes = list(arguments["scopes"])
    if "lifetime" in arguments:
        shop.tokens.lifetime = float(arguments["lifetime"])
    match arguments.get("kind", "custom"):
        case "custom":
            return shop.tokens.install_custom(arguments.get("token"))
        case "expiring":
            return shop.tokens.install_expiring()
        case "client_credentials":
            return {}
    raise InvalidControlError("kind must be one of custom, expiring, client_credentials")


def uninstall(shop: Shop, _: dict[str, Any]) -> Any:
    """Uninstalls the app from the shop."""
    shop.uninstall()
    return {}


def generate(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Adds many products."""
    batch = shop.catalogue.generate(int(arguments["products"]), int(arguments.get("variants", 1)), shop.spread)
    return {"first_product": batch.first_product, "products": batch.count, "tag": batch.tag}


def throttle(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Sets the bucket: maximum, rate per second, and current content."""
    bucket = shop.bucket
    bucket.refill()
    bucket.maximum = float(arguments.get("maximum", bucket.maximum))
    bucket.rate = float(arguments.get("rate", bucket.rate))
    bucket.points = min(float(arguments.get("available", bucket.maximum)), bucket.maximum)
    return bucket.status()


def faults(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Makes the next requests fail; `next: 0` ends that."""
    kind, count = str(arguments.get("kind", "503")), int(arguments["next"])
    if kind not in ("429", "500", "503", "drop"):
        raise InvalidControlError("kind must be one of 429, 500, 503, drop")
    if count == 0:
        shop.faults.clear()
    else:
        shop.faults.append(Fault(kind, count, arguments.get("where", "graphql"), arguments.get("retry_after")))
    return {"waiting": sum(fault.remaining for fault in shop.faults)}


def odd(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Makes the record of a gid odd: `fields` replace its own, `lines` follow it in an export.

    With neither, the record is normal again. A field that is `{"missing": true}` is left out.
    """
    fields, lines = dict(arguments.get("fields", {})), list(arguments.get("lines", []))
    if fields or lines:
        shop.odd[arguments["id"]] = Odd(fields, lines, tuple(arguments.get("where", ("graphql", "bulk"))))
    else:
        shop.odd.pop(arguments["id"], None)
    return {"odd": sorted(shop.odd)}


def bulk(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Sets what `bulk.Wishes` has."""
    for name, value in arguments.items():
        if not hasattr(shop.wishes, name):
            raise InvalidControlError(f"{name} must be one of {', '.join(vars(shop.wishes))}")
        setattr(shop.wishes, name, value)
    return vars(shop.wishes)


def tokens(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Sets the lifetime of new tokens, and expires the existing ones with `expire`."""
    if "lifetime" in arguments:
        shop.tokens.lifetime = float(arguments["lifetime"])
    if arguments.get("expire"):
        shop.tokens.expire()
    return {"grants": dict(shop.tokens.grants), "lifetime": shop.tokens.lifetime, "installed": shop.installed}


def counts(shop: Shop, _: dict[str, Any]) -> Any:
    """Number of requests by kind."""
    return dict(shop.counts)


def subscriptions(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Lists the subscriptions created through the Admin API.

    `remove` (a topic or a gid) takes some out silently; `change` gives them another `uri`, `style`, `query` or `stub`.
    """
    made = shop.subscriptions.made
    for one in list(made.values()):
        if arguments.get("remove") in (one.topic, one.gid):
            del made[one.number]
        if arguments.get("change") in (one.topic, one.gid):
            for name in {"uri", "style", "query", "stub"} & arguments.keys():
                setattr(one, name, arguments[name])
    return {"subscriptions": [{"id": one.gid, "topic": one.topic, "uri": one.uri} for one in made.values()]}


def mischief(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Loses, duplicates or delays the next deliveries (of a topic); `next: 0` ends that."""
    kind, count = str(arguments.get("kind", "lose")), int(arguments["next"])
    if kind not in ("lose", "duplicate", "delay"):
        raise InvalidControlError("kind must be one of lose, duplicate, delay")
    if count == 0:
        shop.mischief.clear()
    else:
        shop.mischief.append(Mischief(kind, count, arguments.get("topic"), float(arguments.get("seconds", 1.0))))
    return {"waiting": sum(one.remaining for one in shop.mischief)}


def deliveries(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Log of deliveries, oldest first, optionally of one topic."""
    topic = arguments.get("topic")
    return {"deliveries": [vars(one) for one in shop.deliveries if topic in (None, one.topic)]}


async def settle(shop: Shop, arguments: dict[str, Any]) -> Any:
    """Waits until no delivery is in progress, at most `seconds`, and returns how many remain."""
    deadline = time.monotonic() + float(arguments.get("seconds", 30))
    while shop.sending and (remaining := deadline - time.monotonic()) > 0:
        await asyncio.wait(set(shop.sending), timeout=remaining)
    return {"pending": len(shop.sending)}


ACTS: dict[str, Act] = {
    "subscriptions": subscriptions,
    "mischief": mischief,
    "deliveries": deliveries,
    "settle": settle,
    **edits.ACTS,
    **orders.ACTS,
    "install": install,
    "uninstall": uninstall,
    "generate": generate,
    "throttle": throttle,
    "faults": faults,
    "odd": odd,
    "bulk": bulk,
    "tokens": tokens,
    "counts": counts,
}


def add_routes(site: web.Application, app: App) -> None:
    """`/_control/SHOP/ACT`, and requests that concern no single shop."""

    async def act(request: web.Request) -> web.Response:
        shop = app.shop(request.match_info["shop"])
        return await answered(request, lambda arguments: ACTS[request.match_info["act"]](shop, arguments))

    async def app_wide(request: web.Request) -> web.Response:
        return await answered(request, lambda arguments: settings(app, arguments))

    site.router.add_route("*", "/_control/app", app_wide)
    site.router.add_route("*", "/_control/{shop}/{act}", act)


async def answered(request: web.Request, work: Callable[[dict[str, Any]], Any]) -> web.Response:
    """Runs a control request; an invalid one gets a 400."""
    try:
        arguments = await request.json() if request.body_exists else dict(request.query)
        result = work(arguments)
        if isinstance(result, Awaitable):
            result = await result
    except (InvalidControlError, KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
    return web.json_response(result)


def settings(app: App, arguments: dict[str, Any]) -> Any:
    """Sets the app's id, secret, subscriptions (replacing all) and retries; returns them and the shops."""
    app.client_id = arguments.get("client_id", app.client_id)
    app.client_secret = arguments.get("client_secret", app.client_secret)
    app.sender.faster = float(arguments.get("time_factor", app.sender.faster))
    app.sender.timeout = float(arguments.get("timeout", app.sender.timeout))
    if "subscriptions" in arguments:
        app.subscriptions = [
            Subscription(app.next_id(), app_specific=True, **one) for one in arguments["subscriptions"]
        ]
    return {
        "subscriptions": [{"topic": one.topic, "uri": one.uri, "style": one.style} for one in app.subscriptions],
        "client_id": app.client_id,
        "shops": {name: shop.installed for name, shop in app.shops.items()},
    }
