"""Writes vectors.json, the signed requests that every handler package is tested with.

    python3 sdk/vectors.py            # writes sdk/vectors.json
    python3 sdk/vectors.py --check    # ends with 1 if the file is not what would be written

A vector has the subscriber's `secrets`, the time `now`, and a request: `headers` and `body` (or `body_base64`). In a
`valid` one the signature matches and the body is an event. With `skipped` no callback receives it: its `version` is
later than the package reads, or its `type` is unknown. Otherwise `reason` names the first check that fails, in order:

    headers      webhook-id, webhook-timestamp or webhook-signature is absent or empty
    timestamp    not 1 to 15 decimal digits without a leading zero, or over 300 s from `now`
    signature    none of the first 8 `v1` signatures is the base64 text of the right HMAC under any of the secrets
    body         signed, but not the JSON of an event

`official` is the verdict of the `standardwebhooks` packages of npm and PyPI on the signature, if it differs from ours.
Runs on the plain Python of the machine.
"""

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("vectors.json")

NOW = 1_796_000_000
OLD = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NEW = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(200, 232))).decode()
ID = "evt_01M8KC7FD03QH5TX988ZJ0TNS4"

STORE = {"source": "shopify", "id": "demo.myshopify.com"}
CONNECTED: dict[str, Any] = {
    "id": ID,
    "type": "store.connected",
    "version": 1,
    "timestamp": "2026-11-29T10:04:52Z",
    "store": STORE,
    "subject": {"kind": "store", "id": "demo.myshopify.com", "version": None},
    "data": {"id": "demo.myshopify.com"},
    "changed": None,
    "previous": None,
    "related": {},
    "session_id": None,
    "cause": None,
}
SOLD_OUT = CONNECTED | {
    "type": "inventory.updated",
    "subject": {"kind": "product", "id": "788032119674292922", "version": "3856766153749812416"},
    "data": {
        "id": "788032119674292922",
        "status": "active",
        "title": "Ember Pocket Stove — größer",
        "available": False,
        "price": {"from": "48.00", "to": "48.00", "currency": "EUR"},
        "variants": [
            {"id": "642667041472713922", "title": "Steel", "price": "48.00", "available": False, "quantity": 0}
        ],
        "truncated": False,
    },
    "changed": ["inventory"],
    "previous": {"available": True},
}


def text(event: object) -> bytes:
    """JSON of an event, as Hookline sends it."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


BODY = text(CONNECTED)


def mac(secret: str, timestamp: object, body: bytes, id_: str = ID) -> str:
    """Base64 of the HMAC over id, timestamp and body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)).decode()


def vector(
    name: str,
    reason: str | None = None,
    *,
    body: bytes = BODY,
    sent: bytes | None = None,
    timestamp: object = NOW,
    secrets: tuple[str, ...] = (NEW,),
    signature: str | None = None,
    headers: dict[str, str | None] | None = None,
    **more: object,
) -> dict[str, object]:
    """One vector: signed over `body` and right, except for what the arguments change. A header `None` is left out."""
    right = {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{mac(NEW, timestamp, body)}" if signature is None else signature,
    }
    merged = right | (headers or {})
    bytes_ = body if sent is None else sent
    try:
        shown = {"body": bytes_.decode()}
    except UnicodeDecodeError:
        shown = {"body_base64": base64.b64encode(bytes_).decode()}
    return {
        "name": name,
        "secrets": list(secrets),
        "now": NOW,
        "headers": {key: value for key, value in merged.items() if value is not None},
        **shown,
        "valid": reason is None,
        **({} if reason is None else {"reason": reason}),
        **more,
    }


