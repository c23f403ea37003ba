"""Control: the record of requests, counts of connections, parameters."""

import base64
import json
import socket
import struct
import time
import urllib.error
from typing import Any

import pytest
from endpoints_peer import ROWS, Endpoints, Peer
from hookline_local.endpoints import connections, record, table
from hookline_local.endpoints.requests import parse_head


def refused(endpoints: Endpoints, method: str, path: str, given: Any = None) -> tuple[int, str]:
    """Status and text of a refusal."""
    with pytest.raises(urllib.error.HTTPError) as refusal:
        endpoints.control(method, path, given)
    return refusal.value.code, json.load(refusal.value)["error"]


def test_request_is_recorded_as_it_was_sent(endpoints: Endpoints, instance: str) -> None:
    """Headers in order and as spelled, bytes of the body, and times in their order."""
    before = time.time()
    path = f"/ok/{instance}/deeper?a=b"
    with Peer.dial(endpoints.port()) as peer:
        peer.send(
            f"POST {path} HTTP/1.1\r\nX-B: 1\r\nx-a:2 \r\nX-B: 3\r\nContent-Length: 3\r\n\r\n".encode() + b"\0\xff!"
        )
        peer.answer()
        peer.post(f"/ok/{instance}/deeper")
        peer.answer()
    first, second = endpoints.requests(f"/ok/{instance}")
    assert (first["name"], first["instance"], first["method"], first["path"]) == (
        "ok",
        f"{instance}/deeper",
        "POST",
        path,
    )
    assert first["headers"] == [["X-B", "1"], ["x-a", "2"], ["X-B", "3"], ["Content-Length", "3"]]
    assert base64.b64decode(first["body"]) == b"\0\xff!"
    assert (first["body_bytes"], first["body_complete"], first["closed_early"]) == (3, True, False)
    times = [first[name] for name in ("connected_at", "first_byte_at", "at", "answered_at")]
    times = [before, *times, second["first_byte_at"], time.time()]
    assert times == sorted(times)
    assert (second["connection"], second["connected_at"]) == (first["connection"], first["connected_at"])
    assert second["number"] > first["number"]


def test_chunked_body_is_read(endpoints: Endpoints, instance: str) -> None:
    """Chunks with an extension and a trailer; the next request is found behind them."""
    head = f"POST /ok/{instance} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with Peer.dial(endpoints.port()) as peer:
        peer.send(head + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n")
        assert peer.answer().status == 200
        peer.post(f"/gone/{instance}")
        assert peer.answer().status == 410
    assert base64.b64decode(endpoints.request("ok", instance)["body"]) == b"hello"


def test_large_body_is_cut_and_counted(endpoints: Endpoints, instance: str) -> None:
    """300 KiB are kept."""
    with endpoints.sent("ok", instance, b"a" * 400_000) as peer:
        assert peer.answer().status == 200
    seen = endpoints.request("ok", instance)
    assert (len(base64.b64decode(seen["body"])), seen["body_bytes"]) == (300 * 1024, 400_000)
    (without,) = endpoints.requests(f"/ok/{instance}", bodies="no")
    assert "body" not in without


def test_expectation_is_met(endpoints: Endpoints, instance: str) -> None:
    """A client that waits for 100 before it sends its body."""
    with Peer.dial(endpoints.port()) as peer:
        peer.send(f"POST /ok/{instance} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
        assert peer.answer().status == 100
        peer.send(b"{}")
        assert peer.answer().status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST /ok HTTP/2.0\r\n\r\n",
        b"POST /ok HTTP/1.1\r\nbad\r\n\r\n",
        b"POST /ok HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /ok HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000,
    ],
)
def test_malformed_request_is_refused(endpoints: Endpoints, request_bytes: bytes) -> None:
    """Nonsense is answered 400, and ends the connection."""
    with Peer.dial(endpoints.port()) as peer:
        peer.send(request_bytes)
        assert peer.answer().raw == b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def test_peer_that_leaves_within_its_request_is_recorded(endpoints: Endpoints, instance: str) -> None:
    """Half a body."""
    with Peer.dial(endpoints.port()) as peer:
        peer.send(f"POST /ok/{instance} HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf".encode())
        assert peer.leave() == b""
    seen = endpoints.request("ok", instance)
    assert (seen["body_bytes"], seen["body_complete"], seen["closed_early"]) == (4, False, True)


def test_peer_that_resets_while_it_waits_is_recorded(endpoints: Endpoints, instance: str) -> None:
    """A client whose time is up, with a reset."""
    with endpoints.sent("says-nothing", instance) as peer:
        endpoints.request("says-nothing", instance)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert endpoints.request("says-nothing", instance, closed_early="true")["closed_early"]


