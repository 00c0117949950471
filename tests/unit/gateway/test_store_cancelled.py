"""Whoever is cancelled at the database, and cancelled again, leaves nothing behind that others would wait for."""

import asyncio
import gc
import random
import threading
from datetime import UTC, datetime

from server.storage.database import create_engine, migrate
from server.storage.store import Store

ROUNDS = 250


async def test_a_cancelled_transaction_leaves_no_connection_behind(tmp_path):
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path}/kefu.db")
    await migrate(engine)
    store = Store(engine, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    rng = random.Random(3)

    async def hire(name: str) -> None:
        async with store.write() as tx:
            await tx.add_staff(f"{name}-1", name, "agent", "-")
            await tx.add_staff(f"{name}-2", name, "agent", "-")

    for number in range(ROUNDS):
        hiring = asyncio.create_task(hire(f"n{number}"))
        for _ in range(rng.randrange(12)):
            await asyncio.sleep(0)
        await asyncio.sleep(rng.random() * 0.004)
        for _ in range(3):
            hiring.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(hiring, return_exceptions=True)
    await hire("last")
    names = [person.username for person in await store.all_staff()]
    assert {"last-1", "last-2"} <= set(names)
    assert all(f"{name[:-2]}-1" in names and f"{name[:-2]}-2" in names for name in names), "all of it or nothing"
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
    await store.close()
    gc.collect()
    assert not [one for one in threading.enumerate() if "aiosqlite" in repr(one) or "_connection_worker" in one.name]
