"""Requests to the examples, and the answer that each must get. Hookline's own signer signs them when they are sent."""

import base64
import itertools
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]

MAX_BODY_BYTES = 1024 * 1024
# Most that Hookline sends.
SENT_BYTES = 256 * 1024

# The examples know the first two; a request of a rotation has signatures of two.
NEW = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(200, 232))).decode()
# RFC 8032 § 7.1, test 1; the examples know the public half.
KEY = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
PUBLIC_KEY = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
OTHER_KEY = "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs="

STORE = {"source": "shopify", "id": "demo.myshopify.com"}
NUMBERS = itertools.count()


def fresh_id() -> str:
    """Id of an event that no test has used."""
    return f"evt_01M8KC7FD0{next(NUMBERS):016d}"


def event(type_: str = "inventory.updated", *, version: str | None = "7", id_: str | None = None, **more: Any) -> Any:
    """An event about a product that no test has used, or about this one."""
    thing = str(next(NUMBERS)) if id_ is None else id_
    return {
        "id": fresh_id(),
        "type": type_,
        "version": 1,
        "timestamp": "2026-11-29T10:04:52Z",
        "store": STORE,
        "subject": {"kind": "product", "id": thing, "version": version},
        "data": {"id": thing, "status": "active", "title": "Ember Pocket Stove — größer", "truncated": False},
        "changed": None,
        "previous": None,
        "related": {},
        "session_id": None,
        "cause": None,
        **more,
    }


def text(value: object) -> bytes:
    """JSON, as Hookline sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sized(size: int) -> bytes:
    """An event of exactly this size."""
    body = event(later="")
    return text({**body, "later": "x" * (size - len(text(body)))})


Headers = dict[str, str]


@dataclass(frozen=True)
class Vector:
    """A request and its answer. `change` and `sent` replace headers and body after the signing."""

    name: str
    status: int
    line: str
    body: bytes = field(default_factory=lambda: text(event()))
    secrets: tuple[str, ...] = (NEW,)
    keys: tuple[str, ...] = ()
    at: int = 0
    change: Callable[[Headers], Headers] = lambda headers: headers
    sent: bytes | None = None
    needs_keys: bool = False
    """True if only who verifies `v1a` takes it. The others refuse its signature."""


def accepted(name: str, **more: Any) -> Vector:
    """A request that is handled."""
    return Vector(name, 204, "handled: inventory.updated product/", **more)


def skipped(name: str, reason: str, body: bytes, **more: Any) -> Vector:
    """A request that is acknowledged without effect."""
    return Vector(name, 204, f"skipped: {reason}", body, **more)


def refused(name: str, reason: str, **more: Any) -> Vector:
    """A request that is refused."""
    status = {"body": 400, "size": 413}.get(reason, 403)
    return Vector(name, status, f"refused: {reason}", **more)


def with_header(name: str, change: Callable[[str], str]) -> Callable[[Headers], Headers]:
    """Changes a header."""
    return lambda headers: headers | {name: change(headers[name])}


def without(*names: str) -> Callable[[Headers], Headers]:
    """Leaves headers out."""
    return lambda headers: {name: value for name, value in headers.items() if name not in names}


def signature(change: Callable[[str], str]) -> Callable[[Headers], Headers]:
    """Changes the signature, without its version."""
    return with_header("webhook-signature", lambda value: change(value.removeprefix("v1,")))


def other_bits(made: str) -> str:
    """Base64 of the same 32 bytes, with other bits after them."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{made[:-2]}{letters[letters.index(made[-2]) + 1]}="


def bodies() -> list[Vector]:
    """The bodies of the handler packages' vectors, with signatures of now."""
    made = []
    for vector in json.loads((REPOSITORY / "sdk" / "vectors.json").read_text())["vectors"]:
        if vector["valid"] or vector["reason"] == "body":
            encoded = vector.get("body_base64")
            body = vector["body"].encode() if encoded is None else base64.b64decode(encoded)
            name = f"body: {vector['name']}"
            if not vector["valid"]:
                made.append(refused(name, "body", body=body))
            elif b"inventory.updated" in body:
                made.append(accepted(name, body=body))
            else:
                made.append(skipped(name, vector.get("skipped", "type"), body))
    return made


def samples() -> list[Vector]:
    """An event of each type, as docs/events shows it: with line feeds and blanks, which the signature covers."""
    made = []
    for path in sorted((REPOSITORY / "docs" / "events" / "samples").glob("*.json")):
        sample = json.loads(path.read_text())
        sample["id"], sample["subject"]["id"] = fresh_id(), str(next(NUMBERS))
        body, type_ = json.dumps(sample, indent=2, ensure_ascii=False).encode(), sample["type"]
        is_handled = type_ in ("inventory.updated", "checkout.completed") or type_.startswith("product.")
        line = (
            f"handled: {type_} {sample['subject']['kind']}/{sample['subject']['id']}" if is_handled else "skipped: type"
        )
        made.append(Vector(f"sample of {type_}", 204, line, body))
    return made


