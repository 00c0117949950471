"""What stands in customers' pictures: read once by the model service, kept with the picture, waited for by the turn."""

import asyncio
import logging
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from server.gateway.upstream import Upstream, UpstreamError
from server.storage.store import Store
from server.storage.tables import uploads

Json = dict[str, Any]
logger = logging.getLogger(__name__)
AT_ONCE = 2
"""Pictures sent to the model service at once; it reads one at a time and keeps a few waiting."""


class PictureReadings:
    """Owns a task for each picture that is being read."""

    def __init__(self, store: Store, upstream: Upstream, folder: Path, *, enabled: bool) -> None:
        self._store = store
        self._upstream = upstream
        self._folder = folder
        self.enabled = enabled
        self._tasks: dict[str, asyncio.Task[Json | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def begin(self, upload: str) -> None:
        """Begins to read a picture, so that the turn that needs it finds it read."""
        if self.enabled and upload not in self._tasks:
            task = asyncio.create_task(self._read(upload), name=f"read picture {upload}")
            self._tasks[upload] = task
            task.add_done_callback(lambda _: self._tasks.pop(upload, None))

    async def of(self, upload: str, *, wait_s: float = 0.0) -> Json | None:
        """What was read in a picture, ``lines``, ``telling`` and ``reader``; ``None`` where it is not read.

        ``wait_s``: how long to wait for it; a picture that nobody reads is begun then.
        """
        known = await self._stored(upload)
        if known is not None:
            return known
        if wait_s > 0:
            self.begin(upload)
        task = self._tasks.get(upload)
        if task is None or wait_s <= 0:
            return None
        done, _ = await asyncio.wait({task}, timeout=wait_s)
        return task.result() if done and not task.cancelled() else None

    async def close(self) -> None:
        """Stops; what is unread is read again when it is needed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stored(self, upload: str) -> Json | None:
        row = await self._store.one(select(uploads.c.reading).where(uploads.c.id == upload))
        return None if row is None or row.reading is None else dict(row.reading)

    async def _read(self, upload: str) -> Json | None:
        try:
            async with self._slots:
                # Who asked for this may have looked just before another task was done with it.
                known = await self._stored(upload)
                if known is not None:
                    return known
                picture = await asyncio.to_thread((self._folder / upload).read_bytes)
                found = await self._upstream.read_picture(picture)
            async with self._store.write() as tx:
                await tx.execute(update(uploads).where(uploads.c.id == upload).values(reading=found))
        except (UpstreamError, OSError) as error:
            logger.warning("picture %s is not read: %s", upload, error)
            return None
        return found
