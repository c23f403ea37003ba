"""Access by tokens, session tokens and tickets, at the deployed API."""

import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hookline_local.bridge import physical_ids
from hookline_local.client import session_token
from hookline_local.deploy import aws_client
from hookline_local.shop import sample
from hookline_local.shopkeeper import CLIENT_ID
from hookline_local.tour import Tour, poll

OTHER_STORE = "somebody-elses.myshopify.com"
METHOD = "arn:aws:execute-api:us-east-1:000000000000:live/live/$connect"


@dataclass
class Access:
    """A known store, and ways to access it."""

    tour: Tour

    def make(self, *arguments: str) -> tuple[str, str]:
        """Id and bearer value of a new token."""
        (made,) = self.tour.stack.hookline.rows("token", "create", *arguments)
        return made["id"], made["token"]

    def make_for_store(self, *arguments: str) -> tuple[str, str]:
        """The same, for this store only."""
        return self.make("--store", self.tour.store, *arguments)

    def status(self, token: str | None, store: str | None = None) -> int:
        """Response to a request for a store's status."""
        return self.tour.stack.client.status(store or self.tour.store, token=token).status

    def session(self, **changes: Any) -> str:
        """A session token of the store."""
        secret = changes.pop("secret", self.tour.stack.credentials.shopify)
        store = changes.pop("store", self.tour.store)
        return session_token(store, secret, changes.pop("app", CLIENT_ID), **changes)

    def connect(self, query: dict[str, str] | None) -> dict[str, Any]:
        """Decision of the authorizer on a WebSocket with this query."""
        event = {
            "type": "REQUEST",
            "methodArn": METHOD,
            "headers": {"Host": "x"},
            "queryStringParameters": query,
            "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c="},
        }
        ports = self.tour.stack.ports
        name = physical_ids(ports)["AuthorizerFunction"]
        response = aws_client("lambda", ports).invoke(FunctionName=name, Payload=json.dumps(event).encode())
        answer = json.load(response["Payload"])
        assert "FunctionError" not in response, answer
        (statement,) = answer["policyDocument"]["Statement"]
        assert statement["Resource"] == METHOD
        return answer | {"effect": statement["Effect"]}

    def ticket(self, token: str) -> str:
        """A new ticket."""
        answer = self.tour.stack.client.ticket(token=token)
        assert answer.status == 201, answer.body
        assert answer.headers["cache-control"] == "no-store"
        issued = answer.json()
        assert issued["expires_in"] == 30
        return issued["ticket"]


@pytest.fixture
def access(tour: Tour) -> Access:
    """Two known stores: the test's own, and another."""
    for store in (tour.store, OTHER_STORE):
        delivery = replace(tour, store=store).sign("products/update", sample("products-update.json"))
        assert tour.stack.client.send(delivery).status == 200
        assert poll(lambda store=store: tour.stack.client.status(store).status == 200)
    return Access(tour)


def test_a_token_sees_only_its_stores(access: Access) -> None:
    """A viewer or an admin gets the same response for another's store as for an unknown one."""
    client, unknown = access.tour.stack.client, f"{uuid.uuid4()}.myshopify.com"
    for role in ("viewer", "admin"):
        _, token = access.make_for_store("--role", role)
        assert access.status(token) == 200
        assert client.search(access.tour.store, "stove", token=token).status == 200
        bodies = {client.status(store, token=token).body for store in (OTHER_STORE, unknown)}
        bodies |= {client.search(store, "stove", token=token).body for store in (OTHER_STORE, unknown)}
        assert access.status(token, OTHER_STORE) == access.status(token, unknown) == 404
        assert client.search(OTHER_STORE, "stove", token=token).status == 404
        assert len(bodies) == 1
        assert OTHER_STORE.encode() not in bodies.pop()


def test_changes_of_role_and_stores_apply_from_the_next_request(access: Access) -> None:
    """So does a revocation."""
    token_id, token = access.make_for_store("--role", "viewer")
    assert (access.status(token), access.status(token, OTHER_STORE)) == (200, 404)
    command = access.tour.stack.hookline
    command.do("token", "change", token_id, "--store", OTHER_STORE)
    assert (access.status(token), access.status(token, OTHER_STORE)) == (404, 200)
    command.do("token", "change", token_id, "--all-stores", "--role", "admin")
    assert (access.status(token), access.status(token, OTHER_STORE)) == (200, 200)
    context = access.connect({"ticket": access.ticket(token)})["context"]
    assert (context["principal"], context["role"], context["reach"]) == (token_id, "admin", "*")
    command.do("token", "revoke", token_id)
    assert (access.status(token), access.tour.stack.client.ticket(token=token).status) == (403, 403)


