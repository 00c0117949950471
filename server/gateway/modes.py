"""Who has a conversation: the state machine of its mode, without I/O.

``bot`` → ``waiting`` (escalate) → ``human`` (take) → ``bot`` (return) or ``closed`` (close); a waiting customer may go
back to the bot, an agent may release or transfer what they took, and reopen what was closed. To snooze changes nothing
here: the conversation stays with its agent.
"""

from typing import Literal

Mode = Literal["bot", "waiting", "human", "closed"]
Event = Literal["escalate", "take", "release", "return", "close", "transfer", "reopen"]

_NEXT: dict[tuple[str, Event], Mode] = {
    ("bot", "escalate"): "waiting",
    ("bot", "close"): "closed",
    ("waiting", "take"): "human",
    ("waiting", "return"): "bot",
    ("waiting", "close"): "closed",
    ("waiting", "transfer"): "waiting",
    ("human", "release"): "waiting",
    ("human", "transfer"): "waiting",
    ("human", "return"): "bot",
    ("human", "close"): "closed",
    ("closed", "reopen"): "human",
}


class NotPossibleError(Exception):
    """The event does not fit the conversation's mode; ``mode`` is the one it is in."""

    def __init__(self, mode: str, event: str) -> None:
        super().__init__(f"a conversation in mode '{mode}' cannot {event}")
        self.mode = mode


def next_mode(mode: str, event: Event) -> Mode:
    """The mode after ``event``.

    Raises:
        NotPossibleError: The event does not fit the mode.
    """
    try:
        return _NEXT[mode, event]
    except KeyError:
        raise NotPossibleError(mode, event) from None
