"""Secrets that people hold: a customer's conversation token, a staff session, a verified identity."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

CONVERSATION_LIFETIME = timedelta(days=30)
SESSION_LIFETIME = timedelta(hours=12)
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Signs and checks with one key (HMAC-SHA256, RFC 2104)."""

    key: bytes

    def conversation(self, conversation: str, now: datetime) -> str:
        """A token that opens one conversation until it expires."""
        expires = int((now + CONVERSATION_LIFETIME).timestamp())
        body = f"{_VERSION}.{conversation}.{expires}"
        return f"{body}.{self._sign(body)}"

    def opens(self, token: str, conversation: str, now: datetime) -> bool:
        """Whether the token is genuine, of this conversation, and has not expired."""
        parts = token.split(".")
        if len(parts) != 4 or parts[0] != _VERSION or not parts[2].isascii() or not parts[2].isdigit():
            return False
        body, _, signature = token.rpartition(".")
        if not _same(signature, self._sign(body)):
            return False
        return parts[1] == conversation and int(parts[2]) > now.timestamp()

    def identity(self, customer: str) -> str:
        """What an embedding site sends as ``identity.hmac`` for a customer that it has authenticated itself."""
        return hmac.new(self._derived("identity"), customer.encode(), hashlib.sha256).hexdigest()

    def is_identity(self, customer: str, signature: str) -> bool:
        """Whether the embedding site vouches for this customer."""
        return _same(signature, self.identity(customer))

    def identity_secret(self) -> str:
        """The key that an embedding site signs with, in hexadecimal."""
        return self._derived("identity").hex()

    def _sign(self, body: str) -> str:
        digest = hmac.new(self._derived("conversation"), body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _derived(self, purpose: str) -> bytes:
        return hmac.new(self.key, purpose.encode(), hashlib.sha256).digest()


def _same(given: str, expected: str) -> bool:
    # Bytes: compare_digest refuses text beyond ASCII, which a forger may send.
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def new_session() -> str:
    """A random session token; only its hash is stored."""
    return secrets.token_urlsafe(32)


def session_hash(token: str) -> str:
    """The stored form of a session token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
