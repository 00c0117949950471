"""A circuit breaker: after failures in a row, calls are spared for a while, not waited for. Pure; time is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES: Final = 5  # in a row open it
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 120.0


@dataclass
class Breaker:
    """Closed, open until a moment, or half open: one call at a time may find out whether the other side is back."""

    failures: int = FAILURES
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    _in_a_row: int = 0
    _open_until: float | None = None
    _pause_s: float = 0.0
    _trying: bool = False

    def allows(self, now: float) -> bool:
        """Whether a call may be made now; a True in half-open state is for this one call."""
        if self._open_until is None:
            return True
        if now < self._open_until or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """A call got a usable answer."""
        self._in_a_row, self._open_until, self._pause_s, self._trying = 0, None, 0.0, False

    def failed(self, now: float) -> None:
        """A call did not; each failed trial doubles the pause."""
        self._in_a_row += 1
        if self._trying or (self._open_until is None and self._in_a_row >= self.failures):
            self._pause_s = min(max(self._pause_s * 2, self.first_pause_s), self.longest_pause_s)
            self._open_until = now + self._pause_s
        self._trying = False

    def abandoned(self) -> None:
        """A call ended without telling anything (its caller was cancelled): somebody else may try."""
        self._trying = False

    def open(self, now: float) -> bool:
        """Whether calls are being spared."""
        return self._open_until is not None and now < self._open_until
