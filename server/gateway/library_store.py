"""The help articles in the database: versions of the library, each article's revisions, and drafts.

One publish is one transaction and one version. An article has at most one draft, which belongs to all administrators;
its revision grows with every change, so that nobody overwrites what they have not seen.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.company import Company, CompanyError
from server.gateway.graph_refusals import LibraryRefusal
from server.library import MOST_ARTICLES, change_of, digest, of_company, title
from server.storage.audit import Audit
from server.storage.store import Store, Tx
from server.storage.tables import article_drafts, article_revisions, library_versions

Json = dict[str, Any]
Names = Mapping[str, str]
logger = logging.getLogger(__name__)
MOST_DRAFTS: Final = 1000
_ROWS: Final = 500
"""Rows of one INSERT."""
_SEARCH_CHARACTERS: Final = 20_000
_HEAD: Final = tuple(column for column in library_versions.c if column.name != "search")


@dataclass(frozen=True)
class Version:
    """One version without its articles. Number 0 stands for the empty library before the first one."""

    version: int
    digest: str
    at: str
    author: str
    message: str
    origin: str
    of: int | None
    changes: list[Json]

    def as_json(self, names: Names, active: int) -> Json:
        """Plain values; `names` are what people are called, by user name."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "author_name": names.get(self.author, self.author), "active": self.version == active}


NOTHING: Final = Version(0, digest({}), "", "", "", "seed", None, [])


