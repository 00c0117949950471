"""The supervisor's side of a `fork_server`: start it once, then ask it for one child after the other."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from server.up.activity import is_zombie
from server.up.child import Child

PROGRAM: Final = Path(__file__).with_name("fork_server.py")
AVAILABLE: Final = sys.platform == "linux"
"""Elsewhere a child would not die with its fork server, and system libraries do not survive a fork."""
_ANSWER_BYTES: Final = 64
_LOOK_S: Final = 1.0


class ForkServerLostError(Exception):
    """The fork server ended or does not answer; ``status`` is its exit status, nothing where it had to be ended."""

    def __init__(self, why: str, status: int | None) -> None:
        super().__init__(why)
        self.status = status


class ForkServer:
    """A program that is imported once and started as often as needed, one child at a time."""

    def __init__(self, child: Child, control: socket.socket) -> None:
        self._child = child
        self._control = control
        self._rest = b""

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        preload: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        output: Callable[[bytes], None],
    ) -> ForkServer:
        """Start one for ``command``, which is ``PYTHON -m MODULE ARGUMENTS…``; ``preload`` as in `fork_server`."""
        python, flag, *program = command
        if flag != "-m":
            raise ValueError(f"{flag}: only `python -m` can be forked")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            child = await Child.start(
                (python, str(PROGRAM), str(theirs.fileno()), *preload, flag, *program),
                environment=environment,
                directory=directory,
                output=output,
                keep_open=(theirs.fileno(),),
            )
        return cls(child, ours)

    async def fork(self, output: Callable[[bytes], None], *, deadline_s: float) -> Child:
        """Start the program; the first one comes once everything is imported.

        Raises:
            ForkServerLostError: There is no child, and this fork server is to be closed.
        """
        reading, writing = os.pipe()
        try:
            try:
                socket.send_fds(self._control, [b"f"], [writing])
            finally:
                os.close(writing)
            pid = int(await asyncio.wait_for(self._answer(), deadline_s))
        except TimeoutError:
            os.close(reading)
            raise ForkServerLostError(f"was not imported after {deadline_s:g} s", None) from None
        except (OSError, EOFError):
            os.close(reading)
            raise ForkServerLostError("ended while it was imported", await self._child.stop(0)) from None
        except BaseException:
            os.close(reading)
            raise
        return await Child.forked(pid, self._status(pid), reading, output)

    async def close(self) -> None:
        """End it, and the child if there is one still."""
        self._control.close()
        await self._child.stop(0)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked for a child."""
        return self._child.is_alive

    async def _status(self, pid: int) -> int:
        ended = 0
        while True:
            try:
                return int(await asyncio.wait_for(self._answer(), _LOOK_S))
            except TimeoutError:
                ended = ended + 1 if is_zombie(pid) else 0
                if ended > 1:  # and nobody told: the fork server hangs
                    self._child.kill()
            except (OSError, EOFError):
                # Its child went with it.
                return await self._child.stop(0)

    async def _answer(self) -> bytes:
        loop = asyncio.get_running_loop()
        while b"\n" not in self._rest:
            data = await loop.sock_recv(self._control, _ANSWER_BYTES)
            if not data:
                raise EOFError
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line
