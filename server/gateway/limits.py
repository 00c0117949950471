"""Token buckets: how often one conversation or one address may act."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_TRACKED = 50_000
Shared = Callable[[str, int, float], Awaitable[bool | None]]
"""(key, burst, per second) → whether all gateways together allow one more; None where each counts for itself."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimiter:
    """Allows ``burst`` actions at once and ``per_second`` on the long run, for each key."""

    def __init__(self, *, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = per_second
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def allow(self, key: str) -> bool:
        """Takes one action of ``key``'s allowance; False where there is none left."""
        now = self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(float(self._burst), now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > MAX_TRACKED:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class SharedLimiter:
    """A rate that holds for all gateways together, and for each one by itself while they cannot count together."""

    def __init__(self, name: str, shared: Shared, *, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._name, self._shared, self._burst, self._rate = name, shared, burst, per_second
        self._own = RateLimiter(burst=burst, per_second=per_second, clock=clock)

    async def allow(self, key: str) -> bool:
        """Takes one action of ``key``'s allowance; False where there is none left."""
        # Both count: where Redis goes away, nobody begins with a full bucket.
        own = self._own.allow(key)
        allowed = await self._shared(f"{self._name}:{key}", self._burst, self._rate)
        return own if allowed is None else allowed and own
