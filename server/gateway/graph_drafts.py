"""Drafts of the fault-tree graph: shared, changed by operations under optimistic locking, merged, published.

The database holds a draft as a content and the operations since; each gateway keeps what it has read of the drafts that
are being edited, and reads what others have done since before it does anything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kg.compiled import Knowledge
from kg.diff import Choices, count, merge, operations
from kg.editing import Content, EditError, Operation, apply, apply_with_undo, is_placing
from kg.posterior import EntangledError
from kg.problems import Checked, Reader, entangled, without_intent
from server.gateway.graph_refusals import Refusal
from server.gateway.graph_versions import Published, Version, Versions, moved
from server.storage.audit import Audit
from server.storage.store import Tx
from server.storage.tables import graph_draft_operations, graph_drafts

Json = dict[str, Any]
Names = Mapping[str, str]

MOST: Final = 50
KEPT: Final = 12
SNAPSHOT_EVERY: Final = 200
"""Changes after which a draft's content is stored anew: dear for a large graph, and replaying so many is cheap."""
_HEAD: Final = tuple(column for column in graph_drafts.c if column.name not in ("content", "content_revision"))


@dataclass
class Draft:
    """A draft as this gateway knows it. Change it only while holding `lock`."""

    id: str
    title: str
    base: int
    revision: int
    author: str
    at: str
    updated: str
    content: Content
    changed: int
    stored: int
    """The revision whose content the database holds."""
    reader: Reader = field(default_factory=Reader)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    checked: tuple[Content, Checked] | None = None
    knowledge: tuple[Content, Knowledge] | None = None