@pytest.mark.parametrize(("path", "status"), [("/inward", 200), ("/", 404), ("/nobody", 404), ("/tls-ok", 404)])
def test_other_paths_are_recorded(endpoints: Endpoints, path: str, status: int) -> None:
    """A redirect that was followed would be seen; so is a mistyped name."""
    with Peer.dial(endpoints.port()) as peer:
        peer.post(path)
        assert peer.answer().status == status
    seen = endpoints.requests(path)[-1]
    assert (seen["path"], seen["name"]) == (path, path[1:])


def test_requests_are_selected_and_forgotten(endpoints: Endpoints, instance: str) -> None:
    """By path and what is below it, by number, and until there are enough of them."""
    for suffix in ("", "/a", "/b", "x"):
        endpoints.answer("ok", instance + suffix)
    assert [seen["instance"] for seen in endpoints.requests(f"/ok/{instance}")] == [
        instance,
        f"{instance}/a",
        f"{instance}/b",
    ]
    first, *others = endpoints.requests(f"/ok/{instance}", at_least=3)
    assert endpoints.requests(f"/ok/{instance}", after=first["number"]) == others
    assert endpoints.requests(f"/ok/{instance}", at_least=9, within=0.01) == [first, *others]
    assert endpoints.control("DELETE", f"/requests?path=/ok/{instance}/a") == {"forgotten": 1}
    assert len(endpoints.requests(f"/ok/{instance}")) == 2


