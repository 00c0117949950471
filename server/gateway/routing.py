"""Who should be asked next: routing of waiting conversations to people, without I/O and without a clock of its own.

`route` says whom to offer which conversation, `overdue` which offers, promises and snoozes have run out,
`expected_wait_s` how long the customer at a place in the queue will wait. The gateway applies what they say in
transactions, so that a decision that was overtaken by a person's own changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

SAFETY = 3
"""The priority that interrupts: it may go to people who are busy, and one above their capacity."""

Presence = Literal["online", "busy", "away", "offline"]
Why = Literal["no_answer", "agent_offline", "agent_away", "time"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Times after which something is given to somebody else, in seconds."""

    offer_s: float = 45.0
    """An offered conversation is taken within this, or goes to the next person."""
    first_reply_s: float = 180.0
    """A taken conversation gets its first answer within this, or waits again."""
    offline_s: float = 30.0
    """Somebody whose desk is closed for longer is gone; a reload or a lost connection is not."""
    overflow_s: float = 60.0
    """After this, other teams and people who do not write the customer's language are asked too."""
    pause_s: float = 120.0
    """Who let an offer pass is not asked again for the same conversation before this."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody at a desk. ``teams`` empty: serves every team; ``languages`` empty: writes all of them."""

    name: str
    state: Presence
    capacity: int
    load: int
    teams: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    idle_since: datetime | None = None
    """When they were last given something; whoever waited longest comes first."""

    def serves(self, team: str | None) -> bool:
        """Whether the team's conversations are theirs."""
        return team is None or not self.teams or team in self.teams

    def writes(self, language: str) -> bool:
        """Whether they can answer in the language."""
        return not self.languages or language in self.languages


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation that waits for a person and is not offered to anybody now."""

    conversation: str
    priority: int
    since: datetime
    language: str = ""
    team: str | None = None
    known_to: str | None = None
    """Who served this customer last."""
    passed: Mapping[str, datetime] = field(default_factory=dict)
    """Who let it pass, and when."""
    order: int = 0
    """Decides between those that began to wait at the same moment."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A conversation is offered to somebody."""

    conversation: str
    agent: str


@dataclass(frozen=True, slots=True)
class Promise:
    """A conversation that somebody has been offered (``kind`` "offered"), has ("held") or put aside ("snoozed").

    ``since`` is when it was offered or taken, or until when it is snoozed. ``answered``: there was a first answer;
    ``unanswered``: the customer waits for one.
    """

    conversation: str
    agent: str
    kind: Literal["offered", "held", "snoozed"]
    since: datetime
    answered: bool = False
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Lapse:
    """A promise that has run out, and why."""

    conversation: str
    agent: str
    kind: Literal["offered", "held", "snoozed"]
    why: Why


def route(cases: Iterable[Case], colleagues: Iterable[Colleague], now: datetime, policy: Policy) -> list[Offer]:
    """Whom to offer which conversation now: the most urgent first, then the oldest; at most one person each.

    Raises:
        ValueError: Two colleagues have the same name.
    """
    there = {one.name: one for one in colleagues}
    offers = []
    for case in sorted(cases, key=lambda one: (-one.priority, one.since, one.order, one.conversation)):
        chosen = _choose(case, list(there.values()), now, policy)
        if chosen is None:
            continue
        offers.append(Offer(case.conversation, chosen.name))
        there[chosen.name] = replace(chosen, load=chosen.load + 1, idle_since=now)
    return offers


def _choose(case: Case, colleagues: Sequence[Colleague], now: datetime, policy: Policy) -> Colleague | None:
    pause = timedelta(seconds=policy.pause_s)
    willing = [one for one in colleagues if not ((at := case.passed.get(one.name)) and now < at + pause)]
    fitting = [one for one in willing if one.serves(case.team) and one.writes(case.language)]
    free = [one for one in fitting if has_room(one, case.priority)]
    # Those who fit but are full are waited for; where nobody who fits is there, waiting for them helps nobody.
    if not free and (
        not any(is_there(one) for one in fitting) or case.priority >= SAFETY or _overflows(case, now, policy)
    ):
        free = [one for one in willing if has_room(one, case.priority)]
    return min(free, key=lambda one: _rank(one, case, now), default=None)


