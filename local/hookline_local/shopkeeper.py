"""Controls a local Shopify as its README describes, and calls its Admin API as an app does."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .shop import STORE

# Token of the initial shop; see shopify/__main__.py.
OPENED_BY = "shpat_local"
CLIENT_ID = "hookline-local"


class ControlError(Exception):
    """The local Shopify refused a control request; the message is its own."""


@dataclass(frozen=True)
class Shopkeeper:
    """Controls one shop of a local Shopify."""

    url: str
    store: str = STORE

    def act(self, act: str, **arguments: Any) -> Any:
        """Sends one control request, `-` for `_`: `act("update_product", id=1, title="Stove")`."""
        return self.control(f"{self.store}/{act.replace('_', '-')}", arguments)

    def app(self, **arguments: Any) -> Any:
        """Calls the control interface of the whole app."""
        return self.control("app", arguments)

    def control(self, path: str, arguments: Mapping[str, Any]) -> Any:
        """Posts a control request."""
        status, response = self.post(f"/_control/{path}", arguments)
        if status != 200:
            raise ControlError(response.get("error") or response)
        return response

    def graphql(self, query: str, token: str = OPENED_BY, /, **variables: Any) -> tuple[int, Any]:
        """Sends a GraphQL request and returns the status and the response."""
        body = {"query": query, "variables": variables}
        return self.post(f"/{self.store}/admin/api/2026-10/graphql.json", body, {"X-Shopify-Access-Token": token})

    def grant(self, **form: str) -> tuple[int, Any]:
        """Requests a token."""
        return self.post(f"/{self.store}/admin/oauth/access_token", form)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Posts JSON and returns the status and the response, which is JSON unless something is very wrong."""
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | dict(headers or {})
        request = urllib.request.Request(self.url + path, content, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"error": text.decode(errors="replace")}