def test_record_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go, by number of requests or by bytes of bodies; a late body of a forgotten one does not count."""
    monkeypatch.setattr(record, "MAX_REQUESTS", 3)
    monkeypatch.setattr(record, "MAX_BODIES_BYTES", 10)
    kept = record.Record()
    head, connection = parse_head("POST /ok HTTP/1.1", 0.0), connections.Connection(1, 0.0)
    seen = []
    for body in (b"aaaa", b"bbbb", b"", b"cccc", b"dddd", b"eeee"):
        seen.append(kept.add("ok", "", 1, head, connection))
        seen[-1].body(body)
        kept.body_read(seen[-1], complete=True)
    assert [one.number for one in kept.under("/")] == [5, 6]
    assert kept.dropped == 4
    kept.body_read(seen[0], complete=True)
    assert [one.number for one in kept.under("/")] == [5, 6]
    assert kept.clear("/") == 2
    assert kept.dropped == 0
    # Nothing of what was forgotten counts any longer.
    for body in (b"ffff", b"gggg"):
        seen.append(kept.add("ok", "", 1, head, connection))
        seen[-1].body(body)
        kept.body_read(seen[-1], complete=True)
    assert ([one.number for one in kept.under("/")], kept.dropped) == ([7, 8], 0)


def test_answer_has_the_limits_of_the_record(endpoints: Endpoints) -> None:
    """A test that needs all requests can see that none is missing."""
    answer = endpoints.control("GET", "/requests?path=/nobody-calls-this")
    assert answer == {"requests": [], "dropped": 0, "limits": {"requests": 10_000, "body_bytes": 307_200}}


def test_connections_are_counted_by_name_and_instance(endpoints: Endpoints, instance: str) -> None:
    """Open ones, the most at once, and requests in progress."""
    opened = [Peer.dial(endpoints.port()) for _ in range(3)]
    for peer in opened:
        peer.post(f"/says-nothing/{instance}")
    endpoints.requests(f"/says-nothing/{instance}", at_least=3)
    key = f"says-nothing/{instance}"
    expected = {"open": 3, "most": 3, "accepted": 3, "requests": 3, "most_requests": 3}
    assert endpoints.control("GET", "/connections")["by_instance"][key] == expected
    for peer in opened[1:]:
        peer.leave()
    counted = endpoints.control("GET", "/connections")
    assert counted["by_instance"][key] == {**expected, "open": 1, "requests": 1}
    assert counted["by_name"]["says-nothing"]["most"] >= 3
    assert counted["open"] >= 1
    again = endpoints.control("DELETE", "/connections")
    assert again["by_instance"][key] == {"open": 1, "most": 1, "accepted": 0, "requests": 1, "most_requests": 1}
    opened[0].leave()
    assert key not in endpoints.control("DELETE", "/connections")["by_instance"]


def test_behaviours_have_urls_that_work(endpoints: Endpoints, instance: str) -> None:
    """The table with all parameters and an URL to which an instance can be appended."""
    rows = endpoints.control("GET", "/behaviours")
    assert [row["name"] for row in rows] == list(ROWS)
    urls = {row["name"]: row["url"] for row in rows}
    assert urls["gone"] == f"{endpoints.ready['http']}/gone"
    assert urls["dies"] == f"http://127.0.0.1:{endpoints.port('dies')}/dies"
    assert urls["tls-ok"] == f"{endpoints.ready['tls']['tls-ok']}/tls-ok"
    assert urls["host-dot"] is None
    with endpoints.sent("dies", instance) as peer:
        peer.answer()
    assert endpoints.request("dies", instance)["instance"] == instance


def test_port_of_its_own_takes_any_path(endpoints: Endpoints, instance: str) -> None:
    """The name may be left out."""
    with Peer.dial(endpoints.port("dies")) as peer:
        peer.post(f"/{instance}")
        assert peer.answer().status == 200
    (seen,) = endpoints.requests(f"/{instance}")
    assert (seen["name"], seen["instance"]) == ("dies", instance)


def test_good_endpoint_turns_bad_and_good_again(endpoints: Endpoints, instance: str) -> None:
    """Parameters add up until they are forgotten, for this instance only."""
    path = f"/behaviours/ok/{instance}"
    endpoints.control("POST", path, {"status": 503, "retry_after": 7})
    endpoints.control("POST", path, {"headers": {"X-A": "1"}, "body": "é"})
    with endpoints.sent("ok", instance) as peer:
        answer = peer.answer()
        assert (answer.status, answer["retry-after"], answer["X-A"]) == (503, "7", "1")
        assert peer.read(2) == "é".encode()
    assert endpoints.control("GET", path)["parameters"]["status"] == 503
    assert endpoints.answer("ok").status == 200
    assert endpoints.control("DELETE", path)["parameters"]["status"] == 200
    assert endpoints.answer("ok", instance).status == 200


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("ok", {"status": 99}),
        ("ok", {"status": True}),
        ("ok", {"delay_seconds": -1}),
        ("ok", {"headers": {"a": "b\r\nc: d"}}),
        ("ok", {"location": "/a\n"}),
        ("ok", {"retry_after": {"date": 1}}),
        ("ok", {"down": True}),
        ("ok", {"unheard": 1}),
        ("ok", [1]),
        ("says-nothing", {"status": 200}),
        ("fails-every-second", {"every": 0}),
        ("fails-one-event", {"fails_ids": "evt_1"}),
        ("dies", {"down": 1}),
        ("not-http", {"says": "€"}),
        ("not-http", {"ends": "never"}),
        ("sends-back", {"callback": {"url": "https://example.com/"}}),
        ("sends-back", {"callback": {"method": "POST"}}),
        ("sends-back", {"callback": {"url": "http://a/", "other": 1}}),
    ],
)
def test_senseless_parameter_is_refused_and_changes_nothing(
    endpoints: Endpoints, instance: str, name: str, given: Any
) -> None:
    """The text names what can be set."""
    path = f"/behaviours/{name}/{instance}"
    before = endpoints.control("GET", path)
    status, text = refused(endpoints, "POST", path, given)
    assert status == 400
    assert " is " in text or "it has: " in text
    assert endpoints.control("GET", path) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("PUT", "/requests", 404),
        ("PUT", "/behaviours/ok/a", 405),
        ("POST", "/behaviours/nobody/a", 404),
        ("GET", "/requests?pth=/ok", 400),
        ("GET", "/requests?within=soon", 400),
        ("GET", "/requests?within=nan", 400),
        ("GET", "/requests?at_least=-1", 400),
        ("GET", "/requests?closed_early=yes", 400),
    ],
)
def test_senseless_question_is_refused(endpoints: Endpoints, method: str, path: str, status: int) -> None:
    """A mistake in a test is not mistaken for an empty record."""
    assert refused(endpoints, method, path)[0] == status


def test_instances_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was used longest ago starts again."""
    monkeypatch.setattr(table, "MAX_INSTANCES", 2)
    made = table.Table()
    for name in ("a", "b", "a", "c"):
        made.instance("ok", name).requests += 1
    assert [made.instance("ok", name).requests for name in ("a", "c", "b")] == [2, 1, 0]


def test_counted_instances_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with an open connection stay."""
    monkeypatch.setattr(connections, "MAX_COUNTED", 2)
    counted = connections.Connections()
    opened = counted.opened()
    counted.belongs(opened, "ok", "stays")
    for name in ("a", "b", "c"):
        other = counted.opened()
        counted.belongs(other, "ok", name)
        counted.closed(other)
    assert list(counted.described()["by_instance"]) == ["ok/stays", "ok/c"]
