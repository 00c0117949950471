"""Micro-batching: requests that arrive while the model is busy are computed together, in one thread.

Who comes when too many wait is sent away at once: `OverloadedError`, which the application answers with 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class OverloadedError(Exception):
    """Too many wait already: the caller should be told to come back later."""


class Places:
    """So many may be inside at once; the next one is sent away."""

    def __init__(self, most: int) -> None:
        self._free = most

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place for as long as the context lasts. Raises `OverloadedError` where none is free."""
        if not self._free:
            raise OverloadedError
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


@dataclass
class _Waiting(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer] = field(repr=False)


class Batcher(Generic[Item, Answer]):
    """Collects items and computes them in batches of at most `batch`; at most `queue` wait.

    `compute` runs in `executor`, whose single thread is what makes models that are not thread-safe safe.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Item]], Sequence[Answer]],
        executor: ThreadPoolExecutor,
        *,
        batch: int,
        queue: int,
    ) -> None:
        self._compute = compute
        self._executor = executor
        self._batch = batch
        self._waiting: asyncio.Queue[_Waiting[Item, Answer]] = asyncio.Queue(queue)
        self._task: asyncio.Task[None] | None = None

    @property
    def depth(self) -> int:
        """How many items wait."""
        return self._waiting.qsize()

    def start(self) -> None:
        """Begin to work; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="batcher")

    async def stop(self) -> None:
        """Stop working; whoever still waits gets a cancellation."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while not self._waiting.empty():
            self._waiting.get_nowait().answer.cancel()

    async def ask(self, item: Item, deadline_s: float) -> Answer:
        """The answer for one item.

        Raises `OverloadedError` when the queue is full and `TimeoutError` past the deadline; an item whose
        deadline passed while it
        waited is not computed.
        """
        waiting: _Waiting[Item, Answer] = _Waiting(item, asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(waiting)
        except asyncio.QueueFull:
            raise OverloadedError from None
        async with asyncio.timeout(deadline_s):
            return await waiting.answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            group = [await self._waiting.get()]
            while len(group) < self._batch and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            group = [w for w in group if not w.answer.done()]
            if not group:
                continue
            try:
                answers = await loop.run_in_executor(self._executor, self._compute, [w.item for w in group])
            except asyncio.CancelledError:
                for w in group:
                    w.answer.cancel()
                raise
            except Exception as error:  # whatever a model raises belongs to the callers
                for w in group:
                    if not w.answer.done():
                        w.answer.set_exception(error)
                continue
            for w, answer in zip(group, answers, strict=True):
                if not w.answer.done():
                    w.answer.set_result(answer)
