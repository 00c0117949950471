"""Reads and writes. A write locks its conversation first, so that seqs have no gaps and no doubles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Float,
    Insert,
    Result,
    Row,
    Table,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.storage.database import WRITERS
from server.storage.search import terms_of
from server.storage.tables import (
    client_actions,
    conversations,
    desk_events,
    escalations,
    feedback,
    gateways,
    message_terms,
    messages,
    reviews,
    sessions,
    staff,
    turns,
)

Json = dict[str, Any]
T = TypeVar("T")
Clock = Callable[[], datetime]
HISTORY_TURNS = 5
LISTEN = "action_listen"
DEAD_AFTER_S = 3.0
"""A gateway that has not said for so long that it lives is dead to the others."""
_DESK_STREAM = 0x6B656675
"""The advisory lock under which PostgreSQL numbers the desk's events."""


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
    channel: str
    account: str | None
    contact: Json | None
    customer_got: int
    customer_read: int


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
    taken: str | None
    ended: str | None
    outcome: str | None
    tags: list[str]
    topic: str | None
    skill: str | None
    team: str | None
    account: str | None
    assignee: str | None
    offered: str | None
    passed: Json
    unanswered: str | None
    first_reply: str | None
    snoozed_until: str | None
    score: int | None
    solved: bool | None
    before: Json
    ended_seq: int | None


@dataclass(frozen=True, slots=True)
class Staff:
    """A person with a staff account. ``teams`` and ``languages`` empty: all; ``capacity`` none: the company's."""

    username: str
    name: str
    role: str
    password_hash: str
    active: bool
    teams: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    capacity: int | None = None

    @property
    def leads(self) -> bool:
        """Whether this person sees and may change what others have."""
        return self.role in {"supervisor", "admin"}


class UnknownConversationError(Exception):
    """The conversation is not in the database."""