def wrong_signatures() -> list[Vector]:
    """Requests whose signature is not that of their bytes."""
    return [
        refused("another secret", "signature", secrets=(OTHER,)),
        refused("a byte of the body changed", "signature", sent=text(event())),
        refused("a line feed after the body", "signature", body=(body := text(event())), sent=body + b"\n"),
        refused("another id", "signature", change=with_header("webhook-id", lambda _: fresh_id())),
        refused(
            "another timestamp",
            "signature",
            change=with_header("webhook-timestamp", lambda value: str(int(value) - 1)),
        ),
        refused("hexadecimal", "signature", change=signature(lambda made: f"v1,{base64.b64decode(made).hex()}")),
        refused("without padding", "signature", change=signature(lambda made: f"v1,{made.rstrip('=')}")),
        refused("with other unused bits", "signature", change=signature(lambda made: f"v1,{other_bits(made)}")),
        refused("cut", "signature", change=signature(lambda made: f"v1,{made[:40]}")),
        refused("empty", "signature", change=signature(lambda _: "v1,")),
        refused("not base64", "signature", change=signature(lambda _: "v1,!!!!")),
        refused("without a version", "signature", change=signature(lambda made: made)),
        refused("of an unknown version", "signature", change=signature(lambda made: f"v2,{made}")),
        refused("of an HMAC called a key's", "signature", change=signature(lambda made: f"v1a,{made}")),
        refused("of another key", "signature", secrets=(), keys=(OTHER_KEY,)),
        refused(
            "of a key called an HMAC",
            "signature",
            secrets=(),
            keys=(KEY,),
            change=signature(lambda made: f"v1,{made[4:]}"),
        ),
        refused(
            "the ninth of nine",
            "signature",
            change=signature(
                lambda made: " ".join([f"v1,{base64.b64encode(bytes(32)).decode()}"] * 8 + [f"v1,{made}"])
            ),
        ),
    ]


def vectors() -> list[Vector]:
    """All requests that stand for themselves."""
    return [
        accepted("right"),
        accepted("signed with the old secret", secrets=(OLD,)),
        accepted("signed with both secrets", secrets=(NEW, OLD)),
        accepted("signed with an unknown secret and a known one", secrets=(OTHER, NEW)),
        accepted("signed with a key", secrets=(), keys=(KEY,), needs_keys=True),
        accepted("signed with an unknown key and a known one", secrets=(), keys=(OTHER_KEY, KEY), needs_keys=True),
        accepted("signed with a secret and an unknown key", keys=(OTHER_KEY,)),
        accepted("an unknown field", body=text(event(later={"a": [1]}))),
        accepted("as large as Hookline sends", body=sized(SENT_BYTES)),
        accepted("as large as is read", body=sized(MAX_BODY_BYTES)),
        refused("a byte too large", "size", body=sized(MAX_BODY_BYTES + 1)),
        skipped("an unknown type", "type", text(event("weather.changed"))),
        # Time passes until a request arrives, so these are the exact limits on one side only.
        accepted("300 s in the future", at=299),
        accepted("nearly 300 s old", at=-270),
        refused("301 s old", "timestamp", at=-301),
        refused("over 300 s in the future", "timestamp", at=330),
        *(
            refused(f"timestamp {shown!r}", "timestamp", change=with_header("webhook-timestamp", make))
            for shown, make in {
                "now": lambda _: "now",
                "-N": lambda value: f"-{value}",
                "+N": lambda value: f"+{value}",
                "0N": lambda value: f"0{value}",
                "N.5": lambda value: f"{value}.5",
                "1e9": lambda _: "1e9",
                "20 digits": lambda _: "1" * 20,
            }.items()
        ),
        *(refused(f"no {name}", "headers", change=without(name)) for name in NAMES),
        refused("no headers", "headers", change=without(*NAMES)),
        refused("an empty id", "headers", change=with_header("webhook-id", lambda _: "")),
        *wrong_signatures(),
        *bodies(),
        *samples(),
    ]


NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Signer:
    """Hookline's signer, of crates/outbound, as a process."""

    def __init__(self, program: Path) -> None:
        """Starts it."""
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def headers(self, vector: Vector, id_: str | None = None) -> Headers:
        """Headers of a request that is sent now."""
        unsigned = {
            "id": id_ or fresh_id(),
            "type": "inventory.updated",
            "timestamp": int(time.time()) + vector.at,
            "body": base64.b64encode(vector.body).decode(),
            "secrets": vector.secrets,
            "keys": vector.keys,
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(unsigned) + "\n")
        self._process.stdin.flush()
        return vector.change(json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        """Ends it."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait() == 0
