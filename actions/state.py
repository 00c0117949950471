"""What a conversation remembers between turns: the slot ``dialogue``, plain JSON.

The gateway stores it after each turn and sends it with the next one. When an agent gives a conversation back, the
gateway passes the slots through `after_handback` first, so that the bot goes on with what it knows and not with what it
was asking.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

VERSION = 1
MAX_STACK = 3
"""Interrupted tasks that are kept; the oldest is forgotten first."""

Json = dict[str, Any]


@dataclass(slots=True)
class Task:
    """Something the customer wants done: a skill, what is known for it so far, and whether it was begun."""

    skill: str
    args: Json = field(default_factory=dict)
    begun: bool = True


@dataclass(slots=True)
class Expect:
    """The question that is open.

    ``kind`` says how an answer is read (`actions.reading`); ``token`` identifies the question's content, so that an old
    button cannot confirm a new question; ``misses`` counts answers that were not understood; ``options`` are the
    offered choices, each ``{"value": …, "words": [texts that mean it]}``; ``data`` is what acting on the answer needs.
    """

    kind: str
    token: str = ""
    misses: int = 0
    options: list[Json] = field(default_factory=list)
    data: Json = field(default_factory=dict)

    @property
    def soft(self) -> bool:
        """Whether this is an offer that may be passed over, and not a question that a task waits for."""
        return self.kind in SOFT


SOFT = frozenset({"offer", "resume", "clarify", "person", "outage"})


@dataclass(slots=True)
class State:
    """The dialogue state. Identification stays for the whole conversation, verification for a while.

    ``solved`` is the last diagnosis that ended well, ``{"intent", "args", "diagnosis"}``: its trouble may come back.
    ``area`` is where the customer is, ``{"values", "text", "raw"}``, empty where they could not say; ``outages`` are
    the notices that were told, ``outage`` what the last one was given in place of, ``{"ids", "intent", "args"}``.
    """

    task: Task | None = None
    stack: list[Task] = field(default_factory=list)
    expect: Expect | None = None
    customer: str | None = None
    line: str | None = None
    verified_until: str | None = None
    verification: Json | None = None
    last_account: Task | None = None
    payment: str | None = None
    solved: Json | None = None
    clarify: int = 0
    complaints: int = 0
    greeted: bool = False
    area: Json | None = None
    outages: list[int] = field(default_factory=list)
    outage: Json | None = None
    language: str = "zh"
    last: list[Json] = field(default_factory=list)

    @property
    def awaiting(self) -> bool:
        """Whether a question of the bot is open: Rasa's slot of that name."""
        return self.expect is not None

    def verified(self, now: datetime) -> bool:
        """Whether the customer proved at most a while ago who they are."""
        return self.verified_until is not None and datetime.fromisoformat(self.verified_until) > now

    def to_json(self) -> Json:
        """The state as JSON values; `from_json` reads it back."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, value: Any) -> State:
        """Read a state; whatever is not a state of this version (nothing, damage, an older form) is a new one."""
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return cls()
        if not isinstance(value, Mapping) or value.get("version") != VERSION:
            return cls()
        fields = {name: value[name] for name in cls.__slots__ if name in value}
        try:
            fields["task"] = _task(fields.get("task"))
            fields["last_account"] = _task(fields.get("last_account"))
            fields["stack"] = [Task(**item) for item in fields.get("stack") or []]
            fields["expect"] = Expect(**fields["expect"]) if fields.get("expect") else None
            return cls(**fields)
        except TypeError:
            return cls()

    def suspend_task(self) -> None:
        """Put the current task aside, to be offered again later."""
        if self.task is not None:
            task = self.task
            kept = [other for other in self.stack if other.skill != task.skill]
            self.stack = [*kept, task][-MAX_STACK:]
        self.task = None
        self.expect = None

    def forget_customer(self) -> None:
        """Forget who the customer is, and with it that they proved it."""
        self.customer = self.line = self.verified_until = self.verification = self.payment = None

    def after_handback(self) -> State:
        """The state to go on with after an agent: customer, line and verification stay, the open question goes."""
        return replace(
            self,
            task=None,
            stack=[],
            expect=None,
            verification=None,
            last_account=None,
            solved=None,
            clarify=0,
            complaints=0,
            last=[],
        )


def after_handback(slots: Mapping[str, Any]) -> Json:
    """The slots to store when an agent gives a conversation back: nothing is asked, no diagnosis is running."""
    state = State.from_json(slots.get("dialogue")).after_handback()
    return {**slots, "awaiting": False, "dialogue": state.to_json(), "diagnosis": None}


def resumed(slots: Mapping[str, Any], before: Mapping[str, Any]) -> Json | None:
    """The slots to go on with where a hand-over interrupted the bot; ``None`` where nothing was under way.

    ``before`` are the slots from before the turn that ended in the hand-over: the task or diagnosis and its open
    question come from there; who the customer is, and what was counted against the bot, do not.
    """
    now, then = State.from_json(slots.get("dialogue")), State.from_json(before.get("dialogue"))
    if then.task is None and not then.stack and not before.get("diagnosis"):
        return None
    state = replace(
        then,
        expect=replace(then.expect, misses=0) if then.expect is not None else None,
        customer=now.customer,
        line=now.line,
        verified_until=now.verified_until,
        verification=None,
        language=now.language,
        clarify=0,
        complaints=0,
    )
    return {
        **before,
        **{name: value for name, value in slots.items() if name not in {"awaiting", "dialogue", "diagnosis"}},
        "awaiting": state.awaiting,
        "dialogue": state.to_json(),
        "diagnosis": before.get("diagnosis"),
    }


def _task(value: Any) -> Task | None:
    return Task(**value) if value else None