@dataclass(frozen=True)
class Draft:
    """What an article is to become; ``content`` None: it is to be removed."""

    article: str
    base: int
    revision: int
    content: Json | None
    author: str
    at: str

    def as_json(self, names: Names) -> Json:
        """Plain values; the article's id is ``id``."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "article"}
        return {"id": self.article, **plain, "author_name": names.get(self.author, self.author)}


class LibraryStore:
    """Reads and writes; every refusal leaves the database as it was."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self.store = store
        self._audit = audit

    # ------------------------------------------------------------------ versions

    async def seed(self, company: Company) -> None:
        """Makes version 1 of the company's files, where there is no version yet."""
        if (await self.newest()).version:
            return
        try:
            articles = of_company(company.articles)
        except CompanyError as error:
            logger.error("the help articles are left out until this is put right:\n%s", error)
            return
        try:
            async with self.store.write() as tx:
                await self._append(tx, dict(articles), "", "", "seed", base=0)
        except (IntegrityError, LibraryRefusal):  # another gateway that starts now was faster
            logger.info("the help articles were seeded by another gateway")

    async def newest(self) -> Version:
        """The version in service; number 0 where there is none."""
        row = await self.store.one(select(*_HEAD).order_by(library_versions.c.version.desc()).limit(1))
        return NOTHING if row is None else Version(**row._mapping)

    async def get(self, version: int) -> Version:
        """One version.

        Raises:
            LibraryRefusal: `unknown`.
        """
        row = await self.store.one(select(*_HEAD).where(library_versions.c.version == version))
        if row is None:
            raise LibraryRefusal("unknown", "unknown_version", {"version": version})
        return Version(**row._mapping)

    async def page(self, *, before: int | None, limit: int, search: str) -> list[Version]:
        """Versions, newest first."""
        query = select(*_HEAD).order_by(library_versions.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(library_versions.c.version < before)
        for word in search.lower().split():
            query = query.where(library_versions.c.search.contains(word, autoescape=True))
        return [Version(**row._mapping) for row in await self.store.all(query)]

    async def library(self, version: int) -> dict[str, Json]:
        """The articles of a version, by id."""
        rows = await self.store.all(_revisions_of(version))
        return {row.article: row.content for row in rows if row.content is not None}

    async def by_digest(self, name: str) -> dict[str, Json] | None:
        """The articles of the newest version with this content; None where no version has it."""
        query = select(func.max(library_versions.c.version)).where(library_versions.c.digest == name)
        row = await self.store.one(query)
        if row is not None and row[0] is not None:
            return await self.library(row[0])
        return {} if name == NOTHING.digest else None

    async def revised(self) -> dict[str, tuple[int, str]]:
        """(version, when) of every article's newest revision, removed ones too."""
        newest = _newest_revisions()
        rows = await self.store.all(
            select(newest.c.article, newest.c.version, library_versions.c.at).join(
                library_versions, library_versions.c.version == newest.c.version
            )
        )
        return {row.article: (row.version, row.at) for row in rows}

    async def revision(self, article: str, version: int | None = None) -> tuple[int, Json | None]:
        """An article's newest revision, or the one that a version had: (version, content); (0, None) without one."""
        query = select(article_revisions.c.version, article_revisions.c.content)
        query = query.where(article_revisions.c.article == article)
        if version is not None:
            query = query.where(article_revisions.c.version <= version)
        row = await self.store.one(query.order_by(article_revisions.c.version.desc()).limit(1))
        return (0, None) if row is None else (row.version, row.content)

    async def revisions(self, article: str, limit: int) -> list[Version]:
        """The versions that changed an article, newest first."""
        query = (
            select(*_HEAD)
            .join(article_revisions, article_revisions.c.version == library_versions.c.version)
            .where(article_revisions.c.article == article)
            .order_by(library_versions.c.version.desc())
            .limit(limit)
        )
        return [Version(**row._mapping) for row in await self.store.all(query)]

    async def roll_back(self, to: int, message: str, author: str) -> Version:
        """Publishes the articles of an earlier version again; drafts stay, and say that their article has moved.

        Raises:
            LibraryRefusal: `unknown`, `moved`, or `unusable` where nothing differs.
        """
        await self.get(to)
        wanted, active = await self.library(to), await self.newest()
        now = await self.library(active.version)
        changes = {name: wanted.get(name) for name in {*wanted, *now} if wanted.get(name) != now.get(name)}
        if not changes:
            raise LibraryRefusal("unusable", "nothing_new")
        try:
            async with self.store.write() as tx:
                return await self._append(tx, changes, message, author, "rollback", of=to, base=active.version)
        except IntegrityError:
            raise moved((await self.newest()).version) from None

    async def replace_all(self, library: Mapping[str, Json], message: str, author: str) -> Version:
        """Publishes a whole library from outside of the gateway.

        Raises:
            LibraryRefusal: `moved`, or `unusable` where nothing differs.
        """
        active = await self.newest()
        now = await self.library(active.version)
        changes = {name: library.get(name) for name in {*library, *now} if library.get(name) != now.get(name)}
        if not changes:
            raise LibraryRefusal("unusable", "nothing_new")
        try:
            async with self.store.write() as tx:
                return await self._append(tx, changes, message, author, "publish", base=active.version)
        except IntegrityError:
            raise moved((await self.newest()).version) from None

    async def _append(
        self,
        tx: Tx,
        changes: Mapping[str, Json | None],
        message: str,
        author: str,
        origin: str,
        *,
        of: int | None = None,
        base: int | None = None,
    ) -> Version:
        """Adds the next version in the caller's transaction.

        Raises:
            LibraryRefusal: `moved` where another version than `base` is in service, `too_many`.
            IntegrityError: the same, found by the database between two transactions at once.
        """
        newest = (await tx.execute(select(func.max(library_versions.c.version)))).scalar() or 0
        if base is not None and newest != base:
            raise moved(newest)
        held = (await tx.execute(_revisions_of(newest))).all()
        before = {row.article: row.content for row in held if row.content is not None}
        after = {name: one for name, one in {**before, **changes}.items() if one is not None}
        if len(after) > MOST_ARTICLES:
            raise LibraryRefusal("too_many", "too_many_articles", {"most": MOST_ARTICLES})
        told: list[Json] = [
            {"id": name, "change": change, "title": title(changes[name] or before.get(name))}
            for name in sorted(changes)
            if (change := change_of(before.get(name), changes[name]))
        ]
        if not told and origin != "seed":
            raise LibraryRefusal("unusable", "nothing_new")
        version = Version(newest + 1, digest(after), tx.now, author, message, origin, of, told)
        values = {name: getattr(version, name) for name in version.__dataclass_fields__}
        words = [message, author, *(word for one in told for word in (one["id"], *one["title"].values()))]
        search = " ".join(words).lower()[:_SEARCH_CHARACTERS]
        await tx.execute(insert(library_versions).values(**values, search=search))
        rows = [{"article": one["id"], "version": version.version, "content": changes[one["id"]]} for one in told]
        for first in range(0, len(rows), _ROWS):
            await tx.execute(insert(article_revisions).values(rows[first : first + _ROWS]))
        counts = {kind: sum(one["change"] == kind for one in told) for kind in ("added", "changed", "removed")}
        await self._audit.note_in(
            tx, author or "system", f"articles.{origin}", f"articles:{version.version}", digest=version.digest,
            **({"of": of} if of else {}), **counts,
        )  # fmt: skip
        return version

    # ------------------------------------------------------------------ drafts

    async def drafts(self) -> dict[str, Draft]:
        """All drafts, by article."""
        rows = await self.store.all(select(article_drafts).order_by(article_drafts.c.article))
        return {row.article: Draft(**row._mapping) for row in rows}

    async def draft(self, article: str) -> Draft | None:
        """The draft of an article, where it has one."""
        row = await self.store.one(select(article_drafts).where(article_drafts.c.article == article))
        return None if row is None else Draft(**row._mapping)

    async def put_draft(self, article: str, revision: int, base: int, content: Json | None, author: str) -> Draft:
        """Keeps what an article is to become.

        Args:
            article: Its id.
            revision: The draft's revision that the change was made on; 0 to begin one.
            base: The version of the article's newest revision that it was made on; 0 for a new article.
            content: The article, None to remove it.
            author: Who changed it.

        Raises:
            LibraryRefusal: `changed` where somebody else has changed the draft, `moved` where a newer revision was
                published, `too_many`; both first ones carry the `draft` and what is `published`.
        """
        if (await self.revision(article))[0] != base:
            raise await self._changed(article, "moved")
        try:
            async with self.store.write() as tx:
                made = await self._put(tx, article, revision, base, content, author)
        except IntegrityError:  # two began it at once
            made = None
        if made is None:
            raise await self._changed(article)
        return made

    async def put_new(self, articles: Mapping[str, Json], author: str) -> list[Draft]:
        """Begins drafts of new articles, all or none.

        Raises:
            LibraryRefusal: `changed` where one of the ids is taken, by an article or a draft, `too_many`.
        """
        taken = {*await self.library((await self.newest()).version), *await self.drafts()}
        clash = sorted(taken & articles.keys())
        if clash:
            raise LibraryRefusal("changed", "taken", {"name": clash[0]}, taken=clash)
        bases = await self.revised()
        made: list[Draft] = []
        try:
            async with self.store.write() as tx:
                for name, content in articles.items():
                    draft = await self._put(tx, name, 0, bases.get(name, (0, ""))[0], content, author)
                    assert draft is not None  # a draft that is there already breaks the primary key
                    made.append(draft)
        except IntegrityError:
            raise LibraryRefusal("changed", "taken", {"name": next(iter(articles))}) from None
        return made

    async def _put(  # noqa: PLR0917 (a transaction before what `put_draft` takes)
        self, tx: Tx, article: str, revision: int, base: int, content: Json | None, author: str
    ) -> Draft | None:
        made = Draft(article, base, revision + 1, content, author, tx.now)
        values = {name: getattr(made, name) for name in made.__dataclass_fields__}
        if revision:
            held = (article_drafts.c.article == article, article_drafts.c.revision == revision)
            done = await tx.execute(update(article_drafts).where(*held).values(**values))
            return made if done.rowcount else None
        await tx.execute(insert(article_drafts).values(**values))
        if (await tx.execute(select(func.count()).select_from(article_drafts))).scalar_one() > MOST_DRAFTS:
            raise LibraryRefusal("too_many", "too_many_drafts", {"most": MOST_DRAFTS})
        return made

    async def remove_draft(self, article: str, revision: int) -> None:
        """Throws a draft away.

        Raises:
            LibraryRefusal: `changed` where somebody else has changed it, `unknown` where there is none.
        """
        held = (article_drafts.c.article == article, article_drafts.c.revision == revision)
        async with self.store.write() as tx:
            gone = (await tx.execute(delete(article_drafts).where(*held))).rowcount
        if not gone and await self.draft(article) is None:
            raise LibraryRefusal("unknown", "unknown_draft")
        if not gone:
            raise await self._changed(article)

    async def publish(self, revisions: Mapping[str, int], message: str, author: str) -> Version:
        """Makes drafts the next version, in one transaction, so that a publish that is killed never was.

        Args:
            revisions: Which drafts, and at which revision.
            message: What changes, for the history.
            author: Who publishes.

        Raises:
            LibraryRefusal: `changed` (a draft is another than was seen), `moved` (a newer revision of an article is
                in service), `too_many`, `unusable` where nothing differs.
        """
        for last in (False, False, True):
            try:
                return await self._publish(revisions, message, author)
            except IntegrityError:  # two publishes at once; what they changed is looked at again
                if last:
                    raise moved((await self.newest()).version) from None
        raise AssertionError("the last attempt returns or raises")

    async def _publish(self, revisions: Mapping[str, int], message: str, author: str) -> Version:
        async with self.store.write() as tx:
            changes: dict[str, Json | None] = {}
            for article, revision in sorted(revisions.items()):
                held = (article_drafts.c.article == article, article_drafts.c.revision == revision)
                taken = delete(article_drafts).where(*held).returning(article_drafts.c.base, article_drafts.c.content)
                row = (await tx.execute(taken)).first()
                if row is None:
                    raise LibraryRefusal("changed", "changed", article=article)
                newest = select(func.max(article_revisions.c.version)).where(article_revisions.c.article == article)
                if ((await tx.execute(newest)).scalar() or 0) != row.base:
                    raise LibraryRefusal("moved", "moved_article", {"name": article}, article=article)
                changes[article] = row.content
            return await self._append(tx, changes, message, author, "publish")

    async def _changed(self, article: str, code: str = "changed") -> LibraryRefusal:
        draft, (version, content) = await self.draft(article), await self.revision(article)
        names = {person.username: person.name for person in await self.store.all_staff()}
        return LibraryRefusal(
            code, code if code == "changed" else "moved_article", {"name": article},
            draft=None if draft is None else draft.as_json(names), version=version, published=content,
        )  # fmt: skip


def moved(version: int) -> LibraryRefusal:
    """Another version is in service than the one that a change began with."""
    return LibraryRefusal("moved", "moved", {"version": version}, active=version)


def _newest_revisions(until: int | None = None) -> Any:
    query = select(article_revisions.c.article, func.max(article_revisions.c.version).label("version"))
    if until is not None:
        query = query.where(article_revisions.c.version <= until)
    return query.group_by(article_revisions.c.article).subquery()


def _revisions_of(version: int) -> Any:
    """Each article's newest revision up to a version."""
    newest = _newest_revisions(version)
    same = (article_revisions.c.article == newest.c.article) & (article_revisions.c.version == newest.c.version)
    columns = (article_revisions.c.article, article_revisions.c.content)
    return select(*columns).join(newest, same).order_by(article_revisions.c.article)
