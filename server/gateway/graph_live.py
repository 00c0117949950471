"""The version in service: followed in the database, told to the action server, named in every turn.

The action server is told before customers' turns name the new version, so that none of them waits. A turn for which it
lacks a version all the same (it was started anew, or there are several) is sent again with the graph: see
`server.gateway.turns`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from server.gateway.graph_outcomes import Outcomes
from server.gateway.graph_versions import NOTHING, Version, Versions
from server.gateway.upstream import Upstream, UpstreamError

Json = dict[str, Any]
logger = logging.getLogger(__name__)
EVERY_S: Final = 1.0


class LiveGraph:
    """Which version new diagnoses begin with, and how they end; `start` and `close` own the task that follows it."""

    def __init__(self, versions: Versions, upstream: Upstream) -> None:
        self.outcomes = Outcomes(versions)
        self._versions = versions
        self._upstream = upstream
        self._now: Version = NOTHING
        self._watch: asyncio.Task[None] | None = None

    @property
    def digest(self) -> str:
        """The digest of the version in service; empty where the action server's own files rule."""
        return self._now.digest

    async def start(self, seed: Path | None) -> None:
        """Makes version 1 of the company's files where there is none, and follows from now on."""
        await self._versions.seed(seed)
        self._now = await self._versions.newest()
        self._watch = asyncio.create_task(self._follow(), name="follow the graph")

    async def close(self) -> None:
        """Stops following."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def refresh(self) -> None:
        """Reads which version is in service; a new one is first told to the action server."""
        newest = await self._versions.newest()
        if newest.version <= self._now.version:
            return
        if newest.digest != self._now.digest:
            try:
                await self._upstream.teach_graph(newest.digest, await self._versions.nodes_of(newest.digest) or [])
            except UpstreamError as error:
                logger.warning("version %d of the graph: %s; turns bring it along", newest.version, error)
        if newest.version > self._now.version:
            self._now = newest

    async def teach(self) -> None:
        """Tells an action server that is about to be used the version in service.

        Raises:
            UpstreamError: It is away, slow or refuses.
        """
        if self._now.digest:
            await self._upstream.teach_graph(self._now.digest, await self._versions.nodes_of(self._now.digest) or [])

    async def bodies(self, digests: Sequence[str]) -> dict[str, list[Json] | None]:
        """The nodes of some versions for a turn that needs them; None for one that is not in the database."""
        return {digest: await self._versions.nodes_of(digest) for digest in digests}

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.refresh()
            except Exception:  # the database may be away for a moment; the version known goes on
                logger.exception("the graph's versions cannot be read")
