"""When a process is restarted, when it counts as hung, and when it is given up. Pure: the caller brings the time.

Only what was never ready is given up: a start that cannot succeed is the operator's to see at once. What has worked is
started again for as long as it takes, ever more slowly, while the others go on and people are handed over.

Times are seconds of any clock that never runs backwards.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

EXIT_USAGE = 2
"""Exit status of a process that refuses its settings: starting it again would change nothing."""


class State(StrEnum):
    """What a supervised process is doing."""

    IDLE = "idle"
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The numbers behind the decisions; all times in seconds."""

    first_delay_s: float = 0.2
    delay_factor: float = 1.5
    """So a delay is about half of the time that went by: what stood in the way for 6 s costs 3 s more at most."""
    longest_delay_s: float = 10.0
    window_s: float = 60.0
    """Restarts within this time make the next one wait longer."""
    max_failed_starts: int = 3
    """First starts in a row that never became ready; a slow starter would never fill the window."""
    start_deadline_s: float = 180.0
    hung_after_s: float = 15.0
    """Time without an answered health probe after which a ready process counts as hung, however busy it is."""
    idle_hung_after_s: float = 2.5
    """The same for one that does nothing meanwhile: it is stopped, or waits for what never comes."""
    probe_interval_s: float = 1.0
    start_probe_interval_s: float = 0.1
    probe_deadline_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Restart:
    """Start the process again after ``delay_s``."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop trying, for ``reason``."""

    reason: str


class Lifecycle:
    """The state of one supervised process, told what happens to it and answering what to do."""

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._restarts: deque[float] = deque()
        self._failed_starts = 0
        self._started_at = 0.0
        self._answered_at = 0.0
        self._worked_at = 0.0
        self._has_worked = False
        self.state = State.IDLE

    @property
    def probe_interval_s(self) -> float:
        """How long to wait before the next health probe."""
        policy = self._policy
        return policy.probe_interval_s if self.state is State.READY else policy.start_probe_interval_s

    def started(self, now: float) -> None:
        """Note that the process was started."""
        assert self.state in {State.IDLE, State.WAITING}, self.state
        self.state = State.STARTING
        self._started_at = now

    def probed(self, now: float, *, answered: bool, busy: bool = True) -> str | None:
        """Note a health probe; return why the process must be killed, or ``None`` to leave it alone.

        ``busy``: it used the processor, or waited for it, during the probe. One that is only slow is given time.
        """
        assert self.state in {State.STARTING, State.READY}, self.state
        if answered:
            self.state = State.READY
            self._has_worked = True
            self._answered_at = now
            return None
        if busy:
            self._worked_at = now
        if self.state is State.STARTING:
            if now - self._started_at >= self._policy.start_deadline_s:
                return f"was not ready after {self._policy.start_deadline_s:g} s"
            return None
        if now - self._answered_at >= self._policy.hung_after_s:
            return f"has not answered for {self._policy.hung_after_s:g} s"
        if now - max(self._answered_at, self._worked_at) >= self._policy.idle_hung_after_s:
            return f"has not answered for {now - self._answered_at:.1f} s, and did nothing"
        return None

    def ended(self, now: float, *, status: int | None, why: str) -> Restart | GiveUp:
        """Decide after the process ended; ``status`` is its exit status, ``None`` when it was killed for being hung."""
        assert self.state in {State.STARTING, State.READY}, self.state
        policy = self._policy
        if not self._has_worked:
            if status == EXIT_USAGE:
                return self._give_up(why)
            self._failed_starts += 1
            if self._failed_starts >= policy.max_failed_starts:
                return self._give_up(f"{why}; {self._failed_starts} starts in a row failed")
        while self._restarts and now - self._restarts[0] >= policy.window_s:
            self._restarts.popleft()
        delay = min(policy.first_delay_s * policy.delay_factor ** len(self._restarts), policy.longest_delay_s)
        self._restarts.append(now)
        self.state = State.WAITING
        return Restart(delay)

    def _give_up(self, reason: str) -> GiveUp:
        self.state = State.LOST
        return GiveUp(reason)
