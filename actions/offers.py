"""Answers to an offer: something that may be taken up, declined, or simply passed over by asking for something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from actions import diagnosis_again, outages, reading, talk, tasks
from actions.clarify import offer_person
from actions.context import Context, EscalationError
from actions.diagnosis_reading import goes_on
from actions.state import Expect, Task
from actions.turn import Entity

Reply = Literal["yes", "no", "unsure", "else"]


async def answer_offer(c: Context, expect: Expect) -> None:
    """Deal with a message while an offer is open."""
    c.state.expect = None
    if _is_old(c, expect):
        c.say("talk.old_button")
        c.state.expect = expect
        return
    if expect.kind == "clarify" and await _clarified(c, expect):
        return
    if expect.kind == "offer" and await _taken_up_with_a_detail(c, expect):
        return
    reply = _reply(c)
    if expect.kind == outages.BUTTON and outages.wants_a_look(c):
        reply = "no"
    if reply == "else":
        await _something_else(c)
        return
    match expect.kind:
        case "offer":
            await _offer(c, expect, reply)
        case "resume":
            await _resume(c, reply)
        case "clarify":
            offer_person(c, "low_confidence")
        case outages.BUTTON:
            await _outage(c, reply)
        case _:
            _person(c, expect, reply)


def article_did_not_help(c: Context) -> bool:
    """Whether a message says that the trouble is still there after an article; if so, a person is offered."""
    after_article = any(message.get("citations") for message in c.state.last)
    other = c.definition is not None and c.definition.skill not in talk.REPLIES
    if not after_article or other or c.turn.chosen or not goes_on(c.turn.text):
        return False
    offer_person(c, "low_confidence", "answer.not_helped")
    return True


async def _taken_up_with_a_detail(c: Context, expect: Expect) -> bool:
    """Whether a bare detail, such as "2GB" after the offer to add data, takes the offer up."""
    offered = c.ports.intents.get(str(expect.data.get("intent")))
    if offered is None or offered.skill not in tasks.TASKS or c.definition is None or c.definition.skill != "inform":
        return False
    details = tasks.collect(c.turn, offered.skill)
    if not details.keys() - {"phone"}:
        return False
    await tasks.run(c, Task(offered.skill, details))
    return True


async def _offer(c: Context, expect: Expect, reply: Reply) -> None:
    definition = c.ports.intents.get(str(expect.data.get("intent")))
    if reply == "yes" and definition is not None:
        await tasks.begin(c, definition)
    elif reply == "unsure":
        c.say("talk.unsure", choices=c.suggestions())
    else:
        c.say("talk.fine")


async def _resume(c: Context, reply: Reply) -> None:
    if not c.state.stack:
        c.say("talk.go_on")
        return
    task = c.state.stack.pop()
    if reply == "yes":
        await tasks.run(c, task)
    else:
        c.say("resume.dropped", task=tasks.label_of(c, task))


async def _outage(c: Context, reply: Reply) -> None:
    """After a notice: fine with it, or the diagnosis after all."""
    if reply == "yes" or c.state.outage is None:
        c.say("outage.fine", choices=[c.person()])
    else:
        await tasks.run(c, Task(tasks.DIAGNOSE, dict(c.state.outage["args"])))


def _person(c: Context, expect: Expect, reply: Reply) -> None:
    if reply == "yes":
        reason = str(expect.data.get("reason", "customer_asked"))
        raise EscalationError(reason, f"escalate.{reason}")
    c.say("clarify.go_on", choices=c.suggestions())


async def _something_else(c: Context) -> None:
    if await diagnosis_again.came_back(c):
        return
    if c.definition is None:
        await tasks.not_understood(c)
        return
    c.state.clarify = 0
    await tasks.begin(c, c.definition)


async def _clarified(c: Context, expect: Expect) -> bool:
    """Whether the message names one of the offered candidates; if so, it is carried out with what was said before."""
    names = [str(option["value"]) for option in expect.options]
    pressed = c.turn.intent in names and c.turn.confidence >= 1
    name: str | None = c.turn.intent if pressed else None
    if name is None and (c.definition is None or c.definition.skill == "inform"):
        name = reading.picked(c.turn, expect.options)
    if name is None and len(names) == 1 and _reply(c) == "yes":
        name = names[0]
    definition = c.ports.intents.get(name or "")
    if definition is None:
        return False
    said = tuple(Entity(**one) for one in expect.data.get("entities", []))
    c.turn = replace(
        c.turn, intent=definition.name, understood=True, text=str(expect.data.get("text") or c.turn.text), entities=said
    )
    c.state.clarify = 0
    await tasks.begin(c, definition)
    return True


def _reply(c: Context) -> Reply:
    skill = c.definition.skill if c.definition is not None else None
    if c.turn.entity("choice") == "none" or skill in {"deny", "cancel"} or (skill is None and reading.no(c.turn)):
        return "no"
    if skill == "affirm" or (skill is None and reading.yes(c.turn)):
        return "yes"
    return "unsure" if skill == "unsure" else "else"


def _is_old(c: Context, expect: Expect) -> bool:
    """Whether a button of an earlier question was pressed."""
    token, chosen = c.turn.entity("question"), c.turn.entity("choice")
    if token is not None:
        return token != expect.token
    known = {"none"} if expect.kind == "clarify" else set()
    return chosen is not None and chosen not in known
