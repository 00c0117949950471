"""Known outages in the dialogue: who is concerned gets the notice at once, in place of a diagnosis.

The notices come with the turn (`Ports.outages`), so that an action server keeps none. What a conversation was told is
in its state: a notice is given once, and afterwards the diagnosis goes its way.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actions import messages as m
from actions.accounts import AccountsError
from actions.context import Context
from actions.diagnosis_graph import Version
from actions.messages import Choice, Message
from actions.state import Expect
from server.company import Definition
from server.outages import Present, Where, spoken_of

BUTTON = "outage"
"""The entity of the button with which a customer asks for a look in spite of a notice."""
_ABOUT_HERE = frozenset({"check_outage", "inform", "correct", "book_technician"})
"""Skills in whose messages a place is where the customer is; elsewhere it may be where they travel."""
_ANSWERS = frozenset({"deny", "inform", "unsure", "correct", "cancel"})
_LOOK = re.compile(
    r"不是(?:这|我)|不一样|没关系|别的(?:问题|原因)|照样|还是(?:查|看)|(?:查|看)(?:一下|看|查)|排查|检查|"
    r"\banyway\b|\bnot (?:that|my|the same|it)\b|\b(?:look|check) (?:at )?(?:my|it|the)\b|\bsomething else\b",
    re.IGNORECASE,
)
_LONGEST_TEXT = 200


def note_area(c: Context) -> None:
    """Keep where the customer is, as far as this message says so."""
    turn, definition = c.turn, c.definition
    asked = c.state.expect is not None and c.state.expect.kind == "place"
    here = definition is None or definition.do == "diagnose" or definition.skill in _ABOUT_HERE
    if turn.chosen or not (asked or here):
        return
    values = [one.value for one in turn.entities if one.kind == "place"]
    if values or asked or spoken_of(c.ports.outages, turn.text):
        first = next((one.raw for one in turn.entities if one.kind == "place" and one.raw), turn.text)
        c.state.area = {"values": values, "text": turn.text[:_LONGEST_TEXT], "raw": first[:_LONGEST_TEXT]}


async def instead(c: Context, definition: Definition, symptoms: Sequence[str], version: Version | None) -> bool:
    """Give the notices that a trouble is concerned by, if there are any; whether they were given.

    Args:
        c: The turn, with the task that is about to diagnose.
        definition: The intent of the trouble.
        symptoms: What it may be; a notice has to be about each of them.
        version: The graph that knows the symptoms.

    Raises:
        Question: The customer has to say first where they are.
    """
    about = [one for one in c.ports.outages if _about(c, one, definition, symptoms, version)]
    if not about:
        return False
    where = await _where(c)
    if where is None and not all(one.reaches(None) for one in about):
        if c.args.pop("no_place", False):
            c.state.area = {}
        elif c.state.area is None:
            unsure = m.choice(m.press("unsure"), "diagnosis.unsure")
            raise c.ask("place", "outage.ask_area", choices=[unsure])
    given = [one for one in about if one.reaches(where)]
    if not given:
        return False
    c.state.outage = {"ids": [one.id for one in given], "intent": definition.name, "args": copy.deepcopy(c.args)}
    for one in given:
        c.messages.append(_notice(c, one, definition.name))
    c.messages[-1] = {**c.messages[-1], "choices": [look_button(definition.name, given[-1].id), c.person()]}
    c.offered = Expect(BUTTON, data={"intent": definition.name})
    return True


def in_between(c: Context, definition: Definition, symptom: str, version: Version) -> None:
    """Tell of notices that have come while a diagnosis is under way, before its next step."""
    where = _said(c)
    for one in c.ports.outages:
        if _about(c, one, definition, [symptom], version) and one.reaches(where):
            c.messages.append(_notice(c, one, definition.name))


def resumed(c: Context) -> dict[str, Any]:
    """What was known when a notice was given in place of a diagnosis, for the diagnosis that follows after all."""
    pressed, before = c.turn.entity(BUTTON), c.state.outage
    if before is None or pressed is None or pressed not in {str(one) for one in before["ids"]}:
        return {}
    return dict(before["args"])


def wants_a_look(c: Context) -> bool:
    """Whether an answer to a notice asks for a look at the customer's own line."""
    definition = c.definition
    talk = definition is None or definition.do == "diagnose" or definition.skill in _ANSWERS
    return talk and not c.turn.chosen and bool(_LOOK.search(c.turn.text))


def known_in(c: Context, place: dict[str, str]) -> list[Message]:
    """Every notice for a place, whatever it is about, as lines for "is there an outage?"."""
    where = Where(values=(place["value"],), text=f"{place['raw']} {c.turn.text}"[:_LONGEST_TEXT])
    found = [one for one in c.ports.outages if one.reaches(where)]
    for one in found:
        if one.id not in c.state.outages:
            c.state.outages.append(one.id)
    return [_notice(c, one, "") for one in found]


def look_button(intent: str, notice: int) -> Choice:
    """The button with which the diagnosis starts after all."""
    return m.choice(m.press(intent, **{BUTTON: str(notice)}), "outage.look")


def _about(c: Context, one: Present, definition: Definition, symptoms: Sequence[str], version: Version | None) -> bool:
    """Whether a notice is about a trouble, and was not told of yet. Danger is never put off with a notice."""
    if one.id in c.state.outages:
        return False
    nodes = version.knowledge.graph.symptoms if version is not None else {}
    known = [(name, nodes[name]) for name in symptoms if name in nodes]
    if not known:
        return one.concerns(definition.name)
    return all(not node.safety and one.concerns(definition.name, name, node.product) for name, node in known)


def _said(c: Context) -> Where | None:
    if c.state.area:
        return Where.model_validate(c.state.area)
    place = c.args.get("place")
    return None if place is None else Where(values=(place["value"],), text=place["raw"])


async def _where(c: Context) -> Where | None:
    """Where the customer is: what they said, else what the company's records say of who they are."""
    said = _said(c)
    if said is not None or c.state.customer is None:
        return said
    try:
        area = (await c.accounts.get_customer(c.state.customer)).area
    except AccountsError:
        return None  # the customer can be asked
    return Where(text=area) if area else None


def _notice(c: Context, one: Present, intent: str) -> Message:
    """The notice as a message; `outages` tells the gateway who was told of what."""
    if one.id not in c.state.outages:
        c.state.outages.append(one.id)
    zone = c.turn.now.tzinfo
    until = m.text("outage.no_end")
    if one.expected_end is not None:
        late = datetime.fromisoformat(one.expected_end) <= c.turn.now
        until = m.text("outage.late") if late else m.text("outage.until", end=m.moment(one.expected_end, zone))
    message = m.message("outage.notice", title=dict(one.title), text=dict(one.text), until=until)
    return {**message, "outages": [{"id": one.id, "intent": intent}]}
