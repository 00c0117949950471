"""Labels in the database: given to one or many messages at once, taken back, and settled where two contradict."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select, update

from server.company import Company
from server.gateway.learning_items import CONFLICT, IGNORED, LABELLED, OPEN, reasons
from server.gateway.new_intents import NewIntents
from server.learning.labels import VERDICTS, Label, contradict, problem_of, text_key
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.database import create_engine, migrate
from server.storage.store import Store, Tx
from server.storage.tables import labels, review_items

Json = dict[str, Any]
ACCEPTED, IN_CONFLICT, OVERRULED, WITHDRAWN = "accepted", "conflict", "overruled", "withdrawn"
MOST_AT_ONCE: Final = 500
_STATE_OF: Final = {"intent": LABELLED, "out_of_scope": LABELLED, "not_a_question": IGNORED}


class LabelError(ValueError):
    """A label that cannot be kept; the message says what is wrong and what to do. ``status`` is the HTTP status."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


async def accepted_in(store: Store) -> list[Label]:
    """All labels that count, oldest first."""
    query = select(*labels.c).where(labels.c.state == ACCEPTED).order_by(labels.c.id)
    return [
        Label(
            id=row.id,
            text=row.text,
            language=row.language,
            verdict=row.verdict,
            intent=row.intent,
            entities=tuple((int(s), int(e), str(k)) for s, e, k in row.entities),
            conversation=row.conversation,
            seq=row.seq,
            author=row.author,
            at=row.at,
            why=tuple(reasons(row.why)),
        )
        for row in await store.all(query)
    ]


def read_accepted(settings: Settings) -> list[Label]:
    """All labels that count, from the command line."""

    async def run() -> list[Label]:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        try:
            return await accepted_in(store)
        finally:
            await store.close()

    return asyncio.run(run())


