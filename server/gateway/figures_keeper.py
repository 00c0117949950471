"""Keeps the figures' sums up to date: a row for each day, channel and language, and what each conversation added to it.

Because each conversation's part is kept, a change of it is a difference: counted again it is taken out and put in anew,
whether the customer wrote once more, time decided it, or they came back within a day and a day that is past changes.
Who erases a conversation takes its part and its words away; the sums, which name nobody, stay.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, or_, select, tuple_, update

from server.company import Company
from server.gateway.figures_outcome import RETURN, Counts, Step, Talk, count, step_of
from server.gateway.repeated import Repeated
from server.privacy import mask
from server.storage.store import Store, Tx, iso
from server.storage.tables import (
    conversations,
    escalations,
    feedback,
    figures_days,
    figures_facts,
    figures_state,
    figures_unanswered,
    messages,
    turns,
)

Json = dict[str, Any]
EVERY_S: Final = 5.0
BATCH: Final = 25
"""Conversations counted in one transaction: some milliseconds in which nothing else is written."""
PAUSE_S: Final = 0.02
OVERLAP: Final = timedelta(seconds=60)
"""Another gateway's change may be stored this much later than the time that it bears."""
TEXT_CHARACTERS: Final = 200
_STATE: Final = 1


@dataclass(frozen=True, slots=True)
class _Fact:
    conversation: str
    day: str
    channel: str
    language: str
    counts: Counts
    matters: frozenset[str]
    customer: str | None
    began: str
    last: str
    seen: str
    due: str | None
    unanswered: tuple[tuple[int, str], ...] = ()

    @property
    def place(self) -> tuple[str, str, str]:
        return self.day, self.channel, self.language


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows by conversation; ``others`` are the facts of the same customers' conversations, by customer."""

    said: dict[str, list[Any]]
    turns: dict[str, list[Any]]
    handed: dict[str, list[Any]]
    verdicts: dict[str, list[Any]]
    others: dict[str, list[Any]]


