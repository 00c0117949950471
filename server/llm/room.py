"""Turns at a language model: so many ask it at once, whoever they are; the others wait within their own deadlines."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.llm.protocol import LlmError


class Room:
    """Room for `at_once` requests at a model. It belongs to one event loop."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def turn(self, within_s: float | None) -> AsyncIterator[float]:
        """A turn; gives the seconds that are left of `within_s`, infinitely many where that is None.

        Raises `LlmError` with cause `overloaded` where none comes in time.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(within_s):
                await self._free.acquire()
        except TimeoutError:
            raise LlmError("overloaded", "its turn did not come in time") from None
        try:
            yield math.inf if within_s is None else max(within_s - (time.monotonic() - began), 0.0)
        finally:
            self._free.release()
