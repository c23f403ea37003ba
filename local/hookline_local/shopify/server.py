"""The HTTP server: the APIs that apps call, and the control interface."""

import json
import re
from typing import Any

from aiohttp import web

from . import control, execute, schema
from .shops import App, Fault, Shop
from .tokens import TokenRefusedError

APP: web.AppKey[App] = web.AppKey("app", App)
VERSION = re.compile(r"\d{4}-(01|04|07|10)|unstable")
UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
CHUNK = 256 * 1024


def make(app: App) -> web.Application:
    """The web application for an app."""
    site = web.Application(client_max_size=64 * 2**20)
    site[APP] = app
    site.router.add_post("/{shop}/admin/api/{version}/graphql.json", graphql)
    site.router.add_post("/{shop}/admin/oauth/access_token", access_token)
    site.router.add_get("/{shop}/bulk/{number}.jsonl", bulk_result)
    site.router.add_get("/{shop}/payloads/{number}", payload)
    control.add_routes(site, app)
    return site


def shop_of(request: web.Request) -> Shop:
    """The shop that a request is for."""
    shop = request.app[APP].shops.get(request.match_info["shop"])
    if shop is None:
        raise web.HTTPNotFound(text=json.dumps({"errors": "Not Found"}), content_type="application/json")
    return shop


def gone_wrong(request: web.Request, fault: Fault) -> web.Response:
    """Responds with a fault, or not at all."""
    if fault.kind == "drop":
        request.transport.abort()
        return web.Response()
    headers = {"Retry-After": f"{fault.retry_after:.1f}"} if fault.retry_after is not None else {}
    message = {"429": "Too Many Requests", "503": "Service Unavailable"}.get(fault.kind, "Internal Server Error")
    return web.json_response({"errors": message}, status=int(fault.kind), headers=headers)


async def graphql(request: web.Request) -> web.Response:
    """The Admin API. Every version gets the only schema that we have, and the response names its version."""
    shop = shop_of(request)
    shop.counts["graphql"] += 1
    if fault := shop.fault("graphql"):
        return gone_wrong(request, fault)
    if not VERSION.fullmatch(request.match_info["version"]):
        return web.json_response({"errors": "Not Found"}, status=404)
    if not shop.installed or not shop.tokens.opens(request.headers.get("X-Shopify-Access-Token", "")):
        shop.counts["unauthorized"] += 1
        return web.json_response({"errors": UNAUTHORIZED}, status=401)
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return web.json_response({"errors": {"query": "Required parameter missing or invalid"}}, status=400)
    return web.json_response(execute.answer(shop, body), headers={"X-Shopify-API-Version": schema.API_VERSION})


async def access_token(request: web.Request) -> web.Response:
    """OAuth's token endpoint, as JSON or as a form."""
    shop = shop_of(request)
    if fault := shop.fault("token"):
        return gone_wrong(request, fault)
    form: dict[str, Any]
    try:
        form = await request.json() if request.content_type == "application/json" else dict(await request.post())
    except ValueError:
        form = {}
    app = request.app[APP]
    try:
        if (form.get("client_id"), form.get("client_secret")) != (app.client_id, app.client_secret):
            raise TokenRefusedError("invalid_client", "Unknown client or wrong secret")
        if not shop.installed:
            raise TokenRefusedError("shop_not_permitted", "The app is not installed in this shop")
        answer = shop.tokens.grant(form) | {"scope": ",".join(shop.scopes)}
    except TokenRefusedError as refused:
        return web.json_response({"error": refused.error, "error_description": refused.description}, status=400)
    return web.json_response(answer)


async def bulk_result(request: web.Request) -> web.StreamResponse:
    """The file of a bulk operation, whole or from a byte on. As in Shopify, the address itself is the permission."""
    shop = shop_of(request)
    number = request.match_info["number"]
    operation = shop.bulk.get(int(number)) if number.isdigit() else None
    if operation is None or not (operation.has_result or operation.has_part):
        raise web.HTTPNotFound
    if fault := shop.fault("bulk"):
        return gone_wrong(request, fault)
    shop.counts["downloads"] += 1
    size = operation.bytes
    requested = request.http_range
    start, end = requested.start or 0, min(requested.stop or size, size)
    if requested.start is not None and not 0 <= start < size:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    partial = "Range" in request.headers
    response = web.StreamResponse(status=206 if partial else 200)
    response.content_type = "application/jsonl"
    response.content_length = end - start
    response.headers["Accept-Ranges"] = "bytes"
    if partial:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    await response.prepare(request)
    stop = None
    if shop.wishes.drop > 0:
        shop.wishes.drop -= 1
        stop = min(end, start + shop.wishes.drop_after)
    with open(operation.file, "rb") as file:
        file.seek(start)
        while start < (end if stop is None else stop):
            chunk = file.read(min(CHUNK, (end if stop is None else stop) - start))
            await response.write(chunk)
            start += len(chunk)
    if stop is not None and stop < end:
        # Flush the written bytes before the connection is cut.
        request.transport.close()
        return response
    await response.write_eof()
    return response


async def payload(request: web.Request) -> web.Response:
    """The body behind an Events stub. As in Shopify, the address itself is the permission."""
    shop = shop_of(request)
    body = shop.stored_payloads.get(request.match_info["number"])
    if body is None:
        raise web.HTTPNotFound
    return web.Response(body=body, content_type="application/json")
