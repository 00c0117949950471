"""Reads and writes. A write locks its conversation first, so that seqs have no gaps and no doubles."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Insert, Row, Table, and_, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.storage.tables import (
    client_actions,
    conversations,
    desk_events,
    escalations,
    feedback,
    messages,
    sessions,
    staff,
    turns,
)

Json = dict[str, Any]
T = TypeVar("T")
Clock = Callable[[], datetime]
HISTORY_TURNS = 5
LISTEN = "action_listen"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it stands."""

    id: str
    mode: str
    locale: str
    last_seq: int
    slots: Json
    agent: str | None
    customer: str | None
    agent_read: int
    created: str
    updated: str


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message. ``extra`` holds the optional fields of a ``message`` frame, and ``value`` of a choice."""

    conversation: str
    seq: int
    role: str
    text: str
    extra: Json
    client_id: str | None
    at: str

    def frame(self) -> Json:
        """The ``message`` frame of docs/frames.md; private fields (``_…``) stay here."""
        frame: Json = {"type": "message", "seq": self.seq, "role": self.role, "text": self.text, "at": self.at}
        frame.update({key: value for key, value in self.extra.items() if not key.startswith("_")})
        if self.client_id:
            frame["client_id"] = self.client_id
        return frame


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer message that the bot answers, is answering or has answered."""

    conversation: str
    seq: int
    status: str
    record: Json


@dataclass(frozen=True, slots=True)
class Escalation:
    """A hand-over to people."""

    id: int
    conversation: str
    reason: str
    priority: int
    language: str
    summary: str
    context: Json
    state: str
    agent: str | None
    since: str


@dataclass(frozen=True, slots=True)
class Staff:
    """A person with a staff account."""

    username: str
    name: str
    role: str
    password_hash: str
    active: bool


class UnknownConversationError(Exception):
    """The conversation is not in the database."""


