"""Writes stripe-signatures.json: requests, and the decisions of Stripe's own library. Run it when a case changes.

That library is npm's `stripe`, installed beside the handler package (sdk/typescript). It decides as for a body that is
a text: of one that is bytes it drops a byte order mark first.
"""

import base64
import hmac
import json
import subprocess
from pathlib import Path
from typing import Any

import sdk
import web

HERE = Path(__file__).parent
FILE = HERE / "stripe-signatures.json"
REFEREE = HERE / "stripe_referee.mjs"

# Time at which every request is received.
AT = 1_795_946_692
KEY = "whsec_hush"
BODY = '{"id":"evt_1","object":"event","type":"product.updated","created":1795946691,"livemode":false}'

Case = tuple[str, str, str, str]


def signed(body: str = BODY, key: str = KEY, time: object = AT, digest: str = "sha256") -> str:
    """The signature by Stripe's formula."""
    return hmac.digest(key.encode(), f"{time}.{body}".encode(), digest).hex()


def header(body: str = BODY, key: str = KEY, time: object = AT) -> str:
    """The header as Stripe writes it."""
    return f"t={time},v1={signed(body, key, time)}"


def cases() -> list[Case]:
    """Attempt: key, header, body."""
    right, other = signed(), signed(key="whsec_other")
    bodies = {
        "as sent": BODY,
        "empty object": "{}",
        "not JSON": "id=1&type=product",
        "white space": " \n\t",
        "emoji and accents": '{"name":"Café 😀"}',
        "escaped": '{"name":"Caf\\u00e9","slash":"<\\/b>"}',
        "byte order mark": "\ufeff{}",
        "null character": '{"a":"\u0000"}',
        "line ends": '{\r\n  "a": 1\r\n}\r\n',
        "long": '{"a":"' + "x" * 10_000 + '"}',
        "thin": '{"id":"evt_2","object":"v2.core.event","type":"v1.product.updated"}',
    }
    made = [(name, KEY, header(body), body) for name, body in bodies.items()]
    keys = ["hush", "k", "whsec_" + "k" * 200, "clé-secrète", "whsec_aHVzaA=="]
    made += [(f"key: {key[:20]}", key, header(key=key), BODY) for key in keys]
    made += [(f"{seconds} s away", KEY, header(time=AT + seconds), BODY) for seconds in (-301, -300, -1, 1, 300)]
    headers = {
        "two, the second right": f"t={AT},v1={other},v1={right}",
        "two, the first right": f"t={AT},v1={right},v1={other}",
        "no signature before": f"t={AT},v1=nonsense,v1={right}",
        "v0 before": f"t={AT},v0={other},v1={right}",
        "v0 after": f"t={AT},v1={right},v0={other}",
        "other labels": f"t={AT},v1a={other},v2={other},v1={right},x=y",
        "time last": f"v1={right},t={AT}",
        "comma at the end": f"t={AT},v1={right},",
        "comma at the beginning": f",t={AT},v1={right}",
        "only v0": f"t={AT},v0={right}",
        "only v2": f"t={AT},v2={right}",
        "label in capitals": f"t={AT},V1={right}",
        "time in capitals": f"T={AT},v1={right}",
        "without a label": f"t={AT},{right}",
        "signature alone": right,
        "without a signature": f"t={AT}",
        "without a time": f"v1={right}",
        "empty signature": f"t={AT},v1=",
        "empty": "",
        "spaces after commas": f"t={AT}, v1={right}",
        "space before the signature": f"t={AT},v1= {right}",
        "space after the signature": f"t={AT},v1={right} ,x=y",
        "semicolon": f"t={AT};v1={right}",
        "quoted": f't={AT},v1="{right}"',
        "capitals": f"t={AT},v1={right.upper()}",
        "capital among small letters": f"t={AT},v1={right.replace('d', 'D')}",
        "cut": f"t={AT},v1={right[:-1]}",
        "longer": f"t={AT},v1={right}0",
        "prefix 0x": f"t={AT},v1=0x{right}",
        "zeros": f"t={AT},v1={'0' * 64}",
        "base64": f"t={AT},v1={base64.b64encode(bytes.fromhex(right)).decode()}",
        "of somebody else": f"t={AT},v1={other}",
        "of another body": f"t={AT},v1={signed(BODY + ' ')}",
        "of another time": f"t={AT},v1={signed(time=AT - 1)}",
        "of the body alone": f"t={AT},v1={hmac.digest(KEY.encode(), BODY.encode(), 'sha256').hex()}",
        "key without its prefix": f"t={AT},v1={signed(key='hush')}",
        "SHA-1": f"t={AT},v1={signed(digest='sha1')}",
        "SHA-512": f"t={AT},v1={signed(digest='sha512')}",
        "zero before the time, signed with it": f"t=0{AT},v1={signed(time=f'0{AT}')}",
        "plus before the time, signed with it": f"t=+{AT},v1={signed(time=f'+{AT}')}",
        "fraction, signed with it": f"t={AT}.5,v1={signed(time=f'{AT}.5')}",
        "a day old": f"t={AT - 86_400},v1={signed(time=AT - 86_400)}",
    }
    return made + [(f"header: {name}", KEY, value, BODY) for name, value in headers.items()]


def stricter() -> list[Case]:
    """Attempts that Stripe's library takes, and we do not: docs/sources/stripe.md says why."""
    right = signed()
    other = signed(key="whsec_other")
    headers = {
        "301 s ahead": header(time=AT + 301),
        "a day ahead": header(time=AT + 86_400),
        "two times": f"t={AT},t={AT},v1={right}",
        "ninth signature": f"t={AT},{f'v1={other},' * 8}v1={right}",
        "zero before the time": f"t=0{AT},v1={right}",
        "plus before the time": f"t=+{AT},v1={right}",
        "space before the time": f"t= {AT},v1={right}",
        "letters after the time": f"t={AT}s,v1={right}",
        "fraction of a second": f"t={AT}.5,v1={right}",
        "time that is none": f"t=soon,v1={signed(time='NaN')}",
        "more after the signature": f"t={AT},v1={right}=more",
        "more after the time": f"t={AT}=0,v1={right}",
    }
    return [(name, KEY, value, BODY) for name, value in headers.items()]


def decided(asked: list[Case]) -> list[bool]:
    """Decisions of Stripe's library at the time of the cases."""
    return referee("decide", [{"key": key, "header": value, "body": body} for _, key, value, body in asked])


def signed_by_stripe(bodies: list[str]) -> list[str]:
    """Headers as Stripe's library makes them for tests."""
    return referee("sign", [{"key": KEY, "body": body} for body in bodies])


def referee(task: str, requests: list[dict[str, str]]) -> list[Any]:
    """Answers of Stripe's library, one for each request."""
    with web.alone():
        web.install(sdk.TYPESCRIPT)
    command = [web.NPM.with_name("node"), REFEREE, task, str(AT)]
    text = json.dumps(requests)
    answered = subprocess.run(command, input=text, env=web.environment(), capture_output=True, text=True, check=True)
    return json.loads(answered.stdout)


def main() -> None:
    """Lets Stripe's library decide, and writes the file."""
    ours = [(case, False) for case in cases()] + [(case, True) for case in stricter()]
    decisions = decided([case for case, _ in ours])
    written = [
        {"name": name, "key": key, "header": value, "body": body, "accepted": accepted, "stricter": is_stricter}
        for ((name, key, value, body), is_stricter), accepted in zip(ours, decisions, strict=True)
    ]
    FILE.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
