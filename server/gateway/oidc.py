"""The company's own sign-in: OpenID Connect, authorization code with PKCE (OpenID Connect Core 1.0; RFC 7636).

Nothing is kept between the two requests of a sign-in but a signed cookie in the browser that began it: any gateway
can end what another one began.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from server.settings_sign_in import SignIn

Json = dict[str, Any]
CALLBACK: Final = "/api/session/oidc/callback"
BEGUN_FOR_S: Final = 600
"""How long somebody may take at the provider's page."""
DEADLINE_S: Final = 10.0
# Signatures with the provider's private key only: what is signed with a shared secret, or not at all, is refused.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
_KEY_KINDS = {"RSA", "EC"}
_LEEWAY_S = 60
_MAX_BYTES = 1 << 20
_REREAD_S = 3600.0
_KEYS_AGAIN_S = 10.0
_ROLES = ("admin", "supervisor", "agent")
_NO_USERNAME = re.compile(r"[^A-Za-z0-9._-]+")


class SignInError(Exception):
    """A sign-in that comes to nothing: ``reason`` is for the person, the message for the log."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the cookie that it takes along."""

    address: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. ``subject`` never changes; ``username`` and ``name`` may."""

    issuer: str
    subject: str
    username: str
    name: str
    role: str


class Oidc:
    """One provider. ``key`` signs the cookie; ``clock`` gives the time that tokens are judged by."""

    def __init__(self, settings: SignIn, *, public_url: str, key: bytes, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._redirect = public_url + CALLBACK
        self._home = public_url
        self._key = hmac.new(key, b"oidc", hashlib.sha256).digest()
        self._clock = clock
        # A proxy that leads out does not lead back to this machine.
        loopback = urlsplit(settings.issuer).scheme == "http"
        self._http = httpx.AsyncClient(timeout=DEADLINE_S, trust_env=not loopback)
        self._lock = asyncio.Lock()
        self._metadata: Json = {}
        self._keys = KeySet([])
        self._read_at = self._keys_at = -_REREAD_S

    @property
    def name(self) -> str:
        """What the login page calls the company's accounts; empty: its own words."""
        return self._settings.name

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.aclose()

    async def begin(self, to: str) -> Begun:
        """Where a sign-in begins; ``to`` comes back from `opened` when it ends.

        Raises:
            SignInError: The provider does not answer.
        """
        metadata = await self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        until = int(self._clock().timestamp()) + BEGUN_FOR_S
        begun = {"state": state, "nonce": nonce, "verifier": verifier, "to": to, "until": until}
        return Begun(_with_query(str(metadata["authorization_endpoint"]), query), self._sealed(begun))

    def opened(self, cookie: str, state: str) -> Json:
        """What `begin` put into the cookie.

        Raises:
            SignInError: The cookie is not ours, not of this sign-in, or too old.
        """
        body, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._signature(body).encode()):
            raise SignInError("expired", "the cookie of the sign-in is missing or not ours")
        begun: Json = orjson.loads(base64.urlsafe_b64decode(body))
        if not hmac.compare_digest(state.encode(errors="replace"), begun["state"].encode()):
            raise SignInError("expired", "the answer belongs to another sign-in")
        if begun["until"] < self._clock().timestamp():
            raise SignInError("expired", "the sign-in took too long")
        return begun

    async def identity(self, code: str, begun: Json) -> Identity:
        """Whom the code stands for.

        Raises:
            SignInError: The provider refuses the code, its token does not hold, or gives no role here.
        """
        answer = await self._exchanged(code, begun["verifier"])
        claims = await self._checked(answer.get("id_token"), begun["nonce"])
        role = self._role(claims)
        if role is None:
            raise SignInError("no_role", f"no value of the claim '{self._settings.role_claim}' is one of [oidc] roles")
        subject = str(claims["sub"])
        wanted = claims.get(self._settings.username_claim) or claims.get("email") or ""
        username = _NO_USERNAME.sub("-", str(wanted)).strip("-.")[:64]
        username = username or "user-" + hashlib.sha256(subject.encode()).hexdigest()[:12]
        name = "".join(one for one in str(claims.get("name") or "") if one.isprintable())
        return Identity(self._settings.issuer, subject, username, " ".join(name.split())[:100] or username, role)

    async def end_address(self) -> str | None:
        """Where a browser ends its session at the provider too (RP-Initiated Logout 1.0); None where it cannot."""
        try:
            end = (await self._discovered()).get("end_session_endpoint")
        except SignInError:
            return None
        if not isinstance(end, str) or not self._is_secure(end):
            return None
        return _with_query(
            end, {"client_id": self._settings.client_id, "post_logout_redirect_uri": f"{self._home}/desk"}
        )

    # ------------------------------------------------------------------ the provider

    async def _discovered(self) -> Json:
        async with self._lock:
            if self._metadata and time.monotonic() - self._read_at < _REREAD_S:
                return self._metadata
            issuer = self._settings.issuer
            found = await self._json("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise SignInError("failed", f"the provider calls itself {found.get('issuer')!r} and not {issuer!r}")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not isinstance(found.get(name), str) or not self._is_secure(found[name]):
                    raise SignInError("failed", f"the provider gives no https:// address as {name}")
            self._metadata, self._read_at = found, time.monotonic()
            return found

    async def _fetch_keys(self) -> None:
        async with self._lock:
            if time.monotonic() - self._keys_at < _KEYS_AGAIN_S:
                return
            given = (await self._json("GET", self._metadata["jwks_uri"])).get("keys")
            usable = [
                one
                for one in given or ()
                if isinstance(one, dict) and one.get("kty") in _KEY_KINDS and one.get("use", "sig") == "sig"
            ]
            try:
                self._keys = KeySet.import_key_set({"keys": usable})
            except (JoseError, ValueError, KeyError) as error:
                raise SignInError("failed", f"the provider's keys cannot be read: {error}") from error
            self._keys_at = time.monotonic()

    async def _exchanged(self, code: str, verifier: str) -> Json:
        metadata = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": verifier,
            "client_id": self._settings.client_id,
        }
        secret = self._settings.client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        auth: httpx.BasicAuth | None = None
        if secret is not None and "client_secret_basic" in methods:
            # Both are form-encoded before they are joined (RFC 6749, section 2.3.1).
            name, word = (urlencode({"": one})[1:] for one in (self._settings.client_id, secret.get_secret_value()))
            auth = httpx.BasicAuth(name, word)
        elif secret is not None:
            form["client_secret"] = secret.get_secret_value()
        return await self._json("POST", metadata["token_endpoint"], data=form, auth=auth)

    async def _json(self, method: str, address: str, **more: Any) -> Json:
        where = urlsplit(address).path
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._http.stream(method, address, headers={"Accept": "application/json"}, **more) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _MAX_BYTES:
                        raise SignInError("failed", f"the provider's answer to {where} is too long")
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise SignInError("failed", f"the provider does not answer at {where}: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            raise SignInError("failed", f"the provider answers {answer.status_code} at {where}")
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise SignInError("failed", f"the provider's answer to {where} is no JSON object")
        return found

    def _is_secure(self, address: str) -> bool:
        return address.startswith("https://") or urlsplit(self._settings.issuer).scheme == "http"

    # ------------------------------------------------------------------ the token

    async def _checked(self, token: Any, nonce: str) -> Json:
        """The claims of an ID token that holds (OpenID Connect Core 1.0, section 3.1.3.7)."""
        if not isinstance(token, str):
            raise SignInError("failed", "the provider gave no id_token")
        claims = await self._signed(token)
        now = int(self._clock().timestamp())
        registry = jwt.JWTClaimsRegistry(
            now=now,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInError("failed", f"the id_token does not hold: {error}") from error
        if not all(isinstance(claims[name], str) for name in ("iss", "nonce", "sub")):
            raise SignInError("failed", "the id_token does not hold: iss, nonce and sub are texts")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._settings.client_id) != self._settings.client_id:
            raise SignInError("failed", "the id_token does not hold: it was made for another application")
        return claims

    async def _signed(self, token: str) -> Json:
        for again in (False, True):
            if again or not self._keys.keys:
                await self._fetch_keys()
            try:
                return dict(jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError, TypeError) as error:
                # A key that is not known may be a new one.
                if again:
                    raise SignInError("failed", f"the id_token does not hold: {error}") from error
        raise AssertionError("unreachable")

    def _role(self, claims: Json) -> str | None:
        """The highest role that the claim gives; a dot leads into a claim that is an object."""
        found: Any = claims.get(self._settings.role_claim)
        if found is None:
            found = claims
            for part in self._settings.role_claim.split("."):
                found = found.get(part) if isinstance(found, dict) else None
        values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        given = {self._settings.roles[one] for one in values if isinstance(one, str) and one in self._settings.roles}
        return next((role for role in _ROLES if role in given), None)

    # ------------------------------------------------------------------ the cookie

    def _sealed(self, begun: Json) -> str:
        body = base64.urlsafe_b64encode(orjson.dumps(begun)).decode()
        return f"{body}.{self._signature(body)}"

    def _signature(self, body: str) -> str:
        return hmac.new(self._key, body.encode(errors="replace"), hashlib.sha256).hexdigest()


def _with_query(address: str, query: dict[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"
