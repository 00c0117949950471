"""A second generation beside the one in service: started on the gateway's wish, and the old one ended when it is done.

At most two run at a time. Whatever goes wrong with the second one, the first stays as it is.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server import generations as files
from server.generations import Running, Told
from server.up.supervisor import Service, Supervisor

_POLL_S: Final = 0.2
_PORTS: Final = 3
_HIGHEST_PORT: Final = 65_535
READY_DEADLINE_S: Final = 200.0
TAKEN_DEADLINE_S: Final = 120.0
"""How long a ready generation waits for the gateway to take it."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A release that runs: its services, and where they listen."""

    slot: int
    release: str
    services: tuple[Service, ...]
    models: str
    rasa: str
    actions: str

    def told(self, *, ready: bool) -> Running:
        """What the gateway is told of it."""
        return Running(self.release, self.models, self.rasa, self.actions, ready)


Make = Callable[[int, str, Path | None], Generation]
"""(slot 0 or 1, release, company folder or None for the files) → the generation, not started yet."""


class Generations:
    """Owns the exchange of generations of one `kefu up`."""

    def __init__(self, supervisor: Supervisor, folder: Path, first: Generation, make: Make) -> None:
        self._supervisor = supervisor
        self._folder = folder
        self._active = first
        self._make = make
        self._answered = ""

    def begin(self) -> None:
        """Tells what runs; wishes of an earlier run count no more. To be called before the gateway is started."""
        for name in (files.WANTED, files.SERVING):
            (self._folder / name).unlink(missing_ok=True)
        self._tell()

    async def run(self) -> None:
        """Fulfils wishes until it is cancelled."""
        while True:
            await asyncio.sleep(_POLL_S)
            wanted = files.read(self._folder, files.WANTED)
            wish = str(wanted.get("wish", ""))
            if wish and wish != self._answered:
                self._answered = wish
                company = wanted.get("company")
                await self._exchange(wish, str(wanted.get("release", "")), Path(company) if company else None)

    async def _exchange(self, wish: str, release: str, company: Path | None) -> None:
        new = self._make(1 - self._active.slot, release, company)
        names: list[str] = []
        problem = await self._started(wish, new.services, names)
        if not problem:
            self._tell(new.told(ready=True), wish=wish)
            problem = await self._taken(wish, release, names)
        if problem:
            await self._supervisor.remove(names)
            self._tell(wish=wish, problem=problem)
            return
        old, self._active = self._active, new
        self._supervisor.rely_on(names)
        await self._supervisor.remove([one.name for one in old.services])
        self._tell(wish=wish)

    async def _started(self, wish: str, services: Sequence[Service], names: list[str]) -> str:
        """Starts them and waits until all answer; what keeps them from it, or nothing. `names` grows as they start.

        One after the other: each takes a core while it loads, and the customers' turns need the others.
        """
        end = time.monotonic() + READY_DEADLINE_S
        for one in services:
            names.append(one.name)
            self._supervisor.add((one,))
            if problem := await self._ready(wish, names, end):
                return problem
        return ""

    async def _ready(self, wish: str, names: Sequence[str], end: float) -> str:
        """Waits until all answer; what keeps them from it, or nothing."""
        while not self._supervisor.are_ready(names):
            if lost := self._supervisor.lost(names):
                return lost
            if files.read(self._folder, files.WANTED).get("wish") != wish:
                return "it is not wanted any more"
            if time.monotonic() > end:
                return f"not ready after {READY_DEADLINE_S:.0f} s"
            await asyncio.sleep(_POLL_S)
        return ""

    async def _taken(self, wish: str, release: str, names: Sequence[str]) -> str:
        """Waits until the gateway's turns are all run by it."""
        end = time.monotonic() + TAKEN_DEADLINE_S
        while True:
            serving = files.read(self._folder, files.SERVING)
            mine = serving.get("wish") == wish and serving.get("release") == release
            if mine and serving.get("drained"):
                return ""
            # A gateway that has begun to use it is never left without it.
            if not mine:
                if lost := self._supervisor.lost(names):
                    return lost
                if files.read(self._folder, files.WANTED).get("wish") != wish:
                    return "it is not wanted any more"
                if time.monotonic() > end:
                    return f"the gateway did not take it within {TAKEN_DEADLINE_S:.0f} s"
            await asyncio.sleep(_POLL_S)

    def _tell(self, *beside: Running, wish: str = "", problem: str = "") -> None:
        files.tell(self._folder, Told((self._active.told(ready=True), *beside), wish, problem))


def free_ports(first: int) -> int:
    """The first of three ports in a row, from ``first`` on, at which nothing listens on the loopback address."""
    for begin in range(first, _HIGHEST_PORT - _PORTS):
        if all(_is_free(port) for port in range(begin, begin + _PORTS)):
            return begin
    raise OSError(f"no {_PORTS} free ports in a row from {first} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
