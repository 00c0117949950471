"""Everything that happens to a conversation: one method an event, each one transaction, published when it is stored."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.state import State, after_handback
from server.company import Company
from server.gateway.escalations import context_of, priority_of, summarise
from server.gateway.hub import Hub
from server.gateway.modes import NotPossibleError, next_mode
from server.gateway.presence import Presence
from server.storage.store import Conversation, Escalation, Message, Store, Tx
from server.texts import render

Json = dict[str, Any]
DESK = "desk"
MAX_POSITIONS_TOLD = 200
VOUCHED_FOR = timedelta(minutes=30)


class ClosedError(Exception):
    """The conversation is closed and takes no messages."""


class TakenError(Exception):
    """Another agent has the conversation; ``by`` is who."""

    def __init__(self, by: str | None) -> None:
        super().__init__(f"taken by {by}")
        self.by = by


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
        self._presence = presence
        self._clock = clock

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
            until = (self._clock() + VOUCHED_FOR).isoformat()
            slots["dialogue"] = State(customer=customer, verified_until=until, language=language).to_json()
        async with self.store.write() as tx:
            await tx.create_conversation(conversation, language, customer, slots)
            await tx.add_message(
                conversation, "bot", self.company.greeting[language], extra={"choices": choices} if choices else {}
            )
            return await tx.lock(conversation)

    async def accept(self, conversation: str, client_id: str, text: str, extra: Json | None = None) -> Accepted:
        """Stores a customer's message; with the bot it becomes a turn, with people it reaches the desk.

        Raises:
            ClosedError: The conversation is closed.
            UnknownConversationError: There is no such conversation.
        """
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, seq = await tx.claim(conversation, client_id)
            if not new:
                return Accepted(state.last_seq if seq is None else seq, None)
            if state.mode == "closed":
                raise ClosedError
            message = await tx.add_message(conversation, "customer", text, extra=extra, client_id=client_id)
            event = None
            if state.mode == "bot":
                await tx.add_turn(conversation, message.seq)
            else:
                event = await tx.add_event(conversation, _desk_message(message))
        self._publish_message(message, event)
        return Accepted(message.seq, message)

    async def ask_for_person(self, conversation: str, client_id: str) -> int:
        """The customer's button: waits for a person from now on; asked again it changes nothing."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new or state.mode in {"waiting", "human"}:
                return state.last_seq
            if state.mode == "closed":
                raise ClosedError
            records = await self.store.turn_records(conversation)
            record = records[-1].record if records else {}
            told = await tx.add_message(conversation, "system", self._connecting(state.locale))
            escalation, event = await self._escalate(tx, state, "customer_asked", record, None)
        self._publish_message(told, None)
        await self._announce_escalation(escalation, event)
        return told.seq

    async def back_to_bot(self, conversation: str, client_id: str) -> int:
        """A waiting customer goes on with the bot; once a person is there, that person hands back."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new or state.mode != "waiting":
                return state.last_seq
            told, event = await self._to_bot(tx, state, "handoff.back_by_customer")
        self._publish_message(told, None)
        self._announce_mode(conversation, "bot", None, event)
        await self._tell_positions()
        return told.seq

    async def restart(self, conversation: str, client_id: str) -> tuple[int, Conversation]:
        """Closes the conversation and opens a new one in the same language."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            await tx.claim(conversation, client_id)
            event = None
            if state.mode != "closed":
                event = await self._close(tx, state, None, "restarted", [])
        if event is not None:
            self._announce_mode(conversation, "closed", None, event)
            await self._tell_positions()
        return state.last_seq, await self.open(state.locale, state.customer)

    async def feedback(self, conversation: str, client_id: str, seq: int | None, score: int, comment: str) -> int:
        """Keeps the customer's verdict; returns the conversation's last ``seq`` for the acknowledgement."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            await tx.add_feedback(conversation, client_id, seq=seq, score=score, comment=comment)
        return state.last_seq

    # ------------------------------------------------------------------ the bot

    async def bot_says(self, conversation: str, turn: tuple[int, int], text: str, extra: Json) -> bool:
        """Stores a bot message of a turn, once; False where people have the conversation and the bot is silent."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            if state.mode != "bot":
                return False
            if await tx.has_bot_message(conversation, turn):
                return True
            message = await tx.add_message(conversation, "bot", text, extra=extra, turn=turn)
        self._publish_message(message, None)
        return True

    async def finish_turn(
        self, conversation: str, seq: int, *, record: Json, slots: Json, locale: str, escalate: Mapping[str, Any] | None
    ) -> None:
        """Ends a turn: decision record, slots, and the hand-over where an action asked for one."""
        release = (record.get("parse") or {}).get("release")
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            if state.mode != "bot":
                await tx.finish_turn(conversation, seq, "dropped", record, release)
                return
            await tx.finish_turn(conversation, seq, "done", record, release)
            await tx.set(conversation, slots=slots, locale=locale)
            if escalate is None:
                return
            state = await tx.lock(conversation)
            told = None
            if not self._people_there():
                told = await tx.add_message(conversation, "system", self._connecting(locale))
            escalation, event = await self._escalate(tx, state, str(escalate["reason"]), record, escalate)
        if told:
            self._publish_message(told, None)
        await self._announce_escalation(escalation, event)

    async def fail_turn(self, conversation: str, seq: int, *, record: Json) -> None:
        """A turn that could not be finished ends in a message and a person, never in silence."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            await tx.finish_turn(conversation, seq, "failed", record, (record.get("parse") or {}).get("release"))
            if state.mode != "bot":
                return
            sorry = render("system.trouble", {}, state.locale) + " " + self._connecting(state.locale)
            told = await tx.add_message(conversation, "system", sorry)
            escalation, event = await self._escalate(tx, state, "system_failure", record, None)
        self._publish_message(told, None)
        await self._announce_escalation(escalation, event)

    # ------------------------------------------------------------------ the agent

    async def take(self, conversation: str, client_id: str, agent: str, agent_name: str) -> int:
        """Assigns the waiting conversation; exactly one of several who try gets it.

        Raises:
            TakenError: Somebody has it.
            NotPossibleError: Nobody is waiting in it.
        """
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            if state.mode == "human":
                if state.agent == agent:
                    return state.last_seq
                raise TakenError(state.agent)
            next_mode(state.mode, "take")
            await tx.claim(conversation, client_id)
            if not await tx.take(conversation, agent):
                raise TakenError(state.agent)
            await tx.set(conversation, mode="human", agent=agent)
            told = await tx.add_message(
                conversation, "system", render("handoff.agent_joined", {"agent": agent_name}, state.locale)
            )
            event = await tx.add_event(
                conversation, {"type": "taken", "conversation": conversation, "agent": agent, "name": agent_name}
            )
        self._publish_message(told, None)
        self._announce_mode(conversation, "human", agent_name, event)
        await self._tell_positions()
        return int(event["event"])

    async def release(self, conversation: str, client_id: str, agent: str) -> int:
        """The agent lets go; the conversation waits again, in its old place."""
        async with self.store.write() as tx:
            state = await self._held(tx, conversation, agent, "release")
            await tx.claim(conversation, client_id)
            await tx.set(conversation, mode="waiting", agent=None)
            await tx.set_escalation(conversation, state="waiting", agent=None)
            told = await tx.add_message(conversation, "system", render("handoff.released", {}, state.locale))
            event = await tx.add_event(conversation, {"type": "released", "conversation": conversation})
        self._publish_message(told, None)
        self.hub.publish(DESK, event)
        await self._tell_positions()
        return int(event["event"])

    async def hand_back(self, conversation: str, client_id: str, agent: str) -> int:
        """The agent gives the conversation back to the bot."""
        async with self.store.write() as tx:
            state = await self._held(tx, conversation, agent, "return")
            await tx.claim(conversation, client_id)
            told, event = await self._to_bot(tx, state, "handoff.back_by_agent")
        self._publish_message(told, None)
        self._announce_mode(conversation, "bot", None, event)
        return int(event["event"])

    async def close(self, conversation: str, client_id: str, agent: str, *, outcome: str, tags: list[str]) -> int:
        """The agent ends the conversation."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            if state.mode == "human" and state.agent != agent:
                raise TakenError(state.agent)
            next_mode(state.mode, "close")
            await tx.claim(conversation, client_id)
            told = await tx.add_message(conversation, "system", render("handoff.closed", {}, state.locale))
            event = await self._close(tx, state, agent, outcome, tags)
        self._publish_message(told, None)
        self._announce_mode(conversation, "closed", None, event)
        await self._tell_positions()
        return int(event["event"])

    async def agent_says(self, conversation: str, client_id: str, agent: str, agent_name: str, text: str) -> int:
        """A message of the agent who has the conversation, to the customer."""
        async with self.store.write() as tx:
            state = await self._held(tx, conversation, agent, "return")
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self.store.last_event()
            message = await tx.add_message(state.id, "agent", text, extra={"name": agent_name}, client_id=client_id)
            event = await tx.add_event(conversation, _desk_message(message))
        self._publish_message(message, event)
        return int(event["event"])

    async def note(self, conversation: str, client_id: str, agent_name: str, text: str) -> int:
        """A note that staff see and the customer does not."""
        async with self.store.write() as tx:
            await tx.lock(conversation)
            new, _ = await tx.claim(conversation, client_id)
            if not new:
                return await self.store.last_event()
            event = await tx.add_event(
                conversation,
                {
                    "type": "message",
                    "conversation": conversation,
                    "id": client_id,
                    "role": "note",
                    "text": text,
                    "name": agent_name,
                    "at": tx.now,
                },
            )
        self.hub.publish(DESK, event)
        return int(event["event"])

    async def read_by_agent(self, conversation: str, seq: int) -> None:
        """The agent has seen the messages up to ``seq``."""
        async with self.store.write() as tx:
            state = await tx.lock(conversation)
            if seq <= state.agent_read or seq > state.last_seq:
                return
            await tx.set(conversation, agent_read=seq)
        self.hub.publish(topic(conversation), {"type": "read", "seq": seq})

    async def mode_frame(self, state: Conversation) -> Json:
        """The ``mode`` frame of a conversation as it stands."""
        if state.mode == "waiting":
            escalation = await self.store.open_escalation(state.id)
            if escalation is not None:
                return await self._waiting_frame(escalation)
        frame: Json = {"type": "mode", "mode": state.mode}
        if state.mode == "human" and state.agent:
            account = await self.store.staff(state.agent)
            frame["agent"] = account.name if account else state.agent
        return frame

    # ------------------------------------------------------------------ shared steps

    async def _escalate(
        self, tx: Tx, state: Conversation, reason: str, record: Json, asked: Mapping[str, Any] | None
    ) -> tuple[Escalation, Json]:
        """The one place that makes an escalation, inside the caller's transaction."""
        mode = next_mode(state.mode, "escalate")
        transcript = await tx.transcript(state.id)
        given = dict((asked or {}).get("context") or {})
        given["suggestion"] = (asked or {}).get("suggestion", "")
        escalation = await tx.add_escalation(
            state.id,
            reason=reason,
            priority=priority_of(reason),
            language=state.locale,
            summary=summarise(self.company, transcript, record, state.locale),
            context=context_of(record, state.slots, given),
        )
        await tx.drop_turns(state.id)
        await tx.set(state.id, mode=mode, agent=None)
        event = await tx.add_event(state.id, escalation_frame(escalation))
        return escalation, event

    async def _to_bot(self, tx: Tx, state: Conversation, key: str) -> tuple[Message, Json]:
        mode = next_mode(state.mode, "return")
        await tx.set_escalation(state.id, state="closed", ended=tx.now, outcome="returned")
        await tx.set(state.id, mode=mode, agent=None, slots=after_handback(state.slots))
        told = await tx.add_message(state.id, "system", render(key, {}, state.locale))
        event = await tx.add_event(state.id, {"type": "mode", "conversation": state.id, "mode": mode})
        return told, event

    async def _close(self, tx: Tx, state: Conversation, agent: str | None, outcome: str, tags: list[str]) -> Json:
        mode = next_mode(state.mode, "close")
        await tx.drop_turns(state.id)
        await tx.set_escalation(state.id, state="closed", ended=tx.now, outcome=outcome, tags=tags)
        await tx.set(state.id, mode=mode)
        return await tx.add_event(state.id, {"type": "closed", "conversation": state.id, "agent": agent})

    async def _held(self, tx: Tx, conversation: str, agent: str, event: str) -> Conversation:
        state = await tx.lock(conversation)
        if state.mode != "human":
            raise NotPossibleError(state.mode, event)
        if state.agent != agent:
            raise TakenError(state.agent)
        return state

    def _people_there(self) -> bool:
        return self._presence.anybody() or self.company.is_open(self._clock())

    def _connecting(self, locale: str) -> str:
        key = "handoff.connecting" if self._people_there() else "handoff.nobody_there"
        return render(key, {}, locale)

    async def _waiting_frame(self, escalation: Escalation) -> Json:
        frame: Json = {"type": "mode", "mode": "waiting", "reason": escalation.reason}
        frame["position"] = await self.store.queue_position(escalation)
        wait = mean_wait_s(await self.store.recent_waits())
        if wait is not None:
            frame["wait_s"] = round(wait * frame["position"])
        return frame

    async def _announce_escalation(self, escalation: Escalation, event: Json) -> None:
        self.hub.publish(DESK, event)
        self.hub.publish(topic(escalation.conversation), await self._waiting_frame(escalation))

    def _announce_mode(self, conversation: str, mode: str, agent: str | None, event: Json) -> None:
        frame: Json = {"type": "mode", "mode": mode}
        if agent:
            frame["agent"] = agent
        self.hub.publish(topic(conversation), frame)
        self.hub.publish(DESK, event)

    async def _tell_positions(self) -> None:
        waiting = await self.store.escalation_list(states=["waiting"], limit=MAX_POSITIONS_TOLD)
        for escalation, _ in waiting:
            if self.hub.has_followers(topic(escalation.conversation)):
                self.hub.publish(topic(escalation.conversation), await self._waiting_frame(escalation))

    def _publish_message(self, message: Message, event: Json | None) -> None:
        self.hub.publish(topic(message.conversation), message.frame())
        if event is not None:
            self.hub.publish(DESK, event)


def escalation_frame(escalation: Escalation) -> Json:
    """The ``escalation`` frame of the desk."""
    return {
        "type": "escalation",
        "conversation": escalation.conversation,
        "reason": escalation.reason,
        "priority": escalation.priority,
        "since": escalation.since,
        "language": escalation.language,
        "summary": escalation.summary,
        "context": escalation.context,
    }


def mean_wait_s(waits: list[tuple[str, str]]) -> float | None:
    """Mean time from escalation to pick-up, in seconds; None before the first."""
    seconds = [
        (datetime.fromisoformat(taken) - datetime.fromisoformat(since)).total_seconds() for since, taken in waits
    ]
    return sum(seconds) / len(seconds) if seconds else None


def _desk_message(message: Message) -> Json:
    return {"type": "message", "conversation": message.conversation, **_without_type(message.frame())}


def _without_type(frame: Json) -> Json:
    return {key: value for key, value in frame.items() if key != "type"}
