"""How a request of the console is refused: a code for programs, a sentence in both languages for people."""

from __future__ import annotations

import logging
from typing import Any, Final

import orjson
from fastapi import Request, Response
from sqlalchemy.exc import OperationalError

from server.texts import render

Json = dict[str, Any]
logger = logging.getLogger(__name__)

STATUS: Final = {
    "unknown": 404, "changed": 409, "moved": 409, "problems": 409, "cases": 409, "conflict": 409, "too_many": 409,
    "not_configured": 409, "unusable": 422, "storage": 503, "away": 503,
}  # fmt: skip


class Refusal(Exception):  # noqa: N818 (an answer to a request, not a fault of the program)
    """A request that is not carried out; nothing has been changed.

    Args:
        code: One of `STATUS`.
        key: Its sentence in the message catalogues; the ``table`` may be left out.
        params: What the sentence names.
        more: Further fields of the answer.
    """

    table = "graph"

    def __init__(self, code: str, key: str, params: Json | None = None, **more: Any) -> None:
        super().__init__(key)
        self.code = code
        name = key if "." in key else f"{self.table}.{key}"
        self.text = {language: render(name, params, language) for language in ("zh", "en")}
        self.more = more

    def as_json(self) -> Json:
        """The answer's body."""
        return {"code": self.code, "detail": self.text["en"], "text": self.text, **self.more}


class LibraryRefusal(Refusal):
    """A request about the help articles that is not carried out."""

    table = "library"


class DocumentRefusal(Refusal):
    """A document that cannot be read."""

    table = "document"


async def refuse(_request: Request, error: Exception) -> Response:
    """The answer to a refused request."""
    assert isinstance(error, Refusal)
    return Response(orjson.dumps(error.as_json()), status_code=STATUS[error.code], media_type="application/json")


async def refuse_storage(request: Request, error: Exception) -> Response:
    """The answer where the database takes no changes: a full disk, a lost connection."""
    assert isinstance(error, OperationalError)
    logger.error("the database refused %s %s: %s", request.method, request.url.path, type(error.orig).__name__)
    return await refuse(request, Refusal("storage", "storage"))
