"""The help articles behind the console, put together: drafts with their problems, publishing, trying, files."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from actions.ports import Accounts
from server.company import Company
from server.gateway.graph_refusals import LibraryRefusal
from server.gateway.library_answers import answer_from, understood
from server.gateway.library_live import LiveLibrary
from server.gateway.library_store import Draft, LibraryStore, Version
from server.gateway.new_intents import NewIntents
from server.gateway.text import language_of
from server.gateway.upstream import Upstream, UpstreamError
from server.library import (
    ID,
    ArticleError,
    Problem,
    as_files,
    change_of,
    difference,
    fields_changed,
    missing_articles,
    problems_of,
    read_article,
    title,
)
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.database import create_engine, migrate
from server.storage.store import Store
from server.texts import render

Json = dict[str, Any]
T = TypeVar("T")
HISTORY: Final = 50
_LANGUAGES: Final = {"zh": {"zh": "中文", "en": "Chinese"}, "en": {"zh": "英文", "en": "English"}}


@dataclass(frozen=True, slots=True)
class LibraryService:
    """What the routes work with."""

    articles: LibraryStore
    live: LiveLibrary
    company: Company
    upstream: Upstream
    accounts: Accounts
    new_intents: NewIntents
    clock: Callable[[], datetime]

    @classmethod
    def over(  # noqa: PLR0917 (what the application puts together)
        cls, store: Store, company: Company, audit: Audit, upstream: Upstream, accounts: Accounts,
        new_intents: NewIntents, clock: Callable[[], datetime],
    ) -> Self:  # fmt: skip
        """The parts over one store."""
        articles = LibraryStore(store, audit)
        return cls(
            articles, LiveLibrary(articles, upstream, company), company, upstream, accounts, new_intents, clock
        )  # fmt: skip

    async def names(self) -> dict[str, str]:
        """What people are called, by user name."""
        return {person.username: person.name for person in await self.articles.store.all_staff()}

    # ------------------------------------------------------------------ looking

    async def overview(self, words: str) -> Json:
        """Every article with its draft, problems and uses; ``words`` are looked for in all of its texts."""
        names, active = await self.names(), await self.articles.newest()
        library, drafts = await self.articles.library(active.version), await self.articles.drafts()
        revised, uses = await self.articles.revised(), await self.live.uses.counts(self.clock())
        after = _with_drafts(library, drafts)
        rows = []
        for name in sorted({*library, *drafts}):
            draft = drafts.get(name)
            shown = library.get(name) if draft is None or draft.content is None else draft.content
            if not _has(shown, name, words):
                continue
            texts = (shown or {"texts": {}})["texts"]
            version, at = revised.get(name, (0, ""))
            answered, wrong = uses.get(name, (0, 0))
            rows.append(
                {
                    "id": name,
                    "title": title(shown),
                    "category": {language: text["category"] for language, text in texts.items()},
                    "summary": {language: text["summary"] for language, text in texts.items()},
                    "languages": list(texts),
                    "published": name in library,
                    "version": version,
                    "at": at,
                    "draft": None if draft is None else {
                        **draft.as_json(names),
                        "content": None,
                        "change": change_of(library.get(name), draft.content),
                        "moved": draft.base != version,
                    },
                    "problems": self._told(self._problems(name, shown if draft is None else draft.content, after)),
                    "answered": answered,
                    "wrong": wrong,
                }
            )  # fmt: skip
        return {
            "active": active.as_json(names, active.version),
            "versions": active.version,
            "languages": list(self.company.languages),
            "articles": rows,
            "gone": self._told(missing_articles(after, self.company.intents)),
            "intents": {one.name: one.label for one in self.company.intents.values()},
        }

    async def article(self, name: str) -> Json:
        """One article: what is in service, its draft, its problems, the versions that changed it.

        Raises:
            LibraryRefusal: `unknown`.
        """
        names, draft = await self.names(), await self.articles.draft(name)
        version, published = await self.articles.revision(name)
        if draft is None and version == 0:
            raise LibraryRefusal("unknown", "unknown_article", {"name": name})
        active = (await self.articles.newest()).version
        history = await self.articles.revisions(name, HISTORY)
        return {
            "id": name,
            "version": version,
            "published": published,
            "draft": None if draft is None else {**draft.as_json(names), "moved": draft.base != version},
            "problems": await self.problems(name, draft.content if draft else published),
            "history": [
                {**one.as_json(names, active), "changes": [], "change": _own_change(one, name)} for one in history
            ],
        }

    async def problems(self, name: str, content: Json | None) -> list[Json]:
        """What is wrong with an article beside all others and their drafts."""
        after = _with_drafts(
            await self.articles.library((await self.articles.newest()).version), await self.articles.drafts()
        )
        return self._told(self._problems(name, content, after))

    async def drafts(self) -> list[Json]:
        """All drafts with what they change and what is wrong with them."""
        library = await self.articles.library((await self.articles.newest()).version)
        names, drafts, revised = await self.names(), await self.articles.drafts(), await self.articles.revised()
        after = _with_drafts(library, drafts)
        return [
            {
                **draft.as_json(names), "content": None, "moved": draft.base != revised.get(name, (0, ""))[0],
                "change": change_of(library.get(name), draft.content),
                "title": title(draft.content or library.get(name)),
                "fields": fields_changed(library.get(name), draft.content),
                "problems": self._told(self._problems(name, draft.content, after)),
            }
            for name, draft in drafts.items()
        ]  # fmt: skip

    async def changes(self, before: int, after: int) -> list[Json]:
        """What leads from one version to another, by article and field.

        Raises:
            LibraryRefusal: `unknown`.
        """
        for version in (before, after):
            if version:
                await self.articles.get(version)
        return difference(await self.articles.library(before), await self.articles.library(after))

    def _problems(self, name: str, content: Json | None, after: Mapping[str, Json]) -> list[Problem]:
        return problems_of(
            name, content, others=after, languages=self.company.languages, intents=self.company.intents
        )  # fmt: skip

    def _told(self, problems: Sequence[Problem]) -> list[Json]:
        return [_problem_json(one, self.company) for one in problems]

    # ------------------------------------------------------------------ changing

    async def put_draft(self, name: str, revision: int, base: int, given: Any, author: str) -> Json:
        """Keeps what an article is to become; None removes it.

        Raises:
            LibraryRefusal: `changed`, `moved`, `too_many`, `unusable`.
        """
        content = None if given is None else _readable(name, given)
        made = await self.articles.put_draft(name, revision, base, content, author)
        return {"draft": made.as_json(await self.names()), "problems": await self.problems(name, content)}

    async def put_new(self, given: Mapping[str, Any], author: str) -> list[Json]:
        """Begins drafts of new articles, all or none.

        Raises:
            LibraryRefusal: `changed`, `too_many`, `unusable`.
        """
        contents = {name: _readable(name, one) for name, one in given.items()}
        names = await self.names()
        return [{**one.as_json(names), "content": None} for one in await self.articles.put_new(contents, author)]

    async def publish(self, revisions: Mapping[str, int], message: str, author: str) -> Version:
        """Publishes drafts and waits until they are in service.

        Raises:
            LibraryRefusal: `problems`, `changed`, `moved`, `unusable`, `too_many`.
        """
        library = await self.articles.library((await self.articles.newest()).version)
        chosen = {name: one for name, one in (await self.articles.drafts()).items() if name in revisions}
        after = _with_drafts(library, chosen)
        found = [problem for name, one in chosen.items() for problem in self._problems(name, one.content, after)]
        errors = [one for one in found if one.severity == "error"]
        if errors:
            raise LibraryRefusal("problems", "problems", {"count": len(errors)}, problems=self._told(errors))
        version = await self.articles.publish(revisions, message, author)
        await self.live.refresh()
        return version

    async def roll_back(self, to: int, message: str, author: str) -> Version:
        """Publishes an earlier version's articles again and waits until they are in service."""
        version = await self.articles.roll_back(to, message, author)
        await self.live.refresh()
        return version

    # ------------------------------------------------------------------ trying, files

    async def ask(self, question: str, language: str, given: Mapping[str, Any]) -> Json:
        """What the bot would answer with some articles changed as ``given``, beside what it answers now.

        Raises:
            LibraryRefusal: `unusable`, `away`.
        """
        changed = {name: None if one is None else _readable(name, one) for name, one in given.items()}
        now = dict(self.live.now.library)
        after = {name: one for name, one in {**now, **changed}.items() if one is not None}
        locale = language_of(question, language)
        try:
            parse = await self.upstream.parse(question, locale, new=self.new_intents.request)
            ports: Json = {
                "company": self.company, "upstream": self.upstream, "accounts": self.accounts, "now": self.clock()
            }  # fmt: skip
            published = await answer_from(now, question, locale, parse, **ports)
            draft = published if after == now else await answer_from(after, question, locale, parse, **ports)
        except UpstreamError as error:
            raise LibraryRefusal("away", "away", {"detail": str(error)}) from error
        definition = understood(self.company, parse)
        return {
            "language": locale,
            "intent": None if definition is None else {"name": definition.name, "label": definition.label},
            "confidence": parse["intent"]["confidence"],
            "published": published,
            "draft": draft,
        }

    async def zipped(self, version: int) -> bytes:
        """The files of a version, as a company's folder ``articles`` holds them.

        Raises:
            LibraryRefusal: `unknown`.
        """
        await self.articles.get(version)
        library = await self.articles.library(version)

        def pack() -> bytes:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path, text in as_files(library):
                    # A date of its own, so that the same version is the same file.
                    archive.writestr(zipfile.ZipInfo(f"articles/{path}"), text, zipfile.ZIP_DEFLATED)
            return packed.getvalue()

        return await asyncio.to_thread(pack)


