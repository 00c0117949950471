"""Start several processes, keep them alive, and stop them together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from server.up.child import Child, RotatingLog, describe_status
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
        self._services = tuple(services)
        self._policy = policy or RestartPolicy()
        self._report = report
        self._stop_grace_s = stop_grace_s
        self._logs = {one.name: RotatingLog(logs_dir / f"{one.name}.log") for one in self._services}
        self._lives = {one.name: Lifecycle(self._policy) for one in self._services}
        self._children: dict[str, Child] = {}
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
            tasks = {asyncio.create_task(self._keep(one, client), name=one.name) for one in self._services}
            stop = asyncio.create_task(self._stop.wait())
            try:
                done, _ = await asyncio.wait({*tasks, stop}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {stop}:
                    await task  # a keeper only ends with an error: raise it
            finally:
                for task in (*tasks, stop):
                    task.cancel()
                await asyncio.gather(*tasks, stop, return_exceptions=True)
                await self._stop_children()
                for log in self._logs.values():
                    log.close()

    async def _keep(self, service: Service, client: httpx.AsyncClient) -> None:
        life, log = self._lives[service.name], self._logs[service.name]
        while True:
            log.forget()
            lines = MaskedLines(log.write)
            child = await Child.start(
                service.command,
                environment=service.environment,
                directory=service.directory,
                output=log.write if service.masks_itself else lines.write,
            )
            self._children[service.name] = child
            life.started(time.monotonic())
            self._tell(service, "starting")
            try:
                status, why = await self._watch(service, child, life, client)
            finally:
                lines.end()
            decision = life.ended(time.monotonic(), status=status, why=why)
            if isinstance(decision, GiveUp):
                self._tell(service, decision.reason)
                raise ServiceLostError(service.name, decision.reason, log.path, log.tail())
            self._tell(service, f"{why}; starting again in {decision.delay_s:g} s")
            await asyncio.sleep(decision.delay_s)

    async def _watch(
        self, service: Service, child: Child, life: Lifecycle, client: httpx.AsyncClient
    ) -> tuple[int | None, str]:
        """Probe the child until it ends or must be ended; return its exit status, if it ended itself, and why."""
        end = asyncio.create_task(child.wait())
        try:
            while True:
                await asyncio.wait({end}, timeout=life.probe_interval_s)
                answered = not end.done() and await self._probe(service, client)
                if end.done():
                    return end.result(), describe_status(end.result())
                before = life.state
                fault = life.probed(time.monotonic(), answered=answered)
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
        for group in (names[-1:], names[:-1]):
            await asyncio.gather(*(self._children[name].stop(self._stop_grace_s) for name in group))

    def _tell(self, service: Service, text: str) -> None:
        self._report(Event(service.name, self._lives[service.name].state, text))
