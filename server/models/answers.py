"""What the routes of the model service have in common."""

from __future__ import annotations

from typing import Final

from fastapi import Response
from fastapi.responses import JSONResponse

RETRY_AFTER_S: Final = "1"


def unavailable(why: str) -> Response:
    """503: it cannot be had now, and may be asked for again."""
    return JSONResponse({"error": why}, 503, headers={"Retry-After": RETRY_AFTER_S})
