"""Puts routing to work: takes back what nobody answered, asks the next person, tells customers where they are.

One owned task, which wakes when something changed and once a second. It decides from a snapshot and acts in
transactions that look again, so that it never undoes what a person has just done.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from server.gateway.casework import Casework
from server.gateway.conversations import DESK, topic
from server.gateway.metrics import AGENTS, ESCALATIONS, LONGEST_WAIT
from server.gateway.presence import STATES
from server.gateway.routing import Case, Colleague, Promise, overdue, route
from server.storage.store import Escalation

Json = dict[str, Any]
logger = logging.getLogger(__name__)

EVERY_S = 1.0
AT_MOST_EVERY_S = 0.05
"""Changes come in bursts; one look serves all of a burst."""


class Dispatcher:
    """Owns the task that assigns."""

    def __init__(self, casework: Casework, leads: Callable[[], bool] = lambda: True) -> None:
        """``leads``: whether this gateway assigns; each one tells its own customers and desks."""
        self._casework = casework
        self._leads = leads
        self._conversations = casework.conversations
        self._floor = self._conversations.floor
        self._store = self._conversations.store
        self._task: asyncio.Task[None] | None = None
        self._told: dict[str, Json] = {}
        self._shown: list[Json] = []

    def start(self) -> None:
        """Begins to dispatch."""
        self._task = asyncio.create_task(self._run(), name="dispatch")

    async def close(self) -> None:
        """Stops, with the last receipts written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._conversations.receipts.write(self._store)

    async def _run(self) -> None:
        changed = self._conversations.changed
        while True:
            try:
                async with asyncio.timeout(EVERY_S):
                    await changed.wait()
            except TimeoutError:
                pass  # snoozes and offers run out by themselves
            changed.clear()
            try:
                await self.look()
                await self._conversations.receipts.write(self._store)
            except Exception:  # the next look may succeed; without one, nobody would be assigned ever again
                logger.exception("dispatching failed")
            await asyncio.sleep(AT_MOST_EVERY_S)

    async def look(self) -> None:
        """One look at the floor: what has run out, who is asked next, who is told what."""
        now = self._conversations.clock()
        opened = await self._floor.reads.open_escalations()
        leads = self._leads()
        if leads and await self._take_back(opened, now):
            opened = await self._floor.reads.open_escalations()
        people = await self._floor.colleagues(opened)
        if leads and await self._ask(opened, people, now):
            opened = await self._floor.reads.open_escalations()
            people = await self._floor.colleagues(opened)
        self._measure(opened, people, now)
        await self._tell_customers(opened, people)
        await self._tell_desk(opened)

    @staticmethod
    def _measure(opened: Sequence[Escalation], people: Mapping[str, Colleague], now: datetime) -> None:
        states = Counter(one.state for one in opened)
        for state in ("waiting", "assigned", "snoozed"):
            ESCALATIONS.labels(state=state).set(states[state])
        there = Counter(one.state for one in people.values())
        for presence in STATES:
            AGENTS.labels(state=presence).set(there[presence])
        oldest = min((one.since for one in opened if one.state == "waiting"), default=None)
        LONGEST_WAIT.set((now - datetime.fromisoformat(oldest)).total_seconds() if oldest else 0.0)

    async def _take_back(self, opened: Sequence[Escalation], now: datetime) -> bool:
        promises = [promise for one in opened if (promise := _promise(one)) is not None]
        if not promises:
            return False
        presence = self._floor.presence
        states, left = presence.states(), presence.left_at({promise.agent for promise in promises})
        done = [await self._casework.lapse(lapse) for lapse in overdue(promises, states, left, now, self._floor.policy)]
        return any(done)

    async def _ask(self, opened: Sequence[Escalation], people: Mapping[str, Colleague], now: datetime) -> bool:
        waiting = [one for one in opened if one.state == "waiting" and not one.assignee]
        if not waiting or not self._floor.presence.states():
            return False
        known = await self._floor.reads.served_by([one.account for one in waiting if one.account])
        cases = [_case(one, known.get(one.account or "")) for one in waiting]
        offers = route(cases, people.values(), now, self._floor.policy)
        done = [await self._casework.offer(offer.conversation, offer.agent) for offer in offers]
        return any(done)

    async def _tell_customers(self, opened: Sequence[Escalation], people: Mapping[str, Colleague]) -> None:
        """Sends every waiting customer who is connected what changed for them: place, wait, who is being asked."""
        hub = self._conversations.hub
        waiting = sorted(
            (one for one in opened if one.state == "waiting"), key=lambda one: (-one.priority, one.since, one.id)
        )
        before: dict[str | None, int] = {}
        told = {}
        for one in waiting:
            before[one.team] = before.get(one.team, 0) + 1
            if not hub.has_followers(topic(one.conversation)):
                continue
            frame = await self._floor.waiting_frame(one, position=before[one.team], people=people)
            told[one.conversation] = frame
            if self._told.get(one.conversation) != frame:
                hub.deliver(topic(one.conversation), frame)
        self._told = told

    async def _tell_desk(self, opened: Sequence[Escalation]) -> None:
        if not self._conversations.hub.has_followers(DESK):
            return
        shown = await self._floor.colleague_list(opened)
        if shown != self._shown:
            self._shown = shown
            self._conversations.hub.deliver(DESK, {"type": "presence", "agents": shown})


def _promise(one: Escalation) -> Promise | None:
    if one.state == "waiting" and one.assignee and one.offered:
        return Promise(one.conversation, one.assignee, "offered", datetime.fromisoformat(one.offered))
    if one.agent is None:
        return None
    if one.state == "snoozed" and one.snoozed_until:
        return Promise(one.conversation, one.agent, "snoozed", datetime.fromisoformat(one.snoozed_until))
    if one.state == "assigned" and one.taken:
        since = datetime.fromisoformat(max(one.taken, one.unanswered or ""))
        unanswered = one.unanswered is not None
        return Promise(
            one.conversation, one.agent, "held", since, answered=one.first_reply is not None, unanswered=unanswered
        )
    return None


def _case(one: Escalation, known_to: str | None) -> Case:
    return Case(
        conversation=one.conversation,
        priority=one.priority,
        since=datetime.fromisoformat(one.since),
        language=one.language,
        team=one.team,
        known_to=known_to,
        passed={agent: datetime.fromisoformat(at) for agent, at in one.passed.items()},
        order=one.id,
    )
