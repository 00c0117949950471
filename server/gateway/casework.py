"""What people at the desk do with a conversation: one method an action, each one transaction, published when stored.

Every action carries an id that the desk made; the same id again is acknowledged again and done once. Each method
returns the number of the event that the acknowledgement names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.state import after_handback, resumed
from server.gateway.conversations import Conversations, desk_message, topic, wants_rating
from server.gateway.drafts import Drafts
from server.gateway.learning_items import note_message
from server.gateway.modes import NotPossibleError, next_mode
from server.gateway.routing import Lapse
from server.privacy import mask
from server.storage.store import Conversation, Escalation, Message, Staff, Tx, iso
from server.texts import render, render_value

Json = dict[str, Any]
MAX_SNOOZE = timedelta(days=30)
CONTINUE = "continue"
TAKEN_OVER, REOPENED = "taken_over", "reopened"
"""Reasons of escalations that people begin themselves."""


class RefusedError(Exception):
    """The action is refused; ``code`` is one of docs/frames.md, ``by`` the name of who stands in the way."""

    def __init__(self, code: str, detail: str, by: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.by = by


class TakenError(RefusedError):
    """Another agent has the conversation."""

    def __init__(self, by: str | None) -> None:
        super().__init__("taken", "somebody else has this conversation", by)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent writes. ``seen``: the last ``seq`` on their screen; ``force``: also where others are writing."""

    text: str
    image: Json | None = None
    seen: int | None = None
    force: bool = False


