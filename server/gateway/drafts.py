"""Who is writing an answer just now, so that two windows do not answer one customer at once.

Kept in memory; the drafts of other gateways come along as live events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

LOCKED_FOR = timedelta(seconds=15)
"""After the last change of a draft; a window that crashed must not hold a customer up."""
KEPT = 2000
"""Drafts; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody has written and not sent. ``window`` is the connection it is written in."""

    agent: str
    name: str
    window: int
    text: str
    at: datetime


class Drafts:
    """The drafts by conversation."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._drafts: dict[str, Draft] = {}

    def write(self, conversation: str, agent: str, name: str, window: int, text: str) -> None:
        """Keeps a draft; an empty text ends it."""
        self._drafts.pop(conversation, None)
        if text:
            self._drafts[conversation] = Draft(agent, name, window, text, self._clock())
        if len(self._drafts) > KEPT:
            del self._drafts[next(iter(self._drafts))]

    def get(self, conversation: str) -> Draft | None:
        """The draft of a conversation."""
        return self._drafts.get(conversation)

    def locked_by(self, conversation: str, window: int) -> Draft | None:
        """The draft of another window that is being written now."""
        draft = self._drafts.get(conversation)
        if draft is None or draft.window == window or self._clock() - draft.at > LOCKED_FOR:
            return None
        return draft

    def forget(self, conversation: str) -> None:
        """The conversation was answered or changed hands."""
        self._drafts.pop(conversation, None)

    def close(self, window: int) -> list[str]:
        """A window closed; returns the conversations whose drafts went with it."""
        gone = [conversation for conversation, draft in self._drafts.items() if draft.window == window]
        for conversation in gone:
            del self._drafts[conversation]
        return gone
