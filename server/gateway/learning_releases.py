"""Which release is in service: promoted, rolled back, and exchanged between two turns without a restart.

The supervisor runs the other release beside the one in service; when it is ready, the gateway checks that its model
service is of that release, tells it and its action server what they must know, and runs new turns by it. Turns under
way end where they began. Every step is in `release_changes`; what fails leaves the version in service as it is.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select, update

from server import generations as files
from server import release as releases
from server.addresses import Addresses
from server.company import Company
from server.gateway.learning_trainings import DONE as TRAINED
from server.gateway.learning_trainings import TRAINING, TrainingError
from server.gateway.upstream import Generation, Upstream, UpstreamError
from server.generations import Running
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.store import Store
from server.storage.tables import release_changes, trainings

Json = dict[str, Any]
logger = logging.getLogger(__name__)
ASKED, DONE, FAILED = "asked", "done", "failed"
LEAST_REASON: Final = 10
READY_DEADLINE_S: Final = 240.0
DRAIN_DEADLINE_S: Final = 60.0
KEPT: Final = 5
"""Releases from the console that stay on disk, those in service last; the one in service always does."""
_POLL_S: Final = 0.1
_LOOK_S: Final = 1.0
BY_RULE: Final = "kefu"


class Releases:
    """What is in service, and how that changes; `start` and `close` own the tasks."""

    def __init__(self, store: Store, settings: Settings, company: Company, audit: Audit, upstream: Upstream) -> None:
        self._store = store
        self._settings = settings
        self._company = company
        self._audit = audit
        self._upstream = upstream
        self._folder = settings.data_dir / files.FOLDER
        elsewhere = settings.models_urls or settings.rasa_urls or settings.actions_urls
        self._supervised = bool(os.environ.get(files.SUPERVISED)) and not elsewhere
        self.prepare: Callable[[], Awaitable[None]] | None = None
        """Tells services that are about to be used what they must know; asked of the new generation's."""
        self._watch: asyncio.Task[None] | None = None
        self._exchange: asyncio.Task[None] | None = None
        self._begins = asyncio.Lock()
        self._release = ""

    async def start(self) -> None:
        """Uses the generation that the supervisor runs, and finds out which release that is."""
        if self._supervised:
            self._take_up()
        async with self._store.write() as tx:
            open_ = update(release_changes).where(release_changes.c.state == ASKED)
            problem = "the gateway was stopped before the exchange was done; the release before stayed in service"
            await tx.execute(open_.values(state=FAILED, ended=tx.now, problem=problem))
        self._watch = asyncio.create_task(self._find_out(), name="release in service")

    async def close(self) -> None:
        """Stops; an exchange under way is given up."""
        tasks = [task for task in (self._watch, self._exchange) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def release(self) -> str:
        """The release that turns are run by; empty while unknown."""
        return self._release

    @property
    def exchanging(self) -> bool:
        """Whether another release is being put in service."""
        return self._exchange is not None and not self._exchange.done()

    async def in_service(self) -> tuple[str, Path]:
        """The release that turns are run by, empty while unknown, and the company folder that it was made of."""
        last = await self._last()
        if last is not None and last.release == self._release and last.company:
            return self._release, self._place(last.company) or self._company.folder
        return self._release, self._company.folder

    async def page(self) -> Json:
        """The history, newest first, and whether a release can be exchanged from here."""
        query = select(*release_changes.c).order_by(release_changes.c.id.desc()).limit(100)
        rows = await self._store.all(query)
        return {
            "release": self._release,
            "supervised": self._supervised,
            "exchanging": self.exchanging,
            "items": [
                {**{name: value for name, value in row._mapping.items() if name != "company"},
                 "here": (self._settings.releases_dir / row.release).is_dir()}
                for row in rows
            ],
        }  # fmt: skip

    async def promote(self, training: int, author: str, reason: str = "") -> int:
        """Puts a training's release in service; returns the number of the change.

        Raises:
            TrainingError: It is not ready, the rule refuses it and no reason is given, or it cannot be done from here.
        """
        row = await self._store.one(select(*trainings.c).where(trainings.c.id == training))
        if row is None:
            raise TrainingError("there is no such training", 404)
        if row.state != TRAINED or not row.result:
            raise TrainingError("only a training that ended well has a release to promote")
        failed = [one for one in row.result["verdict"]["checks"] if not one["ok"]]
        if failed and len(reason.strip()) < LEAST_REASON:
            names = ", ".join(sorted({f"{one['check']} {one.get('intent', '')}".strip() for one in failed}))
            raise TrainingError(
                f"the rule refuses this release, it is worse in: {names}. Give a reason of {LEAST_REASON} "
                "characters or more to promote it all the same"
            )
        return await self._ask(
            release=row.release, company=row.company, kind="promotion", author=author, reason=reason, training=training
        )

    def _place(self, company: str | None) -> Path | None:
        return files.place_of(self._settings.data_dir, company)

    async def roll_back(self, release: str, author: str, reason: str = "") -> int:
        """Puts a release in service that was in service before; returns the number of the change.

        Raises:
            TrainingError: It was never in service, is not on disk any more, or it cannot be done from here.
        """
        was = select(*release_changes.c).where(release_changes.c.release == release, release_changes.c.state == DONE)
        row = await self._store.one(was.order_by(release_changes.c.id.desc()).limit(1))
        if row is None:
            raise TrainingError(f"'{release[:40]}' was never in service here", 404)
        return await self._ask(
            release=release, company=row.company, kind="rollback", author=author, reason=reason, training=row.training
        )

    async def _ask(self, **change: Any) -> int:
        release = str(change["release"])
        place = self._place(change["company"])
        change["company"] = None if place is None else str(place)
        folder = self._settings.releases_dir / release
        async with self._begins:
            if self.exchanging:
                raise TrainingError("another release is being put in service: wait for that to end")
            if release == self._release:
                raise TrainingError(f"{release} is in service already")
            if not (folder / releases.MANIFEST).is_file():
                raise TrainingError(f"{folder} is not there any more; train again")
            if not self._supervised:
                raise TrainingError(
                    "this gateway was not started by `kefu up`, so it cannot start other services. Roll out model "
                    f"service (--release {folder}), Rasa (--model {folder / releases.RASA}) and action server "
                    f"(KEFU_COMPANY={change['company'] or self._company.folder}) together, then point "
                    "the gateways at them"
                )
            if change["company"] and not _is_folder(change["company"]):
                raise TrainingError(f"{change['company']}, which it was made of, is not there any more; train again")
            async with self._store.write() as tx:
                made = release_changes.insert().values(at=tx.now, before=self._release, state=ASKED, **change)
                number = int((await tx.execute(made.returning(release_changes.c.id))).scalar_one())
                await self._audit.note_in(tx, change["author"], f"release.{change['kind']}", f"release:{release}",
                                          before=self._release, reason=change["reason"])  # fmt: skip
            work = self._change(number, release, change["company"], change["author"])
            self._exchange = asyncio.create_task(work, name=f"exchange to {release}")
            return number

    async def _change(self, number: int, release: str, company: str | None, author: str) -> None:
        try:
            await self._exchange_to(release, company)
        except asyncio.CancelledError:
            raise
        except (TrainingError, UpstreamError) as error:
            await self._end(number, FAILED, str(error))
            return
        except Exception as error:
            logger.exception("%s cannot be put in service", release)
            await self._end(number, FAILED, f"{type(error).__name__}: see the gateway's log")
            return
        made_of = await asyncio.to_thread(releases.release_id, self._settings, self._company)
        promoted = {"release": release, "company": company, "files": made_of, "by": author, "at": self._store.now()}
        files.write(self._folder, files.PROMOTED, promoted)
        await self._end(number, DONE, None)
        await self._tidy()

    async def _exchange_to(self, release: str, company: str | None) -> None:
        wish = secrets.token_hex(8)
        files.write(self._folder, files.WANTED, {"wish": wish, "release": release, "company": company})
        taken = False
        try:
            running = await self._ready(wish, release)
            await self._check(running)
            before = self._switch_to(running, wish)
            taken = True
            await before.wait_free(DRAIN_DEADLINE_S)
            files.write(self._folder, files.SERVING, {"wish": wish, "release": release, "drained": True})
            logger.warning("%s is in service", release)
        finally:
            if not taken:
                (self._folder / files.WANTED).unlink(missing_ok=True)

    async def _ready(self, wish: str, release: str) -> Running:
        end = time.monotonic() + READY_DEADLINE_S
        while time.monotonic() < end:
            told = files.told(self._folder)
            if told.answers == wish and told.problem:
                raise TrainingError(f"it could not be started: {told.problem}; the release before stays in service")
            for one in told.generations if told.answers == wish else ():
                if one.release == release and one.ready:
                    return one
            await asyncio.sleep(_POLL_S)
        raise TrainingError("it could not be started in time; the release before stays in service")

    async def _check(self, running: Running) -> None:
        """Makes sure that the services are of the release, and tells them what they must know, before any turn."""
        generation = _generation(running)
        with self._upstream.one_generation(generation):
            said = {"model service": await self._upstream.release(), "Rasa": await self._upstream.rasa_release()}
            for service, found in said.items():
                if found != running.release:
                    raise TrainingError(
                        f"the {service} that was started is of {found or '?'}, not of {running.release}"
                    )
            if self.prepare is not None:
                try:
                    await self.prepare()
                except UpstreamError as error:
                    logger.warning("%s: %s; turns bring along what is missing", running.release, error)

    def _switch_to(self, running: Running, wish: str) -> Generation:
        before = self._upstream.switch(_generation(running))
        self._release = running.release
        files.write(self._folder, files.SERVING, {"wish": wish, "release": running.release, "drained": False})
        return before

    def _take_up(self) -> None:
        """The generation of a gateway that starts: the one that an interrupted exchange had come to, else the first."""
        told = files.told(self._folder)
        serving = files.read(self._folder, files.SERVING)
        taken = next((one for one in told.generations if one.release == serving.get("release")), None)
        if taken is not None:
            files.write(self._folder, files.SERVING, {**serving, "drained": True})
        else:
            (self._folder / files.WANTED).unlink(missing_ok=True)
            taken = next(iter(told.generations), None)
        if taken is not None:
            self._upstream.switch(_generation(taken))

    async def _find_out(self) -> None:
        """Follows which release answers: once where a supervisor vouches for it, else for as long as this runs."""
        while True:
            with suppress(UpstreamError):
                if not self.exchanging:
                    await self._noted(await self._upstream.release())
                    if self._supervised:
                        return
            await asyncio.sleep(_LOOK_S)

    async def _noted(self, release: str) -> None:
        if release == self._release:
            return
        last = await self._last()
        if last is None or last.release != release:
            await self._note_start(release, last)
        self._release = release

    async def _note_start(self, release: str, last: Any) -> None:
        promoted = files.read(self._folder, files.PROMOTED)
        company = promoted.get("company") if promoted.get("release") == release else None
        async with self._store.write() as tx:
            row = {"release": release, "company": company, "before": last.release if last else None, "kind": "start"}
            await tx.execute(
                release_changes.insert().values(
                    at=tx.now, ended=tx.now, author="kefu", reason="", state=DONE, problem=None, training=None, **row
                )
            )

    async def _last(self) -> Any:
        done = select(*release_changes.c).where(release_changes.c.state == DONE)
        return await self._store.one(done.order_by(release_changes.c.id.desc()).limit(1))

    async def _end(self, number: int, state: str, problem: str | None) -> None:
        async with self._store.write() as tx:
            change = update(release_changes).where(release_changes.c.id == number)
            await tx.execute(change.values(state=state, ended=tx.now, problem=problem))

    async def _tidy(self) -> None:
        """Removes releases and folders from the console that nobody can want back any more."""
        rows = await self._store.all(
            select(release_changes.c.release)
            .where(release_changes.c.state == DONE)
            .order_by(release_changes.c.id.desc())
        )
        kept = set(list(dict.fromkeys([self._release, *(row.release for row in rows)]))[:KEPT])
        made = await self._store.all(
            select(trainings.c.id, trainings.c.release)
            .where(trainings.c.state == TRAINED)
            .order_by(trainings.c.id.desc())
        )
        fresh = {row.release for row in made[:KEPT]}
        for row in made:
            if row.release in kept | fresh:
                continue
            folder = self._settings.data_dir / TRAINING / str(row.id)
            for place in (self._settings.releases_dir / row.release, folder):
                await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


def _generation(running: Running) -> Generation:
    models, rasa, actions = (Addresses((one,)) for one in (running.models, running.rasa, running.actions))
    return Generation(models, rasa, actions, running.release)


def _is_folder(place: str) -> bool:
    return Path(place).is_dir()
