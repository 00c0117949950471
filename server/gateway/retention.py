"""What is too old goes: a task of the gateway that looks once an hour."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from server.storage.audit import Audit
from server.storage.customers import CustomerData
from server.storage.store import iso

logger = logging.getLogger(__name__)
EVERY_S = 3600.0
AT_ONCE = 200


class Retention:
    """Erases conversations in which nothing has happened for ``days``; 0 keeps them."""

    def __init__(self, data: CustomerData, audit: Audit, *, days: int, clock: Callable[[], datetime]) -> None:
        self._data = data
        self._audit = audit
        self._days = days
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look, where there is something to do."""
        if self._days:
            self._task = asyncio.create_task(self._follow(), name="retention")

    async def close(self) -> None:
        """Stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """Erases what is too old now; returns how many conversations."""
        old = await self._data.older_than(iso(self._clock() - timedelta(days=self._days)))
        for at in range(0, len(old), AT_ONCE):
            gone = await self._data.erase(old[at : at + AT_ONCE])
            await self._audit.note("kefu", "conversations.expired", "", days=self._days, **gone)
        return len(old)

    async def _follow(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:  # the next hour's look must come whatever this one met
                logger.exception("old conversations could not be erased")
            await asyncio.sleep(EVERY_S)