class Drafts:
    """All drafts; `symptoms` are those that an intent of the company leads to."""

    def __init__(self, versions: Versions, audit: Audit, symptoms: Collection[str]) -> None:
        self._versions = versions
        self._store = versions.store
        self._audit = audit
        self._symptoms = frozenset(symptoms)
        self._known: OrderedDict[str, Draft] = OrderedDict()
        self._published: Knowledge | None = None
        """What was compiled last for a publish: the next draft shares most of it."""

    # ------------------------------------------------------------------ reading

    async def all(self, names: Names) -> list[Json]:
        """Every draft without its graph, the one changed last first."""
        active = (await self._versions.newest()).version
        rows = await self._store.all(select(*_HEAD).order_by(graph_drafts.c.updated.desc(), graph_drafts.c.id))
        return [_head(row._mapping, names, active) for row in rows]

    async def get(self, name: str) -> Draft:
        """A draft as it stands in the database.

        Raises:
            Refusal: `unknown`.
        """
        row = await self._store.one(select(*_HEAD).where(graph_drafts.c.id == name))
        if row is None:
            self._known.pop(name, None)
            raise Refusal("unknown", "unknown_draft")
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = await self._read(name)
        self._known.move_to_end(name)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return known

    async def _read(self, name: str) -> Draft:
        row = await self._store.one(select(graph_drafts).where(graph_drafts.c.id == name))
        if row is None:
            raise Refusal("unknown", "unknown_draft")
        content = await asyncio.to_thread(Content.from_json, row.content)
        return Draft(
            row.id, row.title, row.base, row.content_revision, row.author, row.at, row.updated, content, row.changed,
            row.content_revision,
        )  # fmt: skip

    async def _follow(self, draft: Draft) -> None:
        """Takes in what others have done; the caller holds the draft's lock."""
        row = await self._store.one(select(*_HEAD).where(graph_drafts.c.id == draft.id))
        if row is None:
            raise Refusal("unknown", "unknown_draft")
        since = await self._since(draft.id, draft.revision)
        if since:
            done = [one for step in since for one in step.operations]
            draft.content = await asyncio.to_thread(_applied, draft.content, done)
            draft.revision = since[-1].revision
        draft.base, draft.updated, draft.changed, draft.title = row.base, row.updated, row.changed, row.title

    async def _since(self, name: str, revision: int) -> Sequence[Any]:
        table = graph_draft_operations.c
        query = select(graph_draft_operations).where(table.draft == name, table.revision > revision)
        return await self._store.all(query.order_by(table.revision))

    async def checked(self, draft: Draft) -> Checked:
        """The graph of a draft and its problems; the caller holds the draft's lock."""
        if draft.checked is None or draft.checked[0] is not draft.content:
            draft.checked = (draft.content, await asyncio.to_thread(self._check, draft.reader, draft.content))
        return draft.checked[1]

    def _check(self, reader: Reader, content: Content) -> Checked:
        found = reader.check(content)
        return Checked(
            found.graph, (*found.problems, *without_intent(found.graph, self._symptoms)), found.finished
        )  # fmt: skip

    async def knowledge(self, draft: Draft) -> Knowledge:
        """The draft's graph for diagnoses, compiled as needed; the caller holds the draft's lock."""
        checked = await self.checked(draft)
        if draft.knowledge is None or draft.knowledge[0] is not draft.content:
            before = draft.knowledge[1] if draft.knowledge is not None else self._published
            draft.knowledge = (draft.content, await asyncio.to_thread(Knowledge.after, checked.graph, before))
        return draft.knowledge[1]

    async def shown(self, draft: Draft, names: Names) -> Json:
        """A draft with graph and problems."""
        async with draft.lock:
            await self._follow(draft)
            checked = await self.checked(draft)
            active = (await self._versions.newest()).version
            head = {str(column.name): getattr(draft, column.name) for column in _HEAD}
            graph = graph_json(draft.content, checked)
            return {
                **_head(head, names, active), "graph": graph, "problems": [one.as_json() for one in checked.problems]
            }  # fmt: skip

    # ------------------------------------------------------------------ changing

    async def create(self, base: int, content: Content, author: str, title: str) -> Draft:
        """A new draft.

        Raises:
            Refusal: `too_many`.
        """
        name = secrets.token_hex(6)
        before = (await self._versions.content(base)).nodes
        changed = sum(count(before, await asyncio.to_thread(Reader().plain, content)).values())
        async with self._store.write() as tx:
            made = await tx.execute(select(func.count()).select_from(graph_drafts))
            if (made.scalar() or 0) >= MOST:
                raise Refusal("too_many", "too_many_drafts", {"most": MOST})
            values = {
                "id": name, "title": title, "base": base, "revision": 0, "author": author, "at": tx.now,
                "updated": tx.now, "changed": changed,
            }  # fmt: skip
            plain = await asyncio.to_thread(content.as_json)
            await tx.execute(insert(graph_drafts).values(**values, content=plain, content_revision=0))
            await self._audit.note_in(tx, author, "graph.draft", f"draft:{name}", base=base)
        return await self.get(name)

    async def remove(self, name: str, author: str) -> None:
        """Throws a draft away.

        Raises:
            Refusal: `unknown`.
        """
        async with self._store.write() as tx:
            if not await _gone(tx, name):
                raise Refusal("unknown", "unknown_draft")
            await self._audit.note_in(tx, author, "graph.draft_removed", f"draft:{name}")
        self._known.pop(name, None)

    async def change(self, draft: Draft, revision: int, wanted: Sequence[Operation], author: str, names: Names) -> Json:
        """Carries out operations on a draft at a revision.

        Raises:
            Refusal: `changed` with what others did since, `unusable`, `unknown`.
        """
        async with draft.lock:
            await self._follow(draft)
            if draft.revision != revision and not is_placing(wanted):
                raise await self._changed(draft, revision, names)
            before = draft.content
            try:
                after, undo = await asyncio.to_thread(apply_with_undo, before, wanted)
            except EditError as error:
                problem = {"node": error.node, "index": error.index, "code": error.code, "detail": str(error)}
                raise Refusal("unusable", "operation", {"detail": str(error)}, problems=[problem]) from None
            await self._advance(draft, after, [dict(one) for one in wanted], author)
            checked = await self.checked(draft)
            touched = {name for name, node in after.nodes.items() if before.nodes.get(name) is not node}
            return {
                "revision": draft.revision,
                "problems": [one.as_json() for one in checked.problems],
                "links": _links(checked, touched),
                "undo": undo,
            }

    async def _advance(
        self, draft: Draft, after: Content, done: list[Json], author: str, base: int | None = None
    ) -> None:
        """Stores the next revision; the caller holds the draft's lock and has followed.

        Raises:
            Refusal: `changed`: another gateway was faster.
        """
        base = draft.base if base is None else base
        before = (await self._versions.content(base)).nodes
        plain = await asyncio.to_thread(draft.reader.plain, after)
        changed = sum(count(before, plain).values())
        table, revision = graph_drafts.c, draft.revision + 1
        whole = base != draft.base or revision - draft.stored >= SNAPSHOT_EVERY
        snapshot = {"content": await asyncio.to_thread(after.as_json), "content_revision": revision} if whole else {}
        async with self._store.write() as tx:
            moved_on = await tx.execute(
                update(graph_drafts)
                .where(table.id == draft.id, table.revision == draft.revision)
                .values(revision=revision, base=base, updated=tx.now, changed=changed, **snapshot)
            )
            if not moved_on.rowcount:
                raise Refusal("changed", "changed", revision=draft.revision, base=draft.base, operations=[])
            row = {"draft": draft.id, "revision": revision, "author": author, "at": tx.now, "operations": done}
            await tx.execute(insert(graph_draft_operations).values(**row))
            now = tx.now
        draft.content, draft.revision, draft.base, draft.changed, draft.updated = after, revision, base, changed, now
        draft.stored = revision if whole else draft.stored

    async def _changed(self, draft: Draft, revision: int, names: Names) -> Refusal:
        since = [
            {"revision": step.revision, "author": step.author, "author_name": names.get(step.author, step.author),
             "at": step.at, "operations": step.operations}
            for step in await self._since(draft.id, revision)
        ]  # fmt: skip
        return Refusal("changed", "changed", revision=draft.revision, base=draft.base, operations=since)

    async def merge(self, draft: Draft, revision: int, choices: Choices, author: str, names: Names) -> None:
        """Takes what was published since the draft began into it, so that it can be published.

        Raises:
            Refusal: `conflict`, `changed`, `unknown`.
        """
        async with draft.lock:
            await self._follow(draft)
            if draft.revision != revision:
                raise await self._changed(draft, revision, names)
            active = await self._versions.newest()
            if active.version == draft.base:
                return
            base, theirs = await self._versions.content(draft.base), await self._versions.content(active.version)
            mine = await asyncio.to_thread(draft.reader.plain, draft.content)
            merged, conflicts = await asyncio.to_thread(merge, base.nodes, theirs.nodes, mine, choices)
            if conflicts:
                shown = [one.as_json() for one in conflicts]
                raise Refusal("conflict", "conflict", {"count": len(conflicts)}, conflicts=shown, active=active.version)
            after = Content(merged, {**theirs.layout, **draft.content.layout})
            done = await asyncio.to_thread(operations, draft.content, after)
            await self._advance(draft, after, done, author, active.version)

    # ------------------------------------------------------------------ publishing

    async def ready(self, draft: Draft, revision: int, names: Names) -> Knowledge:
        """The compiled graph of a draft that may be published; the caller holds the draft's lock.

        Raises:
            Refusal: `changed`, `moved`, `problems`, `unknown`.
        """
        await self._follow(draft)
        if draft.revision != revision:
            raise await self._changed(draft, revision, names)
        active = await self._versions.newest()
        if active.version != draft.base:
            raise moved(active.version)
        return await self.compiled(draft)

    async def compiled(self, draft: Draft) -> Knowledge:
        """The compiled graph of a draft without errors; the caller holds the draft's lock.

        Raises:
            Refusal: `problems`.
        """
        checked = await self.checked(draft)
        if checked.errors:
            raise with_problems([one.as_json() for one in checked.errors])
        knowledge = await self.knowledge(draft)
        found = await asyncio.to_thread(_compile, knowledge)
        if found:
            raise with_problems(found)
        return knowledge

    async def publish(self, draft: Draft, message: str, author: str, overridden: str | None) -> Version:
        """Makes the draft the next version, in one transaction; the caller holds its lock and called `ready`.

        Raises:
            Refusal: `moved`, `changed`, or `unusable` where nothing differs.
        """
        checked = await self.checked(draft)
        nodes = await asyncio.to_thread(draft.reader.plain, draft.content)
        layout = {name: place for name, place in draft.content.layout.items() if name in nodes}
        base = await self._versions.content(draft.base)
        if nodes == base.nodes and layout == base.layout:
            raise Refusal("unusable", "nothing_new")
        made = Published(Content(nodes, layout), checked.graph.version, author, message, "publish", None, overridden)
        try:
            async with self._store.write() as tx:
                if not await _gone(tx, draft.id, draft.revision):
                    raise Refusal("changed", "changed", revision=draft.revision, base=draft.base, operations=[])
                version = await self._versions.append(tx, draft.base, made)
        except IntegrityError:
            raise moved((await self._versions.newest()).version) from None
        self._known.pop(draft.id, None)
        self._published = draft.knowledge[1] if draft.knowledge is not None else self._published
        return version


