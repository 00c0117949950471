"""The review list's entries: which turns get on it, written in the transaction of what puts them there."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import or_, select, update

from server.learning.labels import spans_that_stand
from server.privacy import mask
from server.storage.store import Conversation, Store, Tx
from server.storage.tables import messages, review_items, turns

Json = dict[str, Any]
WHY: Final = ("fallback", "low_confidence", "out_of_scope", "marked", "thumbs_down")
"""Why a message is on the list, by bit."""
OPEN, LABELLED, CONFLICT, IGNORED = STATES = ("open", "labelled", "conflict", "ignored")
_FALLBACK_INTENT: Final = "nlu_fallback"
_GOING_ON: Final = "action_continue"
_OOS_LIKELY: Final = 0.5
_LITTLE_SURE: Final = 0.7
"""Below this probability an intent that was acted on is looked at all the same."""
_RANKED: Final = 9
_MOST_TEXT: Final = 500


def bits(names: Any) -> int:
    """The bits of some reasons."""
    return sum(1 << WHY.index(name) for name in set(names))


def reasons(value: int) -> list[str]:
    """The reasons of some bits."""
    return [name for at, name in enumerate(WHY) if value & (1 << at)]


def reasons_of(record: Json) -> list[str]:
    """Why a finished turn is to be looked at; empty where it was understood well enough.

    An answer to a question of the bot is no question of the customer's, and a button is never misunderstood.
    """
    parse = record.get("parse") or {}
    if not parse.get("intent") or parse.get("engine") == "choice":
        return []
    if any(one.get("action") == _GOING_ON for one in record.get("decisions") or ()):
        return []
    confidence = float(parse["intent"].get("confidence") or 0.0)
    found = []
    if record.get("intent") == _FALLBACK_INTENT:
        found.append("fallback")
    elif confidence < _LITTLE_SURE:
        found.append("low_confidence")
    if float(parse.get("oos") or 0.0) >= _OOS_LIKELY:
        found.append("out_of_scope")
    return found


async def note_turn(tx: Tx, state: Conversation, seq: int, record: Json) -> None:
    """Puts a turn that has just been finished on the list, where it belongs there."""
    why = reasons_of(record)
    if why:
        await note(tx, state, seq, record.get("parse") or {}, why)


async def note_message(tx: Tx, state: Conversation, seq: int, why: str) -> None:
    """Puts the turn on the list to which a message of the bot belongs, because of what somebody says about it."""
    row = (
        await tx.execute(
            select(messages.c.turn, messages.c.role).where(messages.c.conversation == state.id, messages.c.seq == seq)
        )
    ).first()
    if row is None or row.role != "bot" or row.turn is None:
        return
    found = select(turns.c.record).where(turns.c.conversation == state.id, turns.c.seq == row.turn)
    record = (await tx.execute(found)).scalar()
    parse = (record or {}).get("parse") or {}
    if parse.get("engine") != "choice":
        await note(tx, state, row.turn, parse, [why])


async def note(tx: Tx, state: Conversation, seq: int, parse: Json, why: list[str]) -> None:
    """Adds an entry, or a reason to one that is there; an entry that was dealt with stays as it is."""
    known = select(review_items.c.id).where(review_items.c.conversation == state.id, review_items.c.seq == seq)
    item = (await tx.execute(known)).scalar()
    if item is not None:
        value = review_items.c.why.bitwise_or(bits(why))
        await tx.execute(update(review_items).where(review_items.c.id == item).values(why=value))
        return
    asked = select(messages.c.text).where(messages.c.conversation == state.id, messages.c.seq == seq)
    words = str(parse.get("text") or (await tx.execute(asked)).scalar() or "").strip()
    if not words:
        return
    said = select(messages.c.text).where(messages.c.conversation == state.id, messages.c.turn == seq)
    replies = [row.text for row in await tx.execute(said.order_by(messages.c.turn_index))]
    # The list is read by people who do not serve this customer, and taught to the model.
    text = mask(words[:_MOST_TEXT])
    intent = parse.get("intent") or {}
    await tx.execute(
        review_items.insert().values(
            conversation=state.id,
            seq=seq,
            text=text,
            bot_text=mask("\n".join(replies)[:_MOST_TEXT]),
            language=str(parse.get("language") or state.locale)[:5],
            channel=state.channel,
            intent=intent.get("name"),
            confidence=float(intent.get("confidence") or 0.0),
            ranking=(parse.get("intent_ranking") or [])[:_RANKED],
            entities=[
                {"start": start, "end": end, "entity": kind}
                for start, end, kind in spans_that_stand(parse.get("entities") or (), text)
            ],
            oos=float(parse.get("oos") or 0.0),
            why=bits(why),
            release=parse.get("release"),
            at=tx.now,
            state=OPEN,
            cluster=None,
        )
    )


class ReviewItems:
    """Reads the list."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self,
        *,
        state: str,
        limit: int,
        before: int | None = None,
        why: str | None = None,
        language: str | None = None,
        channel: str | None = None,
        intent: str | None = None,
        cluster: int | None = None,
        words: str = "",
    ) -> list[Json]:
        """Entries, newest first."""
        table = review_items.c
        query = select(*table).where(table.state == state).order_by(table.id.desc()).limit(limit)
        if before is not None:
            query = query.where(table.id < before)
        if why is not None:
            query = query.where(table.why.bitwise_and(bits([why])) != 0)
        for column, value in ((table.language, language), (table.channel, channel), (table.intent, intent),
                              (table.cluster, cluster)):  # fmt: skip
            if value is not None:
                query = query.where(column == value)
        if words.strip():
            wanted = words.strip()
            # SQLite's LIKE takes no account of case by itself, and is thrice as fast without `lower`.
            bare = self._store.dialect == "sqlite"
            query = query.where(
                or_(
                    *(
                        column.contains(wanted, autoescape=True) if bare else column.icontains(wanted, autoescape=True)
                        for column in (table.text, table.bot_text)
                    )
                )
            )
        return [as_json(row._mapping) for row in await self._store.all(query)]

    async def of(self, ids: list[int]) -> list[Json]:
        """Some entries, in the order of their ids."""
        query = select(*review_items.c).where(review_items.c.id.in_(ids)).order_by(review_items.c.id)
        return [as_json(row._mapping) for row in await self._store.all(query)]


def as_json(row: Any) -> Json:
    """An entry as the list shows it."""
    return {**{name: value for name, value in row.items() if name != "why"}, "why": reasons(row["why"])}
