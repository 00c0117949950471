"""The dialogue core: one turn and the state before it in, messages and the state after it out.

`respond` does no I/O of its own; accounts and retrieval come in as ports. Everything a customer says ends in a
message: an understood request is carried out, an answer fills the open question, a request in the middle of a question
is answered before the question is asked again, and what cannot be understood leads to one clarifying question and then
to a person.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from actions import diagnosis, diagnosis_again, offers, outages, questions, tasks, wishes
from actions import messages as m
from actions.accounts import AccountsError
from actions.context import Context, EscalationError
from actions.messages import Message
from actions.ports import Ports
from actions.state import State
from actions.turn import Turn
from server.texts import catalogue


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a turn leads to. ``paused`` means that a person was asked for and the bot is silent from now on."""

    messages: list[Message]
    state: State
    paused: bool
    diagnosis: Any


async def respond(turn: Turn, state: State, ports: Ports, diagnosed: Any = None) -> Outcome:
    """Answer one customer message.

    Args:
        turn: The message with its parse.
        state: The state after the turn before; it is not changed.
        ports: Accounts, retrieval and the company's definitions.
        diagnosed: The diagnosis state after the turn before, JSON values.
    """
    c = Context(turn, copy.deepcopy(state), ports)
    c.diagnosis = diagnosed
    c.state.language = turn.locale
    outages.note_area(c)
    try:
        await _turn(c)
        if c.state.expect is None:
            c.state.expect = c.offered
    except EscalationError as escalation:
        _hand_off(c, escalation)
    except AccountsError:
        _hand_off(c, EscalationError("system_failure", "escalate.system_failure"))
    if not c.messages:
        c.say("talk.go_on")
    c.state.last = [{name: value for name, value in one.items() if name != "escalate"} for one in c.messages]
    if c.diagnosis is not None:
        # For a person whom the customer asks for between two turns, when no action is there to say how far it came.
        c.diagnosis = {**c.diagnosis, "report": diagnosis.so_far(c)}
    return Outcome(c.messages, c.state, c.paused, c.diagnosis)


async def _turn(c: Context) -> None:
    expect = c.state.expect
    if expect is None:
        await _without_question(c)
    elif expect.soft:
        await offers.answer_offer(c, expect)
    else:
        await questions.answer_question(c, expect)


async def _without_question(c: Context) -> None:
    if c.turn.entity("question") is not None or c.turn.entity("choice") is not None:
        c.say("talk.old_button")
        return
    if await diagnosis_again.came_back(c) or offers.article_did_not_help(c):
        return
    if c.definition is None:
        await tasks.not_understood(c)
        return
    c.state.clarify = 0
    if c.turn.also:
        await wishes.begin_all(c, c.definition)
        return
    await tasks.begin(c, c.definition)


def _hand_off(c: Context, escalation: EscalationError) -> None:
    """Ask for a person: the one place of the dialogue where that is done."""
    message = m.message(escalation.key, **escalation.params)
    c.report = c.report or diagnosis.so_far(c)
    message["escalate"] = {
        "reason": escalation.reason,
        "suggestion": catalogue(c.turn.locale)[f"suggest.{escalation.reason}"],
        "context": c.evidence(),
    }
    c.messages.append(message)
    c.state.task = c.state.expect = None
    c.diagnosis = None
    c.state.stack = []
    c.state.clarify = c.state.complaints = 0
    c.paused = True
