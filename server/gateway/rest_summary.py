"""REST for the summary of a conversation that a language model writes for the agent who takes it over."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from server.gateway.rest_desk import Ports, visible
from server.gateway.rest_safety import CHANGE
from server.gateway.upstream import UpstreamError
from server.storage.store import Conversation, Message
from server.texts import render

Json = dict[str, Any]
router = APIRouter(prefix="/api/conversations")
MAX_LINES = 60
MAX_LINE = 2000
"""The last lines of a conversation, and characters of each: what the model service takes."""
_SPEAKERS = frozenset({"customer", "bot", "agent"})


class Summarised(BaseModel):
    """The language of the agent's page."""

    language: Literal["zh", "en"]


@router.post("/{conversation}/summary", dependencies=CHANGE)
async def summary(given: Ports, state: Annotated[Conversation, Depends(visible)], asked: Summarised) -> Json:
    """``sentences``, with number (``seq``) and words (``quote``) of the message that each rests on, and ``model``.

    ``refused`` says why the model's words are not shown: nothing of them stands in the conversation. 404 where no
    language model writes summaries, 503 where it does not answer.
    """
    if not given.summarises:
        raise HTTPException(404, "not_configured: summaries need a language model; set [understanding] summaries")
    everything = await given.casework.conversations.store.messages(state.id)
    said = [one for one in everything if one.text and one.role in _SPEAKERS][-MAX_LINES:]
    if not said:
        return {"refused": "empty"}
    try:
        found = await given.upstream.summarise([_line(one, asked.language) for one in said], asked.language)
    except UpstreamError as error:
        raise HTTPException(503, f"the summary does not come: {error.code}") from error
    if "refused" in found:
        return {"refused": str(found["refused"])}
    sentences = [
        {"text": str(one["text"]), "seq": said[int(one["source"])].seq, "quote": str(one["quote"])}
        for one in found["sentences"]
    ]
    return {"sentences": sentences, "model": str(found.get("model", ""))}


def _line(message: Message, language: str) -> str:
    return f"{render(f'summary.{message.role}', {}, language)}: {message.text}"[:MAX_LINE]
