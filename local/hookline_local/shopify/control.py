"""The control interface: whatever a test or the demo wants of the local Shopify. README.md lists it."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import seeds
from .shops import App, Fault, Shop

Act = Callable[[Shop, dict[str, Any]], Any]


class Wrong(Exception):
    """A control request that makes no sense; the message says why."""


def install(shop: Shop, given: dict[str, Any]) -> Any:
    """Installs the app (the shop is made when new); answers the tokens of the kind asked for."""
    shop.installed = True
    if given.get("seed") and not shop.catalogue.products:
        seeds.fill(shop.catalogue)
    for name in ("title", "currency"):
        if name in given:
            setattr(shop, name, given[name])
    if "scopes" in given:
        shop.scopes = list(given["scopes"])
    if "lifetime" in given:
        shop.tokens.lifetime = float(given["lifetime"])
    match given.get("kind", "custom"):
        case "custom":
            return shop.tokens.install_custom(given.get("token"))
        case "expiring":
            return shop.tokens.install_expiring()
        case "client_credentials":
            return {}
    raise Wrong("kind is none of custom, expiring, client_credentials")


def uninstall(shop: Shop, _: dict[str, Any]) -> Any:
    """Takes the app out of the shop."""
    shop.uninstall()
    return {}


def generate(shop: Shop, given: dict[str, Any]) -> Any:
    """Adds many products."""
    batch = shop.catalogue.generate(int(given["products"]), int(given.get("variants", 1)), shop.spread)
    return {"first_product": batch.first_product, "products": batch.count, "tag": batch.tag}


def throttle(shop: Shop, given: dict[str, Any]) -> Any:
    """Sets the bucket: maximum, rate per second, and what is in it now."""
    bucket = shop.bucket
    bucket.refill()
    bucket.maximum = float(given.get("maximum", bucket.maximum))
    bucket.rate = float(given.get("rate", bucket.rate))
    bucket.points = min(float(given.get("available", bucket.maximum)), bucket.maximum)
    return bucket.status()


def faults(shop: Shop, given: dict[str, Any]) -> Any:
    """Makes the next requests go wrong; `next: 0` makes all well again."""
    kind, count = str(given.get("kind", "503")), int(given["next"])
    if kind not in ("429", "500", "503", "drop"):
        raise Wrong("kind is none of 429, 500, 503, drop")
    if count == 0:
        shop.faults.clear()
    else:
        shop.faults.append(Fault(kind, count, given.get("where", "graphql"), given.get("retry_after")))
    return {"waiting": sum(fault.left for fault in shop.faults)}


def bulk(shop: Shop, given: dict[str, Any]) -> Any:
    """Sets what `bulk.Wishes` has."""
    for name, value in given.items():
        if not hasattr(shop.wishes, name):
            raise Wrong(f"{name} is none of {', '.join(vars(shop.wishes))}")
        setattr(shop.wishes, name, value)
    return vars(shop.wishes)


def tokens(shop: Shop, given: dict[str, Any]) -> Any:
    """Sets the lifetime of tokens from now on, and ends those there are when told `expire`."""
    if "lifetime" in given:
        shop.tokens.lifetime = float(given["lifetime"])
    if given.get("expire"):
        shop.tokens.expire()
    return {"grants": dict(shop.tokens.grants), "lifetime": shop.tokens.lifetime, "installed": shop.installed}


def counts(shop: Shop, _: dict[str, Any]) -> Any:
    """How often what was asked."""
    return dict(shop.counts)


ACTS: dict[str, Act] = {
    "install": install,
    "uninstall": uninstall,
    "generate": generate,
    "throttle": throttle,
    "faults": faults,
    "bulk": bulk,
    "tokens": tokens,
    "counts": counts,
}


def add_routes(site: web.Application, app: App) -> None:
    """`/_control/SHOP/ACT`, and what is not about one shop."""

    async def act(request: web.Request) -> web.Response:
        shop = app.shop(request.match_info["shop"])
        return await answered(request, lambda given: ACTS[request.match_info["act"]](shop, given))

    async def app_wide(request: web.Request) -> web.Response:
        return await answered(request, lambda given: settings(app, given))

    site.router.add_route("*", "/_control/app", app_wide)
    site.router.add_route("*", "/_control/{shop}/{act}", act)


async def answered(request: web.Request, work: Callable[[dict[str, Any]], Any]) -> web.Response:
    """Runs a control request; what is wrong with it becomes a 400."""
    try:
        given = await request.json() if request.body_exists else dict(request.query)
        result = work(given)
        if isinstance(result, Awaitable):
            result = await result
    except (Wrong, KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
    return web.json_response(result)


def settings(app: App, given: dict[str, Any]) -> Any:
    """The app's id and secret, and the shops there are."""
    app.client_id = given.get("client_id", app.client_id)
    app.client_secret = given.get("client_secret", app.client_secret)
    return {"client_id": app.client_id, "shops": {name: shop.installed for name, shop in app.shops.items()}}
