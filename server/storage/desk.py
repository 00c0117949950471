"""What the desk reads: lists with filters and pages, search, what routing needs, one customer's history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import JSON, ColumnElement, and_, exists, func, literal_column, or_, select, text
from sqlalchemy.sql import Select

from server.storage.search import postgres_query, sqlite_query
from server.storage.store import (
    ESCALATION_COLUMNS,
    MESSAGE_COLUMNS,
    Conversation,
    Escalation,
    Json,
    Message,
    Staff,
    Store,
    as_record,
)
from server.storage.tables import conversations, desk_events, escalations, message_terms, messages

STATES = {
    "waiting": ["waiting"],
    "mine": ["waiting", "assigned", "snoozed"],
    "all": ["waiting", "assigned", "snoozed"],
    "snoozed": ["snoozed"],
    "closed": ["closed"],
}
RECENT = 50
"""How many of the last measured times an expectation is made of."""

_LIGHT = [
    literal_column("'{}'", JSON).label(column.name) if column.name in {"context", "before"} else column
    for column in ESCALATION_COLUMNS
]


class BadCursorError(ValueError):
    """A cursor that no page gave."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which escalations a list shows; a field that is None filters nothing."""

    state: str = "all"
    query: str | None = None
    language: str | None = None
    reason: str | None = None
    team: str | None = None
    topic: str | None = None
    agent: str | None = None
    priority: int | None = None
    account: str | None = None
    since: str | None = None
    until: str | None = None


class Found(NamedTuple):
    """A message or note that a search found, with the conversation it is in."""

    message: Message
    state: Conversation


