"""Who is recognised next: finals before partials, among equals whoever was served longest ago.

Pure; the clock is passed in. A session has at most one partial waiting: a newer one takes the place of the older. A
partial that has waited longer than `STALE_S` is dropped, because a newer one is on its way. Finals are never dropped; a
full queue refuses them at the door.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")
STALE_S: Final = 1.0
MAX_FINALS: Final = 256
MAX_PARTIALS: Final = 256
PARTIAL_S: Final = 0.75
"""Seconds between the partials of a session while there is nothing to wait for."""
SLOWEST_PARTIAL_S: Final = 4.0
PARTIAL_SHARE: Final = 0.5
"""Partials may take this share of what the recogniser can do; the rest is for finals."""
_SEEN_S: Final = 5.0
_REMEMBERED: Final = 4096


class FullError(Exception):
    """Too many finals wait: keep the audio and ask again in a moment."""


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """One recording to decode."""

    session: str
    final: bool
    at: float
    work: T


@dataclass(slots=True)
class FairQueue(Generic[T]):
    """The waiting jobs of all sessions."""

    workers: int = 1
    _finals: list[Job[T]] = field(default_factory=list)
    _partials: OrderedDict[str, Job[T]] = field(default_factory=OrderedDict)
    _served: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _count: int = 0
    _mean_s: float = 0.2
    _seen: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._finals) + len(self._partials)

    def put(self, job: Job[T]) -> list[Job[T]]:
        """Takes a job in; returns the partials that are dropped for it.

        Raises:
            FullError: ``MAX_FINALS`` finals wait already.
        """
        self._seen[job.session] = job.at
        self._seen.move_to_end(job.session)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        dropped = [old] if (old := self._partials.pop(job.session, None)) is not None else []
        if not job.final:
            self._partials[job.session] = job
            if len(self._partials) > MAX_PARTIALS:
                dropped.append(self._partials.popitem(last=False)[1])
            return dropped
        if len(self._finals) >= MAX_FINALS:
            raise FullError
        self._finals.append(job)
        return dropped

    def take(self, now: float, *, partials: bool = True) -> tuple[Job[T] | None, list[Job[T]]]:
        """The next job, if any, and the partials that have become stale.

        ``partials``: whether one may be taken; a worker that is kept free takes the next final at once.
        """
        stale = [job for job in self._partials.values() if now - job.at > STALE_S]
        for job in stale:
            del self._partials[job.session]
        waiting = self._finals or (list(self._partials.values()) if partials else [])
        if not waiting:
            return None, stale
        job = min(waiting, key=lambda one: (self._served.get(one.session, 0), one.at))
        if job.final:
            self._finals.remove(job)
        else:
            del self._partials[job.session]
        self._count += 1
        self._served[job.session] = self._count
        self._served.move_to_end(job.session)
        while len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)
        return job, stale

    def took(self, seconds: float) -> None:
        """A decoding took so long; `pace` follows the mean of the last ones."""
        self._mean_s = 0.9 * self._mean_s + 0.1 * seconds

    def pace(self, now: float) -> float:
        """Seconds that a session should leave between its partials, so that finals find room."""
        talkers = sum(1 for at in self._seen.values() if now - at <= _SEEN_S)
        needed = talkers * self._mean_s / (self.workers * PARTIAL_SHARE)
        return min(SLOWEST_PARTIAL_S, max(PARTIAL_S, needed))
