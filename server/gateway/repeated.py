"""Work that is done again and again while a gateway runs, such as reading what another process may have written."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)


class Repeated:
    """A task of its own that calls `work` every `every_s` seconds; a call that fails is logged, the next one comes.

    Of failures in a row only the first is logged, and the first success after them.
    """

    def __init__(self, name: str, every_s: float, work: Callable[[], Awaitable[object]]) -> None:
        self.every_s = every_s
        self._name, self._work = name, work
        self._task: asyncio.Task[None] | None = None
        self._now = asyncio.Event()
        self._failed = 0

    def start(self, *, at_once: bool = False) -> None:
        """Begins, with a call now or after the first interval."""
        if at_once:
            self._now.set()
        self._task = asyncio.create_task(self._run(), name=self._name)

    def soon(self) -> None:
        """There is something to do now; the next call does not wait for its time."""
        self._now.set()

    async def close(self) -> None:
        """Stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.every_s):
                    await self._now.wait()
            except TimeoutError:
                pass  # its time has come
            self._now.clear()
            try:
                await self._work()
            except Exception:  # the database may be away for a moment; what is known goes on
                if not self._failed:
                    logger.exception("%s: failed, and will be tried again every %s s", self._name, self.every_s)
                self._failed += 1
                await asyncio.sleep(min(self.every_s, 1.0))
            else:
                if self._failed:
                    logger.warning("%s: works again, after %d failures", self._name, self._failed)
                self._failed = 0