class DeskReads:
    """The desk's reads over the store's connection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, person: Staff, wanted: Filter, *, limit: int, cursor: str | None = None, before: int | None = None
    ) -> list[tuple[Escalation, Conversation]]:
        """Escalations with their conversations, those that the person may see: open ones by priority and age, closed
        ones newest first, after the cursor.

        Raises:
            BadCursorError: The cursor is not one of `cursor_of`.
        """
        query = (
            select(*ESCALATION_COLUMNS, *conversations.c)
            .join(conversations, conversations.c.id == escalations.c.conversation)
            .where(*self._clauses(person, wanted))
            .limit(limit)
        )
        if before is not None:
            query = query.where(escalations.c.id < before)
        if wanted.state == "closed":
            query = query.order_by(escalations.c.id.desc())
        else:
            query = query.order_by(escalations.c.priority.desc(), escalations.c.since, escalations.c.id)
        if cursor is not None:
            query = query.where(_after(cursor, closed=wanted.state == "closed"))
        width = len(ESCALATION_COLUMNS)
        return [
            (as_record(Escalation, row[:width]), as_record(Conversation, row[width:]))
            for row in await self._store.all(query)
        ]

    async def counts(self, person: Staff) -> dict[str, int]:
        """How many conversations each list has for this person, and how many of their own have unread messages."""
        state = escalations.c.state
        mine = or_(escalations.c.agent == person.username, escalations.c.assignee == person.username)
        query = select(
            func.count().filter(state == "waiting").label("waiting"),
            func.count().filter(and_(state.in_(STATES["mine"]), mine)).label("mine"),
            func.count().filter(state.in_(STATES["all"])).label("all"),
            func.count().filter(state == "snoozed").label("snoozed"),
        ).where(state != "closed", *_visible(person))
        row = await self._store.one(query)
        closed = await self._store.one(
            select(func.count()).select_from(escalations).where(*self._clauses(person, Filter("closed")))
        )
        unread = await self._store.one(
            select(func.count(func.distinct(messages.c.conversation)))
            .select_from(escalations)
            .join(conversations, conversations.c.id == escalations.c.conversation)
            .join(messages, messages.c.conversation == conversations.c.id)
            .where(
                state.in_(["assigned", "snoozed"]),
                escalations.c.agent == person.username,
                messages.c.seq > conversations.c.agent_read,
                messages.c.role == "customer",
            )
        )
        assert row is not None
        assert closed is not None
        assert unread is not None
        return {**{name: int(row._mapping[name]) for name in row._fields}, "closed": closed[0], "unread": unread[0]}

    def _clauses(self, person: Staff, wanted: Filter) -> list[ColumnElement[bool]]:
        clauses = [escalations.c.state.in_(STATES[wanted.state]), *_visible(person)]
        if wanted.state == "mine":
            clauses.append(or_(escalations.c.agent == person.username, escalations.c.assignee == person.username))
        if wanted.state == "closed":
            newer = escalations.alias("newer")
            clauses.append(
                ~exists().where(newer.c.conversation == escalations.c.conversation, newer.c.id > escalations.c.id)
            )
        for column in ("language", "reason", "team", "topic", "agent", "priority", "account"):
            value = getattr(wanted, column)
            if value is not None:
                clauses.append(escalations.c[column] == value)
        if wanted.since:
            clauses.append(escalations.c.since >= wanted.since)
        if wanted.until:
            clauses.append(escalations.c.since <= wanted.until)
        if wanted.query:
            clauses.append(escalations.c.conversation.in_(self._matching(wanted.query)))
        return clauses

    def _matching(self, query: str) -> Any:
        """The conversations with a message that fits."""
        clause = self._fits(query)
        return select(message_terms.c.conversation).where(clause).distinct()

    def _fits(self, query: str) -> ColumnElement[bool]:
        if self._store.dialect == "sqlite":
            found = sqlite_query(query)
            if found is None:
                return literal_column("0") == literal_column("1")
            match = text("SELECT rowid FROM message_search WHERE message_search MATCH :fts").bindparams(fts=found)
            return message_terms.c.id.in_(match.columns(rowid=message_terms.c.id.type))
        asked = postgres_query(query)
        if asked is None:
            return literal_column("0") == literal_column("1")
        simple: ColumnElement[Any] = literal_column("'simple'::regconfig")
        return func.to_tsvector(simple, message_terms.c.terms).op("@@")(func.to_tsquery(simple, asked))

    async def search(self, person: Staff, query: str, *, limit: int, before: int | None) -> list[tuple[int, Found]]:
        """Messages and notes that fit, newest first, each with a number to go on from; only what the person may see.

        A note's ``seq`` is that of the message before it.
        """
        earlier = messages.alias()
        before_note = (
            select(func.coalesce(func.max(earlier.c.seq), 0))
            .where(earlier.c.conversation == message_terms.c.conversation, earlier.c.at <= desk_events.c.at)
            .scalar_subquery()
        )
        found = (
            select(
                message_terms.c.id, desk_events.c.frame, before_note.label("after"), *MESSAGE_COLUMNS, *conversations.c
            )
            .select_from(message_terms)
            .outerjoin(
                messages,
                and_(messages.c.conversation == message_terms.c.conversation, messages.c.seq == message_terms.c.seq),
            )
            .outerjoin(desk_events, desk_events.c.event == message_terms.c.event)
            .join(conversations, conversations.c.id == message_terms.c.conversation)
            .where(self._fits(query))
            .order_by(message_terms.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            found = found.where(message_terms.c.id < before)
        if not person.leads:
            found = found.where(
                exists().where(escalations.c.conversation == message_terms.c.conversation, *_visible(person))
            )
        width = 3 + len(MESSAGE_COLUMNS)
        rows = []
        for row in map(tuple[Any, ...], await self._store.all(found)):
            state = as_record(Conversation, row[width:])
            note: Json | None = row[1]
            if note is None:
                message = as_record(Message, row[3:width])
            else:
                extra = {"name": note.get("name")}
                message = Message(state.id, row[2], "note", note["text"], extra, None, note["at"])
            rows.append((row[0], Found(message, state)))
        return rows

    async def may_see(self, person: Staff, conversation: str) -> bool:
        """Whether the conversation is any business of this person's."""
        if person.leads:
            return True
        clause = exists().where(escalations.c.conversation == conversation, *_visible(person))
        row = await self._store.one(select(clause))
        return bool(row and row[0])

    async def escalations_of(self, ids: Sequence[str]) -> dict[str, list[Escalation]]:
        """The escalations of each conversation, oldest first."""
        found: dict[str, list[Escalation]] = {}
        query = select(*ESCALATION_COLUMNS).where(escalations.c.conversation.in_(ids)).order_by(escalations.c.id)
        for row in await self._store.all(query) if ids else ():
            found.setdefault(row.conversation, []).append(as_record(Escalation, row))
        return found

    async def open_escalations(self) -> list[Escalation]:
        """Everything that waits, is assigned or snoozed, oldest first; without their contexts, which are long."""
        query = select(*_LIGHT).where(escalations.c.state != "closed").order_by(escalations.c.id)
        return [as_record(Escalation, row) for row in await self._store.all(query)]

    async def last_said(self, ids: Sequence[str]) -> dict[str, Message]:
        """The newest message of each conversation that somebody wrote; the system's own lines do not count."""
        newest = (
            select(messages.c.conversation, func.max(messages.c.seq).label("seq"))
            .where(messages.c.conversation.in_(ids), messages.c.role != "system")
            .group_by(messages.c.conversation)
            .subquery()
        )
        query = select(*MESSAGE_COLUMNS).join(
            newest, and_(messages.c.conversation == newest.c.conversation, messages.c.seq == newest.c.seq)
        )
        rows = await self._store.all(query) if ids else ()
        return {row.conversation: as_record(Message, row) for row in rows}

    async def unread(self, ids: Sequence[str]) -> dict[str, int]:
        """How many messages of the customer nobody at the desk has read, by conversation."""
        query = (
            select(messages.c.conversation, func.count().label("unread"))
            .join(conversations, conversations.c.id == messages.c.conversation)
            .where(
                messages.c.conversation.in_(ids),
                messages.c.role == "customer",
                messages.c.seq > conversations.c.agent_read,
            )
            .group_by(messages.c.conversation)
        )
        rows = await self._store.all(query) if ids else []
        return {row.conversation: row.unread for row in rows}

    async def served_by(self, accounts: Sequence[str]) -> dict[str, str]:
        """Who served each customer last."""
        newest = (
            select(func.max(escalations.c.id))
            .where(
                escalations.c.account.in_(accounts), escalations.c.agent.is_not(None), escalations.c.taken.is_not(None)
            )
            .group_by(escalations.c.account)
        )
        query = select(escalations.c.account, escalations.c.agent).where(escalations.c.id.in_(newest))
        rows = await self._store.all(query) if accounts else []
        return {row.account: row.agent for row in rows}

    async def earlier(self, account: str, *, limit: int = 20) -> list[Conversation]:
        """The conversations of a customer over all channels, newest first."""
        query = (
            select(*conversations.c)
            .where(conversations.c.account == account)
            .order_by(conversations.c.created.desc())
            .limit(limit)
        )
        return [as_record(Conversation, row) for row in await self._store.all(query)]

    async def queue_position(self, escalation: Escalation) -> int:
        """1 for the conversation of its team that is served next."""
        same = escalations.c.team.is_(None) if escalation.team is None else escalations.c.team == escalation.team
        row = await self._store.one(
            select(func.count()).where(
                escalations.c.state == "waiting",
                same,
                or_(
                    escalations.c.priority > escalation.priority,
                    and_(
                        escalations.c.priority == escalation.priority,
                        or_(
                            escalations.c.since < escalation.since,
                            and_(escalations.c.since == escalation.since, escalations.c.id <= escalation.id),
                        ),
                    ),
                ),
            )
        )
        return max(1, int(row[0]) if row else 1)

    async def measured(self) -> tuple[float | None, float | None]:
        """Mean seconds from being asked to taking it, and of service, of the last ones; None before the first."""
        asked = func.coalesce(escalations.c.offered, escalations.c.since).label("began")
        picked = select(asked, escalations.c.taken.label("done")).where(escalations.c.taken.is_not(None))
        served = select(escalations.c.taken.label("began"), escalations.c.ended.label("done")).where(
            escalations.c.taken.is_not(None), escalations.c.ended.is_not(None)
        )
        return await self._mean(picked), await self._mean(served)

    async def _mean(self, query: Select[Any]) -> float | None:
        rows = await self._store.all(query.order_by(escalations.c.id.desc()).limit(RECENT))
        seconds = [seconds_between(row.began, row.done) for row in rows]
        return sum(seconds) / len(seconds) if seconds else None

    async def tags(self, *, limit: int = 30) -> list[str]:
        """The tags of the last conversations, most used first."""
        query = (
            select(escalations.c.tags)
            .where(escalations.c.state == "closed")
            .order_by(escalations.c.id.desc())
            .limit(500)
        )
        used: dict[str, int] = {}
        for row in await self._store.all(query):
            for tag in row.tags or []:
                used[tag] = used.get(tag, 0) + 1
        return sorted(used, key=lambda tag: (-used[tag], tag))[:limit]


