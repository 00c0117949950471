"""Work that is done again and again while a gateway runs, such as reading what another process may have written."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)


class Repeated:
    """A task of its own that calls `work` every `every_s` seconds; a call that fails is logged, the next one comes."""

    def __init__(self, name: str, every_s: float, work: Callable[[], Awaitable[object]]) -> None:
        self._name, self._every_s, self._work = name, every_s, work
        self._task: asyncio.Task[None] | None = None

    def start(self, *, at_once: bool = False) -> None:
        """Begins, with a call now or after the first interval."""
        self._task = asyncio.create_task(self._run(0.0 if at_once else self._every_s), name=self._name)

    async def close(self) -> None:
        """Stops, in the middle of a call too."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, wait_s: float) -> None:
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._every_s
            try:
                await self._work()
            except Exception:  # the database may be away for a moment; what is known goes on
                logger.exception("%s: failed, and will be tried again in %s s", self._name, self._every_s)
