"""One child process: its own process group, its output in a rotated log, an end that is certain."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

GUARD = Path(__file__).with_name("guard.py")
LOG_MAX_BYTES = 5 * 1024 * 1024
LOGS_KEPT = 3
TAIL_LINES = 30
_READ_BYTES = 64 * 1024
_LINE_MAX_BYTES = 4096
_DRAIN_S = 1.0


class RotatingLog:
    """An append-only log file with a bounded size; full, it becomes ``NAME.log.1`` and so on, and the oldest goes.

    Keeps the last lines in memory, because the reason why a process died stands in them.
    """

    def __init__(self, path: Path, *, max_bytes: int = LOG_MAX_BYTES, kept: int = LOGS_KEPT) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._lines: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._open_line = b""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append output as it came; rotates between writes, never inside one."""
        # A full disk costs the log, not the process whose output would no longer be read.
        with suppress(OSError):
            if self._file.tell() and self._file.tell() + len(data) > self._max_bytes:
                self._rotate()
            self._file.write(data)
        *lines, rest = (self._open_line + data).split(b"\n")
        self._lines.extend(lines)
        self._open_line = rest[:_LINE_MAX_BYTES]

    def tail(self) -> str:
        """Return the last lines written in this run."""
        lines = [*self._lines, *([self._open_line] if self._open_line else [])]
        return "\n".join(line.decode("utf-8", "replace").rstrip() for line in lines)

    def forget(self) -> None:
        """Begin a new tail, for a new run of the process."""
        self._lines.clear()
        self._open_line = b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(self._numbered(number), self._numbered(number + 1))
        os.replace(self.path, self._numbered(1))
        self._file = self.path.open("ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class Child:
    """A running child process with its output reader.

    Its whole process group ends when it does: what it started is not left behind.
    """

    def __init__(
        self, pid: int, ended: asyncio.Task[int], reader: asyncio.Task[None], pipe: asyncio.BaseTransport | None = None
    ) -> None:
        self.pid = pid
        """The child's process id, which is also its process group's."""
        self._ended = ended
        self._reader = reader
        self._pipe = pipe
        """Of a fork server's child. Its end is told when its group is ended too and its number free for others."""
        self._gone = False

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: Callable[[bytes], None],
        answers: Callable[[bytes], None] | None = None,
        keep_open: Sequence[int] = (),
    ) -> Child:
        """Start ``command``; must be called from the main thread, with which the child dies (see `guard`).

        ``output`` gets what the child writes. With ``answers``, that gets the standard output and ``output`` the rest.
        It inherits the file descriptors ``keep_open``.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if answers else asyncio.subprocess.STDOUT,
            env=dict(environment),
            cwd=directory,
            start_new_session=True,
            pass_fds=keep_open,
        )
        reader = asyncio.create_task(_read(process, output, answers))
        return cls(process.pid, asyncio.create_task(process.wait()), reader)

    @classmethod
    async def forked(
        cls, pid: int, ended: Coroutine[Any, Any, int], pipe: int, output: Callable[[bytes], None]
    ) -> Child:
        """A child that a fork server made: ``ended`` brings its exit status, ``pipe`` what it writes."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb", 0)
        )
        return cls(pid, asyncio.create_task(ended), asyncio.create_task(_pump(stream, output)), transport)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Wait until the child has ended and its output is read; return its exit status (negative: the signal)."""
        status = await asyncio.shield(self._ended)
        if self._pipe is None:
            self._signal_group(signal.SIGKILL)
        self._gone = True  # from here on the number may belong to someone else
        # A grandchild that left the group could hold the pipe open for ever.
        await asyncio.wait({self._reader}, timeout=_DRAIN_S)
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        if self._pipe is not None:
            self._pipe.close()
        return status

    async def stop(self, grace_s: float) -> int:
        """Ask the group to end, after ``grace_s`` seconds make it end; return the exit status."""
        if self.is_alive:
            self._signal_group(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._ended), grace_s)
            self.kill()
        return await self.wait()

    def kill(self) -> None:
        """End the group at once."""
        if self._pipe is None or self.is_alive:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> None:
        if self._gone:
            return
        with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, for a group of zombies
            os.killpg(self.pid, number)


def describe_status(status: int) -> str:
    """Say an exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


async def _read(
    process: asyncio.subprocess.Process, output: Callable[[bytes], None], answers: Callable[[bytes], None] | None
) -> None:
    assert process.stdout is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(_pump(process.stdout, answers or output))
        if process.stderr is not None:
            group.create_task(_pump(process.stderr, output))


async def _pump(stream: asyncio.StreamReader, output: Callable[[bytes], None]) -> None:
    while data := await stream.read(_READ_BYTES):
        output(data)
