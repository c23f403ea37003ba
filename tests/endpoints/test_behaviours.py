"""Behaviours that have a path, at the wire: exact bytes, and the end of the connection."""

import gzip
import io
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest
from endpoints_peer import ROWS, Endpoints, Peer, names

SHOWN: set[str] = set()
MEBIBYTE = 1_048_576


def shows(*shown: str) -> Callable[..., object]:
    """Runs a test for each of some behaviours."""
    SHOWN.update(shown)
    return pytest.mark.parametrize("name", shown)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
CLOSING_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@shows("ok")
def test_good_one_answers_200_and_keeps_the_connection(endpoints: Endpoints, name: str, instance: str) -> None:
    """The good one closes only if the client wants it."""
    with endpoints.sent(name, instance) as peer:
        assert peer.answer().raw == OK
        peer.post(f"/{name}/{instance}", connection="close")
        assert peer.rest() == CLOSING_OK


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_good_one_answers_any_2xx_that_its_path_names(endpoints: Endpoints, status: int) -> None:
    """A status in the path, before the instance."""
    answer = endpoints.answer("ok", f"{status}/{endpoints.fresh()}")
    assert answer.status == status
    assert answer["content-length"] == (None if status == 204 else "0")


@shows("redirect-301", "redirect-302", "redirect-307", "redirect-308")
def test_redirects_point_inward(endpoints: Endpoints, name: str, instance: str) -> None:
    """A redirect that somebody follows would show up in the record; others can be set."""
    answer = endpoints.answer(name, instance)
    assert answer.status == int(name[-3:])
    assert answer["location"] == f"{endpoints.ready['http']}/inward"
    endpoints.set(name, instance, location="http://169.254.169.254/latest", status=303)
    answer = endpoints.answer(name, instance)
    assert (answer.status, answer["location"]) == (303, "http://169.254.169.254/latest")


@shows("gone", "disables", "disables-in-success", "aborts", "fails-always", "not-http-600")
def test_refusals_have_their_status_and_header(endpoints: Endpoints, name: str) -> None:
    """Refusals, and the receiver's wishes."""
    answer = endpoints.answer(name)
    wishes = {"disables": "disable", "disables-in-success": "disable", "aborts": "abort-message"}
    statuses = {"gone": 410, "disables-in-success": 200, "fails-always": 500, "not-http-600": 600}
    assert answer.status == statuses.get(name, 400)
    assert answer["webhook-delivery"] == wishes.get(name)


RETRY_AFTER = {
    "throttles-none": None,
    "throttles-seconds": "30",
    "throttles-negative": "-5",
    "throttles-garbage": "soon",
    "throttles-year": "31536000",
    "unavailable": "30",
}


@shows(*RETRY_AFTER)
def test_retry_after_is_as_described(endpoints: Endpoints, name: str) -> None:
    """Texts of `retry-after`, sensible or not."""
    answer = endpoints.answer(name)
    assert answer.status == (503 if name == "unavailable" else 429)
    assert answer["retry-after"] == RETRY_AFTER[name]


@shows("throttles-date", "throttles-past")
def test_retry_after_can_be_a_date(endpoints: Endpoints, name: str, instance: str) -> None:
    """Dates relative to the answer."""
    date = parsedate_to_datetime(endpoints.answer(name, instance)["retry-after"] or "")
    seen = endpoints.request(name, instance)
    # The date has whole seconds.
    away = {"throttles-date": 120, "throttles-past": -3600}[name]
    assert int(seen["at"]) <= date.timestamp() - away <= seen["answered_at"]


@shows("says-nothing")
def test_silence_is_kept_until_the_peer_leaves(endpoints: Endpoints, name: str, instance: str) -> None:
    """The request is read whole; nothing is sent."""
    with endpoints.sent(name, instance, b"hello") as peer:
        seen = endpoints.request(name, instance)
        assert (seen["body_complete"], seen["answered_at"], seen["closed_early"]) == (True, None, False)
        assert peer.leave() == b""
    assert endpoints.request(name, instance, closed_early="true")["answered_at"] is None