class Store:
    """All reads, and transactions for writes."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._single_writer = asyncio.Lock() if engine.dialect.name == "sqlite" else None
        self._writers = asyncio.Semaphore(WRITERS)

    def now(self) -> str:
        """The clock's time as it is stored."""
        return iso(self._clock())

    async def close(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator["Tx"]:
        """A transaction; SQLite has one writer at a time, waiting here instead of in its busy loop.

        Who is cancelled inside takes everything back, once what the database is doing for them has ended.
        """
        async with self._single_writer or self._writers:
            begun = self._engine.begin()
            connection, cancelled = await _outlast(begun.__aenter__())
            try:
                if cancelled is not None:
                    raise cancelled
                yield Tx(connection, self.now())
            except BaseException as error:
                await _outlast(begun.__aexit__(type(error), error, error.__traceback__))
                raise
            await _whole(begun.__aexit__(None, None, None))

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    async def compact(self) -> None:
        """Takes out of SQLite's files what erased rows may have left there; PostgreSQL's own vacuum does that."""
        if self._single_writer is None:
            return
        async with self._single_writer, self._engine.connect() as connection:
            # A search index keeps erased words in its segments until they are merged.
            found = text("SELECT 1 FROM sqlite_master WHERE name = 'message_search'")
            if (await connection.execute(found)).first():
                await connection.execute(text("INSERT INTO message_search(message_search) VALUES ('optimize')"))
            await connection.commit()
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def ping(self) -> None:
        """Raises where the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(select(literal(1)))

    async def conversation(self, conversation: str) -> Conversation | None:
        """One conversation."""
        row = await self.one(select(conversations).where(conversations.c.id == conversation))
        return None if row is None else as_record(Conversation, row)

    async def messages(self, conversation: str, *, after: int = 0, until: int | None = None) -> list[Message]:
        """Messages with ``after < seq <= until``, in order."""
        query = select(*MESSAGE_COLUMNS).where(messages.c.conversation == conversation, messages.c.seq > after)
        if until is not None:
            query = query.where(messages.c.seq <= until)
        return [as_record(Message, row) for row in await self.all(query.order_by(messages.c.seq))]

    async def message(self, conversation: str, seq: int) -> Message | None:
        """One message."""
        row = await self.one(
            select(*MESSAGE_COLUMNS).where(messages.c.conversation == conversation, messages.c.seq == seq)
        )
        return None if row is None else as_record(Message, row)

    async def next_turn(self, conversation: str, runner: str = "") -> Turn | None:
        """The oldest turn that is not finished, where this gateway may run it: nobody runs it, or who did is dead.

        With SQLite there is one gateway, which need not ask.
        """
        oldest = (
            select(func.min(turns.c.seq))
            .where(turns.c.conversation == conversation, turns.c.status == "pending")
            .scalar_subquery()
        )
        mine = (turns.c.conversation == conversation, turns.c.seq == oldest)
        if self._single_writer is not None:
            row = await self.one(select(*_TURN).where(*mine))
            return None if row is None else as_record(Turn, row)
        claim = update(turns).where(*mine, turns.c.status == "pending", _is_free(runner)).values(runner=runner)
        async with self.write() as tx:
            row = (await tx.execute(claim.returning(*_TURN))).first()
        return None if row is None else as_record(Turn, row)

    async def unfinished(self, runner: str = "") -> list[str]:
        """Conversations with a turn that waits for this gateway: begun by it, by a dead one or by nobody."""
        query = select(turns.c.conversation).where(turns.c.status == "pending").distinct()
        if self._single_writer is None:
            query = query.where(_is_free(runner))
        return [row[0] for row in await self.all(query)]

    async def standing(self, chosen: Sequence[str]) -> list[tuple[str, int, str]]:
        """(id, last ``seq``, mode) of the chosen conversations."""
        query = select(conversations.c.id, conversations.c.last_seq, conversations.c.mode)
        rows = await self.all(query.where(conversations.c.id.in_(chosen)))
        return [(row.id, row.last_seq, row.mode) for row in rows]

    async def turn_records(self, conversation: str, seq: int | None = None) -> list[Turn]:
        """Decision records, all or the one of the turn ``seq``."""
        query = select(*_TURN).where(turns.c.conversation == conversation).order_by(turns.c.seq)
        if seq is not None:
            query = query.where(turns.c.seq == seq)
        return [as_record(Turn, row) for row in await self.all(query)]

    async def turn_of(self, conversation: str, seq: int) -> int | None:
        """The turn to which the message ``seq`` belongs; a customer's message is its own turn."""
        row = await self.one(
            select(messages.c.role, messages.c.turn).where(
                messages.c.conversation == conversation, messages.c.seq == seq
            )
        )
        if row is None:
            return None
        return seq if row.role == "customer" else row.turn

    async def history(self, conversation: str, before: int) -> list[Json]:
        """Intent and actions of the last turns before the turn ``before``, oldest first, as Rasa takes them."""
        rows = await self.all(
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
        row = await self.one(
            select(*ESCALATION_COLUMNS)
            .where(escalations.c.conversation == conversation, escalations.c.state != "closed")
            .order_by(escalations.c.id.desc())
            .limit(1)
        )
        return None if row is None else as_record(Escalation, row)

    async def last_escalation(self, conversation: str) -> Escalation | None:
        """The newest escalation, closed or not."""
        row = await self.one(
            select(*ESCALATION_COLUMNS)
            .where(escalations.c.conversation == conversation)
            .order_by(escalations.c.id.desc())
            .limit(1)
        )
        return None if row is None else as_record(Escalation, row)

    async def last_event(self) -> int:
        """Number of the desk's newest event, 0 before the first."""
        row = await self.one(select(func.max(desk_events.c.event)))
        return int(row[0] or 0) if row else 0

    async def desk_events(
        self,
        *,
        after: int,
        until: int | None = None,
        conversation: str | None = None,
        dated: bool = False,
        limit: int | None = None,
    ) -> list[Json]:
        """Frames of the desk's stream with ``after < event <= until``, in order; ``dated`` ones all say ``at``."""
        query = select(desk_events.c.event, desk_events.c.frame, desk_events.c.at).where(desk_events.c.event > after)
        if until is not None:
            query = query.where(desk_events.c.event <= until)
        if conversation is not None:
            query = query.where(desk_events.c.conversation == conversation)
        rows = await self.all(query.order_by(desk_events.c.event).limit(limit))
        when = [{"at": row.at} if dated else {} for row in rows]
        return [
            {"type": row.frame["type"], "event": row.event, **at, **row.frame}
            for row, at in zip(rows, when, strict=True)
        ]

    async def feedback_of(self, conversation: str) -> list[Json]:
        """The customer's verdicts in a conversation, oldest first."""
        query = select(feedback).where(feedback.c.conversation == conversation).order_by(feedback.c.at)
        return [
            {"seq": row.seq, "score": row.score or None, "solved": row.solved, "comment": row.comment, "at": row.at}
            for row in await self.all(query)
        ]

    async def staff(self, username: str) -> Staff | None:
        """One staff account."""
        row = await self.one(select(*_STAFF).where(staff.c.username == username))
        return None if row is None else as_record(Staff, row)

    async def all_staff(self) -> list[Staff]:
        """All staff accounts."""
        return [as_record(Staff, row) for row in await self.all(select(*_STAFF).order_by(staff.c.username))]

    async def session(self, token_hash: str) -> Staff | None:
        """The active account behind a session that has not expired."""
        row = await self.one(
            select(*_STAFF)
            .join(sessions, sessions.c.username == staff.c.username)
            .where(sessions.c.token_hash == token_hash, sessions.c.expires > self.now(), staff.c.active)
        )
        return None if row is None else as_record(Staff, row)

    async def one(self, query: Any) -> Row[Any] | None:
        """The first row of a query, for the reads of this package."""
        return await _whole(self._read(query, Result.first))

    async def all(self, query: Any) -> Sequence[Row[Any]]:
        """The rows of a query, for the reads of this package."""
        return await _whole(self._read(query, Result.all))

    async def _read(self, query: Any, take: Callable[[Result[Any]], T]) -> T:
        async with self._engine.connect() as connection:
            return take(await connection.execute(query))


async def _outlast(work: Awaitable[T]) -> tuple[T, asyncio.CancelledError | None]:
    """What a step at the database came to, and the cancellation that met it, however often it was repeated.

    A step that is cut off leaves its connection to be closed by a task that a second cancellation abandons: until that
    is collected, the connection holds SQLite's lock, and nobody can write.
    """
    step = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not step.done():
        try:
            await asyncio.wait({step})
        except asyncio.CancelledError as error:
            cancelled = error
    return step.result(), cancelled


async def _whole(work: Awaitable[T]) -> T:
    result, cancelled = await _outlast(work)
    if cancelled is not None:
        raise cancelled
    return result


class _Steps:
    """A connection whose statements end before a cancellation counts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, statement: Any, rows: Any = None) -> CursorResult[Any]:
        return await _whole(self._connection.execute(statement, rows))


class Tx:
    """The writes, inside one transaction."""

    def __init__(self, connection: AsyncConnection, now: str) -> None:
        self._connection = _Steps(connection)
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
        return as_record(Conversation, row)

    async def create_conversation(
        self, conversation: str, locale: str, customer: str | None, slots: Json, channel: str = "web"
    ) -> None:
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
                customer_got=0,
                customer_read=0,
                channel=channel,
                account=customer,
                created=self.now,
                updated=self.now,
            )
        )

    async def set(self, conversation: str, **values: Any) -> None:
        """Changes columns of the conversation (``mode``, ``locale``, ``slots``, ``agent``, ``customer`` …)."""
        await self._connection.execute(update(conversations).where(conversations.c.id == conversation).values(**values))

    async def claim(self, conversation: str, client_id: str, seq: int | None = None) -> tuple[bool, int | None]:
        """Whether a client's id is new, and the ``seq`` acknowledged for it before.

        ``seq`` is what will be acknowledged for a new one: the message's that is about to be added.
        """
        statement = self._insert(client_actions).values(conversation=conversation, id=client_id, seq=seq)
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
        if role != "system" and (terms := terms_of(text)):
            await self._connection.execute(
                insert(message_terms).values(conversation=conversation, seq=seq, terms=terms)
            )
        return Message(conversation, seq, role, text, extra or {}, client_id, self.now)

    async def add_extra(self, message: Message, extra: Json) -> Message:
        """Adds optional fields to a message of this transaction."""
        kept = {**message.extra, **extra}
        await self._connection.execute(
            update(messages)
            .where(messages.c.conversation == message.conversation, messages.c.seq == message.seq)
            .values(extra=kept)
        )
        return replace(message, extra=kept)

    async def answered(self, conversation: str) -> None:
        """The agent answered: nothing is due any more."""
        await self._connection.execute(
            update(escalations)
            .where(escalations.c.conversation == conversation, escalations.c.state.in_(["assigned", "snoozed"]))
            .values(unanswered=None, first_reply=func.coalesce(escalations.c.first_reply, self.now))
        )

    async def customer_waits(self, conversation: str) -> tuple[str | None, str | None] | None:
        """The customer wrote to the agent: an answer is due from now on, and a snooze is over.

        Returns (until when it was snoozed, team) where this changed anything.
        """
        row = (
            await self._connection.execute(
                update(escalations)
                .where(
                    escalations.c.conversation == conversation,
                    or_(
                        escalations.c.state == "snoozed",
                        and_(escalations.c.state == "assigned", escalations.c.unanswered.is_(None)),
                    ),
                )
                .values(state="assigned", unanswered=self.now)
                .returning(escalations.c.snoozed_until, escalations.c.team)
            )
        ).first()
        return None if row is None else (row.snoozed_until, row.team)

    async def add_review(self, conversation: str, seq: int, **values: Any) -> None:
        """Keeps a wrong bot message for review; marked again, the newer word counts."""
        statement = self._insert(reviews).values(
            conversation=conversation, seq=seq, at=self.now, state="open", **values
        )
        changed = {name: statement.excluded[name] for name in ("intent", "comment", "agent", "at", "state")}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["conversation", "seq"], set_=changed)
        )

    async def transcript(self, conversation: str) -> list[Message]:
        """All messages, as this transaction sees them."""
        query = select(*MESSAGE_COLUMNS).where(messages.c.conversation == conversation).order_by(messages.c.seq)
        return [as_record(Message, row) for row in await self._connection.execute(query)]

    async def has_bot_message(self, conversation: str, turn: tuple[int, int]) -> bool:
        """Whether this bot message was stored before (a turn that runs again after a crash)."""
        query = select(messages.c.seq).where(
            messages.c.conversation == conversation, messages.c.turn == turn[0], messages.c.turn_index == turn[1]
        )
        return (await self._connection.execute(query)).first() is not None

    async def is_pending(self, conversation: str, seq: int) -> bool:
        """Whether the turn may still speak: it was neither finished nor dropped."""
        query = select(turns.c.status).where(turns.c.conversation == conversation, turns.c.seq == seq)
        row = (await self._connection.execute(query)).first()
        return row is not None and row.status == "pending"

    async def add_turn(self, conversation: str, seq: int) -> None:
        """A turn for the customer message ``seq``, to be run."""
        await self._connection.execute(
            insert(turns).values(conversation=conversation, seq=seq, status="pending", record={}, at=self.now)
        )

    async def finish_turn(self, conversation: str, seq: int, status: str, record: Json, release: str | None) -> None:
        """Ends a turn (``done``, ``failed``, ``dropped``) with its decision record.

        What another gateway has finished meanwhile stays: who drops a turn that is done was taken for dead.
        """
        statement = update(turns).where(turns.c.conversation == conversation, turns.c.seq == seq)
        if status == "dropped":
            statement = statement.where(turns.c.status.in_(["pending", "dropped"]))
        await self._connection.execute(statement.values(status=status, record=record, release=release))

    async def drop_turns(self, conversation: str) -> None:
        """Ends the turns that have not been answered, because a person answers now."""
        await self._connection.execute(
            update(turns)
            .where(turns.c.conversation == conversation, turns.c.status == "pending")
            .values(status="dropped")
        )

    async def add_escalation(
        self, conversation: str, *, reason: str, priority: int, language: str, summary: str, context: Json, **more: Any
    ) -> Escalation:
        """A waiting escalation; ``more`` are further columns (``topic``, ``skill``, ``team`` …)."""
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
                passed={},
                **{"before": {}, **more},
            )
            .returning(*ESCALATION_COLUMNS)
        )
        return as_record(Escalation, (await self._connection.execute(statement)).one())

    async def take(self, conversation: str, agent: str) -> bool:
        """Assigns the waiting escalation to ``agent``; False where somebody was faster."""
        statement = (
            update(escalations)
            .where(escalations.c.conversation == conversation, escalations.c.state == "waiting")
            .values(
                state="assigned",
                agent=agent,
                taken=self.now,
                assignee=None,
                unanswered=self.now,
                first_reply=None,
                snoozed_until=None,
            )
        )
        return bool((await self._connection.execute(statement)).rowcount)

    async def open_escalation(self, conversation: str) -> Escalation | None:
        """The escalation that is not closed, as this transaction sees it."""
        row = (
            await self._connection.execute(
                select(*ESCALATION_COLUMNS)
                .where(escalations.c.conversation == conversation, escalations.c.state != "closed")
                .order_by(escalations.c.id.desc())
                .limit(1)
            )
        ).first()
        return None if row is None else as_record(Escalation, row)

    async def set_last_escalation(self, conversation: str, **values: Any) -> bool:
        """Changes the newest escalation, closed or not; False where there is none."""
        newest = select(func.max(escalations.c.id)).where(escalations.c.conversation == conversation).scalar_subquery()
        statement = update(escalations).where(escalations.c.id == newest).values(**values)
        return bool((await self._connection.execute(statement)).rowcount)

    async def alone(self, what: int) -> None:
        """Waits until no other transaction of any gateway is in the middle of it; SQLite has one writer anyway."""
        if self._connection.dialect.name != "sqlite":
            await self._connection.execute(select(func.pg_advisory_xact_lock(what)))

    async def execute(self, statement: Any, rows: Sequence[Json] | None = None) -> Any:
        """Runs a statement of this package inside the transaction; an insert may bring several rows."""
        return await self._connection.execute(statement, rows)

    async def insert_once(self, table: Table, values: Json) -> None:
        """Adds a row; where one of the same key is there already, it stays."""
        await self._connection.execute(self._insert(table).values(**values).on_conflict_do_nothing())

    async def set_escalation(self, conversation: str, **values: Any) -> None:
        """Changes the escalation that is not closed."""
        await self._connection.execute(
            update(escalations)
            .where(escalations.c.conversation == conversation, escalations.c.state != "closed")
            .values(**values)
        )

    async def add_event(self, conversation: str, frame: Json) -> Json:
        """Appends to the desk's stream; the frame comes back with its ``event`` number."""
        # Numbers are given out in the order of the commits, so that who has event n has all before it.
        await self.alone(_DESK_STREAM)
        statement = (
            insert(desk_events)
            .values(conversation=conversation, kind=frame["type"], frame=frame, at=self.now)
            .returning(desk_events.c.event)
        )
        event = (await self._connection.execute(statement)).scalar_one()
        if frame.get("role") == "note" and (terms := terms_of(frame["text"])):
            await self._connection.execute(
                insert(message_terms).values(conversation=conversation, event=event, terms=terms)
            )
        return {"type": frame["type"], "event": event, **frame}

    async def add_feedback(
        self, conversation: str, client_id: str, *, seq: int | None, score: int, solved: bool | None, comment: str
    ) -> bool:
        """Keeps a customer's verdict; False where it was kept before."""
        statement = self._insert(feedback).values(
            conversation=conversation, id=client_id, seq=seq, score=score, solved=solved, comment=comment, at=self.now
        )
        return bool((await self._connection.execute(statement.on_conflict_do_nothing())).rowcount)

    async def add_staff(self, username: str, name: str, role: str, password_hash: str) -> bool:
        """A staff account; False where the name is taken."""
        statement = self._insert(staff).values(
            username=username, name=name, role=role, password_hash=password_hash, active=True, created=self.now
        )
        return bool((await self._connection.execute(statement.on_conflict_do_nothing())).rowcount)

    async def place_staff(self, username: str, values: Json) -> None:
        """Changes where a person works: ``teams``, ``languages``, ``capacity``."""
        if values:
            await self._connection.execute(update(staff).where(staff.c.username == username).values(**values))

    async def set_password(self, username: str, password_hash: str) -> bool:
        """Changes a password and ends the account's sessions; False where there is no such account."""
        await self._connection.execute(delete(sessions).where(sessions.c.username == username))
        statement = update(staff).where(staff.c.username == username).values(password_hash=password_hash)
        return bool((await self._connection.execute(statement)).rowcount)

    async def add_session(self, token_hash: str, username: str, expires: str, issuer: str | None = None) -> None:
        """A staff session, with who vouched for the person where it was no password; expired ones go."""
        await self._connection.execute(delete(sessions).where(sessions.c.expires <= self.now))
        await self._connection.execute(
            insert(sessions).values(token_hash=token_hash, username=username, expires=expires, issuer=issuer)
        )

    async def end_session(self, token_hash: str) -> str | None:
        """Ends one session; returns who vouched for the person, where it was no password."""
        mine = select(sessions.c.issuer).where(sessions.c.token_hash == token_hash)
        issuer = (await self._connection.execute(mine)).scalar()
        await self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))
        return issuer

    def _insert(self, table: Table) -> Any:
        dialect = self._connection.dialect.name
        builder: Callable[[Table], Insert] = sqlite.insert if dialect == "sqlite" else postgresql.insert
        return builder(table)


