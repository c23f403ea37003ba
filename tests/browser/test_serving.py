"""The page as served: headers, encodings, size, and time to the first paint."""

import gzip
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPResponse

import pytest
from deployed import Site, Token
from hookline_local.places import REPOSITORY
from panel import Panel
from playwright.sync_api import BrowserContext, Route, expect

SCRIPT_LIMIT = 150_000
FIRST_CONTENT_WITHIN_MS = 1_000


@contextmanager
def request(url: str, method: str = "GET", **headers: str) -> Iterator[HTTPResponse]:
    """A response with any status."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=sent), timeout=30) as answer:
            yield answer
    except urllib.error.HTTPError as answer:
        with answer:
            yield answer


def scripts(html: str) -> list[str]:
    """The addresses of a page's scripts."""
    return re.findall(r'<script[^>]* src="([^"]+)"', html)


def test_the_page_is_served_without_a_token_under_a_strict_policy(site: Site) -> None:
    """The policy forbids inline code, other origins and framing, and allows the live connection."""
    with request(site.url) as answer:
        html = answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == f"'self' ws://127.0.0.1:{site.sockets.port}"
    assert directives["frame-ancestors"] == "'none'"
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", html)
    assert all(src.startswith("./") for src in scripts(html))


def test_a_script_is_compressed_and_cached_forever(site: Site) -> None:
    """Through the base64 of API Gateway, byte for byte; a second request does not download it again."""
    with request(site.url) as answer:
        src = scripts(answer.read().decode())[0].removeprefix("./")
    built = (REPOSITORY / "web" / "dist" / src).read_bytes()
    with request(site.url + src) as plain:
        assert plain.read() == built
        assert plain.headers["Content-Encoding"] is None
    with request(site.url + src, accept_encoding="gzip") as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in packed.headers["Cache-Control"]
        assert gzip.decompress(packed.read()) == built
        tag = packed.headers["ETag"]
    with request(site.url + src, accept_encoding="gzip", if_none_match=tag) as revalidated:
        assert (revalidated.status, revalidated.read()) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2findex.html", "..%2f..%2fbootstrap", "%2e%2e"])
def test_an_unknown_asset_is_not_found(site: Site, name: str) -> None:
    """Files outside of the folder are not found either."""
    with request(f"{site.url}assets/{name}") as answer:
        assert answer.status == 404


def test_head_requests_return_headers_only(site: Site) -> None:
    """Uptime checks send them."""
    with request(site.url, method="HEAD") as answer:
        assert (answer.status, answer.read()) == (200, b"")


def test_the_script_is_within_its_size_limit(site: Site) -> None:
    """The sum of all scripts that a visitor may load, compressed."""
    assert site
    weights = {file.name: len(gzip.compress(file.read_bytes())) for file in (REPOSITORY / "web" / "dist").rglob("*.js")}
    print(f"\ncompressed script: {sum(weights.values())} bytes {weights}")
    assert 0 < sum(weights.values()) < SCRIPT_LIMIT


def test_the_first_paint_is_within_a_second(panel: Panel, admin: Token, store: str) -> None:
    """First contentful paint of the sign-in page and of a store's page, on a warm server."""
    painted = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
    panel.go()
    expect(panel.button("Sign in")).to_be_visible()
    panel.page.reload()
    expect(panel.button("Sign in")).to_be_visible()
    first = panel.page.wait_for_function(painted).json_value()
    panel.at_store(admin, store)
    panel.page.reload()
    expect(panel.figure("events-24h")).to_be_visible()
    second = panel.page.wait_for_function(painted).json_value()
    print(f"\nfirst contentful paint: {first:.0f} ms signing in, {second:.0f} ms at a store")
    assert max(first, second) < FIRST_CONTENT_WITHIN_MS


def test_other_pages_cannot_frame_it(site: Site, profile: Callable[..., BrowserContext]) -> None:
    """Neither any page, nor Shopify's admin when the page is not shown for a shop."""
    page = profile().new_page()
    for parent, query in (("https://evil.example/", "?shop=one.myshopify.com"), ("https://admin.shopify.com/", "")):
        framing = f'<!doctype html><iframe src="{site.url}{query}"></iframe>'
        page.route(f"{parent}**", partial(Route.fulfill, body=framing, content_type="text/html"))
        page.goto(parent)
        framed = page.frames[1]
        framed.wait_for_load_state()
        assert framed.url.startswith("chrome-error:"), framed.url