@shows("after-the-limit", "at-the-limit", "slow")
def test_late_answers_wait(endpoints: Endpoints, name: str, instance: str) -> None:
    """Nothing comes before the delay has passed, and a test can shorten it."""
    defaults = {row["name"]: row["parameters"] for row in endpoints.control("GET", "/behaviours")}
    assert defaults[name]["delay_seconds"] == {"after-the-limit": 12, "at-the-limit": 10, "slow": 9.9}[name]
    with endpoints.sent(name, instance) as peer:
        endpoints.request(name, instance)
        assert peer.leave() == b""
    endpoints.set(name, instance, delay_seconds=0.01)
    assert endpoints.answer(name, instance).raw == OK


@shows("drips-headers")
def test_head_drips_and_never_ends(endpoints: Endpoints, name: str, instance: str) -> None:
    """One header, whose value grows."""
    endpoints.set(name, instance, between_seconds=0)
    with endpoints.sent(name, instance) as peer:
        came = peer.read(500)
    assert came.startswith(b"HTTP/1.1 200 OK\r\nx-drip: ...")
    assert came.count(b"\r\n") == 1


@shows("drips-body-200", "drips-body-500")
def test_body_drips_after_a_whole_head(endpoints: Endpoints, name: str, instance: str) -> None:
    """The head is whole at once, so a 200 counts."""
    with endpoints.sent(name, instance) as peer:
        answer = peer.answer()
        assert (answer.status, answer["content-length"]) == (int(name[-3:]), "100000")
        # Far more than can come while it drips one a second.
        assert len(peer.leave()) < 1000
    endpoints.set(name, instance, between_seconds=0)
    with endpoints.sent(name, instance) as peer:
        assert peer.answer().status == int(name[-3:])
        assert peer.read(100) == b"." * 100


@shows("endless-body-200", "endless-body-500")
def test_body_is_endless(endpoints: Endpoints, name: str, instance: str) -> None:
    """Chunks without end, more than any buffer holds."""
    with endpoints.sent(name, instance) as peer:
        answer = peer.answer()
        assert (answer.status, answer["transfer-encoding"]) == (int(name[-3:]), "chunked")
        for _ in range(200):
            assert peer.read(6) == b"4000\r\n"
            assert peer.read(0x4002) == b"." * 0x4000 + b"\r\n"
    assert endpoints.request(name, instance, closed_early="true")["answered_at"] is None


@shows("megabyte-of-headers", "megabyte-header", "headers-64", "headers-65")
def test_heads_are_as_large_as_described(endpoints: Endpoints, name: str) -> None:
    """The number of headers and the size of each, `content-length` aside."""
    answer = endpoints.answer(name)
    lines = answer.raw.split(b"\r\n")[1:-2]
    count, line_bytes = {
        "megabyte-of-headers": (1024, 1024),
        "megabyte-header": (1, MEBIBYTE),
        "headers-64": (64, 24),
        "headers-65": (65, 24),
    }[name]
    assert answer.status == 200
    assert len(lines) == count
    assert {len(line) + 2 for line in lines} - {len("content-length: 0\r\n")} == {line_bytes}


BAD_TEXT = (
    b"content-type: text/plain; charset=utf-8\r\nx-name: caf\xe9 \xff\xfe\r\ncontent-length: 7\r\n"
    b"connection: close\r\n\r\n\xff\xfe\x80\xc3(\xf0\x9f"
)
RAW = {
    "not-http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "not-http-html": b"<html><body>It works!</body></html>\n",
    "not-http-status": b"HTTP/1.1 OK 200\r\ncontent-length: 0\r\n\r\n",
    "not-http-2": b"\0\0\0\x04\0\0\0\0\0",
    "closes": b"",
    "closes-mid-head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "interim-100": b"HTTP/1.1 100 Continue\r\n\r\n" + CLOSING_OK,
    "interim-103": b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n" + CLOSING_OK,
    "invalid-utf-8-200": b"HTTP/1.1 200 OK\r\n" + BAD_TEXT,
    "invalid-utf-8-500": b"HTTP/1.1 500 Internal Server Error\r\n" + BAD_TEXT,
    "two-lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
}


@shows(*RAW)
def test_bytes_come_as_written_and_then_a_fin(endpoints: Endpoints, name: str, instance: str) -> None:
    """Answers that are not correct HTTP, byte by byte."""
    with endpoints.sent(name, instance) as peer:
        assert peer.rest() == RAW[name]


