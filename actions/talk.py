"""Skills that steer the conversation and need no account: greetings, thanks, repeating, starting over, complaints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from actions import messages as m
from actions import reading
from actions.context import Context, EscalationError
from actions.state import Expect, State

COMPLAINTS_BEFORE_A_PERSON = 2
REPLIES = frozenset({"inform", "affirm", "deny", "unsure", "correct", "complain"})
"""Skills whose messages answer what was said, and ask for nothing new."""


async def greet(c: Context) -> None:
    """Say hello and, the first time, what can be done here."""
    if c.state.greeted:
        c.say("talk.hello_again", choices=c.suggestions())
    else:
        c.say("talk.hello", choices=c.suggestions())
    c.state.greeted = True


async def capabilities(c: Context) -> None:
    """Say what can be done here."""
    c.state.greeted = True
    c.say("talk.capabilities", choices=c.suggestions())


async def goodbye(c: Context) -> None:
    """Say goodbye; what was open is dropped."""
    c.state.task = None
    c.state.stack = []
    c.say("talk.goodbye")


async def thanks(c: Context) -> None:
    """Answer thanks."""
    c.say("talk.welcome")


async def affirm(c: Context) -> None:
    """A yes without a question."""
    c.say("talk.go_on")


async def deny(c: Context) -> None:
    """A no without a question, mostly the answer to "anything else?"."""
    c.say("talk.fine")


async def unsure(c: Context) -> None:
    """Not sure, without a question."""
    c.say("talk.unsure", choices=[*c.suggestions()])


async def cancel(c: Context) -> None:
    """Drop what is going on."""
    if c.state.task is None and not c.state.stack:
        c.say("talk.nothing_to_cancel")
        return
    c.state.task = None
    c.state.stack = []
    c.say("talk.cancelled")


async def repeat(c: Context) -> None:
    """Send the last messages again."""
    if c.state.last:
        c.messages.extend(dict(message) for message in c.state.last)
    else:
        c.say("talk.nothing_to_repeat")


async def start_over(c: Context) -> None:
    """Forget everything, also who the customer is."""
    fresh = State(language=c.state.language, greeted=True)
    for name in State.__slots__:
        setattr(c.state, name, getattr(fresh, name))
    c.diagnosis = None
    c.say("talk.started_over", choices=c.suggestions())


async def complain(c: Context) -> None:
    """Acknowledge a complaint once and offer a person; bring one in the second time or when it is serious."""
    c.state.complaints += 1
    if c.state.complaints >= COMPLAINTS_BEFORE_A_PERSON or reading.strongly_upset(c.turn):
        raise EscalationError("upset_customer", "escalate.upset_customer")
    yes = m.choice(m.press("affirm", question="person"), "choice.person")
    no = m.choice(m.press("deny", question="person"), "choice.go_on")
    c.say("talk.sorry", choices=[yes, no])
    c.offered = Expect("person", token="person", data={"reason": "upset_customer"})  # noqa: S106 (names a question)


TALK: dict[str, Callable[[Context], Awaitable[None]]] = {
    "greet": greet,
    "capabilities": capabilities,
    "goodbye": goodbye,
    "thanks": thanks,
    "affirm": affirm,
    "deny": deny,
    "unsure": unsure,
    "cancel": cancel,
    "repeat": repeat,
    "start_over": start_over,
    "complain": complain,
}
