"""Redis between the gateways of one installation: live frames to all of them, and counters that they share.

Nothing here is the truth: what Redis loses, or does not carry while it is away, is found in the database.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from server.gateway.metrics import BUS_CONNECTED, BUS_DROPPED

Json = dict[str, Any]
logger = logging.getLogger(__name__)

DEADLINE_S: Final = 2.0
"""For one command, and for a connection."""
LIMIT_DEADLINE_S: Final = 0.5
AGAIN_S: Final = 0.5
"""After a failure, before the next try."""
PING_S: Final = 2.0
"""A gateway that has nothing to say says so; it hears its own frames too."""
SILENT_S: Final = 6.0
"""A connection on which nothing came for so long is taken for dead."""
QUEUE_SIZE: Final = 5000
AT_ONCE: Final = 200
"""Frames that one round trip carries."""
_FAULTS = (RedisError, OSError, TimeoutError)

_ALLOW: Final = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local each = 1 / tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + each
if due - now > tonumber(ARGV[1]) * each + 0.000001 then return 0 end
redis.call('SET', KEYS[1], string.format('%.6f', due), 'PX', math.ceil((due - now) * 1000))
return 1
"""
"""A token bucket as the time at which it will be full again (the generic cell rate algorithm of ATM networks)."""


class Bus:
    """Carries frames; ``receive`` gets those of other gateways, ``turned`` is told when the connection came or went."""

    def __init__(
        self, url: str, key: bytes, gateway: str, receive: Callable[[str, Json], None], turned: Callable[[], None]
    ) -> None:
        """``key`` is what the gateways of one installation share: several may use one Redis."""
        self._prefix = f"kefu:{hmac.new(key, b'redis', hashlib.sha256).hexdigest()[:16]}"
        self._channel = f"{self._prefix}:live"
        self._gateway = gateway
        self._receive = receive
        self._turned = turned
        self._redis = Redis.from_url(
            url,
            socket_timeout=DEADLINE_S,
            socket_connect_timeout=DEADLINE_S,
            socket_keepalive=True,
            health_check_interval=5,
            retry=Retry(NoBackoff(), 0),
        )
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_SIZE)
        self._tasks: list[asyncio.Task[None]] = []
        self.connected = False
        """Whether frames arrive."""

    def start(self) -> None:
        """Begins to listen and to send."""
        self._tasks = [
            asyncio.create_task(self._listen(), name="bus: listen"),
            asyncio.create_task(self._send(), name="bus: send"),
        ]

    async def close(self) -> None:
        """Stops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def send(self, topic: str, frame: Json) -> None:
        """Hands a frame to all other gateways; never waits. What does not fit or does not arrive is dropped."""
        if not self.connected:
            return
        try:
            self._waiting.put_nowait(orjson.dumps({"from": self._gateway, "topic": topic, "frame": frame}))
        except asyncio.QueueFull:
            BUS_DROPPED.inc()

    async def allow(self, key: str, burst: int, per_second: float) -> bool | None:
        """Takes one action of the allowance that all gateways share; None while Redis is away."""
        if not self.connected:
            return None
        try:
            async with asyncio.timeout(LIMIT_DEADLINE_S):
                answer = await self._redis.eval(_ALLOW, 1, f"{self._prefix}:limit:{key}", str(burst), str(per_second))
        except _FAULTS as error:
            logger.warning("Redis counts nothing (%s); each gateway counts for itself", type(error).__name__)
            return None
        return bool(answer)

    async def _listen(self) -> None:
        told = False
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    heard = time.monotonic()
                    while True:
                        message = await pubsub.get_message(timeout=1.0)
                        if message is not None:
                            heard, told = time.monotonic(), False
                            self._take(message)
                        elif time.monotonic() - heard > SILENT_S:
                            raise TimeoutError(f"nothing for {SILENT_S:.0f} s")
            except _FAULTS as error:
                self._turn(connected=False)
                if not told:
                    told = True
                    logger.error(
                        "Redis does not answer (%s: %s). Until it does, gateways find each other's messages by asking "
                        "the database; drafts and typing are seen at their own gateway only",
                        type(error).__name__,
                        error,
                    )
            await asyncio.sleep(AGAIN_S)

    def _turn(self, *, connected: bool) -> None:
        changed, self.connected = connected != self.connected, connected
        BUS_CONNECTED.set(connected)
        if changed:
            self._turned()

    def _take(self, message: Json) -> None:
        if message["type"] == "subscribe":
            logger.info("Redis carries live events between the gateways")
            self._turn(connected=True)
            return
        if message["type"] != "message":
            return
        try:
            given = orjson.loads(message["data"])
            if given["from"] != self._gateway:
                self._receive(str(given["topic"]), dict(given["frame"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            logger.warning("Redis carried something on %s that is no frame of ours", self._channel)

    async def _send(self) -> None:
        while True:
            try:
                batch = [await asyncio.wait_for(self._waiting.get(), PING_S)]
            except TimeoutError:
                if not self.connected:
                    continue
                batch = [orjson.dumps({"from": self._gateway})]
            while len(batch) < AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                async with asyncio.timeout(DEADLINE_S), self._redis.pipeline(transaction=False) as pipeline:
                    for one in batch:
                        pipeline.publish(self._channel, one)
                    await pipeline.execute()
            except _FAULTS as error:
                BUS_DROPPED.inc(len(batch))
                logger.warning("%d live events did not reach Redis (%s)", len(batch), type(error).__name__)
