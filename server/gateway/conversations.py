"""What customers and the bot do in a conversation: one method an event, each one transaction, published when stored.

What people at the desk do is in `server.gateway.casework`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.state import State, after_handback
from server.company import Company, Language
from server.gateway.escalations import context_of, escalation_frame, priority_of, summarise, topic_of
from server.gateway.floor import Floor
from server.gateway.hub import Hub
from server.gateway.learning_items import note_message, note_turn
from server.gateway.metrics import HANDOFFS
from server.gateway.modes import next_mode
from server.gateway.presence import Presence
from server.gateway.receipts import Receipts
from server.storage.store import Conversation, Escalation, Message, Store, Turn, Tx
from server.texts import render

Json = dict[str, Any]
Greet = Callable[[Tx, str, str | None, Language], Awaitable[str]]
"""The greeting of a conversation that is being made in a transaction, for a customer, in a language."""
DESK = "desk"
VOUCHED_FOR = timedelta(minutes=30)
LATELY_TURNS = 3
"""So many of the customer's messages after a hand-back, the bot does not hand over again for the same reason."""
AT_ONCE_AGAIN = frozenset({"safety", "customer_asked", "system_failure"})
"""Reasons that are never held back."""


class ClosedError(Exception):
    """The conversation is closed and takes no messages."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored customer action; ``message`` is None where it was there before."""

    seq: int
    message: Message | None


def topic(conversation: str) -> str:
    """The hub's topic of a conversation."""
    return f"c:{conversation}"


