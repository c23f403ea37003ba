"""Access tokens of one shop: custom-app tokens, client-credentials tokens, and expiring offline tokens with refresh.

Expiring ones: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens.
A refresh hands out a new pair; the former pair stays good until the new one is first used, then it is retired:
https://shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

REFRESH_SECONDS = 90 * 86400
CLIENT_CREDENTIALS_SECONDS = 86399
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"


class TokenRefusedError(Exception):
    """A refused grant; the message is OAuth's `error`, then the reason."""

    def __init__(self, error: str, description: str) -> None:
        """Creates the error with OAuth's code."""
        super().__init__(f"{error}: {description}")
        self.error, self.description = error, description


@dataclass
class Pair:
    """An expiring access token and the refresh token that came with it."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: float
    refresh_expires_at: float


@dataclass
class Tokens:
    """Tokens of one shop."""

    prefix: str
    lifetime: float = 3600
    lasting: set[str] = field(default_factory=set)
    granted: dict[str, float] = field(default_factory=dict)
    current: Pair | None = None
    offered: list[Pair] = field(default_factory=list)
    grants: Counter[str] = field(default_factory=Counter)
    made: int = 0

    def opens(self, token: str) -> bool:
        """Returns whether a token is valid now. Using a refreshed one retires its predecessor."""
        at = time.monotonic()
        if token in self.lasting:
            return True
        if token in self.granted:
            return at < self.granted[token]
        self.adopt(next((pair for pair in self.offered if pair.access == token), None))
        return bool(self.current) and self.current.access == token and at < self.current.expires_at

    def adopt(self, pair: Pair | None) -> None:
        """Makes an offered pair the current one; the others are forgotten."""
        if pair:
            self.current, self.offered = pair, []

    def new(self, kind: str) -> str:
        """A new token."""
        self.made += 1
        return f"{kind}_{self.prefix}{self.made:04}"

    def new_pair(self) -> Pair:
        """A new pair, valid from now on."""
        at = time.monotonic()
        return Pair(self.new("shpat"), self.new("shprt"), at + self.lifetime, at + REFRESH_SECONDS)

    def install_custom(self, token: str | None) -> dict[str, Any]:
        """A custom app's token, which never expires."""
        token = token or self.new("shpat")
        self.lasting.add(token)
        return {"access_token": token}

    def install_expiring(self) -> dict[str, Any]:
        """A first pair; only one can be active, so it ends former ones."""
        self.current, self.offered = self.new_pair(), []
        return self.as_answer(self.current)

    def as_answer(self, pair: Pair) -> dict[str, Any]:
        """A pair as the token endpoint gives it."""
        return {
            "access_token": pair.access,
            "expires_in": int(self.lifetime),
            "refresh_token": pair.refresh,
            "refresh_token_expires_in": REFRESH_SECONDS,
        }

    def grant(self, form: dict[str, Any]) -> dict[str, Any]:
        """Answers the token endpoint; the client has been checked. Raises TokenRefusedError."""
        kind = form.get("grant_type")
        try:
            match kind:
                case "client_credentials":
                    answer = self.client_credentials()
                case "refresh_token":
                    answer = self.refresh(str(form.get("refresh_token")))
                case _ if kind == EXCHANGE:
                    answer = self.exchange(form)
                case _:
                    raise TokenRefusedError("unsupported_grant_type", f"no grant of type {kind}")
        except TokenRefusedError:
            self.grants["refused"] += 1
            raise
        self.grants["token_exchange" if kind == EXCHANGE else str(kind)] += 1
        return answer

    def client_credentials(self) -> dict[str, Any]:
        """A token for a day."""
        token = self.new("shpat")
        seconds = min(CLIENT_CREDENTIALS_SECONDS, self.lifetime) if self.lifetime < 3600 else CLIENT_CREDENTIALS_SECONDS
        self.granted[token] = time.monotonic() + seconds
        return {"access_token": token, "expires_in": int(seconds)}

    def refresh(self, token: str) -> dict[str, Any]:
        """A new pair for a refresh token: the current one, or one whose response was lost."""
        self.adopt(next((pair for pair in self.offered if pair.refresh == token), None))
        if not self.current or self.current.refresh != token or time.monotonic() >= self.current.refresh_expires_at:
            raise TokenRefusedError("invalid_grant", "This request requires an active refresh_token")
        pair = self.new_pair()
        self.offered.append(pair)
        return self.as_answer(pair)

    def exchange(self, form: dict[str, Any]) -> dict[str, Any]:
        """An expiring pair in exchange for a lasting token, which ends."""
        token = form.get("subject_token")
        if token not in self.lasting or form.get("subject_token_type") != OFFLINE or str(form.get("expiring")) != "1":
            raise TokenRefusedError("invalid_subject_token", "not an offline access token that can be exchanged")
        self.lasting.discard(token)
        return self.install_expiring()

    def expire(self) -> None:
        """Ends every expiring access token at once. Refresh tokens stay valid."""
        self.granted = dict.fromkeys(self.granted, 0.0)
        for pair in filter(None, [self.current, *self.offered]):
            pair.expires_at = 0.0

    def revoke(self) -> None:
        """Ends all tokens, as an uninstall does."""
        self.lasting.clear()
        self.granted.clear()
        self.current, self.offered = None, []