def with_problems(problems: list[Json]) -> Refusal:
    """A draft cannot be used because of its errors."""
    return Refusal("problems", "problems", {"count": len(problems)}, problems=problems)


def graph_json(content: Content, checked: Checked, digest: str = "") -> Json:
    """A graph as the console gets it; a draft has no digest."""
    links = [link for links in _links(checked, checked.graph.nodes).values() for link in links]
    return {"digest": digest, **content.as_json(), "links": links}


def _links(checked: Checked, names: Collection[str]) -> dict[str, list[Json]]:
    """What some nodes refer to; those that cannot be read yet are left out."""
    nodes = checked.graph.nodes
    return {
        name: [{"source": name, "target": target, "role": role} for target, role in nodes[name].references]
        for name in names
        if name in nodes
    }


def _head(row: Mapping[Any, Any], names: Names, active: int) -> Json:
    plain = {str(column.name): row[column.name] for column in _HEAD}
    return {**plain, "author_name": names.get(plain["author"], plain["author"]), "moved": plain["base"] != active}


def _applied(content: Content, done: Sequence[Operation]) -> Content:
    for first in range(0, len(done), 500):
        content = apply(content, done[first : first + 500])
    return content


def _compile(knowledge: Knowledge) -> list[Json]:
    found = []
    for symptom in knowledge.graph.symptoms:
        try:
            knowledge.circuit(symptom)
        except EntangledError as error:
            found.append(entangled(symptom, str(error)).as_json())
    return found


async def _gone(tx: Tx, name: str, revision: int | None = None) -> bool:
    """Takes a draft away, where it is there (at this revision)."""
    # A change first: it takes SQLite's write lock, so that what is read after it in this transaction stays true.
    held = update(graph_drafts).where(graph_drafts.c.id == name).values(updated=tx.now)
    if revision is not None:
        held = held.where(graph_drafts.c.revision == revision)
    if not (await tx.execute(held)).rowcount:
        return False
    await tx.execute(delete(graph_draft_operations).where(graph_draft_operations.c.draft == name))
    await tx.execute(delete(graph_drafts).where(graph_drafts.c.id == name))
    return True