def epoch_now() -> ColumnElement[float]:
    """The time by PostgreSQL's clock, which is the same for all gateways, in seconds."""
    return cast(func.extract("epoch", func.clock_timestamp()), Float)


def _is_free(runner: str) -> ColumnElement[bool]:
    living = select(gateways.c.id).where(gateways.c.beat > epoch_now() - DEAD_AFTER_S)
    return or_(turns.c.runner.is_(None), turns.c.runner == runner, turns.c.runner.not_in(living))


MESSAGE_COLUMNS = [messages.c[name] for name in ("conversation", "seq", "role", "text", "extra", "client_id", "at")]
_TURN = [turns.c[name] for name in ("conversation", "seq", "status", "record")]
ESCALATION_COLUMNS = [
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
        "taken",
        "ended",
        "outcome",
        "tags",
        "topic",
        "skill",
        "team",
        "account",
        "assignee",
        "offered",
        "passed",
        "unanswered",
        "first_reply",
        "snoozed_until",
        "score",
        "solved",
        "before",
        "ended_seq",
    )
]
_STAFF = [
    staff.c[name] for name in ("username", "name", "role", "password_hash", "active", "teams", "languages", "capacity")
]


def as_record(kind: type[T], row: Sequence[Any]) -> T:
    """A row as the dataclass whose fields are its columns."""
    return kind(*row)


def iso(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds and ``Z``; the stored form, which sorts by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
