"""The support floor as it is now: who is there with what, what customers in the queue are told, rows of the lists."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from server.company import Company
from server.gateway.presence import Presence
from server.gateway.routing import Colleague, Policy, expected_wait_s
from server.storage.desk import DeskReads
from server.storage.store import Conversation, Escalation, Staff, Store, iso
from server.texts import render, render_value

Json = dict[str, Any]
MEASURED_FOR = timedelta(seconds=5)
"""How long measured times are used before they are read again."""
_SECONDS_A_MINUTE = 60


class Floor:
    """Joins presence, accounts and open escalations."""

    def __init__(
        self,
        *,
        store: Store,
        company: Company,
        presence: Presence,
        clock: Callable[[], datetime],
    ) -> None:
        self.reads = DeskReads(store)
        self.presence = presence
        self.company = company
        self._store = store
        self._clock = clock
        self._times: tuple[datetime, tuple[float | None, float | None]] | None = None

    @property
    def policy(self) -> Policy:
        """The times after which something is given to somebody else, as the company has them now."""
        rules = self.company.desk
        return Policy(
            offer_s=rules.offer_s,
            first_reply_s=rules.first_reply_s,
            offline_s=rules.offline_s,
            overflow_s=rules.overflow_s,
        )

    def people_there(self) -> bool:
        """Whether somebody is at a desk, or ought to be by the opening hours."""
        return self.presence.anybody() or self.company.is_open(self._clock())

    async def colleagues(self, opened: Sequence[Escalation] | None = None) -> dict[str, Colleague]:
        """Everybody with an active account, by user name, with presence and load."""
        given = await self.reads.open_escalations() if opened is None else opened
        load: dict[str, int] = {}
        last: dict[str, str] = {}
        for one in given:
            holder = one.assignee if one.state == "waiting" else one.agent if one.state == "assigned" else None
            if holder:
                load[holder] = load.get(holder, 0) + 1
                last[holder] = max(last.get(holder, ""), one.taken or one.offered or "")
        return {
            person.username: self._colleague(person, load.get(person.username, 0), last.get(person.username))
            for person in await self._store.all_staff()
            if person.active
        }

    def _colleague(self, person: Staff, load: int, last: str | None) -> Colleague:
        return Colleague(
            name=person.username,
            state=self.presence.state(person.username),
            capacity=self.capacity(person),
            load=load,
            teams=frozenset(person.teams),
            languages=frozenset(person.languages),
            idle_since=datetime.fromisoformat(last) if last else None,
        )

    def capacity(self, person: Staff) -> int:
        """How many conversations the person has at a time."""
        return self.company.desk.capacity if person.capacity is None else person.capacity

    async def colleague_list(self, opened: Sequence[Escalation] | None = None) -> list[Json]:
        """The colleagues as the desk shows them, those who are there first."""
        people = await self.colleagues(opened)
        accounts = {person.username: person for person in await self._store.all_staff()}
        ordered = sorted(people.values(), key=lambda one: (one.state == "offline", one.name))
        return [
            {
                "agent": one.name,
                "name": accounts[one.name].name,
                "role": accounts[one.name].role,
                "state": one.state,
                "load": one.load,
                "capacity": one.capacity,
                "teams": sorted(one.teams),
                "languages": sorted(one.languages),
            }
            for one in ordered
        ]

    # ------------------------------------------------------------------ what customers are told

    async def waiting_frame(
        self, escalation: Escalation, *, position: int | None = None, people: Mapping[str, Colleague] | None = None
    ) -> Json:
        """The ``mode`` frame of a customer who waits: place, wait, who is being asked, when people are back."""
        place = await self.reads.queue_position(escalation) if position is None else position
        there = await self.colleagues() if people is None else people
        frame: Json = {"type": "mode", "mode": "waiting", "reason": escalation.reason, "position": place}
        wait = await self.expected_wait_s(place, there)
        if wait is not None:
            frame["wait_s"] = round(wait)
        if escalation.assignee:
            account = await self._store.staff(escalation.assignee)
            frame["agent"] = account.name if account else escalation.assignee
        frame.update(self._team(escalation.team, escalation.language))
        frame["open"] = self.people_there()
        opens = None if frame["open"] else self.company.opens_at(self._clock())
        if opens is not None:
            frame["opens_at"] = iso(opens)
        return frame

    async def human_frame(self, agent_name: str, escalation: Escalation | None) -> Json:
        """The ``mode`` frame of a customer who has somebody."""
        team = self._team(escalation.team, escalation.language) if escalation else {}
        return {"type": "mode", "mode": "human", "agent": agent_name, **team}

    def _team(self, team: str | None, language: str) -> Json:
        found = self.company.desk.team(team)
        return {"team": render_value(found.name, language)} if found else {}

    async def expected_wait_s(self, position: int, people: Mapping[str, Colleague]) -> float | None:
        """Seconds until the customer at this place is served, from the last measured times."""
        now = self._clock()
        if self._times is None or now - self._times[0] > MEASURED_FOR:
            self._times = (now, await self.reads.measured())
        pick_up, service = self._times[1]
        return expected_wait_s(position, people.values(), pick_up, service)

    async def connecting(self, escalation: Escalation, *, told: bool = False) -> str:
        """What is said when a conversation begins to wait: somebody comes, place and wait, or when people are back.

        ``told``: that somebody comes was said already. The place is the one that `queue_position` gives once the
        escalation is stored: among those who wait for the same team.
        """
        locale = escalation.language
        if not self.people_there():
            opens = self.company.opens_at(self._clock())
            if opens is None:
                return render("handoff.nobody_there", {}, locale)
            moment = {"$time": opens.isoformat(), "zone": self.company.timezone}
            return render("handoff.nobody_there_until", {"opens": moment}, locale)
        ahead = [
            one
            for one in await self.reads.open_escalations()
            if one.state == "waiting"
            and one.id != escalation.id
            and (one.team, one.priority >= escalation.priority) == (escalation.team, True)
        ]
        wait = await self.expected_wait_s(len(ahead) + 1, await self.colleagues())
        key = "handoff.place" if ahead else "handoff.next"
        params: Json = {"ahead": len(ahead)}
        if wait is not None:
            params["minutes"] = max(1, round(wait / _SECONDS_A_MINUTE))
            key += "_wait"
        first = render("handoff.meanwhile" if told else "handoff.connecting", {}, locale)
        place = render(key, params, locale)
        return _sentences(locale, *((place, first) if told else (first, place)))

    # ------------------------------------------------------------------ lists

    async def rows(self, found: Sequence[tuple[Escalation, Conversation]]) -> list[Json]:
        """Escalations as the lists show them."""
        ids = [state.id for _, state in found]
        said, unread = await self.reads.last_said(ids), await self.reads.unread(ids)
        names = {person.username: person.name for person in await self._store.all_staff()}
        rules = self.company.desk
        rows = []
        for escalation, state in found:
            last = said.get(state.id)
            topic = self.company.intents.get(escalation.topic or "")
            offered_until = _later(escalation.offered, rules.offer_s) if escalation.assignee else None
            rows.append(
                {
                    "id": escalation.id,
                    "conversation": state.id,
                    "state": escalation.state,
                    "mode": state.mode,
                    "reason": escalation.reason,
                    "priority": escalation.priority,
                    "language": escalation.language,
                    "since": escalation.since,
                    "due": self._due(escalation),
                    "unanswered": escalation.unanswered if escalation.state == "assigned" else None,
                    "agent": escalation.agent,
                    "agent_name": names.get(escalation.agent or "", escalation.agent),
                    "offered_to": escalation.assignee,
                    "offered_name": names.get(escalation.assignee or "", escalation.assignee),
                    "offered_until": offered_until,
                    "team": escalation.team,
                    "topic": escalation.topic,
                    "topic_label": topic.label if topic else None,
                    "summary": escalation.summary,
                    "customer": escalation.account,
                    "customer_name": customer_name(escalation, state),
                    "channel": state.channel,
                    "contact": bool(state.contact),
                    "last_text": last.text if last else "",
                    "last_role": last.role if last else None,
                    "last_at": last.at if last else state.updated,
                    "unread": unread.get(state.id, 0),
                    "snoozed_until": escalation.snoozed_until if escalation.state == "snoozed" else None,
                    "ended": escalation.ended,
                    "outcome": escalation.outcome,
                    "tags": escalation.tags,
                    "rating": rating_of(escalation),
                }
            )
        return rows

    def _due(self, escalation: Escalation) -> str | None:
        if escalation.state == "waiting":
            return _later(escalation.since, self.company.desk.pick_up_s)
        if escalation.state == "assigned" and escalation.unanswered:
            return _later(escalation.unanswered, self.company.desk.reply_s)
        return None


def rating_of(escalation: Escalation) -> Json | None:
    """The customer's verdict on a closed conversation."""
    if escalation.score is None and escalation.solved is None:
        return None
    return {"score": escalation.score, "solved": escalation.solved}


def customer_name(escalation: Escalation, state: Conversation) -> str | None:
    """What the customer calls themselves, where they said so."""
    for entity in reversed((escalation.context.get("parse") or {}).get("entities") or []):
        if entity.get("entity") == "person_name":
            return str(entity.get("value"))
    contact = state.contact or {}
    return contact.get("name")


def _later(moment: str | None, seconds: float) -> str | None:
    return None if moment is None else iso(datetime.fromisoformat(moment) + timedelta(seconds=seconds))


def _sentences(locale: str, *sentences: str) -> str:
    return ("" if locale == "zh" else " ").join(sentences)
