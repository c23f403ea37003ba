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

OTHER = "somebody-elses.myshopify.com"
METHOD = "arn:aws:execute-api:us-east-1:000000000000:live/live/$connect"


@dataclass
class Doors:
    """A store that is known, and the ways in."""

    tour: Tour

    def make(self, *arguments: str) -> tuple[str, str]:
        """The id of a new token, and what to bear."""
        (made,) = self.tour.stack.hookline.rows("token", "create", *arguments)
        return made["id"], made["token"]

    def own(self, *arguments: str) -> tuple[str, str]:
        """The same, for this store."""
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
        told = aws_client("lambda", ports).invoke(FunctionName=name, Payload=json.dumps(event).encode())
        answer = json.load(told["Payload"])
        assert "FunctionError" not in told, answer
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
def doors(tour: Tour) -> Doors:
    """Two stores are known: one's own, and another."""
    for store in (tour.store, OTHER):
        delivery = replace(tour, store=store).sign("products/update", sample("products-update.json"))
        assert tour.stack.client.send(delivery).status == 200
        assert poll(lambda store=store: tour.stack.client.status(store).status == 200)
    return Doors(tour)


def test_a_token_sees_its_stores_and_learns_nothing_of_others(doors: Doors) -> None:
    """A viewer or an admin gets the same response for another's store as for an unknown one."""
    client, unknown = doors.tour.stack.client, f"{uuid.uuid4()}.myshopify.com"
    for role in ("viewer", "admin"):
        _, token = doors.own("--role", role)
        assert doors.status(token) == 200
        assert client.search(doors.tour.store, "stove", token=token).status == 200
        told = {client.status(store, token=token).body for store in (OTHER, unknown)}
        told |= {client.search(store, "stove", token=token).body for store in (OTHER, unknown)}
        assert doors.status(token, OTHER) == doors.status(token, unknown) == 404
        assert client.search(OTHER, "stove", token=token).status == 404
        assert len(told) == 1
        assert OTHER.encode() not in told.pop()


def test_changes_of_role_and_stores_hold_from_the_next_request(doors: Doors) -> None:
    """As does the end of a token."""
    token_id, token = doors.own("--role", "viewer")
    assert (doors.status(token), doors.status(token, OTHER)) == (200, 404)
    command = doors.tour.stack.hookline
    command.do("token", "change", token_id, "--store", OTHER)
    assert (doors.status(token), doors.status(token, OTHER)) == (404, 200)
    command.do("token", "change", token_id, "--all-stores", "--role", "admin")
    assert (doors.status(token), doors.status(token, OTHER)) == (200, 200)
    context = doors.connect({"ticket": doors.ticket(token)})["context"]
    assert (context["principal"], context["role"], context["reach"]) == (token_id, "admin", "*")
    command.do("token", "revoke", token_id)
    assert (doors.status(token), doors.tour.stack.client.ticket(token=token).status) == (403, 403)


def test_a_token_expires(doors: Doors) -> None:
    """An expired token is refused even while the table still has it."""
    _, token = doors.own("--role", "viewer", "--expires", "3s")
    assert doors.status(token) == 200
    assert poll(lambda: doors.status(token) == 403)


def test_a_session_token_shows_its_own_store(doors: Doors) -> None:
    """And nothing of others; what they bear is good for tickets, too."""
    session = doors.session()
    assert (doors.status(session), doors.status(session, OTHER)) == (200, 404)
    context = doors.connect({"ticket": doors.ticket(session)})["context"]
    assert context["principal"] == f"shopify:{doors.tour.store}:42"
    assert (context["role"], context["reach"]) == ("viewer", f"shopify#{doors.tour.store}")


def test_a_forged_session_token_is_refused(doors: Doors) -> None:
    """By another secret, for another app, of two shops, of another time, by another algorithm."""
    second, store = int(time.time()), doors.tour.store
    header, claims, signature = doors.session().split(".")
    _, others, _ = doors.session(store=OTHER).split(".")
    forged = [
        doors.session(secret="another"),  # noqa: S106 (nobody's)
        doors.session(app="another"),
        doors.session(dest=f"https://{OTHER}"),
        doors.session(iss="https://evil.example/admin", dest="https://evil.example"),
        doors.session(exp=second - 1),
        doors.session(nbf=second + 60),
        doors.session(alg="none"),
        doors.session(alg="HS512"),
        f"{header}.{claims}.",
        f"{header}.{others}.{signature}",
    ]
    for token in forged:
        assert (doors.status(token, store), doors.status(token, OTHER)) == (403, 403), token


def test_a_ticket_works_once_and_a_token_in_a_url_never(doors: Doors) -> None:
    """So that what somebody logs of a WebSocket's address opens nothing."""
    token_id, token = doors.own("--role", "viewer")
    ticket = doors.ticket(token)
    first = doors.connect({"ticket": ticket})
    assert (first["effect"], first["principalId"], first["context"]["role"]) == ("Allow", token_id, "viewer")
    for query in ({"ticket": ticket}, {"ticket": token}, {"token": token}, {"ticket": ""}, None):
        again = doors.connect(query)
        assert (again["effect"], again["principalId"], again["context"]) == ("Deny", "nobody", {}), query
    # And what opens a WebSocket opens nothing else.
    assert doors.status(doors.ticket(token)) == 403


def test_a_ticket_dies_with_its_token(doors: Doors) -> None:
    """Issued before it was revoked, shown after."""
    token_id, token = doors.own("--role", "admin")
    ticket = doors.ticket(token)
    doors.tour.stack.hookline.do("token", "revoke", token_id)
    assert doors.connect({"ticket": ticket})["effect"] == "Deny"


def test_claims_in_a_request_are_ignored(doors: Doors) -> None:
    """Neither in headers, nor in two of them."""
    _, token = doors.own("--role", "viewer")
    path = f"/api/stores/{OTHER}/status"
    bearer = ("Authorization", f"Bearer {token}")
    said = [("principal", "tok_aaaaaaaaaaaaaaaa"), ("role", "admin"), ("reach", "*")]
    request = doors.tour.stack.client.request
    assert request("GET", path, [*said]).status == 401
    assert request("GET", path, [bearer, *said]).status == 404
    assert request("GET", f"{path}?token={token}&ticket={doors.ticket(token)}", []).status == 401


def test_no_credential_is_in_any_log(doors: Doors) -> None:
    """The authorizer's and everybody's lines have the id, and not the token; nor what the table keeps."""
    token_id, token = doors.own("--role", "viewer")
    session, ticket = doors.session(), doors.ticket(token)
    assert doors.status(token) == doors.status(session) == 200
    assert doors.connect({"ticket": ticket})["effect"] == "Allow"
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert doors.status(wrong) == 403
    ports = doors.tour.stack.ports
    logs, table = aws_client("logs", ports), physical_ids(ports)["AccessTable"]

    def lines() -> str:
        told = []
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    told += [event["message"] for event in events["events"]]
        return "\n".join(told)

    assert poll(lambda: "refused: token wrong" in lines() and token_id in lines())
    written = lines() + "".join(
        file.read_text(errors="replace") for file in doors.tour.stack.folder.rglob("*.log") if file.is_file()
    )
    kept = json.dumps(aws_client("dynamodb", ports).scan(TableName=table)["Items"], default=str)
    for text in (token, wrong, session, ticket):
        # What is secret of a token follows its id; a session token's signature is its end.
        for secret in (text, text.split("_", 2)[-1] if text.startswith("hl_") else text.split(".")[-1]):
            assert secret not in written
            assert secret not in kept
