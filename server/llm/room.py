"""Turns at a language model: so many ask it at once, whoever they are; the others wait within their own deadlines."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from server.llm.protocol import LlmError


class Room:
    """Room for `at_once` requests at a model. It belongs to one event loop."""

    def __init__(self, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._clock = clock

    @asynccontextmanager
    async def turn(self, within_s: float | None) -> AsyncIterator[float]:
        """A turn; gives the seconds that are left of `within_s`, infinitely many where that is None.

        Raises `LlmError` with cause `overloaded` where none comes in time.
        """
        ends = math.inf if within_s is None else self._clock() + within_s
        try:
            async with asyncio.timeout(within_s):
                await self._free.acquire()
        except TimeoutError:
            raise _too_late() from None
        try:
            left = ends - self._clock()
            if left <= 0:  # freed in the same instant: nothing could be asked any more
                raise _too_late()
            yield left
        finally:
            self._free.release()


def _too_late() -> LlmError:
    return LlmError("overloaded", "its turn did not come in time")
