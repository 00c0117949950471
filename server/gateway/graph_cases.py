"""Regression cases of the graph: recorded talks that every version that is published has to end as they did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from kg.compiled import Knowledge
from kg.trial import Case, Result, TalkError, run_case
from server.gateway.graph_refusals import Refusal
from server.storage.audit import Audit
from server.storage.store import Store
from server.storage.tables import graph_cases

Json = dict[str, Any]
MOST: Final = 500


class Cases:
    """The stored cases."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    async def all(self, names: Mapping[str, str]) -> list[Json]:
        """Every case, in the order in which they were made."""
        rows = await self._store.all(select(graph_cases).order_by(graph_cases.c.id))
        return [{**dict(row._mapping), "author_name": names.get(row.author, row.author)} for row in rows]

    async def add(self, body: Json, author: str) -> int:
        """Stores a case and returns its id.

        Raises:
            Refusal: `unusable`, `too_many`.
        """
        values = _values(body)
        async with self._store.write() as tx:
            made = await tx.execute(insert(graph_cases).values(**values, author=author, at=tx.now))
            if ((await tx.execute(select(func.count()).select_from(graph_cases))).scalar() or 0) > MOST:
                raise Refusal("too_many", "too_many_cases", {"most": MOST})
            name = int((made.inserted_primary_key or (0,))[0])
            await self._audit.note_in(tx, author, "graph.case", f"case:{name}")
        return name

    async def put(self, name: int, body: Json, author: str) -> None:
        """Replaces a case.

        Raises:
            Refusal: `unusable`, `unknown`.
        """
        values = _values(body)
        async with self._store.write() as tx:
            if not (await tx.execute(update(graph_cases).where(graph_cases.c.id == name).values(**values))).rowcount:
                raise Refusal("unknown", "unknown_case")
            await self._audit.note_in(tx, author, "graph.case", f"case:{name}")

    async def remove(self, name: int, author: str) -> None:
        """Takes a case away.

        Raises:
            Refusal: `unknown`.
        """
        async with self._store.write() as tx:
            if not (await tx.execute(delete(graph_cases).where(graph_cases.c.id == name))).rowcount:
                raise Refusal("unknown", "unknown_case")
            await self._audit.note_in(tx, author, "graph.case_removed", f"case:{name}")

    async def run(self, knowledge: Knowledge) -> list[Result]:
        """Runs every case on a graph, in a thread, a few at a time so that customers come first."""
        rows = await self._store.all(select(graph_cases).order_by(graph_cases.c.id))
        results: list[Result] = []
        for row in rows:
            case = Case.read(dict(row._mapping), str(row.id))
            results.append(await asyncio.to_thread(run_case, knowledge, case))
        return results


def _values(body: Json) -> Json:
    try:
        case = Case.read(body)
    except TalkError as error:
        raise Refusal("unusable", "operation", {"detail": str(error)}, problems=[]) from None
    return {"title": case.title, "symptom": case.symptom, "answers": body["answers"], "expect": dict(case.expect)}
