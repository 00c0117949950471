"""Starts and runs what an intent stands for, and keeps account of what was interrupted."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from actions import answers, reading, reads, talk, writes
from actions import messages as m
from actions.clarify import clarify, corrected_to, offer_candidates
from actions.context import Context, EscalationError, Question, Stopped
from actions.diagnosis import diagnose, guess_symptom
from actions.diagnosis_text import service_lost
from actions.state import Expect, Task
from actions.turn import Turn
from server.company import Definition

Skill = Callable[[Context], Awaitable[None]]

DIAGNOSE = "diagnose"
IDENTIFY = "identify"
_ABOUT_A_LINE = ("check_data_usage", "check_plan", "check_bill")
_EDITABLE = ("gb", "plan", "time", "order", "ticket", "place")
_PASSING = ("confirmed", "told")
"""Arguments that belong to one run and are not kept for a repetition."""


async def begin(c: Context, definition: Definition) -> None:
    """Do what an intent stands for.

    Raises:
        EscalationError: It stands for a person, or the company names a skill that does not exist.
    """
    match definition.do:
        case "say":
            answers.say(c, definition)
        case "answer":
            await answers.answer(c, definition)
        case "diagnose":
            await run(c, Task(DIAGNOSE, {"intent": definition.name}))
        case "handoff":
            raise EscalationError(definition.reason or "policy", f"escalate.{definition.reason or 'policy'}")
        case "skill":
            fault = _fault_meant(c, definition)
            await (begin(c, fault) if fault is not None else _skill(c, definition.skill or ""))


def _fault_meant(c: Context, definition: Definition) -> Definition | None:
    """The fault that is reported where only the word "lost" speaks for a request to suspend the line."""
    if definition.skill != "suspend_line" or c.turn.chosen or not service_lost(c.turn.text):
        return None
    ranked = (c.ports.intents.get(one.name) for one in c.turn.ranking)
    return next((one for one in ranked if one is not None and one.do == "diagnose"), None)


async def not_understood(c: Context) -> None:
    """Deal with a message that was not understood: a fault told in unusual words, else one clarifying question."""
    if await _outage_elsewhere(c):
        return
    found = await guess_symptom(c)
    if found is None:
        await clarify(c)
        return
    c.state.clarify = 0
    await run(c, Task(DIAGNOSE, found))


async def _outage_elsewhere(c: Context) -> bool:
    """Whether a message only names another place after one was looked up ("and Binjiang?"); it is looked up then."""
    if not any(message.get("key") in {"outage.found", "outage.none"} for message in c.state.last):
        return False
    args = collect(c.turn, "check_outage")
    if args:
        c.state.clarify = 0
        await run(c, Task("check_outage", args))
    return bool(args)


async def _skill(c: Context, name: str) -> None:
    if name in TASKS:
        await run(c, Task(name, collect(c.turn, name)))
    elif name == "inform":
        await _inform(c)
    elif name == "correct":
        await correct(c)
    elif name in talk.TALK:
        await talk.TALK[name](c)
    else:
        raise EscalationError("policy", "escalate.policy")


async def run(c: Context, task: Task) -> None:
    """Run a task until it is done or asks something; afterwards offer to go on with what it interrupted."""
    before = c.state.expect
    c.state.task, c.state.expect = task, None
    try:
        await TASKS[task.skill](c)
    except Question as question:
        if before is not None and (before.kind, before.token) == (question.expect.kind, question.expect.token):
            question.expect.misses = before.misses
        c.state.expect = question.expect
        c.messages.append(question.message)
        return
    except Stopped as stopped:
        c.offer(stopped.intent, stopped.key, **stopped.params)
    if task.skill in OF_A_LINE:
        c.state.last_account = _to_repeat(task)
    c.state.task = None
    offer_to_resume(c)


def offer_to_resume(c: Context) -> None:
    """Offer to go on with the task that was interrupted last, or to begin the one that was asked for besides."""
    if not c.state.stack:
        return
    waiting = c.state.stack[-1]
    yes = m.choice(m.press("affirm", question="resume"), "choice.resume")
    no = m.choice(m.press("deny", question="resume"), "choice.no_resume")
    c.say("resume.offer" if waiting.begun else "resume.next", choices=[yes, no], task=label_of(c, waiting))
    c.offered = Expect("resume", token="resume")  # noqa: S106 (names a question)


def label_of(c: Context, task: Task) -> dict[str, str]:
    """What the company calls a task."""
    for definition in c.ports.intents.values():
        if definition.name == task.args.get("intent") or (definition.skill == task.skill and definition.do == "skill"):
            return dict(definition.label.items())
    return {"zh": "", "en": ""}


def collect(turn: Turn, skill: str) -> dict[str, Any]:
    """What a message says about a task besides asking for it."""
    volume = reading.volume_gb(turn, bare=False)
    found: dict[str, Any] = {
        "phone": reading.told_number(turn) if skill in OF_A_LINE else None,
        "plan": turn.entity("plan") if skill == "change_plan" else None,
        "plan_gb": volume if skill == "change_plan" else None,
        "gb": volume if skill == "buy_data" else None,
        "order": reading.reference(turn, "order_number") if skill == "order_status" else None,
        "ticket": reading.reference(turn, "ticket_number") if skill == "ticket_status" else None,
        "place": reading.place(turn) if skill == "check_outage" else None,
        "time": reading.visit_time(turn) if skill == "book_technician" else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def absorb(c: Context, task: Task) -> bool:
    """Take over what a message says about a running task; whether that changed anything."""
    found = collect(c.turn, task.skill)
    if "time" in found:
        found["time"] = {**(task.args.get("time") or {}), **found["time"]}
    changed = any(task.args.get(name) != value for name, value in found.items())
    if changed:
        task.args.update(found)
        task.args.pop("confirmed", None)
    return changed


async def correct(c: Context) -> None:
    """Put right what was said before: a new value, the other number, or the last detail once more."""
    task = c.state.task or (_to_repeat(c.state.last_account) if c.state.last_account else None)
    if task is not None:
        task.args.pop("confirmed", None)
        if absorb(c, task):
            await run(c, task)
            return
    meant = corrected_to(c, task.skill if task is not None else None)
    if meant:
        c.state.task = c.state.expect = None
        offer_candidates(c, meant)
    elif task is not None:
        await _correct_detail(c, task)
    elif c.turn.entities:
        await _inform(c)
    else:
        c.say("correct.what", choices=c.suggestions())


async def _correct_detail(c: Context, task: Task) -> None:
    editable = next((name for name in _EDITABLE if name in task.args), None)
    if task.skill in OF_A_LINE and (editable is None or reading.means_number(c.turn)):
        await _other_line(c, task)
        return
    if editable is not None:
        del task.args[editable]
    await run(c, task)


async def _other_line(c: Context, task: Task) -> None:
    """Repeat a task for another line of the customer, or for another number altogether."""
    if c.state.customer is None:
        await run(c, task)
        return
    customer = await c.accounts.get_customer(c.state.customer)
    found = [await c.accounts.get_line(line) for line in customer.lines]
    named = reading.ending(c.turn, [line.phone for line in found])
    others = [line for line in found if line.phone == named] or [line for line in found if line.id != c.state.line]
    c.state.task = task
    if len(others) == 1:
        c.state.line = others[0].id
        await run(c, task)
        return
    question = c.which_line(others) if others else c.ask("phone", "ask.phone_other")
    c.state.line = None
    if not others:
        c.state.forget_customer()
    c.state.expect = question.expect
    c.messages.append(question.message)


async def _inform(c: Context) -> None:
    """A bare detail without a question: do what it most likely is for."""
    turn = c.turn
    order = turn.entity("order_number")
    if order is not None:
        await run(c, Task("order_status", {"order": order.upper()}))
        return
    if turn.entity("ticket_number") is not None:
        await run(c, Task("ticket_status", collect(turn, "ticket_status")))
        return
    number = reading.phone_number(turn)
    repeated = _to_repeat(c.state.last_account) if c.state.last_account else Task(IDENTIFY)
    if number is not None:
        repeated.args["phone"] = number
        await run(c, repeated)
    elif c.state.customer is not None and await _names_own_line(c):
        await run(c, repeated)
    elif turn.entity("plan") is not None:
        await run(c, Task("list_plans"))
    else:
        await not_understood(c)


async def _names_own_line(c: Context) -> bool:
    """Whether a message such as "and 0107?" means another line of the customer; if so, that is the line from now on."""
    customer = await c.accounts.get_customer(c.state.customer or "")
    found = [await c.accounts.get_line(line) for line in customer.lines]
    named = reading.ending(c.turn, [line.phone for line in found])
    for line in found:
        if line.phone == named:
            c.state.line = line.id
            return True
    return False


async def _identify(c: Context) -> None:
    """Note who is speaking and offer what is mostly wanted."""
    line = await c.need_line()
    wanted = [one for one in c.ports.intents.values() if one.skill in _ABOUT_A_LINE]
    c.say("identify.done", choices=[c.button(one) for one in wanted], number=m.phone(line.phone))


async def _diagnose(c: Context) -> None:
    definition = c.ports.intents.get(str(c.args.get("intent")))
    if definition is None:
        raise EscalationError("policy", "escalate.policy")
    await diagnose(c, definition)


def _to_repeat(task: Task) -> Task:
    args = {name: copy.deepcopy(value) for name, value in task.args.items() if name not in _PASSING}
    return Task(task.skill, args)


TASKS: dict[str, Skill] = {
    "check_data_usage": reads.check_data_usage,
    "check_plan": reads.check_plan,
    "check_bill": reads.check_bill,
    "list_plans": reads.list_plans,
    "order_status": reads.order_status,
    "ticket_status": reads.ticket_status,
    "check_outage": reads.check_outage,
    "pay_bill": writes.pay_bill,
    "change_plan": writes.change_plan,
    "buy_data": writes.buy_data,
    "enable_roaming": writes.enable_roaming,
    "disable_roaming": writes.disable_roaming,
    "suspend_line": writes.suspend_line,
    "resume_line": writes.resume_line,
    "book_technician": writes.book_technician,
    IDENTIFY: _identify,
    DIAGNOSE: _diagnose,
}

OF_A_LINE = frozenset(TASKS) - {"list_plans", "order_status", "check_outage", DIAGNOSE}
"""Tasks about a customer's line, which a correction of the number repeats for the other number."""