def vectors() -> list[dict[str, object]]:
    """All vectors."""
    right, old = mac(NEW, NOW, BODY), mac(OLD, NOW, BODY)
    wrong = mac(OTHER, NOW, BODY)
    url_safe = next(
        (made, timestamp) for timestamp in range(NOW, NOW + 300) if set(made := mac(NEW, timestamp, BODY)) >= {"+", "/"}
    )
    return [
        vector("right"),
        vector("right, with a body beyond ASCII", body=text(SOLD_OUT)),
        vector(
            "right, with header names in capitals",
            headers={"webhook-id": None, "Webhook-Id": ID},
        ),
        # Several signatures and secrets.
        vector("two signatures, the second is right", signature=f"v1,{wrong} v1,{right}"),
        vector("two signatures, both are wrong", "signature", signature=f"v1,{wrong} v1,{old}"),
        vector("rotation: the second secret is right", secrets=(OTHER, NEW)),
        vector("rotation: signed with both, the old one is known", signature=f"v1,{right} v1,{old}", secrets=(OLD,)),
        vector("v1a beside v1", signature=f"v1a,{base64.b64encode(bytes(64)).decode()} v1,{right}"),
        vector("v1a alone", "signature", signature=f"v1a,{base64.b64encode(bytes(64)).decode()}"),
        vector("unknown version alone", "signature", signature=f"v2,{right}"),
        vector("version without a comma", "signature", signature=f"v1{right}"),
        vector("another secret", "signature", secrets=(OTHER,)),
        vector("eight signatures, the last is right", signature=" ".join([f"v1,{wrong}"] * 7 + [f"v1,{right}"])),
        vector(
            "fifty signatures, the ninth is right",
            "signature",
            signature=" ".join([f"v1,{wrong}"] * 8 + [f"v1,{right}"] + [f"v1,{wrong}"] * 41),
            official=True,
        ),
        vector("twenty of an unknown version before the right one", signature="v2,x " * 20 + f"v1,{right}"),
        # Changed requests.
        vector("body changed by one byte", "signature", sent=BODY.replace(b"demo", b"demi", 1)),
        vector("body with a line feed more", "signature", sent=BODY + b"\n"),
        vector("id changed", "signature", headers={"webhook-id": ID[:-1] + "5"}),
        vector("timestamp changed", "signature", headers={"webhook-timestamp": str(NOW - 1)}),
        # Times.
        vector("300 s old", timestamp=NOW - 300),
        vector("301 s old", "timestamp", timestamp=NOW - 301),
        vector("300 s in the future", timestamp=NOW + 300),
        vector("301 s in the future", "timestamp", timestamp=NOW + 301),
        vector("negative timestamp", "timestamp", timestamp=-NOW),
        vector("timestamp of 20 digits", "timestamp", timestamp="1" * 20),
        vector("timestamp with an exponent", "timestamp", timestamp="1e9"),
        vector("timestamp with a fraction", "timestamp", timestamp=f"{NOW}.5"),
        vector("timestamp with a space", "timestamp", timestamp=f"{str(NOW)[:4]} {str(NOW)[4:]}"),
        vector("timestamp with a plus", "timestamp", timestamp=f"+{NOW}"),
        vector("timestamp with a leading zero", "timestamp", timestamp=f"0{NOW}"),
        vector("timestamp that is a word", "timestamp", timestamp="now"),
        # Headers.
        vector("no id", "headers", headers={"webhook-id": None}),
        vector("no timestamp", "headers", headers={"webhook-timestamp": None}),
        vector("no signature", "headers", headers={"webhook-signature": None}),
        vector("empty id", "headers", headers={"webhook-id": ""}),
        vector("no headers", "headers", headers={f"webhook-{name}": None for name in ("id", "timestamp", "signature")}),
        vector(
            "svix headers, which Hookline never sends",
            "headers",
            headers={
                **{f"webhook-{name}": None for name in ("id", "timestamp", "signature")},
                "svix-id": ID,
                "svix-timestamp": str(NOW),
                "svix-signature": f"v1,{right}",
            },
        ),
        # Signatures that are none.
        vector("signature is not base64", "signature", signature="v1,!!!!"),
        vector("signature is empty", "signature", signature="v1,"),
        vector("signature is hexadecimal", "signature", signature=f"v1,{base64.b64decode(right).hex()}"),
        vector("signature is cut", "signature", signature=f"v1,{right[:40]}"),
        vector(
            "signature is url-safe base64",
            "signature",
            timestamp=url_safe[1],
            signature="v1," + url_safe[0].translate(str.maketrans("+/", "-_")),
        ),
        vector("signature without padding", "signature", signature=f"v1,{right.rstrip('=')}"),
        # Secrets.
        vector("secret without its prefix", secrets=(NEW.removeprefix("whsec_"),)),
        # Bodies.
        vector("empty body", "body", body=b""),
        vector("body with a byte order mark", "body", body=b"\xef\xbb\xbf" + BODY),
        vector("body that is not UTF-8", "body", body=BODY.replace(b"demo", b"d\xffmo", 1), official=False),
        vector("body that is not JSON", "body", body=BODY[:-1]),
        vector("body that is a list", "body", body=b"[" + BODY + b"]"),
        vector("body that is a string", "body", body=b'"event"'),
        vector("body that is null", "body", body=b"null"),
        vector("event without a type", "body", body=text({k: v for k, v in CONNECTED.items() if k != "type"})),
        vector("event whose id is a number", "body", body=text(CONNECTED | {"id": 1})),
        vector("event without a version", "body", body=text({k: v for k, v in CONNECTED.items() if k != "version"})),
        vector("event of version 0", "body", body=text(CONNECTED | {"version": 0})),
        vector("event whose version is a string", "body", body=text(CONNECTED | {"version": "1"})),
        vector("event whose store is a string", "body", body=text(CONNECTED | {"store": "demo"})),
        vector("event with an unknown field", body=text(CONNECTED | {"later": {"a": [1]}})),
        vector("event of a later version", body=text(CONNECTED | {"version": 2, "store": "demo"}), skipped="version"),
        vector(
            "event of a far later version and an unknown type, without anything else",
            body=text({"id": ID, "type": "weather.changed", "version": 2**32}),
            skipped="version",
        ),
        vector("event of an unknown type", body=text(CONNECTED | {"type": "weather.changed"}), skipped="type"),
    ]


def content() -> str:
    """Text of vectors.json, a line for each vector."""
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in vectors())
    return f'{{"about": "Written by vectors.py, which explains the fields.",\n"vectors": [\n{lines}\n]}}\n'


def main(arguments: list[str]) -> int:
    """Command line: nothing, or `--check`."""
    if arguments == ["--check"]:
        if FILE.read_text() != content():
            print("✗ sdk/vectors.json is not what sdk/vectors.py writes: run `python3 sdk/vectors.py`", file=sys.stderr)
            return 1
        return 0
    if arguments:
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    FILE.write_text(content())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
