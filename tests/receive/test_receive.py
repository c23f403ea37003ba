"""The examples in six languages: each takes and refuses the same requests, signed by Hookline's own signer."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from receive_servers import LIMIT_SECONDS, Language, Server, command, environment, running
from receive_vectors import NAMES, NEW, Signer, Vector, event, fresh_id, text, vectors
from standardwebhooks import Webhook

VECTORS = vectors()
COPIES = 8


def sent(server: Server, signer: Signer, body: object) -> str:
    """Line about an event that is answered with success."""
    vector = Vector("", 204, "", text(body))
    answer = server.post(signer.headers(vector), vector.body)
    assert (answer.status, answer.body) == (204, "")
    return server.line()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_request_is_answered(server: Server, signer: Signer, vector: Vector) -> None:
    """With the status, the reason in the log, and nothing else."""
    status, line = vector.status, vector.line
    if vector.needs_keys and not server.language.knows_keys:
        status, line = 403, "refused: signature"
    answer = server.post(signer.headers(vector), vector.body if vector.sent is None else vector.sent)
    assert answer.status == status
    assert server.line().startswith(line)
    if status == 204:
        assert answer.body == ""
    elif server.language.answers_reason:
        assert answer.body
    assert server.is_silent()


@pytest.mark.parametrize("vector", [each for each in VECTORS if each.status != 403], ids=lambda vector: vector.name)
def test_official_library_takes_what_hookline_signs(signer: Signer, vector: Vector) -> None:
    """That of Standard Webhooks on PyPI, which verifies `v1` and reads JSON only afterwards."""
    if vector.keys and not vector.secrets:
        pytest.skip("the library verifies no v1a")
    if vector.name == "body: body that is not UTF-8":
        pytest.skip("the library takes texts only")
    headers = {name: value for name, value in signer.headers(vector).items() if name in NAMES}
    secret = NEW if NEW in vector.secrets else vector.secrets[0]
    try:
        Webhook(secret).verify(vector.body, headers)
    except ValueError:
        assert vector.line == "refused: body"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_answered_with_405(server: Server, method: str) -> None:
    """And with the one that is allowed."""
    answer = server.request(method, {})
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert server.is_silent()


def test_copy_of_an_event_has_no_effect(server: Server, signer: Signer) -> None:
    """Also with another signature, of another attempt."""
    vector, id_ = Vector("", 204, "", text(event())), fresh_id()
    lines = []
    for at in (0, -1, 1):
        headers = signer.headers(Vector("", 204, "", vector.body, at=at), id_)
        assert server.post(headers, vector.body).status == 204
        lines.append(server.line().split(" ")[0:2])
    assert lines == [["handled:", "inventory.updated"], ["skipped:", "seen"], ["skipped:", "seen"]]


def test_copies_at_the_same_time_have_one_effect(server: Server, signer: Signer) -> None:
    """All are answered with success."""
    vector = Vector("", 204, "", text(event()))
    headers = signer.headers(vector)
    with ThreadPoolExecutor(COPIES) as pool:
        answers = [pool.submit(server.post, headers, vector.body) for _ in range(COPIES)]
    assert {answer.result().status for answer in answers} == {204}
    lines = sorted(server.line().split(" ")[0] for _ in range(COPIES))
    assert lines == ["handled:"] + ["skipped:"] * (COPIES - 1)


def test_refused_request_is_not_remembered(server: Server, signer: Signer) -> None:
    """A stranger cannot keep an event away by sending its id first."""
    vector, id_ = Vector("", 204, "", text(event())), fresh_id()
    headers = signer.headers(vector, id_)
    assert server.post(headers, vector.body + b" ").status == 403
    assert server.line() == "refused: signature"
    assert server.post(headers, vector.body).status == 204
    assert server.line().startswith("handled: ")


@pytest.mark.parametrize(
    ("newer", "older"),
    [("8", "7"), ("10", "9"), ("3856812213749812417", "3856812213749812416"), ("9223372036854775807", "8")],
)
def test_older_state_after_a_newer_one_is_ignored(server: Server, signer: Signer, newer: str, older: str) -> None:
    """Versions exceed 2^53. Another event of the same state is not older, and neither is that of another thing."""
    thing = f"thing-{fresh_id()}"
    assert sent(server, signer, event(id_=thing, version=newer)) == f"handled: inventory.updated product/{thing}"
    assert sent(server, signer, event(id_=thing, version=older)) == "skipped: older"
    assert sent(server, signer, event("product.updated", id_=thing, version=newer)).startswith("handled: ")
    assert sent(server, signer, event(version=older)).startswith("handled: ")
    store = {"source": "shopify", "id": "another.myshopify.com"}
    assert sent(server, signer, event(id_=thing, version=older, store=store)).startswith("handled: ")


def test_newer_state_after_an_older_one_is_handled(server: Server, signer: Signer) -> None:
    """And what has no version always is."""
    thing = f"thing-{fresh_id()}"
    for version in ("9", "10", None, "3856812213749812416", "3856812213749812417", "9223372036854775807", None):
        assert sent(server, signer, event(id_=thing, version=version)).startswith("handled: "), version


def test_server_without_a_secret_says_what_is_missing(language: Language, signer: Signer) -> None:
    """At its start; the script of PHP, which has none, to each request."""
    missing = "HOOKLINE_SECRET is missing"
    if language.name == "php":
        vector = Vector("", 500, "", text(event()))
        with running(language, {}) as server:
            assert server.post(signer.headers(vector), vector.body).status == 500
            assert server.line().startswith(f"failed: {missing}")
        return
    done = subprocess.run(
        command(language, 0),
        env=environment(language, {"PORT": "0"}),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode != 0
    assert missing in done.stderr
