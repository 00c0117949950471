"""Start several processes, keep them alive, and stop them together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from server.up.activity import Activity
from server.up.child import Child, RotatingLog, describe_status
from server.up.forked import AVAILABLE, ForkServer, ForkServerLostError
from server.up.masked_log import MaskedLines
from server.up.policy import GiveUp, Lifecycle, RestartPolicy, State

STOP_GRACE_S = 7.0
"""How long a process may take to finish its work after SIGTERM."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process to run: how to start it and how to see that it works."""

    name: str
    command: tuple[str, ...]
    health_url: str
    """Answers 200 once the process can do its work."""
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    masks_itself: bool = True
    """Whether the process keeps personal data out of what it writes; else the supervisor does."""
    preload: tuple[str, ...] | None = None
    """What a fork server imports (``MODULE``) or calls (``MODULE:FUNCTION``) besides the program, a ``python -m``;
    without it, every start begins from nothing."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a service, for whoever shows or logs it."""

    service: str
    state: State
    text: str


class ServiceLostError(Exception):
    """A service cannot be kept alive."""

    def __init__(self, service: str, reason: str, log: Path, tail: str) -> None:
        super().__init__(f"{service} {reason}")
        self.service = service
        self.reason = reason
        self.log = log
        self.tail = tail


class Supervisor:
    """Runs services until told to stop or until one of them is lost; afterwards none is running, whatever happened."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        logs_dir: Path,
        policy: RestartPolicy | None = None,
        report: Callable[[Event], None] = lambda event: None,
        stop_grace_s: float = STOP_GRACE_S,
    ) -> None:
        self._services = list(services)
        self._front = self._services[-1].name if self._services else ""
        self._policy = policy or RestartPolicy()
        self._logs_dir = logs_dir
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._extra: set[str] = set()
        self._changed = asyncio.Event()
        self._client: httpx.AsyncClient | None = None
        self._report = report
        self._stop_grace_s = stop_grace_s
        self._logs = {one.name: RotatingLog(logs_dir / f"{one.name}.log") for one in self._services}
        self._lives = {one.name: Lifecycle(self._policy) for one in self._services}
        self._children: dict[str, Child] = {}
        self._fork_servers: dict[str, ForkServer] = {}
        self._stop = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once every service has been ready at the same time."""

    def stop(self) -> None:
        """Ask `run` to stop everything and return; asked a second time, it no longer waits for anyone."""
        if self._stop.is_set():
            for child in self._children.values():
                child.kill()
        self._stop.set()

    async def run(self) -> None:
        """Run until `stop` is called.

        Services are stopped in the reverse of the order in which they were listed: the last one (which faces people)
        alone and first, so that nothing it still does meets a missing part, then the others together.

        Raises:
            ServiceLostError: A service could not be kept alive.
        """
        async with httpx.AsyncClient(timeout=self._policy.probe_deadline_s, trust_env=False) as client:
            self._client = client
            for one in self._services:
                self._begin(one)
            stop = asyncio.create_task(self._stop.wait())
            try:
                while not stop.done():
                    self._changed.clear()
                    changed = asyncio.create_task(self._changed.wait())
                    relied_on = {task for name, task in self._keepers.items() if name not in self._extra}
                    try:
                        done, _ = await asyncio.wait({*relied_on, stop, changed}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        changed.cancel()
                    for task in done & relied_on:
                        if not task.cancelled():  # `remove` ended it
                            await task  # a keeper only ends with an error: raise it
            finally:
                keepers = list(self._keepers.values())
                for task in (*keepers, stop):
                    task.cancel()
                await asyncio.gather(*keepers, stop, return_exceptions=True)
                await self._stop_children()
                for log in self._logs.values():
                    log.close()

    def add(self, services: Sequence[Service]) -> None:
        """Start further services while `run` runs; losing one of them ends nothing until `rely_on` names it."""
        for one in services:
            self._services.append(one)
            self._extra.add(one.name)
            self._logs[one.name] = RotatingLog(self._logs_dir / f"{one.name}.log")
            self._lives[one.name] = Lifecycle(self._policy)
            self._begin(one)

    def rely_on(self, names: Sequence[str]) -> None:
        """From now on the loss of these services is the end."""
        self._extra.difference_update(names)
        self._changed.set()

    async def remove(self, names: Sequence[str]) -> None:
        """Stop services and forget them."""
        self._extra.update(names)  # their end is no loss
        self._changed.set()
        keepers = [self._keepers.pop(name) for name in names]
        for task in keepers:
            task.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        children = [self._children.pop(name) for name in names if name in self._children]
        await asyncio.gather(*(child.stop(self._stop_grace_s) for child in children))
        await self._close_fork_servers(names)
        for one in [one for one in self._services if one.name in names]:
            self._services.remove(one)
            self._logs.pop(one.name).close()
            self._lives.pop(one.name)
            self._extra.discard(one.name)
            self._report(Event(one.name, State.IDLE, "stopped"))

    def are_ready(self, names: Sequence[str]) -> bool:
        """Whether all of these services do their work."""
        return all(self._lives[name].state is State.READY for name in names)

    def lost(self, names: Sequence[str]) -> str:
        """Which of these services was given up, and why; nothing while none was."""
        for name in names:
            task = self._keepers[name]
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return str(error)
        return ""

    def _begin(self, service: Service) -> None:
        assert self._client is not None, "run first"
        self._keepers[service.name] = asyncio.create_task(self._keep(service, self._client), name=service.name)
        self._changed.set()

    async def _keep(self, service: Service, client: httpx.AsyncClient) -> None:
        life, log = self._lives[service.name], self._logs[service.name]
        while True:
            log.forget()
            lines = MaskedLines(log.write)
            write = log.write if service.masks_itself else lines.write
            life.started(time.monotonic())
            self._tell(service, "starting")
            try:
                child = self._children[service.name] = await self._start(service, write)
                status, why = await self._watch(service, child, life, client)
            except ForkServerLostError as lost:
                status, why = lost.status, str(lost)
            finally:
                lines.end()
            decision = life.ended(time.monotonic(), status=status, why=why)
            if isinstance(decision, GiveUp):
                self._tell(service, decision.reason)
                raise ServiceLostError(service.name, decision.reason, log.path, log.tail())
            self._tell(service, f"{why}; starting again in {decision.delay_s:.2g} s")
            await asyncio.sleep(decision.delay_s)

    async def _start(self, service: Service, output: Callable[[bytes], None]) -> Child:
        """A child of the service's fork server, which is made first where there is none.

        Raises:
            ForkServerLostError: There is no child; the next try makes another fork server.
        """
        if service.preload is None or not AVAILABLE:
            return await Child.start(
                service.command, environment=service.environment, directory=service.directory, output=output
            )
        server = self._fork_servers.get(service.name)
        if server is None or not server.is_alive:
            await self._close_fork_servers([service.name])
            server = self._fork_servers[service.name] = await ForkServer.start(
                service.command,
                preload=service.preload,
                environment=service.environment,
                directory=service.directory,
                output=output,
            )
        try:
            return await server.fork(output, deadline_s=self._policy.start_deadline_s)
        except ForkServerLostError:
            await self._close_fork_servers([service.name])
            raise

    async def _close_fork_servers(self, names: Sequence[str]) -> None:
        found = [self._fork_servers.pop(name) for name in names if name in self._fork_servers]
        await asyncio.gather(*(one.close() for one in found))

    async def _watch(
        self, service: Service, child: Child, life: Lifecycle, client: httpx.AsyncClient
    ) -> tuple[int | None, str]:
        """Probe the child until it ends or must be ended; return its exit status, if it ended itself, and why."""
        end = asyncio.create_task(child.wait())
        try:
            while True:
                await asyncio.wait({end}, timeout=life.probe_interval_s)
                activity = Activity(child.pid)
                answered = not end.done() and await self._probe(service, client)
                if end.done():
                    return end.result(), describe_status(end.result())
                before = life.state
                fault = life.probed(time.monotonic(), answered=answered, busy=answered or activity.is_busy())
                if fault is not None:
                    child.kill()
                    await end
                    return None, fault
                if life.state is not before:
                    self._tell(service, "ready")
                    if all(one.state is State.READY for one in self._lives.values()):
                        self.ready.set()
        finally:
            end.cancel()

    async def _probe(self, service: Service, client: httpx.AsyncClient) -> bool:
        try:
            async with asyncio.timeout(self._policy.probe_deadline_s):
                return (await client.get(service.health_url)).status_code == httpx.codes.OK
        except (httpx.HTTPError, TimeoutError):
            return False

    async def _stop_children(self) -> None:
        names = [one.name for one in self._services if one.name in self._children]
        for group in ([one for one in names if one == self._front], [one for one in names if one != self._front]):
            await asyncio.gather(*(self._children[name].stop(self._stop_grace_s) for name in group))
        await self._close_fork_servers(list(self._fork_servers))

    def _tell(self, service: Service, text: str) -> None:
        self._report(Event(service.name, self._lives[service.name].state, text))
