"""Costs, faults and tokens."""

import json
import urllib.request
from typing import Any

import pytest
from asking import SECRET, TOKEN, code, data
from hookline_local.shopkeeper import Shopkeeper


def test_an_empty_bucket_throttles(shop: Shopkeeper) -> None:
    """HTTP 200 with an error and the cost; the points are restored over time."""
    query = "{ products(first: 50) { nodes { id } } }"
    shop.act("throttle", maximum=60, rate=0, available=60)
    _, answer = shop.graphql(query, TOKEN)
    cost = answer["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (52, 20)
    assert cost["throttleStatus"] == {"maximumAvailable": 60.0, "currentlyAvailable": 40, "restoreRate": 0.0}
    status, answer = shop.graphql(query, TOKEN)
    assert (status, answer["errors"][0]["extensions"]["code"], "data" in answer) == (200, "THROTTLED", False)
    assert answer["extensions"]["cost"]["actualQueryCost"] is None
    shop.act("throttle", rate=1e6, available=0)
    assert data(shop, query)


def test_a_query_above_the_maximum_cost_is_refused(shop: Shopkeeper) -> None:
    """However full the bucket is."""
    shop.act("throttle", maximum=1e6)
    expensive = "{ products(first: 250) { nodes { id variants(first: 10) { nodes { id } } } } }"
    assert code(shop, expensive) == "MAX_COST_EXCEEDED"


def test_requests_fail_as_control_demands(shop: Shopkeeper) -> None:
    """Faults have a status, or no response at all."""
    shop.act("faults", next=1, kind="429", retry_after=2.0)
    shop.act("faults", next=1, kind="503")
    shop.act("faults", next=1, kind="drop")
    assert [shop.graphql("{ shop { name } }", TOKEN)[0] for _ in range(2)] == [429, 503]
    with pytest.raises(OSError):  # noqa: PT011 (the exception depends on timing)
        shop.graphql("{ shop { name } }", TOKEN)
    assert data(shop, "{ shop { name } }")


def granted(shop: Shopkeeper, kind: str, **form: str) -> tuple[int, Any]:
    """Requests a token as the app."""
    return shop.grant(client_id="hookline-local", client_secret=SECRET, grant_type=kind, **form)


def works(shop: Shopkeeper, answer: dict[str, Any]) -> bool:
    """Returns whether a granted token opens the shop."""
    return shop.graphql("{ shop { name } }", answer["access_token"])[0] == 200


def test_an_installed_shop_needs_a_valid_token(shop: Shopkeeper) -> None:
    """Any other token gets 401; an unknown shop answers 404."""
    assert shop.graphql("{ shop { name } }", "wrong") == (
        401,
        {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"},
    )
    shop.act("uninstall")
    assert shop.graphql("{ shop { name } }", TOKEN)[0] == 401
    assert works(shop, shop.act("install"))
    assert shop.graphql("{ shop { name } }", TOKEN)[0] == 401
    assert Shopkeeper(shop.url, "nowhere.myshopify.com").graphql("{ shop { name } }", TOKEN)[0] == 404


def test_client_credentials_last_a_day(shop: Shopkeeper) -> None:
    """They need the client secret."""
    status, answer = granted(shop, "client_credentials")
    assert (status, answer["expires_in"]) == (200, 86399)
    assert works(shop, answer)
    status, refusal = shop.grant(client_id="hookline-local", client_secret="no", grant_type="client_credentials")  # noqa: S106
    assert (status, refusal["error"]) == (400, "invalid_client")
    shop.act("tokens", expire=True)
    assert not works(shop, answer)


def test_a_grant_may_be_a_form(shop: Shopkeeper) -> None:
    """OAuth specifies a form; Shopify also accepts JSON."""
    form = f"client_id=hookline-local&client_secret={SECRET}&grant_type=client_credentials"
    url = f"{shop.url}/{shop.store}/admin/oauth/access_token"
    with urllib.request.urlopen(url, form.encode(), timeout=10) as response:
        assert works(shop, json.load(response))


def test_a_refresh_token_is_retired_when_its_successor_is_used(shop: Shopkeeper) -> None:
    """Until then a lost response can be requested again."""
    first = shop.act("install", kind="expiring")
    assert (first["expires_in"], works(shop, first)) == (3600, True)
    _, lost = granted(shop, "refresh_token", refresh_token=first["refresh_token"])
    _, second = granted(shop, "refresh_token", refresh_token=first["refresh_token"])
    assert works(shop, first)
    assert works(shop, second)
    assert not works(shop, first)
    assert not works(shop, lost)
    for old in (first, lost):
        status, refusal = granted(shop, "refresh_token", refresh_token=old["refresh_token"])
        assert (status, refusal["error"]) == (400, "invalid_grant")
    assert granted(shop, "refresh_token", refresh_token=second["refresh_token"])[0] == 200
    assert shop.act("tokens")["grants"] == {"refresh_token": 3, "refused": 2}


def test_an_expired_token_is_refreshed(shop: Shopkeeper) -> None:
    """The refresh token outlives the access token; an uninstall ends both."""
    first = shop.act("install", kind="expiring")
    shop.act("tokens", expire=True)
    assert not works(shop, first)
    _, second = granted(shop, "refresh_token", refresh_token=first["refresh_token"])
    assert works(shop, second)
    shop.act("uninstall")
    assert granted(shop, "refresh_token", refresh_token=second["refresh_token"])[0] == 400
    assert works(shop, shop.act("install"))
    assert not works(shop, second)
    assert granted(shop, "refresh_token", refresh_token=second["refresh_token"])[0] == 400
