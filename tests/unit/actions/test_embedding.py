"""Nearness of meaning while the wordings are still being learnt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from actions.embedding import WARM_BATCH, EmbeddingDownError, Nearness, Vectors


class Service:
    """Gives every text the same vector; `open` lets it answer, `asked` counts the wordings it was asked for."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked = asyncio.Semaphore(0)

    async def __call__(self, texts: Sequence[str], *, deadline_s: float) -> Vectors:
        self.asked.release()
        try:
            async with asyncio.timeout(deadline_s):
                await self.open.wait()
        except TimeoutError as error:
            raise EmbeddingDownError("away") from error
        return np.ones((len(texts), 1), dtype=np.float32)


async def test_nothing_is_near_until_all_wordings_are_known() -> None:
    service = Service()
    nearness = Nearness(service)
    first, second = "my phone has no signal", "charging is very slow"
    nearness.keep([first], np.ones((1, 1), dtype=np.float32))
    learning = asyncio.create_task(nearness.learn([second, *(f"wording {n}" for n in range(WARM_BATCH))]))
    await service.asked.acquire()
    near = await nearness.of(["no bars"])
    assert near("no bars", [first, second]) == [0.0, 0.0]
    service.open.set()
    await learning
    near = await nearness.of(["no bars"])
    assert near("no bars", [first, second]) == [1.0, 1.0]
