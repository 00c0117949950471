"""A small OpenID Connect provider over real HTTP on the loopback address: discovery, keys, consent, codes, tokens.

It signs with an RSA key of its own and checks what a provider checks: the client, the redirect address, PKCE, and that
a code is used once. ``claims`` says who is at the browser; ``spoil`` changes what it signs, to see it refused.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

Json = dict[str, Any]
CLIENT, SECRET = "kefu", "a secret: with a colon"


class Provider:
    """Runs in a thread from ``start`` to ``stop``."""

    def __init__(self, now: Callable[[], float], redirect: str) -> None:
        self.now, self.redirect = now, redirect
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.claims: Json = {"sub": "s-1", "preferred_username": "lin", "name": "Lin He", "roles": ["agent"]}
        self.spoil: Callable[[Json], Json] = lambda claims: claims
        self.sign: Callable[[Json], str] = self.signed
        self.consents = True
        self.codes: dict[str, Json] = {}
        self.refused: list[str] = []
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"

    def start(self) -> "Provider":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def signed(self, claims: Json) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def unsigned(self, claims: Json) -> str:
        header, body = (_b64(json.dumps(part).encode()) for part in ({"alg": "none", "typ": "JWT"}, claims))
        return f"{header}.{body}."

    def signed_with_what_everybody_knows(self, claims: Json) -> str:
        """The old trick: the public key as if it were a shared secret."""
        public = OctKey.import_key(self.key.as_pem(private=False))
        return jwt.encode({"alg": "HS256", "kid": self.key.kid}, claims, public)

    def signed_by_somebody_else(self, claims: Json) -> str:
        other = RSAKey.generate_key(2048, {"kid": self.key.kid})
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, other)

    # ---------------------------------------------------------------- what the handler asks

    def metadata(self) -> Json:
        at = self.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "end_session_endpoint": f"{at}/logout",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        fits = query["client_id"] == CLIENT and query["redirect_uri"] == self.redirect
        if not fits or query["response_type"] != "code" or query["code_challenge_method"] != "S256":
            self.refused.append("authorize")
            return f"{self.issuer}/error"
        if not self.consents:
            return f"{self.redirect}?{urlencode({'error': 'access_denied', 'state': query['state']})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(query)
        return f"{self.redirect}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> Json | None:
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = _b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        name, _, word = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or (unquote_plus(name), unquote_plus(word)) != (CLIENT, SECRET)
            or form.get("redirect_uri") != asked["redirect_uri"]
        ):
            self.refused.append("token")
            return None
        now = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        return {"token_type": "Bearer", "access_token": "x", "id_token": self.sign(self.spoil(claims | self.claims))}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        place, query = urlsplit(self.path), {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        match place.path.removeprefix("/realm"):
            case "/.well-known/openid-configuration":
                self._json(self.provider.metadata())
            case "/keys":
                self._json({"keys": [self.provider.key.as_dict(private=False) | {"use": "sig"}]})
            case "/authorize":
                self._send_to(self.provider.authorize(query))
            case "/logout":
                self._send_to(query["post_logout_redirect_uri"])
            case _:
                self._json({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        answer = self.provider.token(form, self.headers.get("Authorization", ""))
        self._json(answer or {"error": "invalid_grant"}, 200 if answer else 400)

    def _send_to(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, value: Json, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """The test's output is the test's."""


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
