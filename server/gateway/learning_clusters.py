"""The task that groups similar messages of the review list, a few at a time, whenever there are new ones."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any, Final

import numpy as np
from sqlalchemy import and_, func, select, update

from server.gateway.learning_items import OPEN
from server.gateway.repeated import Repeated
from server.gateway.upstream import Upstream, UpstreamError
from server.learning import clusters
from server.learning.clusters import Group, Grouping
from server.storage.store import Store, Tx
from server.storage.tables import review_clusters, review_items

Json = dict[str, Any]
logger = logging.getLogger(__name__)
EVERY_S: Final = 3.0
AT_ONCE: Final = 32
"""Messages of one step: the model service computes their vectors in a fraction of a second, between two turns."""
STEPS: Final = 8
MOST_GROUPS: Final = 4000
"""So many groups a message is compared with, those that grew last."""
_LOOKED_AT: Final = 30


class OvertakenError(RuntimeError):
    """Another gateway was faster; what it did is read again at the next look."""


class Clusters:
    """Groups of similar messages; `start` and `close` own the task."""

    def __init__(self, store: Store, upstream: Upstream) -> None:
        self._store = store
        self._upstream = upstream
        self._known: dict[str, Grouping] = {}
        self._looks = Repeated("review clusters", EVERY_S, self.sweep)

    def start(self) -> None:
        """Begins to look for new messages."""
        self._looks.start()

    async def close(self) -> None:
        """Stops."""
        await self._looks.close()

    async def sweep(self) -> int:
        """Groups what is new, `STEPS` times `AT_ONCE` at most; returns how many joined or began a group."""
        done = 0
        for _ in range(STEPS):
            try:
                count = await self._step()
            except OvertakenError as error:
                logger.info("similar messages: %s", error)
                return done
            done += count
            if count < AT_ONCE:
                break
        return done

    async def _step(self) -> int:
        table = review_items.c
        new = select(table.id, table.text, table.language, table.ranking, table.oos)
        rows = await self._store.all(
            new.where(table.state == OPEN, table.cluster.is_(None)).order_by(table.id).limit(AT_ONCE)
        )
        if not rows:
            return 0
        try:
            vectors = await self._upstream.embed([row.text for row in rows])
        except UpstreamError as error:
            logger.info("similar messages wait to be grouped: %s", error)
            return 0
        placed: list[tuple[int, Group]] = []
        for row, vector in zip(rows, vectors, strict=True):
            grouping = await self._grouping(row.language)
            empty = Group(0, row.language, 0, np.zeros(len(vector), np.float32))
            group = grouping.place(np.asarray(vector, np.float32), row.ranking, row.oos, empty)
            placed.append((row.id, group))
            await asyncio.sleep(0)  # turns go first
        try:
            async with self._store.write() as tx:
                await self._write(tx, placed)
        except BaseException:  # what is stored and what is known here no longer agree: read it again
            self._known.clear()
            raise
        return len(rows)

    async def _write(self, tx: Tx, placed: list[tuple[int, Group]]) -> None:
        joined = Counter(id(group) for _, group in placed)
        for group in {id(group): group for _, group in placed}.values():
            values = {
                "size": group.size,
                "vector": group.vector.astype(np.float32).tobytes(),
                "ranking": {name: round(value, 5) for name, value in group.ranking.items()},
                "oos": group.oos,
                "updated": tx.now,
            }
            if not group.id:
                made = review_clusters.insert().values(language=group.language, **values)
                group.id = (await tx.execute(made.returning(review_clusters.c.id))).scalar_one()
                continue
            was = and_(review_clusters.c.id == group.id, review_clusters.c.size == group.size - joined[id(group)])
            if not (await tx.execute(update(review_clusters).where(was).values(**values))).rowcount:
                raise OvertakenError(f"group {group.id} grew in another gateway")
        for item, group in placed:
            free = and_(review_items.c.id == item, review_items.c.cluster.is_(None))
            if not (await tx.execute(update(review_items).where(free).values(cluster=group.id))).rowcount:
                raise OvertakenError(f"message {item} was grouped by another gateway, or erased")

    async def _grouping(self, language: str) -> Grouping:
        if language not in self._known:
            table = review_clusters.c
            newest = select(*table).where(table.language == language).order_by(table.updated.desc(), table.id.desc())
            rows = await self._store.all(newest.limit(MOST_GROUPS))
            groups = [
                Group(row.id, language, row.size, np.frombuffer(row.vector, np.float32), dict(row.ranking), row.oos)
                for row in sorted(rows, key=lambda one: one.id)
            ]
            self._known[language] = Grouping(groups)
        return self._known[language]

    async def page(self, *, limit: int, language: str | None = None) -> Json:
        """The groups with open messages, the largest first, each with what it may be; and how many wait."""
        table = review_items.c
        size = func.count().label("size")
        grouped = select(table.cluster, table.language, size).where(table.state == OPEN, table.cluster.is_not(None))
        if language is not None:
            grouped = grouped.where(table.language == language)
        grouped = grouped.group_by(table.cluster, table.language).having(size > 1)
        rows = await self._store.all(grouped.order_by(size.desc(), table.cluster).limit(limit))
        waiting = await self._store.one(
            select(func.count()).select_from(review_items).where(table.state == OPEN, table.cluster.is_(None))
        )
        return {
            "items": [await self._shown(row.cluster, row.language, row.size) for row in rows],
            "waiting": waiting[0] if waiting else 0,
        }

    async def _shown(self, cluster: int, language: str, size: int) -> Json:
        table = review_items.c
        members = await self._store.all(
            select(table.id, table.text, table.ranking, table.oos)
            .where(table.state == OPEN, table.cluster == cluster)
            .order_by(table.id.desc())
            .limit(_LOOKED_AT)
        )
        texts = [row.text for row in members]
        made = clusters.proposal([row.ranking for row in members], [row.oos for row in members])
        chosen = clusters.title(texts)
        return {
            "id": cluster,
            "language": language,
            "size": size,
            "title": texts[chosen],
            "examples": [text for at, text in enumerate(texts) if at != chosen][:3],
            "proposals": [{"intent": name, "share": share} for name, share in made.intents],
            "looks_new": made.looks_new,
            "name": clusters.name_of(texts, language),
        }
