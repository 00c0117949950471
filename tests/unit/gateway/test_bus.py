"""Redis between gateways, a real one: frames, what is left out, rates in common, and Redis going and coming back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis as Client

from server.gateway.bus import Bus
from tests.support.servers import Redis, redis_server

PATIENCE_S = 20.0


class Side:
    """One gateway's bus, and what it was given."""

    def __init__(self, redis: Redis, name: str, key: bytes = b"one company") -> None:
        self.got: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._turned = asyncio.Event()
        self.bus = Bus(redis.url, key, name, lambda *given: self.got.put_nowait(given), self._turned.set)

    async def until(self, *, connected: bool) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.bus.connected is not connected:
                self._turned.clear()
                await self._turned.wait()

    async def next(self) -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.got.get()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with redis_server(tmp_path) as server:
        yield server


async def test_frames_reach_the_other_gateways_of_the_same_company(redis):
    here, there, others = Side(redis, "here"), Side(redis, "there"), Side(redis, "others", b"another company")
    for side in (here, there, others):
        side.bus.start()
        await side.until(connected=True)
    try:
        here.bus.send("desk", {"type": "typing", "n": 1})
        async with Client.from_url(redis.url) as client:
            (channel,) = [one for one in await client.pubsub_channels() if one == here.bus._channel.encode()]
            for odd in (b"no json", b"[]", b'{"from": "x"}', b'{"from": "x", "topic": "t", "frame": 1}'):
                await client.publish(channel, odd)
        there.bus.send("desk", {"type": "typing", "n": 2})
        here.bus.send("desk", {"type": "typing", "n": 3})
        assert [(await there.next())[1]["n"] for _ in range(2)] == [1, 3]
        assert await here.next() == ("desk", {"type": "typing", "n": 2})
        assert others.got.empty()
    finally:
        for side in (here, there, others):
            await side.bus.close()


async def test_a_rate_is_counted_by_all_gateways_together(redis):
    sides = [Side(redis, "here"), Side(redis, "there")]
    for side in sides:
        side.bus.start()
        await side.until(connected=True)
    try:
        # Slow enough that nothing comes back while the test runs.
        tries = [await sides[n % 2].bus.allow("login:lin", 3, 0.001) for n in range(5)]
        assert tries == [True, True, True, False, False]
        assert await sides[0].bus.allow("login:chen", 3, 0.001)
    finally:
        for side in sides:
            await side.bus.close()


async def test_redis_goes_and_comes_back(redis, caplog):
    here, there = Side(redis, "here"), Side(redis, "there")
    for side in (here, there):
        side.bus.start()
        await side.until(connected=True)
    try:
        await asyncio.to_thread(redis.kill)
        for side in (here, there):
            await side.until(connected=False)
        here.bus.send("desk", {"type": "typing", "n": 1})
        assert await here.bus.allow("login:lin", 3, 1.0) is None
        assert "asking the database" in caplog.text.replace("\n", " ")
        await asyncio.to_thread(redis.start)
        for side in (here, there):
            await side.until(connected=True)
        here.bus.send("desk", {"type": "typing", "n": 2})
        assert await there.next() == ("desk", {"type": "typing", "n": 2})
    finally:
        for side in (here, there):
            await side.bus.close()
