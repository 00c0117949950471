"""The versions of the fault-tree graph: immutable, numbered from 1, the newest one in service."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from kg.diff import count, diff
from kg.editing import Content
from kg.load import GraphError, load
from kg.model import Graph
from kg.problems import Reader
from server.gateway.graph_refusals import Refusal
from server.storage.audit import Audit
from server.storage.store import Store, Tx
from server.storage.tables import graph_versions

Json = dict[str, Any]
logger = logging.getLogger(__name__)

CONTENTS_KEPT: Final = 8
_SEARCH_CHARACTERS: Final = 20_000
_HEAD: Final = tuple(column for column in graph_versions.c if column.name not in ("content", "search"))


@dataclass(frozen=True)
class Version:
    """One version without its content. Number 0 stands for the empty graph before the first one."""

    version: int
    digest: str
    at: str
    author: str
    message: str
    parent: int | None
    origin: str
    of: int | None
    overridden: str | None
    added: int
    removed: int
    changed: int

    def as_json(self, names: Mapping[str, str], active: int) -> Json:
        """Plain values; `names` are what people are called, by user name."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "author_name": names.get(self.author, self.author), "active": self.version == active}


NOTHING: Final = Version(0, "", "", "", "", None, "seed", None, None, 0, 0, 0)


@dataclass(frozen=True)
class Published:
    """What becomes a version: its content in plain form, and what is told about it."""

    content: Content
    digest: str
    author: str
    message: str
    origin: str
    of: int | None = None
    overridden: str | None = None


class Versions:
    """Reads versions and appends new ones."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self.store = store
        self._audit = audit
        self._contents: OrderedDict[int, Content] = OrderedDict()

    async def seed(self, folder: Path | None) -> None:
        """Makes version 1 of the company's files, where there is no version yet."""
        if folder is None or (await self.newest()).version:
            return
        try:
            graph = await asyncio.to_thread(load, [folder])
        except GraphError as error:
            logger.error("the fault trees are left out until this is put right:\n%s", error)
            return
        first = Published(Content.of_graph(graph), graph.version, "", "", "seed")
        try:
            async with self.store.write() as tx:
                await self.append(tx, 0, first)
        except (IntegrityError, Refusal):  # another gateway that starts now was faster
            logger.info("the graph was seeded by another gateway")

    async def newest(self) -> Version:
        """The version in service; number 0 where there is none."""
        row = await self.store.one(select(*_HEAD).order_by(graph_versions.c.version.desc()).limit(1))
        return NOTHING if row is None else Version(**row._mapping)

    async def get(self, version: int) -> Version:
        """One version.

        Raises:
            Refusal: `unknown`.
        """
        if version == 0:
            return NOTHING
        row = await self.store.one(select(*_HEAD).where(graph_versions.c.version == version))
        if row is None:
            raise Refusal("unknown", "unknown_version", {"version": version})
        return Version(**row._mapping)

    async def page(self, *, before: int | None, limit: int, search: str) -> list[Version]:
        """Versions, newest first."""
        query = select(*_HEAD).order_by(graph_versions.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(graph_versions.c.version < before)
        for word in search.lower().split():
            query = query.where(graph_versions.c.search.contains(word, autoescape=True))
        return [Version(**row._mapping) for row in await self.store.all(query)]

    async def content(self, version: int) -> Content:
        """The content of a version, every node in its plain form.

        Raises:
            Refusal: `unknown`.
        """
        if version in self._contents:
            self._contents.move_to_end(version)
            return self._contents[version]
        found = Content()
        if version:
            row = await self.store.one(select(graph_versions.c.content).where(graph_versions.c.version == version))
            if row is None:
                raise Refusal("unknown", "unknown_version", {"version": version})
            found = await asyncio.to_thread(Content.from_json, row.content)
        self._contents[version] = found
        if len(self._contents) > CONTENTS_KEPT:
            self._contents.popitem(last=False)
        return found

    async def graph(self, version: int) -> Graph:
        """The graph of a version."""
        content = await self.content(version)
        return (await asyncio.to_thread(Reader().check, content)).graph

    async def nodes_of(self, digest: str) -> list[Json] | None:
        """The nodes of a graph by its digest; None where no version has it."""
        newest = graph_versions.c.version.desc()
        row = await self.store.one(
            select(graph_versions.c.content).where(graph_versions.c.digest == digest).order_by(newest).limit(1)
        )
        return None if row is None else list(row.content["nodes"])

    async def append(self, tx: Tx, base: int, made: Published) -> Version:
        """Adds the version after `base`, in the caller's transaction.

        Raises:
            Refusal: `moved` where there is a newer one than `base` already.
            IntegrityError: the same, found by the database between two transactions at once.
        """
        newest = (await tx.execute(select(func.max(graph_versions.c.version)))).scalar() or 0
        if newest != base:
            raise moved(newest)
        before, after = (await self.content(base)).nodes, made.content.nodes
        changes = diff(before, after) if base else []
        words = [made.message, made.author, *(word for one in changes for word in (one.id, *one.title.values()))]
        counts = count(before, after)
        version = Version(
            base + 1, made.digest, tx.now, made.author, made.message, base or None, made.origin, made.of,
            made.overridden, counts["added"], counts["removed"], counts["changed"],
        )  # fmt: skip
        values = {name: getattr(version, name) for name in version.__dataclass_fields__}
        search = " ".join(words).lower()[:_SEARCH_CHARACTERS]
        await tx.execute(insert(graph_versions).values(**values, content=made.content.as_json(), search=search))
        await self._audit.note_in(
            tx, made.author or "system", f"graph.{made.origin}", f"graph:{version.version}", digest=made.digest,
            **({"of": made.of} if made.of else {}), **({"overridden": True} if made.overridden else {}), **counts,
        )  # fmt: skip
        return version

    async def roll_back(self, to: int, message: str, author: str) -> Version:
        """Publishes the content of an earlier version again.

        Raises:
            Refusal: `unknown`, `moved`, or `unusable` where that content is in service.
        """
        old, content, active = await self.get(to), await self.content(to), await self.newest()
        if to == 0 or old.digest == active.digest:
            raise Refusal("unusable", "nothing_new")
        made = Published(content, old.digest, author, message, "rollback", of=to)
        try:
            async with self.store.write() as tx:
                return await self.append(tx, active.version, made)
        except IntegrityError:
            raise moved((await self.newest()).version) from None


def moved(version: int) -> Refusal:
    """Another version is in service than the one that a change began with."""
    return Refusal("moved", "moved", {"version": version}, active=version)
