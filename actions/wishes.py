"""Several wishes in one message: what can be answered at once is, what needs a talk of its own comes one by one."""

from __future__ import annotations

from dataclasses import replace

from actions import tasks
from actions.context import Context
from actions.state import Task
from actions.turn import Turn
from server.company import Definition

Wanted = tuple[Definition, Turn]


async def begin_all(c: Context, main: Definition) -> None:
    """Do what the message asks for. A person comes first; then what needs no talk; the rest waits for its turn.

    Of the tasks the first begins now. The others are kept like interrupted ones, so that each is offered as soon as the
    one before it is done.
    """
    wanted = _wanted(c, main)
    person = next((one for one in wanted if one[0].do == "handoff"), None)
    if person is not None:
        await _begin(c, person)
        return
    waiting = [one for one in wanted if _task(one) is not None]
    for one in wanted:
        if one not in waiting:
            await _begin(c, one)
    if not waiting:
        return
    first, *later = waiting
    c.state.stack = [*c.state.stack, *(task for one in reversed(later) if (task := _task(one)) is not None)]
    await _begin(c, first)


def _wanted(c: Context, main: Definition) -> list[Wanted]:
    """Every wish with the part of the message that it is about, in the order of the message; small talk left out."""
    others: list[Wanted] = []
    for wish in c.turn.also:
        definition = c.ports.intents.get(wish.intent)
        if definition is not None and not _idle(definition) and definition.name != main.name:
            turn = replace(
                c.turn,
                intent=wish.intent,
                confidence=wish.confidence,
                text=wish.text,
                entities=wish.entities,
                also=(),
                new=None,
            )
            others.append((definition, turn))
    elsewhere = {entity for _, turn in others for entity in turn.entities}
    own = tuple(entity for entity in c.turn.entities if entity not in elsewhere)
    mine = replace(c.turn, entities=own, also=())
    if others and _idle(main):
        return others
    return [(main, mine), *others]


def _idle(definition: Definition) -> bool:
    """Whether an intent only accompanies a wish, such as a greeting."""
    return definition.group == "dialogue" and definition.do != "handoff"


def _task(one: Wanted) -> Task | None:
    definition, turn = one
    if definition.do == "diagnose":
        return Task(tasks.DIAGNOSE, {"intent": definition.name}, begun=False)
    skill = definition.skill or ""
    return Task(skill, tasks.collect(turn, skill), begun=False) if skill in tasks.TASKS else None


async def _begin(c: Context, one: Wanted) -> None:
    definition, c.turn = one
    await tasks.begin(c, definition)
