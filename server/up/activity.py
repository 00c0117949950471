"""Whether a process does anything, by what the kernel says of it: one that is slow works, one that hangs does not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

_STATE, _USER, _SYSTEM = 0, 11, 12  # fields of /proc/PID/stat after the name, see proc_pid_stat(5)
_BUSY_STATES: Final = frozenset("RD")
"""Runs or waits for a processor; waits for a disk."""


class Activity:
    """Of one process, from when this is made. Where the kernel cannot be asked, it counts as busy."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ticks = self._used()

    def is_busy(self) -> bool:
        """Whether the process has used the processor since, or is waiting for one or for a disk."""
        used = self._used()
        return used is None or used != self._ticks or any(state in _BUSY_STATES for state in self._states())

    def _used(self) -> int | None:
        with suppress(OSError):
            fields = _fields(Path(f"/proc/{self._pid}/stat"))
            return int(fields[_USER]) + int(fields[_SYSTEM])
        return None

    def _states(self) -> list[str]:
        """Of each thread."""
        found = []
        with suppress(OSError):
            for task in Path(f"/proc/{self._pid}/task").iterdir():
                with suppress(OSError):
                    found.append(_fields(task / "stat")[_STATE])
        return found


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and nobody has asked for its exit status."""
    with suppress(OSError):
        return _fields(Path(f"/proc/{pid}/stat"))[_STATE] == "Z"
    return False


def _fields(stat: Path) -> list[str]:
    # The name before them may hold anything, a bracket too.
    return stat.read_text("utf-8", "replace").rpartition(")")[2].split()