class Labels:
    """What people say that messages mean."""

    def __init__(self, store: Store, company: Company, new_intents: NewIntents, audit: Audit) -> None:
        self._store = store
        self._company = company
        self._new = new_intents
        self._audit = audit
        self.kinds = tuple(company.entity_kinds)
        self._make_batch: Callable[[], str] = lambda: secrets.token_hex(8)

    def intents(self) -> list[str]:
        """What a message can be labelled as: the company's intents and those defined in the console."""
        return [*self._company.intents, *(str(one["definition"]["name"]) for one in self._new.all())]

    async def give(
        self,
        ids: Sequence[int],
        author: str,
        *,
        verdict: str,
        intent: str | None = None,
        entities: Sequence[tuple[int, int, str]] | None = None,
    ) -> Json:
        """Labels messages; one act, which `undo` takes back as a whole.

        ``entities`` are the spans of a single message; without them each keeps what was found in it. A label that
        contradicts another person's is kept beside it, and both count for nothing until somebody settles it.

        Raises:
            LabelError: There is no such intent, kind or message, or a span marks no words.
        """
        self._check(ids, verdict, intent, entities)
        batch = self._make_batch()
        async with self._store.write() as tx:
            found = (await tx.execute(select(*review_items.c).where(review_items.c.id.in_(ids)))).all()
            if len(found) < len(set(ids)):
                missing = sorted(set(ids) - {row.id for row in found})
                raise LabelError(f"there is no message {missing[0]} on the review list; load the list again", 404)
            for row in sorted(found, key=lambda one: one.id):
                spans = _spans(row) if entities is None else list(entities)
                wrong = problem_of(spans, row.text, self.kinds) if entities is not None else None
                if wrong:
                    raise LabelError(wrong)
                await self._end_own(tx, row.id, author, batch)
                await tx.execute(
                    labels.insert().values(
                        item=row.id,
                        conversation=row.conversation,
                        seq=row.seq,
                        text=row.text,
                        text_key=text_key(row.text, row.language),
                        language=row.language,
                        verdict=verdict,
                        intent=intent if verdict == "intent" else None,
                        entities=[list(span) for span in spans],
                        why=row.why,
                        author=author,
                        at=tx.now,
                        state=ACCEPTED,
                        batch=batch,
                        ended_by=None,
                    )
                )
            keys = {text_key(row.text, row.language) for row in found}
            conflicts = await _weigh(tx, keys)
            await self._audit.note_in(
                tx, author, "review.labelled", f"intent:{intent}" if intent else verdict, messages=len(found)
            )
        return {"batch": batch, "labelled": len(found), "conflicts": sorted(conflicts)}

    async def undo(self, batch: str, author: str) -> int:
        """Takes one act of labelling or settling back, and what it had ended counts again; returns how many went.

        Raises:
            LabelError: There was no such act, it was another person's, or it has been taken back.
        """
        async with self._store.write() as tx:
            rows = (await tx.execute(select(*labels.c).where(labels.c.batch == batch))).all()
            ended = (await tx.execute(select(*labels.c).where(labels.c.ended_by == batch))).all()
            mine = [row for row in rows if row.state != WITHDRAWN]
            if not mine and not any(row.state == OVERRULED for row in ended):
                raise LabelError("there is nothing to take back: it is gone already", 404)
            if any(row.author != author for row in mine):
                raise LabelError("this label is another person's; give your own, and settle it if the two differ", 409)
            await tx.execute(
                update(labels).where(labels.c.batch == batch).values(state=WITHDRAWN, ended_by=f"undo:{batch}"[:32])
            )
            await tx.execute(update(labels).where(labels.c.ended_by == batch).values(state=ACCEPTED, ended_by=None))
            await _weigh(tx, {row.text_key for row in [*rows, *ended]})
            await self._audit.note_in(tx, author, "review.undone", "", messages=len(mine) or len(ended))
        return len(mine) or len(ended)

    async def settle(self, label: int, author: str) -> str:
        """Says which of contradicting labels counts; the others are overruled. Returns the act, for `undo`.

        Raises:
            LabelError: There is no such label, or it contradicts no other.
        """
        batch = f"settle-{self._make_batch()}"
        async with self._store.write() as tx:
            row = (await tx.execute(select(*labels.c).where(labels.c.id == label))).first()
            if row is None:
                raise LabelError("there is no such label; load the page again", 404)
            if row.state != IN_CONFLICT:
                raise LabelError("no other label contradicts this one any more; load the page again", 409)
            against = (
                await tx.execute(
                    select(*labels.c).where(labels.c.text_key == row.text_key, labels.c.state == IN_CONFLICT)
                )
            ).all()
            losers = [one.id for one in against if one.id != row.id and contradict(one._mapping, row._mapping)]
            await tx.execute(update(labels).where(labels.c.id.in_(losers)).values(state=OVERRULED, ended_by=batch))
            await _weigh(tx, {row.text_key})
            await self._audit.note_in(tx, author, "review.settled", f"label:{label}", overruled=len(losers))
        return batch

    async def of(self, items: Sequence[int]) -> dict[int, list[Json]]:
        """The labels of some messages that were not taken back, oldest first."""
        query = select(*labels.c).where(labels.c.item.in_(items), labels.c.state != WITHDRAWN).order_by(labels.c.id)
        found: dict[int, list[Json]] = {}
        for row in await self._store.all(query):
            found.setdefault(row.item, []).append(_as_json(row._mapping))
        return found

    async def against(self, items: Sequence[Json]) -> dict[int, list[Json]]:
        """For messages in conflict, all labels of the same words that stand against each other."""
        keys = {one["id"]: text_key(one["text"], one["language"]) for one in items}
        query = select(*labels.c).where(labels.c.text_key.in_(keys.values()), labels.c.state == IN_CONFLICT)
        rows = await self._store.all(query.order_by(labels.c.id))
        return {item: [_as_json(row._mapping) for row in rows if row.text_key == key] for item, key in keys.items()}

    async def page(self, *, limit: int, before: int | None = None) -> list[Json]:
        """Accepted labels, newest first."""
        query = select(*labels.c).where(labels.c.state == ACCEPTED).order_by(labels.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(labels.c.id < before)
        return [_as_json(row._mapping) for row in await self._store.all(query)]

    async def accepted(self) -> list[Label]:
        """All labels that count, oldest first."""
        return await accepted_in(self._store)

    def _check(
        self, ids: Sequence[int], verdict: str, intent: str | None, entities: Sequence[tuple[int, int, str]] | None
    ) -> None:
        if not ids or len(set(ids)) > MOST_AT_ONCE:
            raise LabelError(f"label 1 to {MOST_AT_ONCE} messages at once")
        if verdict not in VERDICTS:
            raise LabelError(f"verdict: use one of {', '.join(VERDICTS)}")
        if verdict == "intent" and intent not in self.intents():
            raise LabelError(
                f"there is no intent '{(intent or '')[:64]}': choose one of the list, "
                "or define it under New intents first"
            )
        if entities is not None and len(set(ids)) > 1:
            raise LabelError("spans belong to one message: label it alone")

    async def _end_own(self, tx: Tx, item: int, author: str, batch: str) -> None:
        await tx.execute(
            update(labels)
            .where(labels.c.item == item, labels.c.author == author, labels.c.state.in_([ACCEPTED, IN_CONFLICT]))
            .values(state=WITHDRAWN, ended_by=batch)
        )


async def _weigh(tx: Tx, keys: set[str]) -> set[int]:
    """Decides anew which labels of these words count and the state of their messages; returns those in conflict."""
    conflicts: set[int] = set()
    rows = (await tx.execute(select(*labels.c).where(labels.c.text_key.in_(keys)).order_by(labels.c.id))).all()
    for key in keys:
        group = [row for row in rows if row.text_key == key]
        counting = [row for row in group if row.state in {ACCEPTED, IN_CONFLICT}]
        for row in counting:
            others = [one for one in counting if one.item != row.item or one.author != row.author]
            clash = any(contradict(row._mapping, one._mapping) for one in others)
            state = IN_CONFLICT if clash else ACCEPTED
            if state != row.state:
                await tx.execute(update(labels).where(labels.c.id == row.id).values(state=state))
            if clash:
                conflicts.add(row.item)
        for item in {row.item for row in group}:
            mine = [row for row in counting if row.item == item]
            settled = _STATE_OF[mine[-1].verdict] if mine else _left(group, item)
            state = CONFLICT if item in conflicts else settled
            await tx.execute(update(review_items).where(review_items.c.id == item).values(state=state))
    return conflicts


def _left(group: Sequence[Any], item: int) -> str:
    """The state of a message none of whose labels counts: dealt with where one was overruled, else open again."""
    return LABELLED if any(row.item == item and row.state == OVERRULED for row in group) else OPEN


def _spans(row: Any) -> list[tuple[int, int, str]]:
    return [(int(one["start"]), int(one["end"]), str(one["entity"])) for one in row.entities]


def _as_json(row: Any) -> Json:
    return {
        "id": row["id"],
        "item": row["item"],
        "conversation": row["conversation"],
        "seq": row["seq"],
        "text": row["text"],
        "language": row["language"],
        "verdict": row["verdict"],
        "intent": row["intent"],
        "entities": [{"start": s, "end": e, "entity": k} for s, e, k in row["entities"]],
        "why": reasons(row["why"]),
        "by": row["author"],
        "at": row["at"],
        "state": row["state"],
        "batch": row["batch"],
    }
