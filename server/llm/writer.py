"""Answers and summaries by the language model: in its turn, within a deadline, counted by outcome."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

from server.llm import helpers
from server.llm.helpers import Grounded, Refused
from server.llm.masking import Finder, nothing
from server.llm.protocol import Chat, LlmError
from server.llm.room import Room
from server.nlu.language import Language

What = Literal["answer", "summary"]


class Writer:
    """Asks the model, checks what it says, and counts what became of it. Its coroutines belong to one event loop."""

    def __init__(
        self,
        chat: Chat,
        room: Room,
        *,
        registry: CollectorRegistry,
        find_personal: Finder = nothing,
        own: bool = False,
    ) -> None:
        """`room`: where turns at the model are had, shared with who else asks it; `own`: the chat is closed too."""
        self._chat = chat
        self._room = room
        self._find = find_personal
        self._own = own
        self._outcomes = Counter(
            "kefu_llm_writings",
            "Answers and summaries that the language model was to write, by outcome",
            ["what", "outcome"],
            registry=registry,
        )
        self._dropped = Counter(
            "kefu_llm_sentences_dropped",
            "Sentences that did not rest on what was given",
            ["what"],
            registry=registry,
        )
        self._seconds = Histogram(
            "kefu_llm_writing_seconds",
            "Time of one answer or summary, waiting included",
            ["what"],
            buckets=(0.25, 0.5, 1, 2, 4, 8, 16),
            registry=registry,
        )

    @property
    def model(self) -> str:
        """The model's name, for records."""
        return self._chat.model

    async def answer(
        self, question: str, passages: Sequence[str], language: Language, within_s: float, *, manner: str = ""
    ) -> Grounded | Refused:
        """An answer from passages, or why there is none. Raises `LlmError`."""
        return await self._counted(
            "answer",
            within_s,
            lambda left: helpers.answer(
                self._chat,
                question,
                passages,
                language,
                deadline_s=left,
                find_personal=self._find,
                manner=manner,
            ),
        )

    async def summary(self, lines: Sequence[str], language: Language, within_s: float) -> Grounded | Refused:
        """What a conversation is about, or why it cannot be said. Raises `LlmError`."""
        return await self._counted(
            "summary",
            within_s,
            lambda left: helpers.summary(self._chat, lines, language, deadline_s=left, find_personal=self._find),
        )

    async def close(self) -> None:
        """Free the model, where nobody else has it."""
        if self._own:
            await self._chat.close()

    async def _counted(
        self, what: What, within_s: float, write: Callable[[float], Awaitable[Grounded | Refused]]
    ) -> Grounded | Refused:
        began = time.monotonic()
        outcome = "cancelled"
        try:
            async with self._room.turn(within_s) as left:
                found = await write(left)
            outcome = found.reason if isinstance(found, Refused) else "written"
            if isinstance(found, Grounded):
                self._dropped.labels(what).inc(found.dropped)
            return found
        except LlmError as error:
            outcome = error.cause
            raise
        finally:
            self._outcomes.labels(what, outcome).inc()
            self._seconds.labels(what).observe(time.monotonic() - began)