class Store:
    """All reads, and transactions for writes."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._single_writer = asyncio.Lock() if engine.dialect.name == "sqlite" else None

    def now(self) -> str:
        """The clock's time as it is stored."""
        return iso(self._clock())

    async def close(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator["Tx"]:
        """A transaction; SQLite has one writer at a time, waiting here instead of in its busy loop."""
        if self._single_writer is None:
            async with self._engine.begin() as connection:
                yield Tx(connection, self.now())
            return
        async with self._single_writer, self._engine.begin() as connection:
            yield Tx(connection, self.now())

    async def ping(self) -> None:
        """Raises where the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(select(literal(1)))

    async def conversation(self, conversation: str) -> Conversation | None:
        """One conversation."""
        row = await self._one(select(conversations).where(conversations.c.id == conversation))
        return None if row is None else _as(Conversation, row)

    async def messages(self, conversation: str, *, after: int = 0, until: int | None = None) -> list[Message]:
        """Messages with ``after < seq <= until``, in order."""
        query = select(*_MESSAGE).where(messages.c.conversation == conversation, messages.c.seq > after)
        if until is not None:
            query = query.where(messages.c.seq <= until)
        return [_as(Message, row) for row in await self._all(query.order_by(messages.c.seq))]

    async def message(self, conversation: str, seq: int) -> Message | None:
        """One message."""
        row = await self._one(select(*_MESSAGE).where(messages.c.conversation == conversation, messages.c.seq == seq))
        return None if row is None else _as(Message, row)

    async def next_turn(self, conversation: str) -> Turn | None:
        """The oldest turn that is not finished."""
        row = await self._one(
            select(*_TURN)
            .where(turns.c.conversation == conversation, turns.c.status == "pending")
            .order_by(turns.c.seq)
            .limit(1)
        )
        return None if row is None else _as(Turn, row)

    async def unfinished(self) -> list[str]:
        """Conversations with a turn that a crash interrupted or that nobody has begun."""
        query = select(turns.c.conversation).where(turns.c.status == "pending").distinct()
        return [row[0] for row in await self._all(query)]

    async def turn_records(self, conversation: str, seq: int | None = None) -> list[Turn]:
        """Decision records, all or the one of the turn ``seq``."""
        query = select(*_TURN).where(turns.c.conversation == conversation).order_by(turns.c.seq)
        if seq is not None:
            query = query.where(turns.c.seq == seq)
        return [_as(Turn, row) for row in await self._all(query)]

    async def turn_of(self, conversation: str, seq: int) -> int | None:
        """The turn to which the message ``seq`` belongs; a customer's message is its own turn."""
        row = await self._one(
            select(messages.c.role, messages.c.turn).where(
                messages.c.conversation == conversation, messages.c.seq == seq
            )
        )
        if row is None:
            return None
        return seq if row.role == "customer" else row.turn

    async def history(self, conversation: str, before: int) -> list[Json]:
        """Intent and actions of the last turns before the turn ``before``, oldest first, as Rasa takes them."""
        rows = await self._all(
            select(turns.c.record)
            .where(turns.c.conversation == conversation, turns.c.seq < before, turns.c.status == "done")
            .order_by(turns.c.seq.desc())
            .limit(HISTORY_TURNS)
        )
        return [
            {
                "intent": row.record.get("intent"),
                "actions": [name for one in row.record.get("decisions", []) if (name := one["action"]) != LISTEN],
            }
            for row in reversed(rows)
        ]

    async def open_escalation(self, conversation: str) -> Escalation | None:
        """The escalation that is not closed, if there is one."""
        row = await self._one(
            select(*_ESCALATION)
            .where(escalations.c.conversation == conversation, escalations.c.state != "closed")
            .order_by(escalations.c.id.desc())
            .limit(1)
        )
        return None if row is None else _as(Escalation, row)

    async def last_escalation(self, conversation: str) -> Escalation | None:
        """The newest escalation, closed or not."""
        row = await self._one(
            select(*_ESCALATION)
            .where(escalations.c.conversation == conversation)
            .order_by(escalations.c.id.desc())
            .limit(1)
        )
        return None if row is None else _as(Escalation, row)

    async def escalation_list(
        self, *, states: Sequence[str], agent: str | None = None, limit: int = 200, before: int | None = None
    ) -> list[tuple[Escalation, Conversation]]:
        """Escalations with their conversations: open ones by priority and age, closed ones newest first."""
        query = (
            select(*_ESCALATION, *conversations.c)
            .join(conversations, conversations.c.id == escalations.c.conversation)
            .where(escalations.c.state.in_(states))
            .limit(limit)
        )
        if agent is not None:
            query = query.where(escalations.c.agent == agent)
        if before is not None:
            query = query.where(escalations.c.id < before)
        if list(states) == ["closed"]:
            query = query.order_by(escalations.c.id.desc())
        else:
            query = query.order_by(escalations.c.priority.desc(), escalations.c.since, escalations.c.id)
        width = len(_ESCALATION)
        return [(_as(Escalation, row[:width]), _as(Conversation, row[width:])) for row in await self._all(query)]

    async def queue_position(self, escalation: Escalation) -> int:
        """1 for the conversation that is served next."""
        row = await self._one(
            select(func.count()).where(
                escalations.c.state == "waiting",
                or_(
                    escalations.c.priority > escalation.priority,
                    and_(escalations.c.priority == escalation.priority, escalations.c.id <= escalation.id),
                ),
            )
        )
        return int(row[0]) if row else 1

    async def recent_waits(self, limit: int = 20) -> list[tuple[str, str]]:
        """When the last escalations that were taken began and when they were taken."""
        query = (
            select(escalations.c.since, escalations.c.taken)
            .where(escalations.c.taken.is_not(None))
            .order_by(escalations.c.id.desc())
            .limit(limit)
        )
        return [(row.since, row.taken) for row in await self._all(query)]

    async def last_event(self) -> int:
        """Number of the desk's newest event, 0 before the first."""
        row = await self._one(select(func.max(desk_events.c.event)))
        return int(row[0] or 0) if row else 0

    async def desk_events(self, *, after: int, until: int | None = None, conversation: str | None = None) -> list[Json]:
        """Frames of the desk's stream with ``after < event <= until``, in order."""
        query = select(desk_events.c.event, desk_events.c.frame).where(desk_events.c.event > after)
        if until is not None:
            query = query.where(desk_events.c.event <= until)
        if conversation is not None:
            query = query.where(desk_events.c.conversation == conversation)
        rows = await self._all(query.order_by(desk_events.c.event))
        return [{"type": row.frame["type"], "event": row.event, **row.frame} for row in rows]

    async def last_messages(self, ids: Sequence[str]) -> dict[str, Message]:
        """The newest message of each conversation."""
        if not ids:
            return {}
        newest = (
            select(messages.c.conversation, func.max(messages.c.seq).label("seq"))
            .where(messages.c.conversation.in_(ids))
            .group_by(messages.c.conversation)
            .subquery()
        )
        query = select(*_MESSAGE).join(
            newest, and_(messages.c.conversation == newest.c.conversation, messages.c.seq == newest.c.seq)
        )
        return {row.conversation: _as(Message, row) for row in await self._all(query)}

    async def staff(self, username: str) -> Staff | None:
        """One staff account."""
        row = await self._one(select(*_STAFF).where(staff.c.username == username))
        return None if row is None else _as(Staff, row)

    async def all_staff(self) -> list[Staff]:
        """All staff accounts."""
        return [_as(Staff, row) for row in await self._all(select(*_STAFF).order_by(staff.c.username))]

    async def session(self, token_hash: str) -> Staff | None:
        """The active account behind a session that has not expired."""
        row = await self._one(
            select(*_STAFF)
            .join(sessions, sessions.c.username == staff.c.username)
            .where(sessions.c.token_hash == token_hash, sessions.c.expires > self.now(), staff.c.active)
        )
        return None if row is None else _as(Staff, row)

    async def _one(self, query: Any) -> Row[Any] | None:
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).first()

    async def _all(self, query: Any) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()