def _overflows(case: Case, now: datetime, policy: Policy) -> bool:
    return now >= case.since + timedelta(seconds=policy.overflow_s)


def _rank(one: Colleague, case: Case, now: datetime) -> tuple[object, ...]:
    return (
        one.state != "online",
        one.name != case.known_to,
        not one.writes(case.language),
        not one.serves(case.team),
        # A specialist before somebody who serves everybody: the others stay free for what only they can take.
        not (case.team and case.team in one.teams),
        one.load / max(one.capacity, 1),
        one.idle_since or datetime.min.replace(tzinfo=now.tzinfo),
        one.name,
    )


def is_there(one: Colleague) -> bool:
    """Whether they take conversations by themselves, be they full just now or not."""
    return one.state == "online" and one.capacity > 0


def has_room(one: Colleague, priority: int) -> bool:
    """Whether one more conversation of this priority may be offered to them."""
    if priority >= SAFETY:
        return one.state in {"online", "busy"} and one.load <= one.capacity
    return one.state == "online" and one.load < one.capacity


def overdue(
    promises: Iterable[Promise],
    state_of: Mapping[str, Presence],
    left_at: Mapping[str, datetime],
    now: datetime,
    policy: Policy,
) -> list[Lapse]:
    """What has run out.

    Args:
        promises: Everything that somebody has been offered, has or put aside.
        state_of: Presence by agent; whoever is missing is offline.
        left_at: When those who are offline closed their last desk.
        now: The present.
        policy: The times.
    """
    lapses = []
    for one in promises:
        state = state_of.get(one.agent, "offline")
        gone = state == "offline" and now >= left_at.get(one.agent, now) + timedelta(seconds=policy.offline_s)
        why = _why(one, state, gone=gone, now=now, policy=policy)
        if why is not None:
            lapses.append(Lapse(one.conversation, one.agent, one.kind, why))
    return lapses


def _why(one: Promise, state: Presence, *, gone: bool, now: datetime, policy: Policy) -> Why | None:
    if one.kind == "snoozed":
        return "time" if now >= one.since else None
    if one.kind == "offered":
        if state == "away":
            return "agent_away"
        if gone:
            return "agent_offline"
        return "no_answer" if now >= one.since + timedelta(seconds=policy.offer_s) else None
    # What an agent has answered stays theirs until the customer writes again, also over a lunch break.
    if not one.unanswered:
        return None
    if gone:
        return "agent_offline"
    late = now >= one.since + timedelta(seconds=policy.first_reply_s)
    return "no_answer" if late and not one.answered else None


def expected_wait_s(
    position: int, colleagues: Iterable[Colleague], pick_up_s: float | None, service_s: float | None
) -> float | None:
    """Seconds until the customer at ``position`` (1 is next) is served; ``None`` where none can be said.

    Nothing can be said before something was measured, and while nobody is there.

    Those whom the free places serve wait for the pick-up alone. The others wait for places to become free, which ``c``
    places with a mean service time ``s`` do every ``s / c`` seconds (the departure rate of a system of ``c`` servers
    that are all busy).

    Args:
        position: Place in the queue.
        colleagues: Who is at a desk.
        pick_up_s: Mean time from being asked to taking it.
        service_s: Mean time from taking it to its end.
    """
    there = [one for one in colleagues if is_there(one)]
    places = sum(one.capacity for one in there)
    free = sum(max(0, one.capacity - one.load) for one in there)
    if not places or pick_up_s is None:
        return None
    if position <= free:
        return pick_up_s
    return None if service_s is None else pick_up_s + (position - free) * service_s / places
