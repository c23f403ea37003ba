"""Writes square-signatures.json: requests, and the decisions of Square's own library. Run it when a case changes."""

import base64
import hmac
import json
from pathlib import Path

FILE = Path(__file__).parent / "square-signatures.json"

KEY, URL = "Ibxx_5AKakO-3qeNVR61Dw", "https://hooks.example.com/api/webhooks/receive/square/acme"
BODY = '{"merchant_id":"MJUNIPER1OAK2","type":"order.created","event_id":"1","created_at":"2026-11-29T10:04:54Z"}'


def signed(key: str, url: str, body: str, digest: str = "sha256") -> str:
    """The signature by Square's formula."""
    return base64.b64encode(hmac.digest(key.encode(), (url + body).encode(), digest)).decode()


def cases() -> list[tuple[str, str, str, str, str]]:
    """Attempt: key, address, body, signature."""
    right = signed(KEY, URL, BODY)
    raw = base64.b64decode(right)
    # A body whose signature has a plus and a slash.
    bodies = (f'{{"a":{number}}}' for number in range(100))
    odd = next(body for body in bodies if {"+", "/"} <= set(signed(KEY, URL, body)))
    same = [
        ("as sent", KEY, URL, BODY),
        ("one byte", KEY, URL, "{"),
        ("white space", KEY, URL, " \n\t"),
        ("not JSON", KEY, URL, "id=1&type=order"),
        ("emoji and accents", KEY, URL, '{"name":"Café 😀"}'),
        ("escaped", KEY, URL, '{"name":"Caf\\u00e9","slash":"<\\/b>"}'),
        ("byte order mark", KEY, URL, "\ufeff{}"),
        ("null character", KEY, URL, '{"a":"\u0000"}'),
        ("line ends", KEY, URL, '{\r\n  "a": 1\r\n}\r\n'),
        ("long body", KEY, URL, '{"a":"' + "x" * 10_000 + '"}'),
        ("long key", "k" * 200, URL, BODY),
        ("key of one character", "k", URL, BODY),
        ("key with accents", "clé-secrète", URL, BODY),
        ("key like base64", "aHVzaA==", URL, BODY),
        ("query", KEY, f"{URL}?a=1&b=%20", BODY),
        ("port", KEY, "https://hooks.example.com:8443/square", BODY),
        ("address with accents", KEY, "https://hooks.example.com/é", BODY),
        ("part of the address in the body", KEY, "https://hooks.example.com", "/a" + BODY),
        ("that part in the address", KEY, "https://hooks.example.com/a", BODY),
    ]
    other = [
        ("other key", "other", URL, BODY, right),
        ("key with a space", f"{KEY}x ", URL, BODY, right),
        ("slash after the address", KEY, f"{URL}/", BODY, right),
        ("http", KEY, URL.replace("https", "http"), BODY, right),
        ("host in capitals", KEY, URL.replace("hooks", "HOOKS"), BODY, right),
        ("other endpoint", KEY, URL.replace("acme", "other"), BODY, right),
        ("written again", KEY, URL, json.dumps(json.loads(BODY)), right),
        ("line feed at the end", KEY, URL, BODY + "\n", right),
        ("empty body", KEY, URL, "", signed(KEY, URL, "")),
        ("without the address", KEY, URL, BODY, signed(KEY, "", BODY)),
        ("address after the body", KEY, URL, BODY, signed(KEY, BODY, URL)),
        ("SHA-1", KEY, URL, BODY, signed(KEY, URL, BODY, "sha1")),
        ("SHA-512", KEY, URL, BODY, signed(KEY, URL, BODY, "sha512")),
        ("empty signature", KEY, URL, BODY, ""),
        ("small letters", KEY, URL, BODY, right.lower()),
        ("without padding", KEY, URL, BODY, right.rstrip("=")),
        ("more padding", KEY, URL, BODY, right + "="),
        ("hex", KEY, URL, BODY, raw.hex()),
        ("of the hex", KEY, URL, BODY, base64.b64encode(raw.hex().encode()).decode()),
        ("URL-safe", KEY, URL, odd, signed(KEY, URL, odd).replace("+", "-").replace("/", "_")),
        ("twice", KEY, URL, BODY, f"{right},{right}"),
        ("named", KEY, URL, BODY, f"sha256={right}"),
        ("last bits", KEY, URL, BODY, right[:-2] + chr(ord(right[-2]) + 1) + "="),
        ("cut", KEY, URL, BODY, right[:20]),
        ("zeros", KEY, URL, BODY, base64.b64encode(bytes(32)).decode()),
        ("of another body", KEY, URL, BODY, signed(KEY, URL, BODY + " ")),
    ]
    return [(name, key, url, body, signed(key, url, body)) for name, key, url, body in same] + other


def main() -> None:
    """Lets Square's library decide, and writes the file."""
    from square.utils.webhooks_helper import verify_signature

    written = [
        {
            "name": name,
            "key": key,
            "url": url,
            "body": body,
            "signature": signature,
            "accepted": verify_signature(
                request_body=body, signature_header=signature, signature_key=key, notification_url=url
            ),
        }
        for name, key, url, body, signature in cases()
    ]
    FILE.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