class Conversations:
    """The service that sockets, REST and the turn runner share."""

    def __init__(
        self, *, store: Store, hub: Hub, company: Company, presence: Presence, clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.hub = hub
        self.company = company
        self.presence = presence
        self.clock = clock
        self.floor = Floor(store=store, company=company, presence=presence, clock=clock)
        self.receipts = Receipts()
        self.greet: Greet = self._greeting
        """What a conversation begins with; experiments put theirs in its place."""
        self.changed = asyncio.Event()
        """Set whenever the queue or somebody's presence changed; the dispatcher waits for it."""

    # ------------------------------------------------------------------ the customer

    async def open(self, locale: str | None, customer: str | None) -> Conversation:
        """A new conversation that begins with the company's greeting and a few suggestions.

        ``customer`` is one whom the embedding site has authenticated: they need no one-time code for a while.
        """
        language = locale if locale in self.company.languages else self.company.default_language
        conversation = uuid.uuid4().hex
        choices = [
            {"value": f"/{one.name}", "label": one.label.get(language, one.name)} for one in self.company.suggestions
        ]
        slots = {}
        if customer is not None:
            until = (self.clock() + VOUCHED_FOR).isoformat()
            slots["dialogue"] = State(customer=customer, verified_until=until, language=language).to_json()
        async with self.store.write() as tx:
            await tx.create_conversation(conversation, language, customer, slots)
            greeting = await self.greet(tx, conversation, customer, language)
            await tx.add_message(conversation, "bot", greeting, extra={"choices": choices} if choices else {})
            return await tx.lock(conversation)

    async def _greeting(self, _tx: Tx, _conversation: str, _customer: str | None, language: Language) -> str:
        return self.company.greeting[language]

    async def accept(self, conversation: str, client_id: str, text: str, extra: Json | None = None) -> Accepted:
        """Stores a customer's message; with the bot it becomes a turn, with people it reaches the desk.

        Raises:
            ClosedError: The conversation is closed.
            UnknownConversationError: There is no such conversation.
        """
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, seq = await tx.claim(conversation, client_id, state.last_seq + 1)
            if not new:
                return Accepted(state.last_seq if seq is None else seq, None)
            if state.mode == "closed":
                raise ClosedError
            message = await tx.add_message(conversation, "customer", text, extra=extra, client_id=client_id)
            events = []
            if state.mode == "bot":
                await tx.add_turn(conversation, message.seq)
            else:
                events = [await tx.add_event(conversation, desk_message(message))]
                if state.mode == "human":
                    events += await self._customer_waits(tx, state)
        self.publish_message(message, *events)
        return Accepted(message.seq, message)

    async def _customer_waits(self, tx: Tx, state: Conversation) -> list[Json]:
        """The customer wrote to the agent: an answer is due, and a snooze is over."""
        changed = await tx.customer_waits(state.id)
        if changed is None or changed[0] is None:
            return []
        await tx.set_escalation(state.id, snoozed_until=None)
        self.changed.set()
        woken = {"type": "woken", "conversation": state.id, "agent": state.agent, "why": "customer"}
        return [await tx.add_event(state.id, {**woken, "team": changed[1]})]

    async def ask_for_person(self, conversation: str, client_id: str, *, reason: str = "customer_asked") -> int:
        """The customer's button: waits for a person from now on; asked again it changes nothing."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new or state.mode in {"waiting", "human"}:
                return state.last_seq
            if state.mode == "closed":
                raise ClosedError
            turns = await self.store.turn_records(conversation)
            escalation, event = await self.escalate(tx, state, reason, turns, None)
            promised = reason != "customer_asked"
            told = await tx.add_message(conversation, "system", await self.floor.connecting(escalation, told=promised))
        self.publish_message(told)
        await self.announce_escalation(escalation, event)
        return told.seq

    async def back_to_bot(self, conversation: str, client_id: str) -> int:
        """A waiting customer goes on with the bot; once a person is there, that person hands back."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new or state.mode != "waiting":
                return state.last_seq
            told, event = await self.to_bot(tx, state, "handoff.back_by_customer", after_handback(state.slots))
        self.publish_message(told)
        self.announce(conversation, {"type": "mode", "mode": "bot"}, event)
        return told.seq

    async def restart(self, conversation: str, client_id: str) -> tuple[int, Conversation]:
        """Closes the conversation and opens a new one in the same language."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            await tx.claim(conversation, client_id)
            event = None
            if state.mode != "closed":
                event = await self.end(tx, state, None, "restarted", [])
        if event is not None:
            self.announce(conversation, {"type": "mode", "mode": "closed", "rate": False}, event)
        return state.last_seq, await self.open(state.locale, state.customer)

    async def feedback(
        self,
        conversation: str,
        client_id: str,
        *,
        seq: int | None = None,
        score: int | None = None,
        solved: bool | None = None,
        comment: str = "",
    ) -> int:
        """Keeps the customer's verdict on one message, or on the whole conversation and whoever served them last.

        Returns the conversation's last ``seq`` for the acknowledgement.
        """
        event = None
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new = await tx.add_feedback(
                conversation, client_id, seq=seq, score=score or 0, solved=solved, comment=comment
            )
            if new and seq is not None and (score or 0) < 0:
                await note_message(tx, state, seq, "thumbs_down")
            if new and seq is None:
                given = {"score": score, "solved": solved}
                verdict = {name: value for name, value in given.items() if value is not None}
                if verdict and await tx.set_last_escalation(conversation, **verdict):
                    last = await self.store.last_escalation(conversation)
                    team = last.team if last else None
                    frame = {"type": "rated", "conversation": conversation, **given, "comment": comment, "team": team}
                    event = await tx.add_event(conversation, frame)
        if event is not None:
            self.hub.publish(DESK, event)
        return state.last_seq

    async def leave_contact(self, conversation: str, client_id: str, contact: Json, shown: str) -> int:
        """Keeps how the customer wants to be reached; ``shown`` is how it is repeated to them."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, seq = await tx.claim(conversation, client_id)
            if not new:
                return state.last_seq if seq is None else seq
            await tx.set(conversation, contact={**(state.contact or {}), **contact})
            told = await tx.add_message(
                conversation, "system", render("handoff.contact_saved", {"contact": shown}, state.locale)
            )
            last = await self.store.last_escalation(conversation)
            frame = {"type": "contact", "conversation": conversation, "contact": contact}
            # What was never handed over is no business of the desk's; the row says so once it is.
            events = [await tx.add_event(conversation, {**frame, "team": last.team})] if last else []
        self.publish_message(told, *events)
        return told.seq

    # ------------------------------------------------------------------ the bot

    async def bot_says(self, conversation: str, turn: tuple[int, int], text: str, extra: Json) -> bool:
        """Stores a bot message of a turn, once; False where people have the conversation and the bot is silent."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            # A turn that a hand-over dropped stays silent, even where the bot has the conversation again by now.
            if state.mode != "bot" or not await tx.is_pending(conversation, turn[0]):
                return False
            if await tx.has_bot_message(conversation, turn):
                return True
            message = await tx.add_message(conversation, "bot", text, extra=extra, turn=turn)
        self.publish_message(message)
        return True

    async def finish_turn(
        self, conversation: str, seq: int, *, record: Json, slots: Json, locale: str, escalate: Mapping[str, Any] | None
    ) -> None:
        """Ends a turn: decision record, slots, and the hand-over where an action asked for one."""
        async with self.store.write() as tx:
            before = await tx.lock(conversation)
            if before.mode != "bot" or not await tx.is_pending(conversation, seq):
                await self._cut_off(tx, before, seq, record)
                return
            await tx.finish_turn(conversation, seq, "done", record, release_of(record))
            await note_turn(tx, before, seq, record)
            account = State.from_json(slots.get("dialogue")).customer or before.account
            await tx.set(conversation, slots=slots, locale=locale, account=account)
            if escalate is None:
                return
            turns = [*await self.store.turn_records(conversation), Turn(conversation, seq, "done", record)]
            state = await tx.lock(conversation)
            escalation, event = await self.escalate(
                tx, state, str(escalate["reason"]), _once(turns), escalate, before=before.slots
            )
            told = await tx.add_message(conversation, "system", await self.floor.connecting(escalation, told=True))
        self.publish_message(told)
        await self.announce_escalation(escalation, event)

    async def fail_turn(self, conversation: str, seq: int, *, record: Json) -> None:
        """A turn that could not be finished ends in a message and a person, never in silence."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            pending = await tx.is_pending(conversation, seq)
            if state.mode != "bot" or not pending:
                await self._cut_off(tx, state, seq, record)
                return
            await tx.finish_turn(conversation, seq, "failed", record, release_of(record))
            turns = [*await self.store.turn_records(conversation), Turn(conversation, seq, "failed", record)]
            escalation, event = await self.escalate(tx, state, "system_failure", _once(turns), None)
            sorry = render("system.trouble", {}, state.locale) + " " + await self.floor.connecting(escalation)
            told = await tx.add_message(conversation, "system", sorry)
        self.publish_message(told)
        await self.announce_escalation(escalation, event)

    async def drop_turn(self, conversation: str, seq: int, record: Json) -> None:
        """Ends a turn whose conversation people have taken over meanwhile."""
        async with self.store.write() as tx:
            await self._cut_off(tx, await tx.lock(conversation), seq, record)

    async def _cut_off(self, tx: Tx, state: Conversation, seq: int, record: Json) -> None:
        """Ends a turn without a word more; how its message was understood belongs to the hand-over that met it.

        The customer who asks for a person in the middle of an answer has often just said what it is about.
        """
        await tx.finish_turn(state.id, seq, "dropped", record, release_of(record))
        escalation = await tx.open_escalation(state.id)
        if escalation is None or not record.get("parse"):
            return
        before = await self.store.turn_records(state.id)
        if any(turn.seq == seq and turn.status != "dropped" for turn in before):  # another gateway has ended it
            return
        turns = _once([*before, Turn(state.id, seq, "dropped", record)])
        transcript = await tx.transcript(state.id)
        found = context_of(self.company, turns, transcript, state.slots, None)
        context = {**escalation.context, **{name: value for name, value in found.items() if value}}
        topic = topic_of(self.company, turns, context, state.locale)
        summary = summarise(topic, transcript, context, state.locale)
        await tx.set_escalation(state.id, context=context, summary=summary, topic=topic.intent)

    async def handed_back_lately(self, conversation: str, reason: str) -> bool:
        """Whether a person has just given the conversation back that was handed over for the same reason."""
        last = await self.store.last_escalation(conversation)
        if last is None or last.outcome != "returned" or last.reason != reason or reason in AT_ONCE_AGAIN:
            return False
        if last.agent is None or last.ended_seq is None:
            return False  # the customer went back by themselves: nobody has looked at it
        said = await self.store.messages(conversation, after=last.ended_seq)
        return sum(message.role == "customer" for message in said) <= LATELY_TURNS

    # ------------------------------------------------------------------ shared with the desk

    async def mode_frame(self, state: Conversation) -> Json:
        """The ``mode`` frame of a conversation as it stands."""
        escalation = await self.store.last_escalation(state.id)
        if escalation is not None and state.mode == "waiting":
            return await self.floor.waiting_frame(escalation)
        if state.mode == "human" and state.agent:
            account = await self.store.staff(state.agent)
            return await self.floor.human_frame(account.name if account else state.agent, escalation)
        frame: Json = {"type": "mode", "mode": state.mode}
        if state.mode == "closed":
            frame["rate"] = wants_rating(escalation)
        return frame

    async def escalate(
        self,
        tx: Tx,
        state: Conversation,
        reason: str,
        turns: Sequence[Turn],
        asked: Mapping[str, Any] | None,
        *,
        before: Json | None = None,
    ) -> tuple[Escalation, Json]:
        """The one place that makes an escalation, inside the caller's transaction.

        ``asked`` is what the action said that hands over, ``before`` the slots from before its turn.
        """
        transcript = await tx.transcript(state.id)
        given = {**dict((asked or {}).get("context") or {}), "suggestion": (asked or {}).get("suggestion", "")}
        context = context_of(self.company, turns, transcript, state.slots, given)
        topic = topic_of(self.company, turns, context, state.locale)
        skill = (context.get("diagnosis") or {}).get("skill")
        escalation = await tx.add_escalation(
            state.id,
            reason=reason,
            priority=priority_of(reason),
            language=state.locale,
            summary=summarise(topic, transcript, context, state.locale),
            context=context,
            topic=topic.intent,
            skill=skill,
            team=self.company.desk.team_for(skill=skill, topic=topic.intent, reason=reason),
            account=state.account,
            before=state.slots if before is None else before,
        )
        HANDOFFS.labels(reason=reason).inc()
        await tx.drop_turns(state.id)
        await tx.set(state.id, mode=next_mode(state.mode, "escalate"), agent=None)
        event = await tx.add_event(state.id, escalation_frame(escalation, self.company))
        return escalation, event

    async def to_bot(self, tx: Tx, state: Conversation, key: str, slots: Json) -> tuple[Message, Json]:
        """Gives the conversation to the bot, inside the caller's transaction."""
        mode = next_mode(state.mode, "return")
        escalation = await tx.open_escalation(state.id)
        told = await tx.add_message(state.id, "system", render(key, {}, state.locale))
        await tx.set_escalation(
            state.id,
            state="closed",
            ended=tx.now,
            outcome="returned",
            assignee=None,
            unanswered=None,
            ended_seq=told.seq,
        )
        await tx.set(state.id, mode=mode, agent=None, slots=slots)
        team = escalation.team if escalation else None
        event = await tx.add_event(
            state.id, {"type": "mode", "conversation": state.id, "mode": mode, "agent": state.agent, "team": team}
        )
        return told, event

    async def end(self, tx: Tx, state: Conversation, agent: str | None, outcome: str, tags: list[str]) -> Json:
        """Closes the conversation, inside the caller's transaction."""
        mode = next_mode(state.mode, "close")
        escalation = await tx.open_escalation(state.id)
        await tx.drop_turns(state.id)
        await tx.set_escalation(
            state.id,
            state="closed",
            ended=tx.now,
            outcome=outcome,
            tags=tags,
            assignee=None,
            unanswered=None,
            ended_seq=state.last_seq,
        )
        await tx.set(state.id, mode=mode)
        frame = {"type": "closed", "conversation": state.id, "agent": agent, "outcome": outcome, "tags": tags}
        return await tx.add_event(state.id, {**frame, "team": escalation.team if escalation else None})

    async def announce_escalation(self, escalation: Escalation, event: Json) -> None:
        """Tells desk and customer that a conversation waits."""
        self.announce(escalation.conversation, None, event)
        self.hub.publish(topic(escalation.conversation), await self.floor.waiting_frame(escalation))

    def announce(self, conversation: str, frame: Json | None, *events: Json) -> None:
        """Tells the desk what happened and the customer what it means for them; the queue may have changed."""
        for event in events:
            self.hub.publish(DESK, event)
        if frame is not None:
            self.hub.publish(topic(conversation), frame)
        self.changed.set()

    def publish_message(self, message: Message, *events: Json) -> None:
        """Sends a stored message to whoever has the conversation open; what is no event of the desk's stream too."""
        self.hub.publish(topic(message.conversation), message.frame())
        if not any(event["type"] == "message" for event in events):
            self.hub.publish(DESK, desk_message(message))
        for event in events:
            self.hub.publish(DESK, event)


def release_of(record: Json) -> str | None:
    """The release that answered a turn; a button's turn has no parse that would say so."""
    return (record.get("parse") or {}).get("release") or record.get("release") or None


def wants_rating(escalation: Escalation | None) -> bool:
    """Whether a customer is asked how it was: a person served them, and they have not said."""
    if escalation is None or escalation.taken is None:
        return False
    return escalation.score is None and escalation.solved is None


def desk_message(message: Message) -> Json:
    """A message as a frame of the desk."""
    frame = {key: value for key, value in message.frame().items() if key != "type"}
    return {"type": "message", "conversation": message.conversation, **frame}


def _once(turns: Sequence[Turn]) -> list[Turn]:
    """The turns, the last record of each: the one that is being finished is in the database without its record."""
    return [turn for turn in {one.seq: one for one in turns}.values() if turn.record]