@shows("switches-protocols")
def test_switch_of_protocols_leaves_the_connection_open(endpoints: Endpoints, name: str, instance: str) -> None:
    """A 101 ends HTTP, not the connection."""
    with endpoints.sent(name, instance) as peer:
        answer = peer.answer()
        assert (answer.status, answer["upgrade"]) == (101, "websocket")
        assert peer.leave() == b""


@shows("interim-endless")
def test_interim_answers_are_endless(endpoints: Endpoints, name: str, instance: str) -> None:
    """Interim answers only."""
    endpoints.set(name, instance, between_seconds=0)
    with endpoints.sent(name, instance) as peer:
        assert {peer.answer().raw for _ in range(100)} == {b"HTTP/1.1 103 Early Hints\r\n\r\n"}


@shows("resets")
def test_connection_is_reset_without_an_answer(endpoints: Endpoints, name: str, instance: str) -> None:
    """A reset, not a FIN, after the request was read."""
    with endpoints.sent(name, instance) as peer, pytest.raises(ConnectionResetError):
        peer.rest()
    assert endpoints.request(name, instance)["body_complete"]


@shows("resets-mid-body-200", "resets-mid-body-500")
def test_connection_is_reset_within_the_body(endpoints: Endpoints, name: str, instance: str) -> None:
    """Head and half the body arrive, then a reset."""
    with endpoints.sent(name, instance) as peer:
        answer = peer.answer()
        assert (answer.status, answer["content-length"]) == (int(name[-3:]), "1000")
        assert peer.read(500) == b"." * 500
        with pytest.raises(ConnectionResetError):
            peer.rest()


@shows("answers-early-200")
def test_early_answer_comes_before_the_body_is_sent(endpoints: Endpoints, name: str, instance: str) -> None:
    """The client holds the body back until it has the answer; the connection stays good."""
    with Peer.dial(endpoints.port()) as peer:
        peer.send(f"POST /{name}/{instance} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n".encode())
        assert peer.answer().raw == OK
        assert endpoints.request(name, instance)["body_bytes"] == 0
        peer.send(b"hello")
        peer.post(f"/ok/{instance}")
        assert peer.answer().raw == OK
    assert endpoints.request(name, instance)["body_complete"]


@shows("answers-early-413")
def test_early_refusal_leaves_the_body_unread(endpoints: Endpoints, name: str, instance: str) -> None:
    """The client holds the body back and never sends it."""
    with Peer.dial(endpoints.port()) as peer:
        peer.send(f"POST /{name}/{instance} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n".encode())
        assert peer.answer().status == 413
        assert peer.rest() == b""
    seen = endpoints.request(name, instance)
    assert (seen["body_complete"], seen["body_bytes"]) == (False, 0)


def failed(endpoints: Endpoints, name: str, instance: str, event: str, body: bytes = b"{}") -> bool:
    """True if an event fails."""
    with endpoints.sent(name, instance, body, webhook_id=event) as peer:
        status = peer.answer().status
    assert status in (200, 400 if name == "refuses-one-in-batch" else 500)
    return status != 200


@shows("fails-one-event", "refuses-one-in-batch")
def test_one_event_fails_and_others_pass(endpoints: Endpoints, name: str, instance: str) -> None:
    """By default the first event; else those named, also within a batch."""
    verdicts = [failed(endpoints, name, instance, event) for event in ("evt_1", "evt_2", "evt_1", "evt_3")]
    assert verdicts == [True, False, True, False]
    endpoints.set(name, instance, fails_ids=["evt_2", "evt_9"])
    assert [failed(endpoints, name, instance, event) for event in ("evt_1", "evt_2")] == [False, True]
    assert failed(endpoints, name, instance, "batch_1", b'[{"id": "evt_8"}, {"id": "evt_9"}]')
    assert not failed(endpoints, name, instance, "batch_2", b'[{"id": "evt_8"}, 7, {"id": 9}]')


@shows("fails-every-second")
def test_every_second_request_fails(endpoints: Endpoints, name: str, instance: str) -> None:
    """Requests are counted for each instance."""
    assert [endpoints.answer(name, instance).status for _ in range(4)] == [200, 500, 200, 500]
    assert endpoints.answer(name).status == 200, "instances are counted apart"
    endpoints.set(name, instance, every=3)
    assert [endpoints.answer(name, instance).status for _ in range(3)] == [200, 500, 200]