class FiguresKeeper:
    """Counts what changed; `start` and `close` own the task."""

    def __init__(self, store: Store, company: Company, clock: Callable[[], datetime], *, releases: Path) -> None:
        """``releases``: the folder of the trained releases, whose evaluation the figures show."""
        self.releases = releases
        self._store = store
        self._company = company
        self._clock = clock
        self._again = Repeated("figures", EVERY_S, self.catch_up)

    async def start(self) -> None:
        """Begins to keep the figures up to date."""
        self._again.start(at_once=True)

    async def close(self) -> None:
        """Stops; the next start goes on from here."""
        await self._again.close()

    async def catch_up(self, *, batch: int = BATCH, pause_s: float = PAUSE_S) -> int:
        """Counts all that changed or came due; returns how many conversations."""
        counted = 0
        while ids := await self._changed(batch):
            await self._recount([name for name, _ in ids], watermark=max(at for _, at in ids))
            counted += len(ids)
            await asyncio.sleep(pause_s)
        now = self._clock()
        while due := await self._due(now, batch):
            await self._recount(due)
            counted += len(due)
            await asyncio.sleep(pause_s)
        await self._settle(now)
        return counted

    async def rebuild(self, *, batch: int = 200, progress: Callable[[int], None] = lambda _: None) -> int:
        """Counts everything that is stored anew; days before the oldest stored conversation stay as they are."""
        first = await self._store.one(select(func.min(conversations.c.created)))
        async with self._store.write() as tx:
            await self._lock(tx, watermark="", complete=False)
            await tx.execute(delete(figures_unanswered))
            await tx.execute(delete(figures_facts))
            if first is not None and first[0] is not None:
                await tx.execute(delete(figures_days).where(figures_days.c.day >= self._day(first[0])))
        total = 0
        while ids := await self._changed(batch):
            await self._recount([name for name, _ in ids], watermark=max(at for _, at in ids))
            total += len(ids)
            progress(total)
        return total + await self.catch_up(batch=batch, pause_s=0)

    # ------------------------------------------------------------------ what has to be counted

    async def _changed(self, limit: int) -> list[tuple[str, str]]:
        state = await self._store.one(select(figures_state.c.watermark))
        since = state.watermark if state else ""
        rows = await self._store.all(
            select(conversations.c.id, conversations.c.updated)
            .outerjoin(figures_facts, figures_facts.c.conversation == conversations.c.id)
            .where(
                conversations.c.updated >= since,
                or_(figures_facts.c.seen.is_(None), figures_facts.c.seen != conversations.c.updated),
            )
            .order_by(conversations.c.updated)
            .limit(limit)
        )
        return [(row.id, row.updated) for row in rows]

    async def _due(self, now: datetime, limit: int) -> list[str]:
        query = select(figures_facts.c.conversation).where(figures_facts.c.due <= iso(now))
        return [row[0] for row in await self._store.all(query.order_by(figures_facts.c.due).limit(limit))]

    async def _settle(self, now: datetime) -> None:
        state = await self._store.one(select(figures_state.c.watermark, figures_state.c.complete))
        watermark = iso(now - OVERLAP)
        if state is not None and state.complete and state.watermark >= watermark:
            return
        async with self._store.write() as tx:
            await self._lock(tx, watermark=watermark, complete=True)

    async def _lock(self, tx: Tx, **values: Any) -> None:
        """One process writes the figures at a time."""
        changed = await tx.execute(update(figures_state).where(figures_state.c.id == _STATE).values(**values))
        if not changed.rowcount:
            await tx.execute(insert(figures_state).values(id=_STATE, **{"watermark": "", "complete": False, **values}))

    # ------------------------------------------------------------------ counting

    async def _recount(self, ids: Sequence[str], *, watermark: str | None = None) -> None:
        facts = await self._facts(ids)
        async with self._store.write() as tx:
            # Also where nothing is to be noted: the row is the lock.
            await self._lock(tx, **({"watermark": watermark} if watermark is not None else {"id": _STATE}))
            await self._apply(tx, ids, facts)

    async def _apply(self, tx: Tx, ids: Sequence[str], facts: Sequence[_Fact]) -> None:
        old = {
            row.conversation: row
            for row in await tx.execute(select(*figures_facts.c).where(figures_facts.c.conversation.in_(ids)))
        }
        there = {
            row[0] for row in await tx.execute(select(conversations.c.id).where(conversations.c.id.in_(ids)))
        }  # an erased one must not come back
        changes: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        for row in old.values():
            changes[row.day, row.channel, row.language].subtract(row.counts)
        kept = [fact for fact in facts if fact.conversation in there]
        for fact in kept:
            changes[fact.place].update(fact.counts)
        for name in old.keys() - {fact.conversation for fact in kept}:
            # Erased meanwhile: what it added stays.
            changes[old[name].day, old[name].channel, old[name].language].update(old[name].counts)
        await _add(tx, changes)
        for table in (figures_unanswered, figures_facts):
            await tx.execute(delete(table).where(table.c.conversation.in_([fact.conversation for fact in kept])))
        if kept:
            await tx.execute(insert(figures_facts), [_row(fact) for fact in kept])
        lines = [
            {"conversation": fact.conversation, "seq": seq, "text": text, "day": fact.day, "channel": fact.channel,
             "language": fact.language}
            for fact in kept for seq, text in fact.unanswered
        ]  # fmt: skip
        if lines:
            await tx.execute(insert(figures_unanswered), lines)
        await self._call_back(tx, kept, old)

    async def _call_back(self, tx: Tx, facts: Iterable[_Fact], old: dict[str, Any]) -> None:
        """Who comes back with the same matter changes what their earlier conversation counts for."""
        for fact in facts:
            before = old.get(fact.conversation)
            known = frozenset(before.matters) if before is not None else frozenset()
            if fact.customer is None or known == fact.matters:
                continue
            earliest = iso(datetime.fromisoformat(fact.began) - RETURN)
            await tx.execute(
                update(figures_facts)
                .where(
                    figures_facts.c.customer == fact.customer,
                    figures_facts.c.last >= earliest,
                    figures_facts.c.began < fact.began,
                    figures_facts.c.conversation != fact.conversation,
                )
                .values(due=tx.now)
            )

    async def _facts(self, ids: Sequence[str]) -> list[_Fact]:
        one = conversations.c
        states = await self._store.all(
            select(one.id, one.mode, one.locale, one.created, one.updated, one.account, one.customer).where(
                one.id.in_(ids)
            )
        )
        said, turned = messages.c, turns.c
        found = _Found(
            said=await self._by_conversation(
                select(said.conversation, said.seq, said.role, said.at, said.turn, said.extra)
                .where(said.conversation.in_(ids), said.role.in_(["customer", "bot", "agent"]))
                .order_by(said.seq)
            ),
            turns=await self._by_conversation(
                select(turned.conversation, turned.seq, turned.status, turned.record, turned.at)
                .where(turned.conversation.in_(ids), turned.status.in_(["done", "failed"]))
                .order_by(turned.seq)
            ),
            handed=await self._by_conversation(
                select(escalations.c.conversation, escalations.c.reason)
                .where(escalations.c.conversation.in_(ids))
                .order_by(escalations.c.id)
            ),
            verdicts=await self._by_conversation(
                select(feedback.c.conversation, feedback.c.seq, feedback.c.score, feedback.c.solved)
                .where(feedback.c.conversation.in_(ids))
                .order_by(feedback.c.at)
            ),
            others=await self._others(states),
        )
        return await self._with_texts([self._fact(row, found) for row in states])

    def _fact(self, row: Any, found: "_Found") -> tuple[_Fact, list[int]]:
        mine, customer = found.said[row.id], row.account or row.customer
        from_customer = [one.extra for one in mine if one.role == "customer"]
        last = mine[-1].at if mine else row.created
        counts: Counts = {}
        due: datetime | None = None
        talk = Talk(
            began=datetime.fromisoformat(row.created),
            last=datetime.fromisoformat(last),
            closed=row.mode == "closed",
            steps=self._steps(found.turns[row.id], mine),
            reasons=[one.reason for one in found.handed[row.id]],
            messages=len(mine),
            thumbs={one.seq: _thumb(one.score) for one in found.verdicts[row.id] if one.seq is not None},
            returns=[
                (datetime.fromisoformat(one.began), frozenset(one.matters))
                for one in found.others.get(str(customer), [])
                if one.conversation != row.id
            ],
            **_verdict(found.verdicts[row.id]),
        )
        if from_customer:  # a chat that was only opened is no conversation
            counts, due = count(talk, self._clock())
        fact = _Fact(
            conversation=row.id,
            day=self._day(row.created),
            channel=_channel(from_customer),
            language=row.locale,
            counts=counts,
            matters=talk.matters,
            customer=customer,
            began=row.created,
            last=last,
            seen=row.updated,
            due=iso(due) if due else None,
        )
        return fact, [step.seq for step in talk.steps if step.outcome == "missed"]

    def _steps(self, ran: Sequence[Any], said: Sequence[Any]) -> list[Step]:
        at = {one.seq: one.at for one in said if one.role == "customer"}
        answered: dict[int, str] = {}
        for one in said:
            if one.role == "bot" and one.turn is not None:
                answered.setdefault(one.turn, one.at)
        steps = []
        for turn in ran:
            step = step_of(turn.seq, datetime.fromisoformat(turn.at), turn.status, turn.record, self._company.intents)
            if turn.seq in answered and turn.seq in at:
                took = datetime.fromisoformat(answered[turn.seq]) - datetime.fromisoformat(at[turn.seq])
                step = Step(step.seq, step.at, step.matter, step.outcome, max(0.0, took / timedelta(milliseconds=1)))
            steps.append(step)
        return steps

    async def _others(self, states: Sequence[Any]) -> dict[str, list[Any]]:
        customers = {row.account or row.customer for row in states} - {None}
        if not customers:
            return {}
        earliest = min(row.created for row in states)
        found: dict[str, list[Any]] = defaultdict(list)
        query = select(
            figures_facts.c.conversation, figures_facts.c.customer, figures_facts.c.began, figures_facts.c.matters
        ).where(figures_facts.c.customer.in_(customers), figures_facts.c.began >= earliest)
        for row in await self._store.all(query):
            found[row.customer].append(row)
        return found

    async def _with_texts(self, made: Sequence[tuple[_Fact, list[int]]]) -> list[_Fact]:
        wanted = [(fact.conversation, seq) for fact, missed in made for seq in missed]
        if not wanted:
            return [fact for fact, _ in made]
        query = select(messages.c.conversation, messages.c.seq, messages.c.text).where(
            tuple_(messages.c.conversation, messages.c.seq).in_(wanted), messages.c.text != ""
        )
        texts: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for row in await self._store.all(query):
            texts[row.conversation].append((row.seq, _question(row.text)))
        return [replace(fact, unanswered=tuple(texts[fact.conversation])) for fact, _ in made]

    async def _by_conversation(self, query: Any) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = defaultdict(list)
        for row in await self._store.all(query):
            found[row.conversation].append(row)
        return found

    def _day(self, moment: str) -> str:
        return datetime.fromisoformat(moment).astimezone(ZoneInfo(self._company.timezone)).date().isoformat()


