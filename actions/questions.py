"""Answers to an open question that a task waits for, and everything else that a customer may say instead."""

from __future__ import annotations

from typing import Any

from actions import answers, diagnosis_answers, reading, talk, tasks
from actions import messages as m
from actions.accounts import ConflictError, NotAllowedError, NotFoundError
from actions.context import Context, EscalationError, Question
from actions.state import Expect, Task
from server.company import Definition

MISSES_BEFORE_OFFER = 2
MISSES_BEFORE_PERSON = 3
_LEFT_OUT = frozenset({"phone", "place", "line"})
"""What a diagnosis can do without."""
_ASIDES = frozenset({"greet", "thanks", "capabilities"})
_SHORTEST_QUESTION = 6
"""Characters: what is shorter is an answer that was not understood, and not a question to search for."""


async def answer_question(c: Context, expect: Expect) -> None:
    """Deal with a message while a question is open."""
    if diagnosis_answers.is_open(expect):
        await _answer_diagnosis(c, expect)
        return
    given = reading.answer(expect, c.turn)
    if given is None and _task(c).skill == tasks.DIAGNOSE and await _told_to_diagnosis(c, expect):
        return
    if given is not None and given.exact:
        await _take(c, expect, given.value)
    elif c.turn.entity("question") is not None or c.turn.entity("choice") is not None:
        await _pressed(c, expect)
    elif expect.kind == "otp" and reading.wants_new_code(c.turn):
        await _resend(c)
    elif _says_yes(c) and expect.kind == "confirm":
        await _take(c, expect, True)
    elif c.definition is None:
        await _not_understood(c, expect, given)
    elif given is not None and c.definition.skill in {"inform", _task(c).skill}:
        await _take(c, expect, given.value)
    else:
        await _something_else(c, expect, c.definition)


async def _answer_diagnosis(c: Context, expect: Expect) -> None:
    """A message while a diagnosis waits: it is for the diagnosis, or it is as any other request in between."""
    if await diagnosis_answers.answered(c, expect):
        await tasks.run(c, _task(c))
        return
    skill = c.definition.skill if c.definition is not None else None
    if skill == "cancel" or diagnosis_answers.wants_to_stop(c):
        diagnosis_answers.forget(c)
        tasks.offer_to_resume(c)
    elif c.definition is None or skill in {"affirm", "deny", "inform", "correct", "unsure"}:
        diagnosis_answers.unclear(c)
        await tasks.run(c, _task(c))
    elif skill == "repeat":
        await _ask_again(c)
    else:
        await _something_else(c, expect, c.definition)


async def _told_to_diagnosis(c: Context, expect: Expect) -> bool:
    """What a customer says to a diagnosis instead of giving a detail of the account: a refusal, why, or facts."""
    if c.turn.chosen or (c.definition is not None and c.definition.do == "handoff"):
        return False
    if expect.kind in _LEFT_OUT and diagnosis_answers.refuses(c):
        return await _declined_in_diagnosis(c, expect)
    if diagnosis_answers.asks_why(c):
        await _ask_again(c)
        return True
    if diagnosis_answers.overheard(c):
        await tasks.run(c, _task(c))
        return True
    return False


async def _something_else(c: Context, expect: Expect, definition: Definition) -> None:
    """An understood message that is no answer to the question."""
    match definition.skill:
        case "start_over" | "goodbye":
            c.state.task = c.state.expect = None
            await talk.TALK[definition.skill](c)
        case "cancel":
            await _cancel(c, expect)
        case "deny":
            await _denied(c, expect)
        case "repeat":
            await tasks.run(c, _task(c))
        case "unsure":
            await _unsure(c, expect)
        case "correct":
            await tasks.correct(c)
        case "affirm" | "inform":
            await _absorb_or_miss(c, expect)
        case "complain":
            await talk.complain(c)
            c.offered = None
            await _ask_again(c)
        case skill if skill in _ASIDES:
            await talk.TALK[str(skill)](c)
            await _ask_again(c)
        case skill if skill == _task(c).skill:
            await _absorb_or_miss(c, expect)
        case _:
            await _digress(c, definition)


async def _digress(c: Context, definition: Definition) -> None:
    """Another request: short answers come in between, another task puts this one aside."""
    if definition.do in {"say", "answer"}:
        await tasks.begin(c, definition)
        c.offered = None
        await _ask_again(c)
        return
    if definition.do in {"skill", "diagnose"}:
        c.state.suspend_task()
    await tasks.begin(c, definition)


async def _take(c: Context, expect: Expect, value: Any) -> None:
    """Fill in an answer and go on; being asked the very same again means that it did not fit."""
    task = _task(c)
    match expect.kind:
        case "otp":
            await _check_code(c, str(value))
            return
        case "confirm":
            task.args["confirmed"] = expect.token
        case "amount":
            task.args["gb"] = float(value)
        case "time":
            day, part = str(value).split() if isinstance(value, str) else (None, None)
            said = value if isinstance(value, dict) else {"day": day, "part": part}
            task.args["time"] = {**(task.args.get("time") or {}), **said}
        case kind:
            task.args[kind] = value
    await tasks.run(c, task)
    after = c.state.expect
    if after is not None and (after.kind, after.token) == (expect.kind, expect.token):
        _count_miss(c, expect)


