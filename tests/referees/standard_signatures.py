"""Writes standard-signatures.json: requests, and the decisions of the official library. Run it when a case changes.

Only what the official libraries agree about: that for Python reads base64 and times more generously than that for
JavaScript, which compares texts, and so do we.
"""

import base64
import hmac
import json
from datetime import datetime, tzinfo
from pathlib import Path
from unittest import mock

FILE = Path(__file__).parent / "standard-signatures.json"

# Time at which every request is received.
AT = 1_795_946_692
RAW = b"hush-hush-hush-hush-hush-hush-32"
KEY = "whsec_" + base64.b64encode(RAW).decode()
ID, TIME = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", str(AT)
BODY = '{"type":"item.saved","timestamp":"2026-11-29T10:04:51Z","data":{"sku":"EPS-1"}}'

# Of an Ed25519 key, which nobody here has.
ASYMMETRIC = "v1a," + base64.b64encode(bytes(64)).decode()

Case = tuple[str, str, dict[str, str], str]


def signed(body: str, message: str = ID, time: str = TIME, key: bytes = RAW) -> str:
    """The signature by the formula of the specification."""
    digest = hmac.digest(key, f"{message}.{time}.{body}".encode(), "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def request(signature: str, message: str = ID, time: str = TIME) -> dict[str, str]:
    """Headers of a request."""
    return {"webhook-id": message, "webhook-timestamp": time, "webhook-signature": signature}


def without(name: str) -> dict[str, str]:
    """Headers without one of them."""
    return {key: value for key, value in request(signed(BODY)).items() if key != name}


def cases() -> list[Case]:
    """Attempt: key, headers, body."""
    right, other = signed(BODY), signed(BODY, key=b"of somebody else, 32 bytes long.")
    bodies = {
        "as sent": BODY,
        "empty object": "{}",
        "empty": "",
        "not JSON": "id=1&type=item",
        "number": '{"test": 2432232314}',
        "emoji and accents": '{"name":"Café 😀"}',
        "escaped": '{"name":"Caf\\u00e9","slash":"<\\/b>"}',
        "byte order mark": "\ufeff{}",
        "null character": '{"a":"\u0000"}',
        "line ends": '{\r\n  "a": 1\r\n}\r\n',
        "long": '{"a":"' + "x" * 10_000 + '"}',
    }
    made = [(name, KEY, request(signed(body)), body) for name, body in bodies.items()]

    def at(seconds: int) -> dict[str, str]:
        time = str(AT + seconds)
        return request(signed(BODY, time=time), time=time)

    made += [
        (f"{seconds} s away", KEY, at(seconds), BODY) for seconds in (-301, -300, -1, 1, 300, 301, -86_400, 86_400)
    ]
    signatures = {
        "two, the second right": f"{other} {right}",
        "two, the first right": f"{right} {other}",
        "three, one right": f"{other} {right} {other}",
        "asymmetric one before": f"{ASYMMETRIC} {right}",
        "asymmetric one after": f"{right} {ASYMMETRIC}",
        "of another version": right.replace("v1,", "v2,"),
        "of somebody else": other,
        "of another body": signed(BODY + " "),
        "of another message": signed(BODY, message="msg_other"),
        "of another time": signed(BODY, time=str(AT - 1)),
        "zeros": "v1," + base64.b64encode(bytes(32)).decode(),
        "cut": right[:20] + "=",
    }
    made += [(f"signature: {name}", KEY, request(signature), BODY) for name, signature in signatures.items()]
    made += [(f"without {name}", KEY, without(name), BODY) for name in request("")]
    bare = KEY.removeprefix("whsec_")
    made += [
        ("key without its prefix", bare, request(right), BODY),
        ("key without padding", KEY.rstrip("="), request(right), BODY),
        ("other key", "whsec_" + base64.b64encode(b"other").decode(), request(right), BODY),
        ("key of one byte", "whsec_eA==", request(signed(BODY, key=b"x")), BODY),
        ("long key", "whsec_" + base64.b64encode(b"k" * 100).decode(), request(signed(BODY, key=b"k" * 100)), BODY),
        ("key taken as text", KEY, request(signed(BODY, key=KEY.encode())), BODY),
        ("key with its prefix decoded", KEY, request(signed(BODY, key=b"whsec_" + RAW)), BODY),
        ("id with a space", KEY, request(signed(BODY, message="msg 1"), message="msg 1"), BODY),
        ("long id", KEY, request(signed(BODY, message="m" * 200), message="m" * 200), BODY),
    ]
    return made


def accepted(key: str, headers: dict[str, str], body: str) -> bool:
    """Decision of the official library at the time of the cases."""
    from standardwebhooks import webhooks

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(AT, tz=tz)

    with mock.patch.object(webhooks, "datetime", Then):
        try:
            webhooks.Webhook(key).verify(body, headers, json_parse=False)
        except Exception:
            return False
    return True


def main() -> None:
    """Lets the official library decide, and writes the file."""
    written = [
        {"name": name, "key": key, "headers": headers, "body": body, "accepted": accepted(key, headers, body)}
        for name, key, headers, body in cases()
    ]
    FILE.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