_FIELDS: Final = (
    "conversation", "day", "channel", "language", "counts", "matters", "customer", "began", "last", "seen", "due",
)  # fmt: skip


def _row(fact: _Fact) -> Json:
    return {**{name: getattr(fact, name) for name in _FIELDS}, "matters": sorted(fact.matters)}


async def _add(tx: Tx, changes: dict[tuple[str, str, str], Counter[str]]) -> None:
    for (day, channel, language), change in changes.items():
        if not any(change.values()):
            continue
        here = (
            figures_days.c.day == day,
            figures_days.c.channel == channel,
            figures_days.c.language == language,
        )
        before = (await tx.execute(select(figures_days.c.counts).where(*here))).first()
        counts = Counter(before.counts if before is not None else {})
        counts.update(change)
        kept = {name: number for name, number in counts.items() if number}
        if before is None:
            values = {"day": day, "channel": channel, "language": language, "counts": kept}
            await tx.execute(insert(figures_days).values(**values))
        else:
            await tx.execute(update(figures_days).where(*here).values(counts=kept))


def _channel(extras: Sequence[Json]) -> str:
    """How the customer talked: by voice, else with a picture, else by text alone."""
    if any(extra.get("voice") for extra in extras):
        return "voice"
    return "picture" if any(extra.get("image") for extra in extras) else "text"


def _thumb(score: int) -> int:
    """A verdict on one answer as −1, 0 or 1; scores up to 5 are taken too, 2 and less being a bad one."""
    return (score > 0 and score != 2) - (score < 0 or score == 2)


def _verdict(rows: Sequence[Any]) -> Json:
    """The newest verdict on the whole conversation."""
    whole = [one for one in rows if one.seq is None]
    ratings = [one.score for one in whole if one.score and one.score > 0]
    solved = [one.solved for one in whole if one.solved is not None]
    return {"rating": ratings[-1] if ratings else None, "solved": solved[-1] if solved else None}


def _question(text: str) -> str:
    """A question as the list of unanswered ones shows it: without personal data, alike where it was typed alike."""
    plain = " ".join(text.split())[:TEXT_CHARACTERS]
    return mask(plain).casefold().rstrip(" ?？!！.。~～…,，")