async def _check_code(c: Context, code: str) -> None:
    task, verification = _task(c), c.state.verification
    if verification is None or code == "resend":
        await _resend(c)
        return
    try:
        checked = await c.accounts.check_one_time_code(verification["id"], code)
    except (ConflictError, NotFoundError):
        c.state.verification = None
        await c.send_code()
        _reopen(c, c.ask_code("otp.expired"))
        return
    if checked.verified:
        c.mark_verified()
        await tasks.run(c, task)
    elif checked.attempts_left > 0:
        _reopen(c, c.ask_code("otp.wrong", left=checked.attempts_left))
    else:
        c.state.verification = None
        raise EscalationError("repeated_failure", "otp.used_up")


async def _resend(c: Context) -> None:
    try:
        await c.send_code()
    except NotAllowedError:
        raise EscalationError("repeated_failure", "otp.too_many") from None
    _reopen(c, c.ask_code("otp.resent"))


async def _pressed(c: Context, expect: Expect) -> None:
    """A button: the open question's own yes or no, the offer of a person, or a button of an earlier message."""
    token, yes = c.turn.entity("question"), c.turn.intent == "affirm"
    if token == "person" and yes:  # noqa: S105 (names a question)
        raise EscalationError("upset_customer", "escalate.upset_customer")
    if token == expect.token and expect.kind == "confirm":
        if yes:
            await _take(c, expect, True)
        else:
            await _denied(c, expect)
        return
    if token != "person":  # noqa: S105
        c.say("talk.old_button")
    await _ask_again(c)


async def _denied(c: Context, expect: Expect) -> None:
    """A no: with another value it is a correction, otherwise nothing is done."""
    if tasks.absorb(c, _task(c)):
        await tasks.run(c, _task(c))
    else:
        await _cancel(c, expect)


async def _declined_in_diagnosis(c: Context, expect: Expect | None) -> bool:
    """Whether a no was for a diagnosis, which goes on without what it asked for."""
    if expect is None or _task(c).skill != tasks.DIAGNOSE or diagnosis_answers.is_open(expect):
        return False
    diagnosis_answers.declined(c, expect)
    await tasks.run(c, _task(c))
    return True


async def _cancel(c: Context, expect: Expect | None) -> None:
    """Drop the task that asked; what it had interrupted is offered again."""
    if await _declined_in_diagnosis(c, expect):
        return
    c.state.task = c.state.expect = None
    c.say("talk.cancelled")
    tasks.offer_to_resume(c)


async def _unsure(c: Context, expect: Expect) -> None:
    """Help with the question. Not knowing is fine, but not for ever."""
    if (expect.kind in _LEFT_OUT or expect.misses) and await _declined_in_diagnosis(c, expect):
        return
    if expect.misses + 1 >= MISSES_BEFORE_PERSON:
        raise EscalationError("repeated_failure", "escalate.repeated_failure")
    expect.misses += 1
    resend = [m.choice(m.press("inform", choice="resend"), "choice.resend")] if expect.kind == "otp" else []
    if expect.kind in {"plan", "line", "amount", "time", "confirm"}:
        c.say(f"unsure.{expect.kind}")
        await _ask_again(c)
    else:
        c.say(f"unsure.{expect.kind}", choices=[*resend, c.person()])


async def _absorb_or_miss(c: Context, expect: Expect) -> None:
    if tasks.absorb(c, _task(c)):
        await tasks.run(c, _task(c))
    else:
        await _miss(c, expect)


async def _not_understood(c: Context, expect: Expect, given: reading.Answer | None) -> None:
    if given is not None:
        await _take(c, expect, given.value)
    elif reading.no(c.turn):
        await _denied(c, expect)
    elif len(c.turn.text) >= _SHORTEST_QUESTION and await answers.offer_article(c):
        await _ask_again(c)
    else:
        await _absorb_or_miss(c, expect)


async def _miss(c: Context, expect: Expect) -> None:
    """An answer that was not understood: ask in other words, then offer a person, then bring one in."""
    if expect.misses and expect.kind in _LEFT_OUT and await _declined_in_diagnosis(c, expect):
        return
    if expect.misses + 1 >= MISSES_BEFORE_PERSON:
        raise EscalationError("repeated_failure", "escalate.repeated_failure")
    await _ask_again(c)
    _count_miss(c, expect)


def _count_miss(c: Context, expect: Expect) -> None:
    now = c.state.expect
    if now is None:
        return
    now.misses = expect.misses + 1
    if now.misses >= MISSES_BEFORE_PERSON:
        c.messages.clear()
        raise EscalationError("repeated_failure", "escalate.repeated_failure")
    if now.misses >= MISSES_BEFORE_OFFER:
        question = c.messages.pop()
        c.say("ask.stuck")
        c.messages.append({**question, "choices": [*question.get("choices", []), c.person()]})


async def _ask_again(c: Context) -> None:
    """Ask the open question once more, in other words."""
    c.again = True
    await tasks.run(c, _task(c))


def _reopen(c: Context, question: Question) -> None:
    c.state.expect = question.expect
    c.messages.append(question.message)


def _says_yes(c: Context) -> bool:
    return reading.yes(c.turn) or (c.definition is not None and c.definition.skill == "affirm")


def _task(c: Context) -> Task:
    assert c.state.task is not None
    return c.state.task