class Tx:
    """The writes, inside one transaction."""

    def __init__(self, connection: AsyncConnection, now: str) -> None:
        self._connection = connection
        self.now = now

    async def lock(self, conversation: str) -> Conversation:
        """The conversation as it stands, locked until the transaction ends.

        Raises:
            UnknownConversationError: It does not exist.
        """
        statement = (
            update(conversations)
            .where(conversations.c.id == conversation)
            .values(updated=self.now)
            .returning(*conversations.c)
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise UnknownConversationError(conversation)
        return _as(Conversation, row)

    async def create_conversation(self, conversation: str, locale: str, customer: str | None, slots: Json) -> None:
        """A new conversation with the bot."""
        await self._connection.execute(
            insert(conversations).values(
                id=conversation,
                mode="bot",
                locale=locale,
                last_seq=0,
                slots=slots,
                customer=customer,
                agent_read=0,
                created=self.now,
                updated=self.now,
            )
        )

    async def set(self, conversation: str, **values: Any) -> None:
        """Changes columns of the conversation (``mode``, ``locale``, ``slots``, ``agent``, ``customer`` …)."""
        await self._connection.execute(update(conversations).where(conversations.c.id == conversation).values(**values))

    async def claim(self, conversation: str, client_id: str) -> tuple[bool, int | None]:
        """Whether a client's id is new, and the ``seq`` acknowledged for it before."""
        statement = self._insert(client_actions).values(conversation=conversation, id=client_id, seq=None)
        if (await self._connection.execute(statement.on_conflict_do_nothing())).rowcount:
            return True, None
        row = (
            await self._connection.execute(
                select(client_actions.c.seq).where(
                    client_actions.c.conversation == conversation, client_actions.c.id == client_id
                )
            )
        ).first()
        return False, row.seq if row else None

    async def add_message(
        self,
        conversation: str,
        role: str,
        text: str,
        *,
        extra: Json | None = None,
        client_id: str | None = None,
        turn: tuple[int, int] | None = None,
    ) -> Message:
        """Stores a message under the conversation's next ``seq``; ``turn`` is (turn, index) of a bot message."""
        statement = (
            update(conversations)
            .where(conversations.c.id == conversation)
            .values(last_seq=conversations.c.last_seq + 1)
            .returning(conversations.c.last_seq)
        )
        seq = (await self._connection.execute(statement)).scalar_one()
        await self._connection.execute(
            insert(messages).values(
                conversation=conversation,
                seq=seq,
                role=role,
                text=text,
                extra=extra or {},
                client_id=client_id,
                turn=turn[0] if turn else None,
                turn_index=turn[1] if turn else None,
                at=self.now,
            )
        )
        if client_id:
            await self._connection.execute(
                update(client_actions)
                .where(client_actions.c.conversation == conversation, client_actions.c.id == client_id)
                .values(seq=seq)
            )
        return Message(conversation, seq, role, text, extra or {}, client_id, self.now)

    async def transcript(self, conversation: str) -> list[Message]:
        """All messages, as this transaction sees them."""
        query = select(*_MESSAGE).where(messages.c.conversation == conversation).order_by(messages.c.seq)
        return [_as(Message, row) for row in await self._connection.execute(query)]

    async def has_bot_message(self, conversation: str, turn: tuple[int, int]) -> bool:
        """Whether this bot message was stored before (a turn that runs again after a crash)."""
        query = select(messages.c.seq).where(
            messages.c.conversation == conversation, messages.c.turn == turn[0], messages.c.turn_index == turn[1]
        )
        return (await self._connection.execute(query)).first() is not None

    async def add_turn(self, conversation: str, seq: int) -> None:
        """A turn for the customer message ``seq``, to be run."""
        await self._connection.execute(
            insert(turns).values(conversation=conversation, seq=seq, status="pending", record={}, at=self.now)
        )

    async def finish_turn(self, conversation: str, seq: int, status: str, record: Json, release: str | None) -> None:
        """Ends a turn (``done``, ``failed``, ``dropped``) with its decision record."""
        await self._connection.execute(
            update(turns)
            .where(turns.c.conversation == conversation, turns.c.seq == seq)
            .values(status=status, record=record, release=release)
        )

    async def drop_turns(self, conversation: str) -> None:
        """Ends the turns that have not been answered, because a person answers now."""
        await self._connection.execute(
            update(turns)
            .where(turns.c.conversation == conversation, turns.c.status == "pending")
            .values(status="dropped")
        )

    async def add_escalation(
        self, conversation: str, *, reason: str, priority: int, language: str, summary: str, context: Json
    ) -> Escalation:
        """A waiting escalation."""
        statement = (
            insert(escalations)
            .values(
                conversation=conversation,
                reason=reason,
                priority=priority,
                language=language,
                summary=summary,
                context=context,
                state="waiting",
                since=self.now,
                tags=[],
            )
            .returning(*_ESCALATION)
        )
        return _as(Escalation, (await self._connection.execute(statement)).one())

    async def take(self, conversation: str, agent: str) -> bool:
        """Assigns the waiting escalation to ``agent``; False where somebody was faster."""
        statement = (
            update(escalations)
            .where(escalations.c.conversation == conversation, escalations.c.state == "waiting")
            .values(state="assigned", agent=agent, taken=self.now)
        )
        return bool((await self._connection.execute(statement)).rowcount)

    async def set_escalation(self, conversation: str, **values: Any) -> None:
        """Changes the escalation that is not closed."""
        await self._connection.execute(
            update(escalations)
            .where(escalations.c.conversation == conversation, escalations.c.state != "closed")
            .values(**values)
        )

    async def add_event(self, conversation: str, frame: Json) -> Json:
        """Appends to the desk's stream; the frame comes back with its ``event`` number."""
        statement = (
            insert(desk_events)
            .values(conversation=conversation, kind=frame["type"], frame=frame, at=self.now)
            .returning(desk_events.c.event)
        )
        event = (await self._connection.execute(statement)).scalar_one()
        return {"type": frame["type"], "event": event, **frame}

    async def add_feedback(
        self, conversation: str, client_id: str, *, seq: int | None, score: int, comment: str
    ) -> None:
        """Keeps a customer's verdict."""
        statement = self._insert(feedback).values(
            conversation=conversation, id=client_id, seq=seq, score=score, comment=comment, at=self.now
        )
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def add_staff(self, username: str, name: str, role: str, password_hash: str) -> bool:
        """A staff account; False where the name is taken."""
        statement = self._insert(staff).values(
            username=username, name=name, role=role, password_hash=password_hash, active=True, created=self.now
        )
        return bool((await self._connection.execute(statement.on_conflict_do_nothing())).rowcount)

    async def set_password(self, username: str, password_hash: str) -> bool:
        """Changes a password and ends the account's sessions; False where there is no such account."""
        await self._connection.execute(delete(sessions).where(sessions.c.username == username))
        statement = update(staff).where(staff.c.username == username).values(password_hash=password_hash)
        return bool((await self._connection.execute(statement)).rowcount)

    async def add_session(self, token_hash: str, username: str, expires: str) -> None:
        """A staff session; expired ones go."""
        await self._connection.execute(delete(sessions).where(sessions.c.expires <= self.now))
        await self._connection.execute(
            insert(sessions).values(token_hash=token_hash, username=username, expires=expires)
        )

    async def end_session(self, token_hash: str) -> None:
        """Ends one session."""
        await self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    def _insert(self, table: Table) -> Any:
        dialect = self._connection.dialect.name
        builder: Callable[[Table], Insert] = sqlite.insert if dialect == "sqlite" else postgresql.insert
        return builder(table)


_MESSAGE = [messages.c[name] for name in ("conversation", "seq", "role", "text", "extra", "client_id", "at")]
_TURN = [turns.c[name] for name in ("conversation", "seq", "status", "record")]
_ESCALATION = [
    escalations.c[name]
    for name in (
        "id",
        "conversation",
        "reason",
        "priority",
        "language",
        "summary",
        "context",
        "state",
        "agent",
        "since",
    )
]
_STAFF = [staff.c[name] for name in ("username", "name", "role", "password_hash", "active")]


def _as(kind: type[T], row: Sequence[Any]) -> T:
    return kind(*row)


def iso(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds and ``Z``; the stored form, which sorts by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
