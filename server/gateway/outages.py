"""The notices of known outages: kept in the database, sent with every turn, and ended in the talks that were told.

Every gateway reads the table each second; `turn` is what goes along with a customer's message. Who was told of what is
written down when it is said. Once a notice is ended, each open conversation that was told of it gets one message, by
whichever gateway is first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from actions.outages import look_button
from kg.model import Kind
from server.company import Company
from server.gateway.content import Content
from server.gateway.conversations import Conversations
from server.gateway.graph_refusals import Refusal
from server.gateway.graph_versions import Versions
from server.gateway.repeated import Repeated
from server.outages import MOST_OPEN, Draft, Known, Problem, problems, resolved, state_of
from server.storage.audit import Audit
from server.storage.store import Tx, iso
from server.storage.tables import conversations as conversations_table
from server.storage.tables import outage_tellings, outages
from server.texts import render, render_message

Json = dict[str, Any]
EVERY_S: Final = 1.0
SHOWN: Final = 200
"""Past notices that the page shows."""
OVER_AT_ONCE: Final = 50
TOLD_WITHIN: Final = timedelta(days=1)
"""So long after the end of an outage is whoever was told of it still told that it is over."""


class Outages:
    """Reads and writes notices, and follows what other gateways write."""

    def __init__(
        self,
        conversations: Conversations,
        audit: Audit,
        content: Content,
        versions: Versions,
        clock: Callable[[], datetime],
    ) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._audit = audit
        self._content = content
        self._versions = versions
        self._clock = clock
        place = conversations.company.entity_kinds.get("place")
        self._places: dict[str, list[str]] = (
            {}
            if place is None
            else {name: list(dict.fromkeys(words)) or [name] for name, words in place.values.items()}
        )
        self._intents = _troubles(conversations.company)
        self._open: list[Json] = []
        self._following = Repeated("known outages", EVERY_S, self.refresh)

    async def start(self) -> None:
        """Reads the notices, and again every second."""
        await self.refresh()
        self._following.start()

    async def close(self) -> None:
        """Stops following."""
        await self._following.close()

    # ------------------------------------------------------------------ for turns

    def turn(self) -> list[Json]:
        """The present notices, as `server.outages.Present` reads them."""
        now = self._clock()
        return [
            {
                **{name: one[name] for name in ("id", "title", "text", "intents", "symptoms", "products")},
                "areas": None if one["everywhere"] else resolved(one["places"], one["areas"], self._places),
                "begins": one["begins"],
                "expected_end": one["expected_end"],
            }
            for one in self._open
            if state_of(one["begins"], one["ended"], now) == "present"
        ]

    def title(self, number: int) -> Json:
        """A notice as a decision record names it."""
        found: Json = next((one["title"] for one in self._open if one["id"] == number), {})
        return {"id": number, "title": found}

    async def told(self, conversation: str, given: Sequence[Json]) -> None:
        """Writes down that a conversation was told of some notices; a second time changes nothing."""
        async with self._store.write() as tx:
            for one in given:
                key = {"outage": int(one["id"]), "conversation": conversation}
                known = select(outages.c.id).where(outages.c.id == key["outage"])
                if (await tx.execute(known)).first() is not None:
                    await tx.insert_once(outage_tellings, {**key, "at": tx.now, "intent": str(one.get("intent") or "")})

    # ------------------------------------------------------------------ reading

    async def refresh(self) -> None:
        """Reads the notices that are not past, and tells those who were told of one that has ended."""
        rows = await self._store.all(select(outages).where(outages.c.ended.is_(None)).order_by(outages.c.id))
        self._open = [dict(row._mapping) for row in rows]
        await self._tell_ends()

    async def all(self) -> list[Json]:
        """Every notice with its state and how many conversations were told, the newest first."""
        told = (
            select(outage_tellings.c.outage, func.count().label("told")).group_by(outage_tellings.c.outage).subquery()
        )
        query = select(*outages.c, func.coalesce(told.c.told, 0).label("told")).outerjoin(
            told, told.c.outage == outages.c.id
        )
        rows = await self._store.all(query.order_by(outages.c.id.desc()).limit(SHOWN))
        names = {person.username: person.name for person in await self._store.all_staff()}
        known, now = await self.known(), self._clock()
        return [self._shown(dict(row._mapping), names, known, now) for row in rows]

    async def get(self, number: int) -> Json:
        """One notice.

        Raises:
            Refusal: `unknown`.
        """
        found = next((one for one in await self.all() if one["id"] == number), None)
        if found is None:
            raise Refusal("unknown", "outages.unknown")
        return found

    def _shown(self, row: Json, names: dict[str, str], known: Known, now: datetime) -> Json:
        row = {
            **row,
            "author_name": names.get(row["author"], row["author"]),
            "state": state_of(row["begins"], row["ended"], now),
        }
        if row["state"] == "past":
            return {**row, "problems": []}
        fields = {name: row[name] for name in Draft.model_fields}
        return {**row, "problems": self.problems(Draft.model_validate(fields), known)}

    async def known(self) -> Known:
        """What a notice can name now."""
        content = await self._versions.content((await self._versions.newest()).version)
        named = {
            kind: {name: node.data.get("name", {}) for name, node in content.nodes.items() if node.kind is kind}
            for kind in (Kind.SYMPTOM, Kind.PRODUCT)
        }
        return Known(self._places, self._intents, named[Kind.SYMPTOM], named[Kind.PRODUCT])

    def problems(self, draft: Draft, known: Known) -> list[Json]:
        """What is wrong with a notice, errors first, as the page shows it."""
        found = [_problem(one) for one in problems(draft, known, self._clock())]
        for language in ("zh", "en"):
            for name in ("title", "text"):
                verdict = self._content.forbids(getattr(getattr(draft, name), language))
                if verdict is not None:  # what the bot must not say, it would not say here either
                    found.insert(0, _problem(Problem("forbidden", (name, language), {"phrase": verdict.phrase})))
        return found

    # ------------------------------------------------------------------ changing

    async def add(self, draft: Draft, author: str) -> int:
        """Stores a notice; it holds at once, or from its beginning on.

        Raises:
            Refusal: `unusable`, `too_many`.
        """
        await self._check(draft)
        async with self._store.write() as tx:
            made = await tx.execute(
                insert(outages)
                .values(**_values(draft, tx.now), revision=1, author=author, at=tx.now, updated=tx.now)
                .returning(outages.c.id)
            )
            number = int(made.scalar_one())
            count = select(func.count()).select_from(outages).where(outages.c.ended.is_(None))
            if ((await tx.execute(count)).scalar() or 0) > MOST_OPEN:
                raise Refusal("too_many", "outages.too_many", {"most": MOST_OPEN})
            await self._note(tx, author, "outage.added", number)
        await self.refresh()
        return number

    async def put(self, number: int, revision: int, draft: Draft, author: str) -> None:
        """Changes a notice that is not past; who was told already is not told again.

        Raises:
            Refusal: `unknown`, `changed`, `unusable`.
        """
        await self._check(draft)
        async with self._store.write() as tx:
            before = await self._held(tx, number, revision)
            if before["ended"] is not None:
                raise Refusal("unusable", "outages.is_past", problems=[])
            values = _values(draft, before["begins"])
            await tx.execute(
                update(outages).where(outages.c.id == number).values(**values, updated=tx.now, revision=revision + 1)
            )
            await self._note(tx, author, "outage.changed", number)
        await self.refresh()

    async def end(self, number: int, revision: int, author: str) -> None:
        """Ends a notice: nobody new is told, and whoever was told hears that it is over.

        Raises:
            Refusal: `unknown`, `changed`.
        """
        async with self._store.write() as tx:
            before = await self._held(tx, number, revision)
            if before["ended"] is None:
                await tx.execute(
                    update(outages)
                    .where(outages.c.id == number)
                    .values(ended=tx.now, updated=tx.now, revision=revision + 1)
                )
                await self._note(tx, author, "outage.ended", number)
        await self.refresh()

    async def remove(self, number: int, revision: int, author: str) -> None:
        """Takes a planned notice away that nobody was told of.

        Raises:
            Refusal: `unknown`, `changed`, `unusable` where it has begun.
        """
        async with self._store.write() as tx:
            before = await self._held(tx, number, revision)
            told = select(outage_tellings.c.conversation).where(outage_tellings.c.outage == number).limit(1)
            begun = state_of(before["begins"], before["ended"], self._clock()) != "planned"
            if begun or (await tx.execute(told)).first() is not None:
                raise Refusal("unusable", "outages.has_begun", problems=[])
            await tx.execute(delete(outages).where(outages.c.id == number))
            await self._note(tx, author, "outage.removed", number)
        await self.refresh()

    async def _check(self, draft: Draft) -> None:
        found = self.problems(draft, await self.known())
        errors = [one for one in found if one["severity"] == "error"]
        if errors:
            raise Refusal("unusable", "outages.unfinished", {"count": len(errors)}, problems=found)

    async def _held(self, tx: Tx, number: int, revision: int) -> Json:
        """The notice as it stands, held until the transaction ends."""
        # A change first: it takes SQLite's write lock, so that what is read stays true.
        held = update(outages).where(outages.c.id == number).values(updated=tx.now).returning(*outages.c)
        row = (await tx.execute(held)).first()
        if row is None:
            raise Refusal("unknown", "outages.unknown")
        if row.revision != revision:
            raise Refusal("changed", "outages.changed", revision=row.revision)
        return dict(row._mapping)

    async def _note(self, tx: Tx, author: str, action: str, number: int) -> None:
        await self._audit.note_in(tx, author, action, f"outage:{number}")

    # ------------------------------------------------------------------ the end

    async def _tell_ends(self) -> None:
        """Tells open conversations that what they were told of is over, each once."""
        since = iso(self._clock() - TOLD_WITHIN)
        waiting = (
            select(outage_tellings.c.outage, outage_tellings.c.conversation, outage_tellings.c.intent, outages.c.title)
            .join(outages, outages.c.id == outage_tellings.c.outage)
            .join(conversations_table, conversations_table.c.id == outage_tellings.c.conversation)
            .where(
                outage_tellings.c.over.is_(None), outages.c.ended > since, conversations_table.c.mode != "closed"
            )
            .limit(OVER_AT_ONCE)
        )  # fmt: skip
        for row in await self._store.all(waiting):
            await self._tell_end(row.conversation, row.outage, row.intent, row.title)

    async def _tell_end(self, conversation: str, number: int, intent: str, title: Json) -> None:
        async with self._store.write() as tx:
            state = await tx.lock(conversation)
            claimed = await tx.execute(
                update(outage_tellings)
                .where(
                    outage_tellings.c.outage == number,
                    outage_tellings.c.conversation == conversation,
                    outage_tellings.c.over.is_(None),
                )
                .values(over=tx.now)
            )
            if not claimed.rowcount or state.mode == "closed":
                return
            message: Json = {"key": "outages.over", "params": {"title": title}}
            if intent in self._intents and state.mode == "bot":
                message["choices"] = [{"value": look_button(intent, number)["value"], "key": "outages.still"}]
            text, extra = render_message(message, state.locale)
            said = await tx.add_message(conversation, "system", text, extra=extra)
        self._conversations.publish_message(said)


def _troubles(company: Company) -> dict[str, Json]:
    return {one.name: dict(one.label.items()) for one in company.intents.values() if one.do == "diagnose"}


def _values(draft: Draft, begins: str) -> Json:
    """The columns of a notice; times in UTC as they are stored."""
    plain = draft.model_dump(mode="json", exclude={"begins", "expected_end"})
    return {
        **plain,
        "begins": begins if draft.begins is None else iso(draft.begins),
        "expected_end": None if draft.expected_end is None else iso(draft.expected_end),
    }


def _problem(one: Problem) -> Json:
    text = {language: render(f"outages.{one.key}", one.params, language) for language in ("zh", "en")}
    return {"code": one.key, "severity": one.severity, "field": list(one.path), "text": text}
