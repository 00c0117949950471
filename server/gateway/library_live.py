"""The help articles in service: followed in the database, told to the model service, shown as pages, named in turns.

The model service is told before pages and turns take up a new version. One that was started anew lacks it: then a
search answers 409, and whoever asked brings the articles along (`server.gateway.turns`, `actions.retrieval`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.company import Article, Company
from server.gateway.library_store import NOTHING, LibraryStore, Version
from server.gateway.library_uses import Uses
from server.gateway.repeated import Repeated
from server.gateway.upstream import Upstream, UpstreamError
from server.library import as_articles

Json = dict[str, Any]
logger = logging.getLogger(__name__)
EVERY_S: Final = 1.0


@dataclass(frozen=True)
class Shown:
    """A version as everything that serves customers uses it; replaced as a whole."""

    version: Version
    library: Mapping[str, Json]
    articles: tuple[Article, ...]


class LiveLibrary:
    """Which articles are in service; `start` and `close` own the task that follows them."""

    def __init__(self, store: LibraryStore, upstream: Upstream, company: Company) -> None:
        self.uses = Uses(store.store)
        self._store, self._upstream, self._company = store, upstream, company
        self._now = Shown(NOTHING, {}, ())
        self._told = ""
        self._turn = asyncio.Lock()
        self._following = Repeated("the help articles", EVERY_S, self.refresh)

    @property
    def now(self) -> Shown:
        """The version in service."""
        return self._now

    @property
    def digest(self) -> str:
        """The name of its content; empty before `start`."""
        return self._now.version.digest if self._now.version.version else ""

    def article(self, article_id: str, language: str) -> Article | None:
        """One article in ``language``, else in the company's other languages, else ``None``."""
        found = {one.language: one for one in self._now.articles if one.id == article_id}
        order = (language, self._company.default_language, *self._company.languages)
        return next((found[one] for one in order if one in found), None)

    async def start(self) -> None:
        """Makes version 1 of the company's files where there is none, and follows from now on."""
        await self._store.seed(self._company)
        await self._take(await self._store.newest(), await self._articles(), tell=False)
        self._following.start(at_once=True)

    async def close(self) -> None:
        """Stops following."""
        await self._following.close()

    async def refresh(self) -> None:
        """Takes up the newest version; a new one is first told to the model service."""
        async with self._turn:
            newest = await self._store.newest()
            if newest.version <= self._now.version.version:
                if self._told != self.digest and await self._upstream.models_ready():  # it was away, or has just begun
                    await self._tell(self.digest, self._now.library, quiet=True)
                return
            await self._take(newest, await self._store.library(newest.version), tell=True)

    async def teach(self) -> None:
        """Tells model services that are about to be used the version in service.

        Raises:
            UpstreamError: One of them is away, slow or refuses.
        """
        if self.digest:
            await self._upstream.teach_articles(self.digest, dict(self._now.library))

    async def search(self, query: str, language: str, k: int) -> Json:
        """Passages of the articles in service, as the bot finds them.

        Raises:
            UpstreamError: The model service is away, slow or refuses.
        """
        shown = self._now
        return await self._upstream.search(query, language, k, digest=shown.version.digest, library=dict(shown.library))

    async def body(self, digest: str) -> Json | None:
        """The articles of a version by its digest, for a turn that needs them; None where no version has it."""
        if digest == self._now.version.digest:
            return dict(self._now.library)
        return await self._store.by_digest(digest)

    async def _articles(self) -> dict[str, Json]:
        return await self._store.library((await self._store.newest()).version)

    async def _take(self, version: Version, library: Mapping[str, Json], *, tell: bool) -> None:
        articles = as_articles(library, self._company.languages)
        if tell:
            await self._tell(version.digest, library)
        self._now = Shown(version, library, articles)

    async def _tell(self, digest: str, library: Mapping[str, Json], *, quiet: bool = False) -> None:
        try:
            await self._upstream.teach_articles(digest, dict(library))
            self._told = digest
        except UpstreamError as error:
            if not quiet:
                logger.warning("the help articles %s: %s; searches bring them along", digest, error)
