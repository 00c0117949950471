"""What talking leaves in a conversation: questions about what was heard, and how far replies were heard."""

from __future__ import annotations

import uuid
from typing import Any, Final

from sqlalchemy import select

from server.gateway.conversations import Conversations
from server.speech import names
from server.storage.store import Message
from server.storage.tables import messages
from server.texts import render

Json = dict[str, Any]
YES: Final = "/voice_yes"
NO: Final = "/voice_no"
HEARD: Final = "_heard"
"""Private field of a question: the text that a yes sends."""


async def bot_asks(
    conversations: Conversations, conversation: str, key: str, language: str, heard: Json | None
) -> None:
    """A message of the voice itself, outside a turn: a question about what was heard, a word about silence.

    While people have the conversation it is a notice, for the bot is silent then. ``heard``: the recognised text and
    its confidence, which a yes sends.
    """
    text = render(f"voice.{key}", {"heard": names.explained(heard["text"])} if heard else {}, language)
    extra: Json = {}
    if heard is not None:
        extra[HEARD] = heard
        extra["choices"] = [
            {"value": YES, "label": render("voice.yes", {}, language)},
            {"value": NO, "label": render("voice.no", {}, language)},
        ]
    async with conversations.store.write() as tx:
        state = await tx.lock(conversation)
        if state.mode == "closed" or (heard is not None and state.mode != "bot"):
            return
        told = await tx.add_message(conversation, "bot" if state.mode == "bot" else "system", text, extra=extra)
    conversations.publish_message(told)


async def declined(conversations: Conversations, conversation: str, client_id: str, label: str, language: str) -> int:
    """The customer pressed "no" on what was heard: kept as their message, which is no turn; then asked again."""
    async with conversations.store.write() as tx:
        state = await tx.lock(conversation)
        new, seq = await tx.claim(conversation, client_id, state.last_seq + 1)
        if not new:
            return state.last_seq if seq is None else seq
        said = await tx.add_message(conversation, "customer", label, extra={}, client_id=client_id)
    conversations.publish_message(said)
    await bot_asks(conversations, conversation, "again", language, None)
    return said.seq


async def hand_over(conversations: Conversations, conversation: str, language: str) -> None:
    """A person, because speech could not be understood."""
    text = render("escalate.speech_unclear", {}, language)
    async with conversations.store.write() as tx:
        state = await tx.lock(conversation)
        if state.mode != "bot":
            return
        told = await tx.add_message(conversation, "bot", text)
    conversations.publish_message(told)
    await conversations.ask_for_person(conversation, uuid.uuid4().hex, reason="speech_unclear")


async def keep_heard(conversations: Conversations, conversation: str, seq: int, text: str, ms: int) -> None:
    """An interrupted reply keeps what of it was heard, in its field ``heard``."""
    async with conversations.store.write() as tx:
        await tx.lock(conversation)
        at = (messages.c.conversation == conversation, messages.c.seq == seq)
        row = (await tx.execute(select(messages.c.extra, messages.c.role, messages.c.text).where(*at))).first()
        if row is None:
            return
        message = Message(conversation, seq, row.role, row.text, row.extra, None, tx.now)
        await tx.add_extra(message, {"heard": {"text": text, "ms": ms}})


def question_of(message: Message | None) -> Json | None:
    """What a message asks about, where it is a question about what was heard."""
    found = message.extra.get(HEARD) if message is not None and message.role == "bot" else None
    return found if isinstance(found, dict) else None
