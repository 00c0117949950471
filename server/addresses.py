"""Several addresses of one kind of service: asked in turn, and one that failed is left alone until it answers again.

Where none answers in time, callers that people wait for are spared the wait, but for one at a time that finds out.
"""

from __future__ import annotations

import itertools
import time
import zlib
from collections.abc import Callable, Sequence

from server.breaker import Breaker

RESTS_S = 2.0
"""How long nobody asks an address that failed, where nothing says sooner that it is well."""


HANGS_AFTER = 3
"""Calls in a row that were not answered in time."""
HANGS_S, HANGS_LONGEST_S = 1.0, 4.0
"""How long callers are spared before the next one finds out, and at most."""


class Addresses:
    """The addresses; with one alone it is always asked."""

    def __init__(self, given: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        if not given:
            raise ValueError("no address")
        self.all = tuple(one.rstrip("/") for one in given)
        self._clock = clock
        self._turn = itertools.count()
        self._rests_until = dict.fromkeys(self.all, 0.0)
        self._breaker = Breaker(HANGS_AFTER, HANGS_S, HANGS_LONGEST_S)

    def may_be_asked(self) -> bool:
        """Whether it is worth waiting for an answer; a caller who got True tells how it went, or `gave_up`."""
        return self._breaker.allows(self._clock())

    def gave_up(self) -> None:
        """A call that was allowed ended without telling anything."""
        self._breaker.abandoned()

    @property
    def several(self) -> bool:
        """Whether there is another one to ask where one fails."""
        return len(self.all) > 1

    def order(self, key: str | None = None) -> list[str]:
        """All addresses, the one to ask first at the head: the next in turn, or for a ``key`` always the same one.

        Those that rest come last.
        """
        first = next(self._turn) if key is None else zlib.crc32(key.encode())
        turned = [self.all[(first + at) % len(self.all)] for at in range(len(self.all))]
        now = self._clock()
        return sorted(turned, key=lambda one: self._rests_until[one] > now)

    def failed(self, address: str) -> None:
        """It could not be reached, which was known at once."""
        self._rests_until[address] = self._clock() + RESTS_S
        self._breaker.abandoned()

    def hung(self, address: str) -> None:
        """It did not answer in time."""
        self._rests_until[address] = self._clock() + RESTS_S
        self._breaker.failed(self._clock())

    def answers(self, address: str) -> None:
        """It answers."""
        self._rests_until[address] = 0.0
        self._breaker.succeeded()

    def resting(self) -> list[str]:
        """Those that are left alone just now."""
        now = self._clock()
        return [one for one in self.all if self._rests_until[one] > now]


def addresses(given: str, otherwise: str) -> tuple[str, ...]:
    """The addresses of a setting, separated by commas; ``otherwise`` where it is empty."""
    return tuple(one.strip().rstrip("/") for one in given.split(",") if one.strip()) or (otherwise,)