class Casework:
    """The actions of the desk over the shared conversations."""

    def __init__(self, conversations: Conversations) -> None:
        self.conversations = conversations
        self.drafts = Drafts(conversations.clock)
        self._store = conversations.store
        self._floor = conversations.floor
        self._company = conversations.company

    # ------------------------------------------------------------------ who has it

    async def take(self, conversation: str, client_id: str, who: Staff, *, over: bool = False) -> int:
        """Assigns the conversation to ``who``; exactly one of several who try gets it.

        ``over`` takes it from the bot, or, for those who lead, from a colleague.

        Raises:
            TakenError: Somebody has it.
            NotPossibleError: Nobody is waiting in it.
        """
        events = []
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new or (state.mode == "human" and state.agent == who.username):
                return await self._store.last_event()
            if state.mode == "human":
                if not (over and who.leads):
                    raise TakenError(await self._name(state.agent))
                await tx.set_escalation(
                    conversation, agent=who.username, state="assigned", unanswered=tx.now, first_reply=None
                )
            else:
                if state.mode == "bot" and over:
                    events.append(await self._begin(tx, state, TAKEN_OVER))
                else:
                    next_mode(state.mode, "take")
                if not await tx.take(conversation, who.username):
                    raise TakenError(await self._name(state.agent))
            told, event = await self._joined(tx, state, who, "taken", "handoff.agent_joined")
        await self._announce_joined(who, told, *events, event)
        return int(event["event"])

    async def reopen(self, conversation: str, client_id: str, who: Staff) -> int:
        """Opens a closed conversation again; ``who`` reopens has it.

        Raises:
            NotPossibleError: It is not closed.
        """
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            next_mode(state.mode, "reopen")
            begun = await self._begin(tx, state, REOPENED)
            await tx.take(conversation, who.username)
            told, event = await self._joined(tx, state, who, "reopened", "handoff.reopened")
        await self._announce_joined(who, told, begun, event)
        return int(event["event"])

    async def _begin(self, tx: Tx, state: Conversation, reason: str) -> Json:
        """An escalation that a person begins, inside the caller's transaction."""
        turns = [turn for turn in await self._store.turn_records(state.id) if turn.record]
        with_bot = state if state.mode == "bot" else await self._unlocked(tx, state)
        _, event = await self.conversations.escalate(tx, with_bot, reason, turns, None)
        return event

    async def _unlocked(self, tx: Tx, state: Conversation) -> Conversation:
        await tx.set(state.id, mode="bot")
        return await tx.lock(state.id)

    async def _joined(self, tx: Tx, state: Conversation, who: Staff, kind: str, key: str) -> tuple[Message, Json]:
        await tx.set(state.id, mode="human", agent=who.username)
        told = await tx.add_message(state.id, "system", render(key, {"agent": who.name}, state.locale))
        frame: Json = {"type": kind, "conversation": state.id, "agent": who.username, "name": who.name}
        if state.mode == "human":
            frame["from"] = state.agent
        return told, await tx.add_event(state.id, {**frame, "team": await _team(tx, state.id)})

    async def _announce_joined(self, who: Staff, told: Message, *events: Json) -> None:
        self.drafts.forget(told.conversation)
        self.conversations.publish_message(told)
        escalation = await self._store.open_escalation(told.conversation)
        frame = await self._floor.human_frame(who.name, escalation)
        self.conversations.announce(told.conversation, frame, *events)

    async def release(self, conversation: str, client_id: str, who: Staff) -> int:
        """The agent lets go; the conversation waits again, in its old place."""
        async with self._store.write() as tx:
            state = await self._held(tx, conversation, who, "release")
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            told, event = await self._requeue(tx, state, "agent")
        await self._announce_waiting(told, event)
        return int(event["event"])

    async def _requeue(self, tx: Tx, state: Conversation, why: str) -> tuple[Message, Json]:
        escalation = await tx.open_escalation(state.id)
        passed = dict(escalation.passed if escalation else {})
        if state.agent:
            passed[state.agent] = tx.now
        await tx.set(state.id, mode=next_mode(state.mode, "release"), agent=None)
        await tx.set_escalation(
            state.id, state="waiting", agent=None, assignee=None, taken=None, unanswered=None, passed=passed
        )
        told = await tx.add_message(state.id, "system", render("handoff.released", {}, state.locale))
        frame = {"type": "released", "conversation": state.id, "agent": state.agent, "why": why}
        return told, await tx.add_event(state.id, {**frame, "team": escalation.team if escalation else None})

    async def _announce_waiting(self, told: Message | None, *events: Json) -> None:
        conversation = str(events[0]["conversation"])
        self.drafts.forget(conversation)
        if told is not None:
            self.conversations.publish_message(told)
        escalation = await self._store.open_escalation(conversation)
        frame = await self._floor.waiting_frame(escalation) if escalation else None
        self.conversations.announce(conversation, frame, *events)

    async def transfer(
        self, conversation: str, client_id: str, who: Staff, *, agent: str | None, team: str | None, note: str
    ) -> int:
        """Passes the conversation on to a colleague, who is asked to take it, or to a team; ``note`` is for them.

        Raises:
            RefusedError: ``not_available`` where nobody of that name is there, ``bad_value`` for an unknown team.
        """
        target = await self._store.staff(agent) if agent else None
        if agent and (target is None or not target.active or self._floor.presence.state(agent) in {"offline", "away"}):
            raise RefusedError("not_available", "this colleague is not at the desk", target.name if target else None)
        if agent == who.username or (team is None and agent is None):
            raise RefusedError("bad_value", "name a colleague or a team")
        if team and self._company.desk.team(team) is None:
            raise RefusedError("bad_value", "there is no such team")
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            if state.mode == "human" and state.agent != who.username and not who.leads:
                raise TakenError(await self._name(state.agent))
            mode = next_mode(state.mode, "transfer")
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            events, told = await self._pass_on(tx, state, mode, who, target=target, team=team, note=note)
        await self._announce_waiting(told, *events)
        return int(events[0]["event"])

    async def _pass_on(
        self, tx: Tx, state: Conversation, mode: str, who: Staff, *, target: Staff | None, team: str | None, note: str
    ) -> tuple[list[Json], Message]:
        from_team = await _team(tx, state.id)
        to_team = team or from_team
        await tx.set(state.id, mode=mode, agent=None)
        await tx.set_escalation(
            state.id,
            state="waiting",
            agent=None,
            taken=None,
            unanswered=None,
            snoozed_until=None,
            team=to_team,
            assignee=target.username if target else None,
            offered=tx.now if target else None,
            passed={who.username: tx.now},
        )
        named: Json = {"agent": target.username, "name": target.name} if target else {"team": team}
        key, params = "handoff.to_agent", {"agent": target.name if target else ""}
        found = self._company.desk.team(team)
        if target is None and found is not None:
            key, params = "handoff.to_team", {"team": render_value(found.name, state.locale)}
        told = await tx.add_message(state.id, "system", render(key, params, state.locale))
        frame = {"type": "transferred", "conversation": state.id, "agent": who.username, "name": who.name}
        more = {"to": named, "note": note, "team": to_team, "from_team": from_team}
        events = [await tx.add_event(state.id, {**frame, **more})]
        if note:
            events.append(await self._note_event(tx, state.id, who.name, note, f"transfer-{events[0]['event']}"))
        if target:
            events.append(await self._assigned_event(tx, state.id, target, to_team, "transfer"))
        return events, told

    async def _assigned_event(self, tx: Tx, conversation: str, target: Staff, team: str | None, why: str) -> Json:
        until = datetime.fromisoformat(tx.now) + timedelta(seconds=self._floor.policy.offer_s)
        frame = {"type": "assigned", "conversation": conversation, "agent": target.username, "name": target.name}
        return await tx.add_event(conversation, {**frame, "until": iso(until), "team": team, "why": why})

    # ------------------------------------------------------------------ routing

    async def offer(self, conversation: str, agent: str) -> bool:
        """Asks somebody to take a waiting conversation; False where it was taken or offered meanwhile."""
        target = await self._store.staff(agent)
        if target is None:
            return False
        async with self._store.write() as tx:
            await tx.lock(conversation)
            escalation = await tx.open_escalation(conversation)
            if escalation is None or escalation.state != "waiting" or escalation.assignee:
                return False
            await tx.set_escalation(conversation, assignee=agent, offered=tx.now)
            event = await self._assigned_event(tx, conversation, target, escalation.team, "routed")
        self.conversations.announce(conversation, None, event)
        return True

    async def lapse(self, lapse: Lapse) -> bool:
        """Takes back what was not answered or left behind, or ends a snooze; False where it changed meanwhile."""
        told = None
        async with self._store.write() as tx:
            state = await tx.lock(lapse.conversation)
            escalation = await tx.open_escalation(lapse.conversation)
            if escalation is None or not _still(lapse, escalation):
                return False
            if lapse.kind == "snoozed":
                event = await self._wake(tx, state, escalation, lapse.why)
            elif lapse.kind == "held":
                told, event = await self._requeue(tx, state, lapse.why)
            else:
                passed = {**escalation.passed, lapse.agent: tx.now}
                await tx.set_escalation(state.id, assignee=None, passed=passed)
                frame = {"type": "released", "conversation": state.id, "agent": lapse.agent, "why": lapse.why}
                event = await tx.add_event(state.id, {**frame, "team": escalation.team})
        if told is None:
            self.conversations.announce(lapse.conversation, None, event)
        else:
            await self._announce_waiting(told, event)
        return True

    # ------------------------------------------------------------------ later, the end, back to the bot

    async def snooze(self, conversation: str, client_id: str, who: Staff, until: datetime) -> int:
        """Puts the conversation aside until a time, or until the customer writes.

        Raises:
            RefusedError: ``bad_value`` where the time is past or too far away.
        """
        now = self.conversations.clock()
        if not now < until <= now + MAX_SNOOZE:
            raise RefusedError("bad_value", "snooze until a time within the next 30 days")
        async with self._store.write() as tx:
            state = await self._held(tx, conversation, who, "release")
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            await tx.set_escalation(conversation, state="snoozed", snoozed_until=iso(until), unanswered=None)
            frame = {"type": "snoozed", "conversation": state.id, "agent": who.username, "until": iso(until)}
            event = await tx.add_event(conversation, {**frame, "team": await _team(tx, conversation)})
        self.conversations.announce(conversation, None, event)
        return int(event["event"])

    async def wake(self, conversation: str, client_id: str, who: Staff) -> int:
        """Ends a snooze by hand."""
        async with self._store.write() as tx:
            state = await self._held(tx, conversation, who, "release")
            escalation = await tx.open_escalation(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new or escalation is None:
                return await self._store.last_event()
            if escalation.state != "snoozed":
                raise RefusedError("not_possible", "the conversation is not snoozed")
            event = await self._wake(tx, state, escalation, "agent")
        self.conversations.announce(conversation, None, event)
        return int(event["event"])

    async def _wake(self, tx: Tx, state: Conversation, escalation: Escalation, why: str) -> Json:
        await tx.set_escalation(state.id, state="assigned", snoozed_until=None, unanswered=tx.now)
        frame = {"type": "woken", "conversation": state.id, "agent": state.agent, "why": why}
        return await tx.add_event(state.id, {**frame, "team": escalation.team})

    async def close(self, conversation: str, client_id: str, who: Staff, *, outcome: str, tags: list[str]) -> int:
        """Ends the conversation."""
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            if state.mode == "human" and state.agent != who.username and not who.leads:
                raise TakenError(await self._name(state.agent))
            next_mode(state.mode, "close")
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            told = await tx.add_message(conversation, "system", render("handoff.closed", {}, state.locale))
            event = await self.conversations.end(tx, state, who.username, outcome, tags)
        self.drafts.forget(conversation)
        self.conversations.publish_message(told)
        rate = wants_rating(await self._store.last_escalation(conversation))
        self.conversations.announce(conversation, {"type": "mode", "mode": "closed", "rate": rate}, event)
        return int(event["event"])

    async def hand_back(self, conversation: str, client_id: str, who: Staff, to: str | None = None) -> int:
        """Gives the conversation back to the bot.

        ``to`` is where it begins: ``continue`` goes on with what the hand-over interrupted, an intent's name begins
        there, nothing waits for the customer's next words. The caller wakes the turns.

        Raises:
            RefusedError: ``bad_value`` for an unknown intent, ``not_possible`` where nothing was interrupted.
        """
        start = self._start(to)
        async with self._store.write() as tx:
            state = await self._held(tx, conversation, who, "return")
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            slots = after_handback(state.slots)
            if to == CONTINUE:
                escalation = await tx.open_escalation(conversation)
                before = resumed(state.slots, escalation.before if escalation else {})
                if before is None:
                    raise RefusedError("not_possible", "the hand-over interrupted no task and no diagnosis")
                slots = before
            key = "handoff.back_to" if start else "handoff.back_by_agent"
            told, event = await self.conversations.to_bot(tx, state, key, slots)
            if start:
                # The bot speaks next, as if the customer had chosen this; the line that says so is the turn's message.
                told = await tx.add_extra(told, {"_value": f"/{start}"})
                await tx.add_turn(conversation, told.seq)
        self.drafts.forget(conversation)
        self.conversations.publish_message(told)
        self.conversations.announce(conversation, {"type": "mode", "mode": "bot"}, event)
        return int(event["event"])

    def _start(self, to: str | None) -> str | None:
        if to is None:
            return None
        if to == CONTINUE:
            again = next((one.name for one in self._company.intents.values() if one.skill == "repeat"), None)
            if again is None:
                raise RefusedError("bad_value", "the assistant has no intent with the skill 'repeat'")
            return again
        definition = self._company.intents.get(to)
        if definition is None or definition.do == "handoff":
            raise RefusedError("bad_value", f"'{to[:64]}' is nothing that the assistant can begin with")
        return to

    # ------------------------------------------------------------------ words

    async def say(self, conversation: str, client_id: str, who: Staff, answer: Answer, window: int) -> tuple[int, int]:
        """A message of the agent who has the conversation, to the customer; returns (event, ``seq``).

        Raises:
            RefusedError: ``overtaken`` where somebody answered after what the agent had seen, ``writing`` where another
                window is writing.
        """
        async with self._store.write() as tx:
            state = await self._held(tx, conversation, who, "return")
            new, seq = await tx.claim(conversation, client_id, state.last_seq + 1)
            if not new:
                return await self._store.last_event(), seq or state.last_seq
            if not answer.force:
                await self._refuse_second_answer(tx, conversation, answer, window)
            extra: Json = {"name": who.name, "_agent": who.username}
            if answer.image:
                extra["image"] = answer.image
            message = await tx.add_message(state.id, "agent", answer.text, extra=extra, client_id=client_id)
            await tx.answered(conversation)
            event = await tx.add_event(conversation, desk_message(message))
        self.drafts.forget(conversation)
        self.conversations.publish_message(message, event)
        return int(event["event"]), message.seq

    async def _refuse_second_answer(self, tx: Tx, conversation: str, answer: Answer, window: int) -> None:
        draft = self.drafts.locked_by(conversation, window)
        if draft is not None:
            raise RefusedError("writing", "somebody is writing an answer", draft.name)
        if answer.seen is None:
            return
        for message in await self._store.messages(conversation, after=answer.seen):
            if message.role == "agent":
                raise RefusedError("overtaken", "somebody answered meanwhile", message.extra.get("name"))

    async def note(self, conversation: str, client_id: str, who: Staff, text: str) -> int:
        """A note that staff see and the customer does not."""
        async with self._store.write() as tx:
            await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            event = await self._note_event(tx, conversation, who.name, text, client_id)
        self.conversations.announce(conversation, None, event)
        return int(event["event"])

    async def _note_event(self, tx: Tx, conversation: str, name: str, text: str, note_id: str) -> Json:
        frame = {"type": "message", "conversation": conversation, "id": note_id, "role": "note"}
        return await tx.add_event(conversation, {**frame, "text": text, "name": name, "at": tx.now})

    async def mark(
        self, conversation: str, client_id: str, who: Staff, *, seq: int, intent: str | None, comment: str
    ) -> int:
        """A bot message was wrong: keeps what it should have understood for the review list.

        Raises:
            RefusedError: ``bad_value`` where ``seq`` is no bot message or the intent is unknown.
        """
        if intent is not None and intent not in self._company.intents:
            raise RefusedError("bad_value", f"there is no intent '{intent[:64]}'")
        message = await self._store.message(conversation, seq)
        if message is None or message.role != "bot":
            raise RefusedError("bad_value", f"message {seq} is not the bot's")
        turn = await self._store.turn_of(conversation, seq)
        asked = await self._store.message(conversation, turn) if turn else None
        records = await self._store.turn_records(conversation, turn) if turn else []
        parse = (records[0].record.get("parse") or {}) if records else {}
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self._store.last_event()
            await tx.add_review(
                conversation,
                seq,
                # The list is read for training and by people who do not serve this customer.
                text=mask(asked.text) if asked else "",
                bot_text=mask(message.text),
                understood=parse.get("intent") or {},
                intent=intent,
                comment=mask(comment),
                language=str(parse.get("language") or state.locale),
                release=parse.get("release"),
                agent=who.username,
            )
            await note_message(tx, state, seq, "marked")
            frame = {"type": "marked", "conversation": conversation, "seq": seq, "agent": who.username}
            more = {"name": who.name, "intent": intent, "comment": comment, "team": await _team(tx, conversation)}
            event = await tx.add_event(conversation, {**frame, **more})
        self.conversations.announce(conversation, None, event)
        return int(event["event"])

    async def read(self, conversation: str, seq: int) -> None:
        """The desk has seen the messages up to ``seq``."""
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            if seq <= state.agent_read or seq > state.last_seq:
                return
            await tx.set(conversation, agent_read=seq)
        self.conversations.hub.publish(topic(conversation), {"type": "read", "seq": seq})

    # ------------------------------------------------------------------ shared steps

    async def _held(self, tx: Tx, conversation: str, who: Staff, event: str) -> Conversation:
        state = await tx.lock(conversation)
        if state.mode != "human":
            raise NotPossibleError(state.mode, event)
        if state.agent != who.username:
            raise TakenError(await self._name(state.agent))
        return state

    async def _name(self, agent: str | None) -> str | None:
        account = await self._store.staff(agent) if agent else None
        return account.name if account else agent


async def _team(tx: Tx, conversation: str) -> str | None:
    escalation = await tx.open_escalation(conversation)
    return escalation.team if escalation else None


def _still(lapse: Lapse, escalation: Escalation) -> bool:
    if lapse.kind == "offered":
        return escalation.state == "waiting" and escalation.assignee == lapse.agent
    state = "assigned" if lapse.kind == "held" else "snoozed"
    return escalation.state == state and escalation.agent == lapse.agent