async def with_library(settings: Settings, company: Company, work: Callable[[LibraryStore], Any]) -> Any:
    """Work on the articles from outside of the gateway; running gateways follow within a second."""
    engine = create_engine(settings.database_url)
    await migrate(engine)
    store = Store(engine, lambda: datetime.now(UTC))
    articles = LibraryStore(store, Audit(store, settings.secret_key()))
    try:
        await articles.seed(company)
        return await work(articles)
    finally:
        await store.close()


def write_files(library: Mapping[str, Json], folder: Path) -> int:
    """Writes the articles into a folder, beside what else is there; answers how many files.

    Raises:
        OSError: The folder cannot be written to.
    """
    count = 0
    for path, text in as_files(library):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
        count += 1
    return count


def _readable(name: str, given: Any) -> Json:
    if not ID.fullmatch(name):
        raise LibraryRefusal("unusable", "problem_bad_id", {"name": name[:64]})
    try:
        return read_article(given)
    except ArticleError as error:
        raise LibraryRefusal("unusable", "unreadable", {"detail": str(error)}) from None


def _with_drafts(library: Mapping[str, Json], drafts: Mapping[str, Draft]) -> dict[str, Json]:
    after = {**library, **{name: one.content for name, one in drafts.items()}}
    return {name: one for name, one in after.items() if one is not None}


def _has(article: Json | None, name: str, words: str) -> bool:
    texts = (article or {"texts": {}})["texts"].values()
    whole = " ".join([name, *(value for text in texts for value in text.values())]).casefold()
    return all(word in whole for word in words.casefold().split())


def _own_change(version: Version, name: str) -> str:
    return next((str(one["change"]) for one in version.changes if one["id"] == name), "")


def _problem_json(problem: Problem, company: Company) -> Json:
    params: Json = {"name": problem.article, **dict(problem.params)}
    if problem.language:
        params["language"] = _LANGUAGES[problem.language]
    if "intent" in params and params["intent"] in company.intents:
        params["intent"] = dict(company.intents[params["intent"]].label)
    return {
        "code": problem.key, "severity": problem.severity, "article": problem.article, "language": problem.language,
        "field": problem.field,
        "text": {one: render(f"library.problem_{problem.key}", params, one) for one in ("zh", "en")},
    }  # fmt: skip
