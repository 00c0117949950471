"""Limits on what a request may bring, before anything reads it, and how one that does not fit is answered."""

import json
import re
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 256 * 1024
UPLOADS = "/api/uploads"
_LARGER = (
    (re.compile(r"/api/graph/import"), 8 * 1024 * 1024),
    (re.compile(r"/api/graph/drafts/[^/]+/operations"), 2 * 1024 * 1024),
    (re.compile(r"/api/library/documents"), 10 * 1024 * 1024),
    (re.compile(r"/api/library/(drafts|ask|articles/[^/]+/draft)"), 2 * 1024 * 1024),
)
"""Requests that may bring more, by their path."""
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Guard:
    """Refuses bodies that are too big, requests from too busy addresses, and changes that a foreign page starts."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        upload_bytes: int,
        allowed: Callable[[str], bool],
        embedding: Callable[[], Collection[str]],
    ) -> None:
        """``embedding`` gives the origins of the sites that may embed the chat now, whose customers send pictures."""
        self._app = app
        self._embedding = embedding
        self._upload_bytes = upload_bytes
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._limited(scope, receive, send)

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> JSONResponse | None:
        if scope["path"].startswith("/api/") and not self._allowed((scope.get("client") or ("?",))[0]):
            return JSONResponse(
                {"detail": "too many requests; please wait a moment"}, status_code=429, headers={"Retry-After": "1"}
            )
        if scope["method"] in _UNSAFE and self._foreign(scope, headers):
            return JSONResponse({"detail": "changes are made from our own pages"}, status_code=403)
        length = headers.get(b"content-length", "0")
        if not length.isdigit() or int(length) > self._limit(scope):
            return JSONResponse({"detail": _too_big(self._limit(scope))}, status_code=413)
        return None

    def _foreign(self, scope: Scope, headers: dict[bytes, str]) -> bool:
        origin = headers.get(b"origin")
        if origin is None or urlsplit(origin).netloc == headers.get(b"host"):
            return False
        # A customer's picture comes with the conversation's token; a cookie alone is not enough there.
        return not (scope["path"] == UPLOADS and origin.lower() in self._embedding())

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken, limit = 0, self._limit(scope)

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, _too_big(limit))
            return message

        async def truthful(message: Message) -> None:
            # Whoever reads the body may call what stopped it a fault of the request: the answer is ours in any case.
            if taken <= limit:
                await send(message)
            elif message["type"] == "http.response.start":
                await JSONResponse({"detail": _too_big(limit)}, status_code=413)(scope, receive, send)

        await self._app(scope, counted, truthful)

    def _limit(self, scope: Scope) -> int:
        path = scope["path"]
        if path == UPLOADS:
            return self._upload_bytes + 1
        return next((limit for shape, limit in _LARGER if shape.fullmatch(path)), MAX_BODY_BYTES)


def _too_big(limit: int) -> str:
    return f"a request has at most {limit} bytes"


async def explain(_request: Request, error: Exception) -> Response:
    """What does not fit a request, without repeating what was sent: it may be a password, or no text at all."""
    assert isinstance(error, RequestValidationError)
    faults = [
        {"loc": [str(part) for part in one["loc"]], "msg": one["msg"], "type": one["type"]} for one in error.errors()
    ]
    # ASCII only: names of fields come from the request and may hold half characters that no encoding takes.
    return Response(json.dumps({"detail": faults}), status_code=422, media_type="application/json")
