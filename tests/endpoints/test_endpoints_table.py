"""The table: its form, and its verdicts beside what the server really sends."""

import re
from typing import Any

import pytest
from endpoints_peer import ROWS, Endpoints, Peer, names
from hookline_local.endpoints import parameters, table

CODES = {
    "sent": {None},
    "own": {"redirect", "refused", "failed"},
    "gone": {"gone", "disabled_by_endpoint"},
    "aborted": {"aborted"},
    "general": {
        *("throttled", "unavailable", "not_found", "dns_timeout", "not_public", "invalid_url", "connection_refused"),
        *("connect_timeout", "certificate", "tls_unsupported", "tls_failed", "timed_out", "closed", "not_http"),
        "head_too_large",
    },
}
MAX_HEADERS = 64
MAX_HEAD_BYTES = 16 * 1024
Verdict = tuple[str, str | None]


def test_numbers_are_those_of_the_design() -> None:
    """40 behaviours and the good ones, which are number 0."""
    assert sorted({row["number"] for row in table.rows()}) == list(range(41))
    assert len(ROWS) == len(table.rows()), "each name is there once"
    numbers = [row["number"] for row in table.rows()]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row_is_well_formed(row: dict[str, Any]) -> None:
    """Known keys, a name for paths and files, a sentence, a verdict, and parameters that could be set."""
    optional = {"plays", "parameters", "also", "set", "host", "addresses", "retry_after_seconds"}
    assert set(row) - optional == {"number", "name", "does", "where", "expects"}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["name"])
    assert re.fullmatch(r"[A-Z].*\.", row["does"])
    for verdict in (row["expects"], *([row["also"]] if "also" in row else [])):
        assert verdict["code"] in CODES[verdict["meaning"]]
    if row["where"] == "resolver":
        assert {"host", "addresses"} <= set(row)
        assert "plays" not in row
    else:
        defaults = table.behaviour(row).defaults
        assert set(defaults) == set(parameters.DEFAULTS[row["plays"]])
        parameters.check(defaults, defaults)
        parameters.check(row.get("set", {}), defaults)


def judged(raw: bytes) -> Verdict:
    """The verdict of the design on what a server sent until it closed, or as much of it as matters."""
    while (informed := re.match(rb"HTTP/1\.1 1(?!01)\d\d .*?\r\n\r\n", raw, re.DOTALL)) is not None:
        raw = raw[informed.end() :]
    if raw and not b"HTTP/1.1 ".startswith(raw[:9]):
        return "general", "not_http"
    head, end, _ = raw.partition(b"\r\n\r\n")
    if len(head) > MAX_HEAD_BYTES or head.count(b"\r\n") > MAX_HEADERS:
        return "general", "head_too_large"
    if not end:
        return "general", "closed"
    status_line, *lines = head.split(b"\r\n")
    status = status_line.split(b" ")[1]
    headers = [tuple(line.split(b": ", 1)) for line in lines]
    lengths = {value for name, value in headers if name == b"content-length"}
    if not re.fullmatch(rb"[2-5]\d\d", status) or len(lengths) > 1:
        return "general", "not_http"
    return judged_whole(int(status), dict(headers).get(b"webhook-delivery"))


def judged_whole(status: int, wish: bytes | None) -> Verdict:
    """The verdict on a whole head."""
    match status, wish:
        case ((200 | 201 | 202 | 204), _):
            return "sent", None
        case _, b"disable":
            return "gone", "disabled_by_endpoint"
        case _, b"abort-message":
            return "aborted", "aborted"
        case 410, _:
            return "gone", "gone"
        case 429, _:
            return "general", "throttled"
        case ((408 | 425 | 502 | 503 | 504), _):
            return "general", "unavailable"
    return "own", "redirect" if status < 400 else "refused" if status < 500 else "failed"


def received(peer: Peer) -> bytes:
    """Bytes that come until the server closes or resets, or 32 KiB, or a 101, after which nothing does."""
    came = b""
    try:
        while len(came) < 2 * MAX_HEAD_BYTES and not came.startswith(b"HTTP/1.1 101 "):
            if not (data := peer.socket.recv(65536)):
                break
            came += data
    except ConnectionResetError:
        pass
    return came


@pytest.mark.parametrize("name", sorted(name for name in names("http") if ROWS[name]["expects"]["code"] != "timed_out"))
def test_verdict_is_that_of_the_design_on_what_is_sent(endpoints: Endpoints, name: str, instance: str) -> None:
    """A client of its own judges; what is merely late has tests elsewhere."""
    given = {row["name"]: row["parameters"] for row in endpoints.control("GET", "/behaviours")}[name]
    hurried = {key: 0 for key in given if key in ("delay_seconds", "between_seconds", "idle_seconds")}
    endpoints.set(name, instance, **hurried)
    with endpoints.sent(name, instance, connection="close", webhook_id="evt_1") as peer:
        meaning, code = judged(received(peer))
    assert {"meaning": meaning, "code": code} == ROWS[name]["expects"]