def cursor_of(escalation: Escalation, *, closed: bool) -> str:
    """Where the next page begins after this one."""
    return f"{escalation.id}" if closed else f"{escalation.priority}~{escalation.since}~{escalation.id}"


def seconds_between(start: str, end: str) -> float:
    """Seconds from one stored time to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _after(cursor: str, *, closed: bool) -> ColumnElement[bool]:
    try:
        if closed:
            return escalations.c.id < int(cursor)
        first, since, last = cursor.split("~")
        priority, number = int(first), int(last)
    except ValueError as error:
        raise BadCursorError(f"'{cursor[:60]}' is no cursor of this list") from error
    return or_(
        escalations.c.priority < priority,
        and_(escalations.c.priority == priority, escalations.c.since > since),
        and_(escalations.c.priority == priority, escalations.c.since == since, escalations.c.id > number),
    )


def _visible(person: Staff) -> list[ColumnElement[bool]]:
    """What limits the escalations to those that are the person's business: their own, their teams', and nobody's."""
    if person.leads or not person.teams:
        return []
    return [
        or_(
            escalations.c.team.is_(None),
            escalations.c.team.in_(person.teams),
            escalations.c.agent == person.username,
            escalations.c.assignee == person.username,
        )
    ]


__all__ = ["BadCursorError", "DeskReads", "Filter", "Found", "Json", "cursor_of", "seconds_between"]
