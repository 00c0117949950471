"""Proposals for the graph: a language model reads manuals and tickets in the background, administrators decide.

A run is a row; whichever gateway claims it works through its pieces one by one and stores after each how far it came.
A run whose gateway has gone (no sign for `STALE_S`) is claimed by another, or by the same after its restart, and goes
on with the next piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, insert, or_, select, update

from kg.model import Kind
from server.gateway.graph_refusals import Refusal
from server.gateway.graph_service import GraphService
from server.gateway.repeated import Repeated
from server.gateway.upstream import PROPOSAL_DEADLINE_S, Upstream, UpstreamError
from server.llm.proposals import MAX_TEXT
from server.privacy.mask import mask
from server.proposals import MAX_PIECES, Proposal, drawn, pieces
from server.storage.audit import Audit
from server.storage.store import Store, iso
from server.storage.tables import escalations, proposal_runs, proposals

Json = dict[str, Any]
logger = logging.getLogger(__name__)
EVERY_S: Final = 1.0
STALE_S: Final = 2 * PROPOSAL_DEADLINE_S
ATTEMPTS: Final = 3
AGAIN_S: Final = 3.0
MOST_RUNS: Final = 20
"""Runs that wait or are at work."""
SHOWN: Final = 100
TICKETS_SHOWN: Final = 50


class Proposals:
    """Reads for proposals, one piece at a time, and takes what administrators decide."""

    def __init__(
        self,
        store: Store,
        audit: Audit,
        graph: GraphService,
        upstream: Upstream,
        *,
        configured: bool,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._audit = audit
        self._graph = graph
        self._upstream = upstream
        self._clock = clock
        self.configured = configured
        self._working = Repeated("proposals", EVERY_S, self.work)

    async def start(self) -> None:
        """Begins to work on what is waiting; without a language model there is nothing to do."""
        if self.configured:
            self._working.start()

    async def close(self) -> None:
        """Stops; what is unfinished goes on with the next start."""
        await self._working.close()

    # ------------------------------------------------------------------ runs

    async def begin_manual(self, title: str, text: str, author: str) -> int:
        """A new run over a text.

        Raises:
            Refusal: `not_configured`, `unusable`, `too_many`.
        """
        parts = pieces(text)
        if not parts:
            raise Refusal("unusable", "proposals.empty", problems=[])
        return await self._begin({"title": title, "source": "manual", "text": text, "tickets": []}, len(parts), author)

    async def begin_tickets(self, title: str, tickets: Sequence[str], author: str) -> int:
        """A new run over closed conversations.

        Raises:
            Refusal: `not_configured`, `unusable`, `too_many`.
        """
        known = {one["conversation"] for one in await self._closed(tickets)}
        if not known or len(tickets) > MAX_PIECES:
            raise Refusal("unusable", "proposals.no_tickets", {"most": MAX_PIECES}, problems=[])
        chosen = [one for one in dict.fromkeys(tickets) if one in known]
        return await self._begin(
            {"title": title, "source": "tickets", "text": "", "tickets": chosen}, len(chosen), author
        )

    async def _begin(self, values: Json, count: int, author: str) -> int:
        if not self.configured:
            raise Refusal("not_configured", "proposals.not_configured")
        async with self._store.write() as tx:
            made = await tx.execute(
                insert(proposal_runs)
                .values(
                    **values, pieces=count, done=0, state="running", failure="", thrown={}, author=author, at=tx.now,
                    beat="",
                )
                .returning(proposal_runs.c.id)
            )  # fmt: skip
            number = int(made.scalar_one())
            running = select(func.count()).select_from(proposal_runs).where(proposal_runs.c.state == "running")
            if ((await tx.execute(running)).scalar() or 0) > MOST_RUNS:
                raise Refusal("too_many", "proposals.too_many", {"most": MOST_RUNS})
            await self._audit.note_in(tx, author, "proposals.begun", f"proposals:{number}", source=values["source"])
        self._working.soon()
        return number

    async def stop(self, number: int, author: str) -> None:
        """Ends a run where it is; what was found stays.

        Raises:
            Refusal: `unknown`.
        """
        await self._set(number, "stopped", author)

    async def resume(self, number: int, author: str) -> None:
        """Goes on with a run that was stopped or failed.

        Raises:
            Refusal: `unknown`, `not_configured`.
        """
        if not self.configured:
            raise Refusal("not_configured", "proposals.not_configured")
        await self._set(number, "running", author)

    async def _set(self, number: int, state: str, author: str) -> None:
        table = proposal_runs.c
        async with self._store.write() as tx:
            query = update(proposal_runs).where(table.id == number, table.done < table.pieces)
            if not (await tx.execute(query.values(state=state, failure="", beat=""))).rowcount:
                raise Refusal("unknown", "proposals.unknown")
            await self._audit.note_in(tx, author, f"proposals.{state}", f"proposals:{number}")

    async def runs(self) -> list[Json]:
        """Runs, the newest first, with how many proposals wait."""
        waiting = (
            select(proposals.c.run, func.count().label("open"))
            .where(proposals.c.state == "open")
            .group_by(proposals.c.run)
            .subquery()
        )
        shown = [column for column in proposal_runs.c if column.name not in ("text", "tickets", "beat")]
        query = select(*shown, func.coalesce(waiting.c.open, 0).label("open")).outerjoin(
            waiting, waiting.c.run == proposal_runs.c.id
        )
        rows = await self._store.all(query.order_by(proposal_runs.c.id.desc()).limit(SHOWN))
        names = await self._graph.names()
        return [{**dict(row._mapping), "author_name": names.get(row.author, row.author)} for row in rows]

    async def of(self, number: int) -> list[Json]:
        """The proposals of a run, each fault before its checks and fixes."""
        query = select(*proposals.c).where(proposals.c.run == number).order_by(proposals.c.id)
        names = await self._graph.names()
        rows = [{str(name): value for name, value in row._mapping.items()} for row in await self._store.all(query)]
        return [{**row, "by_name": names.get(row["by"], row["by"])} for row in rows]

    async def tickets(self) -> list[Json]:
        """Closed conversations with their outcome, the newest first; what was said in them is not shown here."""
        return await self._closed(None)

    async def _closed(self, among: Sequence[str] | None) -> list[Json]:
        table = escalations.c
        query = select(table.conversation, table.ended, table.outcome, table.topic, table.summary).where(
            table.state == "closed", table.outcome.is_not(None), table.outcome != "returned"
        )
        if among is not None:
            query = query.where(table.conversation.in_(list(among)[: MAX_PIECES + 1]))
        rows = await self._store.all(query.order_by(table.ended.desc()).limit(2 * MAX_PIECES))
        found = {row.conversation: {**dict(row._mapping), "summary": mask(row.summary)[:200]} for row in reversed(rows)}
        return list(reversed(found.values()))[: None if among is not None else TICKETS_SHOWN]

    # ------------------------------------------------------------------ the work

    async def work(self) -> None:
        """Works on the runs that wait, until there are none."""
        while (number := await self._claim()) is not None:
            await self._run(number)

    async def _claim(self) -> int | None:
        table, stale = proposal_runs.c, iso(self._clock() - timedelta(seconds=STALE_S))
        free = or_(table.beat == "", table.beat < stale)
        row = await self._store.one(
            select(table.id).where(table.state == "running", free).order_by(table.id).limit(1)
        )  # fmt: skip
        if row is None:
            return None
        async with self._store.write() as tx:
            query = update(proposal_runs).where(table.id == row.id, table.state == "running", free)
            claimed = await tx.execute(query.values(beat=tx.now))
            return int(row.id) if claimed.rowcount else None

    async def _run(self, number: int) -> None:
        while (row := await self._store.one(select(proposal_runs).where(proposal_runs.c.id == number))) is not None:
            if row.state != "running" or row.done >= row.pieces:
                return
            conversation = row.tickets[row.done] if row.source == "tickets" else None
            text = await self._ticket(conversation) if conversation else pieces(row.text)[row.done]
            try:
                said = await self._ask(text) if text else {"faults": []}
            except UpstreamError as error:
                logger.warning("proposals %d: %s", number, error)
                await self._fail(number, error.code)
                return
            taken = {one["node"] for one in await self.of(number)}
            found, thrown = drawn(said.get("faults") or [], text, number, taken)
            if "refused" in said:
                thrown[str(said["refused"])[:40]] += 1
            if not await self._keep(number, row, found, thrown, conversation):
                return

    async def _ask(self, text: str) -> Json:
        """The model's words for a piece; a service that is away for a moment is asked again."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._upstream.propose(text)
            except UpstreamError:
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(AGAIN_S)
        raise AssertionError("unreachable")

    async def _ticket(self, conversation: str) -> str:
        """A closed conversation as text, masked; empty where it is gone."""
        said = [one for one in await self._store.messages(conversation) if one.role in {"customer", "agent", "bot"}]
        lines: list[str] = []
        for one in reversed(said):  # what mended it stands at the end
            lines.append(f"{one.role}: {mask(one.text)}")
            if sum(map(len, lines)) > MAX_TEXT:
                break
        return "\n".join(reversed(lines))[-MAX_TEXT:]

    async def _keep(
        self, number: int, row: Any, found: Sequence[Proposal], thrown: Counter[str], conversation: str | None
    ) -> bool:
        """Stores what a piece gave and that it is done; False where somebody else did, or stopped it."""
        table, done = proposal_runs.c, row.done + 1
        counts = dict(Counter(row.thrown) + thrown)
        state = "done" if done >= row.pieces else "running"
        async with self._store.write() as tx:
            query = update(proposal_runs).where(table.id == number, table.done == row.done, table.state == "running")
            moved = await tx.execute(query.values(done=done, thrown=counts, state=state, beat=tx.now))
            if not moved.rowcount:
                return False
            for one in found:
                values = {
                    "run": number, "conversation": conversation, "kind": one.kind.value, "node": one.name,
                    "about": one.about, "data": one.data, "source": one.source, "state": "open", "by": "",
                }  # fmt: skip
                await tx.execute(insert(proposals).values(**values))
        return True

    async def _fail(self, number: int, code: str) -> None:
        table = proposal_runs.c
        async with self._store.write() as tx:
            query = update(proposal_runs).where(table.id == number, table.state == "running")
            await tx.execute(query.values(state="failed", failure=code))

    # ------------------------------------------------------------------ decisions

    async def accept(self, number: int, draft_id: str, revision: int, symptom: str, author: str) -> Json:
        """Puts a proposal into a draft; a fault can be made a cause of a symptom at once.

        Raises:
            Refusal: `unknown`, `changed`, `unusable` where a check or a fix comes before its fault.
        """
        row = await self._open(number)
        draft = await self._graph.drafts.get(draft_id)
        nodes = draft.content.nodes
        if row["about"] and row["about"] not in nodes:
            raise Refusal("unusable", "proposals.fault_first", problems=[])
        if row["node"] in nodes:
            raise Refusal("unusable", "proposals.taken", {"name": row["node"]}, problems=[])
        wanted: list[Json] = [{"op": "put", "node": {"id": row["node"], "kind": row["kind"], "data": row["data"]}}]
        if symptom and row["kind"] == Kind.FAULT.value:
            if symptom not in nodes or nodes[symptom].kind is not Kind.SYMPTOM:
                raise Refusal("unknown", "unknown_node", {"name": symptom})
            causes = str(nodes[symptom].data.get("caused_by") or "")
            formula = f"({causes}) or {row['node']}" if causes else row["node"]
            wanted.append({"op": "set", "node": symptom, "path": ["caused_by"], "value": formula})
        done = await self._graph.drafts.change(draft, revision, wanted, author, await self._graph.names())
        await self._decide(number, "accepted", author, draft=draft_id)
        return done

    async def refuse(self, number: int, author: str) -> None:
        """Puts a proposal aside.

        Raises:
            Refusal: `unknown`.
        """
        await self._open(number)
        await self._decide(number, "refused", author)

    async def _open(self, number: int) -> Json:
        row = await self._store.one(select(*proposals.c).where(proposals.c.id == number, proposals.c.state == "open"))
        if row is None:
            raise Refusal("unknown", "proposals.unknown")
        return dict(row._mapping)

    async def _decide(self, number: int, state: str, author: str, **detail: Any) -> None:
        async with self._store.write() as tx:
            query = update(proposals).where(proposals.c.id == number)
            await tx.execute(query.values(state=state, by=author, decided=tx.now))
            await self._audit.note_in(tx, author, f"proposal.{state}", f"proposal:{number}", **detail)
