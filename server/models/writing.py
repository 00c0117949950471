"""``POST /answer`` and ``POST /summary``: what a language model writes from passages and of conversations, checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from server.llm.helpers import MAX_LINES, MAX_PASSAGES, Refused
from server.llm.protocol import LlmError
from server.llm.writer import Writer
from server.models.answers import unavailable
from server.models.batching import Places
from server.settings_understanding import Understanding

log = logging.getLogger(__name__)
SUMMARY_DEADLINE_S: Final = 20.0
"""An agent reads something else meanwhile."""
MAX_MANNER: Final = 1_000
AT_ONCE: Final = 16  # those that wait for their turn included
_Part = Annotated[str, Field(min_length=1, max_length=4_000)]


class AnswerRequest(BaseModel):
    """A question, and the passages that it may be answered from, best first."""

    model_config = ConfigDict(extra="forbid")
    question: _Part
    language: Literal["zh", "en"]
    passages: Annotated[list[_Part], Field(min_length=1, max_length=MAX_PASSAGES)]
    manner: Annotated[str, Field(max_length=MAX_MANNER)] = ""
    """How to write it, instead of the usual way."""


class SummaryRequest(BaseModel):
    """The lines of a conversation, oldest first."""

    model_config = ConfigDict(extra="forbid")
    lines: Annotated[list[_Part], Field(min_length=1, max_length=MAX_LINES)]
    language: Literal["zh", "en"]


def add_writing(app: FastAPI, understanding: Understanding, writer: Callable[[], Writer | None]) -> None:
    """Adds both routes. 404 where they are not switched on; 503 with the cause where the model does not answer."""
    places = Places(AT_ONCE)

    async def write(wanted: bool, request: AnswerRequest | SummaryRequest) -> Response:
        if not wanted:
            return JSONResponse({"error": "not_configured"}, 404)
        writes = writer()
        if writes is None:
            return unavailable("unopened")
        try:
            with places.one():
                return JSONResponse({**await _written(writes, request, understanding), "model": writes.model})
        except LlmError as error:
            log.warning("nothing written: %s", error.cause)
            return unavailable(error.cause)

    @app.post("/answer")
    async def answer(body: AnswerRequest) -> Response:
        return await write(understanding.answers, body)

    @app.post("/summary")
    async def summary(body: SummaryRequest) -> Response:
        return await write(understanding.summaries, body)


async def _written(
    writer: Writer, asked: AnswerRequest | SummaryRequest, understanding: Understanding
) -> dict[str, Any]:
    if isinstance(asked, AnswerRequest):
        found = await writer.answer(
            asked.question, asked.passages, asked.language, understanding.writing_deadline_s, manner=asked.manner
        )
    else:
        found = await writer.summary(asked.lines, asked.language, SUMMARY_DEADLINE_S)
    if isinstance(found, Refused):
        return {"refused": found.reason}
    given = asked.passages if isinstance(asked, AnswerRequest) else asked.lines
    sentences = []
    for claim in found.claims:
        place = claim.citation
        quote = given[place.source][place.start : place.end]
        sentences.append({"text": claim.text, "source": place.source, "quote": quote})
    return {"text": found.text, "sentences": sentences, "dropped": found.dropped}