@shows("one-a-second")
def test_requests_are_throttled(endpoints: Endpoints, name: str, instance: str) -> None:
    """The period begins with a request that passes."""
    endpoints.set(name, instance, per_seconds=1000)
    assert endpoints.answer(name, instance).status == 200
    answer = endpoints.answer(name, instance)
    assert (answer.status, answer["retry-after"]) == (429, "1")
    endpoints.control("DELETE", f"/behaviours/{name}/{instance}")
    assert endpoints.answer(name, instance).status == 200
    assert ROWS[name]["also"]["code"] == "throttled"


@shows("gzip-bomb")
def test_bomb_unpacks_to_64_mebibytes(endpoints: Endpoints, name: str, instance: str) -> None:
    """A bomb that a real gzip unpacks."""
    with endpoints.sent(name, instance) as peer:
        answer = peer.answer()
        assert (answer.status, answer["content-encoding"]) == (500, "gzip")
        packed = peer.read(int(answer["content-length"] or ""))
    assert len(packed) < 70_000
    with gzip.open(io.BytesIO(packed)) as unpacked:
        pieces = list(iter(lambda: unpacked.read(MEBIBYTE), b""))
    assert pieces == [bytes(MEBIBYTE)] * 64


@shows("keep-alive-closed")
def test_connection_closes_though_the_head_keeps_it(endpoints: Endpoints, name: str, instance: str) -> None:
    """No `connection: close` announces it."""
    with endpoints.sent(name, instance) as peer:
        assert peer.rest() == OK


@shows("keep-alive-closed-late")
def test_second_request_of_a_connection_is_not_answered(endpoints: Endpoints, name: str, instance: str) -> None:
    """The request is read, on the same connection, and then comes a FIN."""
    with endpoints.sent(name, instance) as peer:
        assert peer.answer().raw == OK
        peer.post(f"/{name}/{instance}")
        assert peer.rest() == b""
    assert len({seen["connection"] for seen in endpoints.requests(f"/{name}/{instance}", at_least=2)}) == 1


@shows("one-connection-resets")
def test_second_connection_is_reset(endpoints: Endpoints, name: str, instance: str) -> None:
    """The first connection is not disturbed, and makes room when it ends."""
    with endpoints.sent(name, instance) as first:
        assert first.answer().raw == OK
        with endpoints.sent(name, instance) as second, pytest.raises(ConnectionResetError):
            second.rest()
        first.post(f"/{name}/{instance}", connection="close")
        assert first.rest() == CLOSING_OK
    assert endpoints.answer(name, instance).raw == OK


@shows("sends-back", "deletes-itself")
def test_request_is_made_before_the_answer(endpoints: Endpoints, name: str, instance: str) -> None:
    """Body and headers of a webhook go back by POST; a DELETE has neither."""
    assert endpoints.answer(name).raw == OK, "without a callback it is a good one"
    url = f"{endpoints.ready['http']}/ok/{instance}?a=b"
    endpoints.set(name, instance, callback={"url": url, "headers": {"Authorization": "Bearer x"}})
    with endpoints.sent(name, instance, b'{"id": "evt_1"}', webhook_id="evt_1", cookie="a=b") as peer:
        assert peer.answer().raw == OK
    made, seen = endpoints.request("ok", instance), endpoints.request(name, instance)
    sends_back = name == "sends-back"
    assert seen["callback"] == {"status": 200}
    assert seen["at"] <= made["at"] <= seen["answered_at"]
    assert (made["method"], made["path"]) == ("POST" if sends_back else "DELETE", f"/ok/{instance}?a=b")
    assert made["body"] == (seen["body"] if sends_back else "")
    headers = dict(made["headers"])
    assert headers["authorization"] == "Bearer x"
    assert headers.get("webhook-id") == ("evt_1" if sends_back else None)
    assert "cookie" not in headers


def test_callback_that_fails_is_recorded_and_does_not_change_the_answer(endpoints: Endpoints, instance: str) -> None:
    """A callback to a port that refuses."""
    endpoints.set("sends-back", instance, callback={"url": f"http://127.0.0.1:{endpoints.port('refuses')}/"})
    assert endpoints.answer("sends-back", instance).raw == OK
    assert "ConnectionRefused" in endpoints.request("sends-back", instance)["callback"]["error"]


def test_every_path_has_a_test() -> None:
    """The table and this file have the same names."""
    assert names("http") == SHOWN