def test_a_token_expires(access: Access) -> None:
    """An expired token is refused even while it is still in the table."""
    _, token = access.make_for_store("--role", "viewer", "--expires", "3s")
    assert access.status(token) == 200
    assert poll(lambda: access.status(token) == 403)


def test_a_session_token_shows_its_own_store(access: Access) -> None:
    """Other stores stay hidden; a session token also gets tickets."""
    session = access.session()
    assert (access.status(session), access.status(session, OTHER_STORE)) == (200, 404)
    context = access.connect({"ticket": access.ticket(session)})["context"]
    assert context["principal"] == f"shopify:{access.tour.store}:42"
    assert (context["role"], context["reach"]) == ("viewer", f"shopify#{access.tour.store}")


def test_a_forged_session_token_is_refused(access: Access) -> None:
    """Cases: another secret, app, shop, time or algorithm."""
    second, store = int(time.time()), access.tour.store
    header, claims, signature = access.session().split(".")
    _, others, _ = access.session(store=OTHER_STORE).split(".")
    forged = [
        access.session(secret="another"),  # noqa: S106 (not a real secret)
        access.session(app="another"),
        access.session(dest=f"https://{OTHER_STORE}"),
        access.session(iss="https://evil.example/admin", dest="https://evil.example"),
        access.session(exp=second - 1),
        access.session(nbf=second + 60),
        access.session(alg="none"),
        access.session(alg="HS512"),
        f"{header}.{claims}.",
        f"{header}.{others}.{signature}",
    ]
    for token in forged:
        assert (access.status(token, store), access.status(token, OTHER_STORE)) == (403, 403), token


def test_a_ticket_works_once_and_a_token_in_a_url_never(access: Access) -> None:
    """A logged WebSocket address must not grant access."""
    token_id, token = access.make_for_store("--role", "viewer")
    ticket = access.ticket(token)
    first = access.connect({"ticket": ticket})
    assert (first["effect"], first["principalId"], first["context"]["role"]) == ("Allow", token_id, "viewer")
    for query in ({"ticket": ticket}, {"ticket": token}, {"token": token}, {"ticket": ""}, None):
        denied = access.connect(query)
        assert (denied["effect"], denied["principalId"], denied["context"]) == ("Deny", "nobody", {}), query
    # A ticket opens only WebSockets.
    assert access.status(access.ticket(token)) == 403


def test_a_ticket_ends_with_its_token(access: Access) -> None:
    """A ticket issued before the revocation is refused after it."""
    token_id, token = access.make_for_store("--role", "admin")
    ticket = access.ticket(token)
    access.tour.stack.hookline.do("token", "revoke", token_id)
    assert access.connect({"ticket": ticket})["effect"] == "Deny"


def test_claims_in_a_request_are_ignored(access: Access) -> None:
    """A request cannot claim a principal, role or reach in headers or in the query."""
    _, token = access.make_for_store("--role", "viewer")
    path = f"/api/stores/{OTHER_STORE}/status"
    bearer = ("Authorization", f"Bearer {token}")
    claims = [("principal", "tok_aaaaaaaaaaaaaaaa"), ("role", "admin"), ("reach", "*")]
    request = access.tour.stack.client.request
    assert request("GET", path, [*claims]).status == 401
    assert request("GET", path, [bearer, *claims]).status == 404
    assert request("GET", f"{path}?token={token}&ticket={access.ticket(token)}", []).status == 401


def test_no_credential_is_in_any_log(access: Access) -> None:
    """Log lines have the id of a token but not the token; nor does the table hold it."""
    token_id, token = access.make_for_store("--role", "viewer")
    session, ticket = access.session(), access.ticket(token)
    assert access.status(token) == access.status(session) == 200
    assert access.connect({"ticket": ticket})["effect"] == "Allow"
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert access.status(wrong) == 403
    ports = access.tour.stack.ports
    logs, table = aws_client("logs", ports), physical_ids(ports)["AccessTable"]

    def lines() -> str:
        messages = []
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    messages += [event["message"] for event in events["events"]]
        return "\n".join(messages)

    assert poll(lambda: "refused: token wrong" in lines() and token_id in lines())
    written = lines() + "".join(
        file.read_text(errors="replace") for file in access.tour.stack.folder.rglob("*.log") if file.is_file()
    )
    stored = json.dumps(aws_client("dynamodb", ports).scan(TableName=table)["Items"], default=str)
    for text in (token, wrong, session, ticket):
        # The secret part of a token follows its id; a session token ends with its signature.
        for secret in (text, text.split("_", 2)[-1] if text.startswith("hl_") else text.split(".")[-1]):
            assert secret not in written
            assert secret not in stored
