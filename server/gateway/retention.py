"""What is too old goes: a task of the gateway that looks once an hour."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from server.gateway.repeated import Repeated
from server.storage.audit import Audit
from server.storage.customers import CustomerData
from server.storage.store import iso

EVERY_S = 3600.0
AT_ONCE = 200
AHEAD_S = 3600.0
"""How much further the clock may be than the time that went by; what it is put to beyond that erases nothing."""
logger = logging.getLogger(__name__)


def since_boot() -> float:
    """Seconds that nobody sets, those in which the machine slept included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Retention:
    """Erases conversations in which nothing has happened for ``days()``; 0 keeps them."""

    def __init__(
        self,
        data: CustomerData,
        audit: Audit,
        *,
        days: Callable[[], int],
        clock: Callable[[], datetime],
        elapsed: Callable[[], float] = since_boot,
    ) -> None:
        self._data = data
        self._audit = audit
        self._days = days
        self._clock = clock
        self._elapsed = elapsed
        self._began = clock() - timedelta(seconds=elapsed())
        self._looks = Repeated("retention", EVERY_S, self.sweep)

    def start(self) -> None:
        """Begins to look."""
        self._looks.start(at_once=True)

    async def close(self) -> None:
        """Stops."""
        await self._looks.close()

    async def sweep(self) -> int:
        """Erases what is too old now; returns how many conversations."""
        days = self._days()
        if not days:
            return 0
        ahead = (self._clock() - self._began).total_seconds() - self._elapsed()
        if ahead > AHEAD_S:
            logger.error(
                "the clock was put forward by %.1f h since this gateway began: conversations that would be too old now "
                "are kept; put the clock right, or restart the gateway if it is",
                ahead / 3600,
            )
            return 0
        old = await self._data.older_than(iso(self._clock() - timedelta(days=days)))
        for at in range(0, len(old), AT_ONCE):
            gone = await self._data.erase(old[at : at + AT_ONCE])
            await self._audit.note("kefu", "conversations.expired", "", days=days, **gone)
        return len(old)
