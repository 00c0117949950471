"""`kefu up` from beginning to end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from server.company import Company, CompanyError
from server.generations import FOLDER
from server.settings import Settings, unknown_variables
from server.up.build import BUILT, BuildError, build_all, with_log
from server.up.display import Display, Mark
from server.up.generations import Generation, Generations, free_ports
from server.up.lock import InUseError, check_port, data_dir_lock
from server.up.policy import State
from server.up.prepare import Credential, Prepared, prepare
from server.up.services import generation, listeners, runs_demo_accounts, services
from server.up.supervisor import Event, ServiceLostError, Supervisor

EXIT_STOPPED = 0
_SAME_SIGNAL_S = 0.5


class UpError(Exception):
    """`kefu up` cannot go on; the message is for the operator."""


def up(settings: Settings, company: Company, display: Display | None = None) -> int:
    """Build, start and supervise until a signal asks for the end; return the exit status.

    Raises:
        UpError: Something is in the way, could not be built, or could not be kept alive.
    """
    try:
        return asyncio.run(_up(settings, company, display or Display()))
    except (BuildError, ServiceLostError) as error:
        raise UpError(with_log(str(error), error.log, error.tail)) from error
    except (InUseError, CompanyError) as error:
        raise UpError(str(error)) from error


async def _up(settings: Settings, company: Company, display: Display) -> int:
    problems = company.problems()
    if problems:
        raise UpError("\n".join(problems))
    for warning in unknown_variables():
        display.line(f"warning: {warning}", "yellow")
    session = _Session(settings, company, display)
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(session.run())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, session.stop, work)
    try:
        await work
    except asyncio.CancelledError:
        if not session.stopping:
            raise
    finally:
        display.end()
    display.line("stopped")
    return EXIT_STOPPED


class _Session:
    """One run of `kefu up`."""

    def __init__(self, settings: Settings, company: Company, display: Display) -> None:
        self._settings = settings
        self._company = company
        self._display = display
        self._supervisor: Supervisor | None = None
        self._up = False
        self._stop_asked = 0.0
        self.stopping = False

    def stop(self, work: asyncio.Task[None]) -> None:
        """Answer a signal: end the build, or stop the services; a second signal waits for nothing.

        The same Ctrl-C can arrive twice, from the terminal and through a program that passes it on: what follows at
        once is not a second wish.
        """
        now = time.monotonic()
        if self.stopping and now - self._stop_asked < _SAME_SIGNAL_S:
            return
        if not self.stopping:
            self._display.line("stopping …")
        self.stopping = True
        self._stop_asked = now
        if self._supervisor is None:
            work.cancel()
        else:
            self._supervisor.stop()

    async def run(self) -> None:
        """Build, start, supervise."""
        settings, display = self._settings, self._display
        with data_dir_lock(settings.data_dir):
            for one in listeners(settings, self._company):
                check_port(one.host, one.port, one.what, one.setting)
            began = time.monotonic()
            name = self._company.name.get("en") or self._company.name[self._company.default_language]
            display.line(f"Kefu for {name} ({self._company.folder})", "bold")
            prepared = await self._make()
            credentials = prepared.credentials
            display.end()
            first = self._generation(0, prepared.release, prepared.company)
            supervisor = Supervisor(
                services(settings, self._company, first), logs_dir=settings.logs_dir, report=self._report
            )
            generations = Generations(supervisor, settings.data_dir / FOLDER, first, self._another)
            generations.begin()
            exchange = asyncio.create_task(generations.run(), name="generations")
            ready = asyncio.create_task(self._announce(supervisor, credentials, began))
            # Without a point between the two at which a signal could come, it always finds one of them to stop.
            self._supervisor = supervisor
            try:
                await supervisor.run()
            finally:
                ready.cancel()
                exchange.cancel()
                if not self._up and any(one.password for one in credentials):
                    # Passwords are made once: even a failed first start must not swallow them.
                    self._show_credentials(credentials)

    def _another(self, slot: int, release: str, company: Path | None) -> Generation:
        """A release on the wish of the gateway."""
        return self._generation(slot, self._settings.releases_dir / release, company)

    def _generation(self, slot: int, release: Path, company: Path | None) -> Generation:
        settings = self._settings
        first_port = settings.models_port if slot == 0 else free_ports(settings.accounts_port + 1)
        return generation(settings, slot, release, company, first_port)

    async def _make(self) -> Prepared:
        settings, display = self._settings, self._display
        await build_all(
            settings.logs_dir, lambda name, text: display.step(name, text, mark="ok" if text == BUILT else "work")
        )
        display.step("release", "checking what is trained")
        prepared = await prepare(
            settings.environment(),
            settings.logs_dir,
            lambda fraction, text: display.step("release", text, fraction=fraction),
        )
        display.step("release", prepared.release.name, mark="ok")
        if prepared.note:
            display.line(prepared.note, "yellow")
        return prepared

    def _report(self, event: Event) -> None:
        if self._up:
            self._display.line(f"{time.strftime('%H:%M:%S')} {event.service}: {event.text}")
            return
        mark: Mark = "ok" if event.state is State.READY else "fail" if event.state is State.LOST else "work"
        self._display.step(event.service, event.text, mark=mark)

    async def _announce(self, supervisor: Supervisor, credentials: Sequence[Credential], began: float) -> None:
        await supervisor.ready.wait()
        self._up = True
        display, settings = self._display, self._settings
        display.end()
        display.line("")
        display.line(f"Ready after {time.monotonic() - began:.0f} s.", "bold green")
        pages = [("Customers", "/"), ("Agent desk", "/desk"), ("Console", "/admin"), ("API", "/api/docs")]
        if runs_demo_accounts(settings, self._company):
            pages.append(("Demo inbox (one-time codes)", "/demo/inbox"))
        width = max(len(title) for title, _ in pages)
        for title, path in pages:
            display.line(f"  {title:<{width}}  {settings.url}{path}")
        display.line("")
        self._show_credentials(credentials)
        display.line(f"Logs: {settings.logs_dir}. Ctrl-C stops everything.", "dim")

    def _show_credentials(self, credentials: Sequence[Credential]) -> None:
        display = self._display
        new = any(one.password for one in credentials)
        note = "passwords are shown this once" if new else "`kefu user passwd NAME` sets a new password"
        display.line(f"Staff accounts ({note}):")
        for one in credentials:
            display.line(f"  {one.role:<10}  {one.username:<12}  {one.password or ''}".rstrip())
        display.line("")
